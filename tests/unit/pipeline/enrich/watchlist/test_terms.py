"""The watchlist finds what a plain reading of its rules finds, and says where."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.enrich.text import view
from pipeline.enrich.watchlist import Watchlist
from pipeline.enrich.watchlist.spelling import spellings
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
    return {
        (match.clause, span.start, span.end)
        for match in watchlist.find(view(text)).matches
        for span in match.spans
    }


def naive(terms: list[str], text: str, *, case_sensitive: bool) -> set[tuple[str, int, int]]:
    """The rules as regular expressions, tried at every position; between words anything goes."""
    seen = view(text)
    hidden = [(m.start, m.end) for m in seen.marks if m.kind in {"link", "mail"}]
    found = set()
    for term in terms:
        for spelling in spellings(term, case=case_sensitive):
            left = r"(?<!\w)" if re.match(r"[\w#@]", spelling) else ""
            right = r"(?!\w)" if re.search(r"\w\Z", spelling) else ""
            inner = re.escape(spelling)
            if re.fullmatch(r"[\w -]+", spelling):
                inner = r"\W+".join(map(re.escape, re.findall(r"\w+", spelling)))
            pattern = re.compile(left + inner + right)
            searched = seen.text if case_sensitive else seen.text.lower()
            for mark in hidden:
                if "." not in term:
                    blank = " " * (mark[1] - mark[0])
                    searched = searched[: mark[0]] + blank + searched[mark[1] :]
            for start in range(len(searched)):
                if match := pattern.match(searched, start):
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
        ("Deutsche Bahn", "die Deutsche-Bahn", "Deutsche-Bahn"),
        ("Cafe", "im Café", "Café"),
        ("Müller", "bei Mueller", "Mueller"),
        ("Mueller", "bei Müller", "Müller"),
        ("Straße", "die STRASSE", "STRASSE"),
        ("Müller", "M&uuml;ller", "M&uuml;ller"),
        ("Bahn", "B\u200bahn", "B\u200bahn"),
        ("Bahn", "\uff22\uff41\uff48\uff4e", "\uff22\uff41\uff48\uff4e"),
        ("Bahn", "Bahn\u2122 ist super", "Bahn"),
        ("Bahn\u2122", "die Bahn, die Bahn\u2120", "Bahn"),
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
    matches = watchlist.find(text, "title").matches
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
    matches = watchlist.find(everything).matches
    assert len(matches) == 200
    assert len(matches[0].spans) == 100


def test_an_empty_watchlist_finds_nothing() -> None:
    watchlist = Watchlist([])
    assert watchlist.find(view("Bahn")).hits == []
