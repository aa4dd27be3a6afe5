"""The watchlist finds what a plain reading of its rules finds, and says where."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.enrich.text import view
from pipeline.enrich.watchlist import Watchlist, spellings
from pipeline.settings import WatchTopic

TERMS = ["bahn", "Deutsche Bahn", "DB", "#bahn", "@bahn", "C++", "Müller", "straße", "a-b", "n.de"]
WORDS = st.sampled_from(
    [
        "Bahn",
        "bahn",
        "Deutsche",
        "DB",
        "db",
        "#Bahn",
        "@bahn",
        "C++",
        "mueller",
        "MÜLLER",
        "Strasse",
        "-",
        " ",
        " ",
        "\n",
        ".",
        "a",
        "b",
        "Hof",
        "n.de",
        "https://n.de/bahn",
        "ß",
        "_",
        "1",
        "&amp;",
    ]
)


def watch(*terms: str, case_sensitive: bool = False) -> Watchlist:
    return Watchlist(
        [WatchTopic(topic="t", kind="brand", terms=terms, case_sensitive=case_sensitive)]
    )


def places(watchlist: Watchlist, text: str) -> set[tuple[str, int, int]]:
    found = watchlist.find(view(text), "text")
    return {
        (match.clause, span.start, span.end)
        for match in watchlist.matches(found)
        for span in match.spans
    }


def naive(terms: list[str], text: str, *, case_sensitive: bool) -> set[tuple[str, int, int]]:
    """The rules as regular expressions, tried at every position."""
    seen = view(text)
    searched = re.sub(r"\s", " ", seen.text)
    hidden = [(m.start, m.end) for m in seen.marks if m.kind in {"link", "mail"}]
    found = set()
    for term in terms:
        for spelling in spellings(term, case_sensitive=case_sensitive):
            left = r"(?<!\w)" if re.match(r"[\w#@]", spelling) else ""
            right = r"(?!\w)" if re.search(r"\w\Z", spelling) else ""
            pattern = re.compile(left + re.escape(spelling) + right)
            lowered = searched if case_sensitive else searched.lower()
            for start in range(len(lowered)):
                match = pattern.match(lowered, start)
                if match is None:
                    continue
                inside = any(a <= start and match.end() <= b for a, b in hidden)
                if not inside or "." in term:
                    span = seen.span(start, match.end())
                    found.add((term, span.start, span.end))
    return found


@given(
    st.lists(st.sampled_from(TERMS), min_size=1, unique=True),
    st.lists(WORDS, max_size=15).map("".join),
    st.booleans(),
)
def test_finds_what_the_rules_say(terms: list[str], text: str, case_sensitive: bool) -> None:
    watchlist = watch(*terms, case_sensitive=case_sensitive)
    assert places(watchlist, text) == naive(terms, text, case_sensitive=case_sensitive)


@pytest.mark.parametrize(
    ("term", "text", "written"),
    [
        ("Bahn", "die bahn kommt", "bahn"),
        ("Bahn", "Die Bahn-App", "Bahn"),
        ("Bahn", "U-Bahn", "Bahn"),
        ("Deutsche Bahn", "DEUTSCHE\nBAHN", "DEUTSCHE\nBAHN"),
        ("Müller", "bei Mueller", "Mueller"),
        ("Mueller", "bei Müller", "Müller"),
        ("Straße", "die STRASSE", "STRASSE"),
        ("Müller", "M&uuml;ller", "M&uuml;ller"),
        ("Bahn", "B\u200bahn", "B\u200bahn"),
        ("Bahn", "\uff22\uff41\uff48\uff4e", "\uff22\uff41\uff48\uff4e"),
        ("#Bahn", "so #bahn!", "#bahn"),
        ("@Bahn", "an @BAHN.", "@BAHN"),
        ("bahn.de", "auf https://www.bahn.de/x", "bahn.de"),
    ],
)
def test_matches(term: str, text: str, written: str) -> None:
    assert {text[start:end] for _, start, end in places(watch(term), text)} == {written}


@pytest.mark.parametrize(
    ("term", "text"),
    [
        ("Bahn", "Bahnhof"),
        ("Bahn", "Autobahn"),
        ("Bahn", "bahn_app"),
        ("Bahn", "https://bahn.example/bahn"),
        ("#Bahn", "Bahn"),
        ("@Bahn", "x@bahn.example"),
        ("#Bahn", "#Bahnhof"),
    ],
)
def test_does_not_match(term: str, text: str) -> None:
    assert places(watch(term), text) == set()


def test_case_counts_where_the_topic_says_so() -> None:
    watchlist = watch("SAP", case_sensitive=True)
    assert places(watchlist, "SAP sap Sap") == {("SAP", 0, 3)}


def test_says_topic_kind_place_and_version() -> None:
    watchlist = Watchlist(
        [
            WatchTopic(topic="Nordluft", kind="brand", terms=("Nordluft", "NL")),
            WatchTopic(topic="Windhaus", kind="competitor", terms=("Windhaus",)),
        ]
    )
    text = view("Windhaus oder Nordluft? Nordluft!")
    matches = watchlist.matches(watchlist.find(text, "title"))
    assert [(m.topic, m.kind, m.clause, len(m.spans), m.where) for m in matches] == [
        ("Nordluft", "brand", "Nordluft", 2, "title"),
        ("Windhaus", "competitor", "Windhaus", 1, "title"),
    ]
    assert {match.by for match in matches} == {watchlist.by}
    assert watchlist.by != watch("Nordluft").by
    assert watch("Nordluft").by == watch("Nordluft").by


def test_counts_are_bounded() -> None:
    watchlist = watch(*(f"w{number}" for number in range(300)))
    everything = view(" ".join(f"w{number}" for number in range(300)) + " w0" * 500)
    matches = watchlist.matches(watchlist.find(everything, "text"))
    assert len(matches) == 200
    assert len(matches[0].spans) == 100


def test_an_empty_watchlist_finds_nothing() -> None:
    watchlist = Watchlist([])
    assert watchlist.find(view("Bahn"), "text").hits == []
