"""The tone towards a topic comes from its clause; without one, from the document."""

import itertools
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.enrich import sentiment
from pipeline.enrich import targets as module
from pipeline.enrich.parts import Text
from pipeline.enrich.targets import Targets, clauses
from pipeline.enrich.text import view
from pipeline.enrich.watchlist import Watchlist
from pipeline.settings import WatchTopic
from schemas.mention import TargetSentiment

SCORERS = {
    (backend, code): sentiment.build(backend, code)
    for backend in ("trained", "lexicon")
    for code in ("de", "en")
}


def targets(
    text: str, *topics: str, language: str = "de", backend: str = "trained"
) -> dict[str, TargetSentiment]:
    watchlist = Watchlist([WatchTopic(topic=t, kind="theme", terms=(t,)) for t in topics])
    seen, scorer = view(text), SCORERS[backend, language]
    judged = Targets(topics).judge(watchlist.find(seen, "text"), scorer.judge([Text(seen)])[0])
    return {target.topic: target for target in judged}


@pytest.mark.parametrize("backend", ["trained", "lexicon"])
@pytest.mark.parametrize(
    ("text", "good", "bad", "language"),
    [
        ("Der Zug war pünktlich, aber die App ist eine Katastrophe", "Zug", "App", "de"),
        ("Die App ist super. Der Service leider furchtbar!", "App", "Service", "de"),
        ("Die App nervt total und doch mag ich den Zug sehr", "Zug", "App", "de"),
        ("The screen is gorgeous but the battery is terrible", "screen", "battery", "en"),
        ("Terrible battery, great screen", "screen", "battery", "en"),
    ],
)
def test_two_topics_two_tones(text: str, good: str, bad: str, language: str, backend: str) -> None:
    judged = targets(text, good, bad, language=language, backend=backend)
    assert judged[good].label == "positive"
    assert judged[bad].label == "negative"


@pytest.mark.parametrize(
    ("text", "topic", "clause"),
    [
        (
            "Liebe Deutsche Bahn, seit zwei Stunden warte ich. Eine Frechheit.",
            "Deutsche Bahn",
            "Deutsche Bahn, seit zwei Stunden warte ich.",
        ),
        ("Gut so.\nHallo liebe Bahn! Ein Mist ist das", "Bahn", "Bahn! Ein Mist ist das"),
        ("Hi Bahn, das nervt, Bus gut", "Bahn", "Bahn, das nervt,"),
        ("Dear Rail, what a terrible day. Nice bus", "Rail", "Rail, what a terrible day."),
    ],
)
def test_who_is_greeted_stands_in_what_follows(text: str, topic: str, clause: str) -> None:
    judged = targets(text, topic, language="en" if topic == "Rail" else "de")[topic]
    assert text[judged.span.start : judged.span.end] == clause
    assert judged.label == "negative"


@pytest.mark.parametrize(
    "text",
    [
        "Danke dafür an die Bahn",
        "Das ist doch super von der Bahn",
        "Liebe ist schön bei der Bahn",
        "Liebe Grüße an die Bahn",
    ],
)
def test_what_turns_nothing_cuts_nothing(text: str) -> None:
    assert clauses(text, text.lower()) == [0]
    assert targets(text, "Bahn")["Bahn"].label == "positive"


@pytest.mark.parametrize("backend", ["trained", "lexicon"])
@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Die App gefällt mir aber nicht", "de"),
        ("Die App mag ich allerdings gar nicht", "de"),
        ("Die App funktioniert jedoch leider nicht mehr", "de"),
        ("The app is not yet great", "en"),
    ],
)
def test_a_particle_cuts_nothing(text: str, language: str, backend: str) -> None:
    assert clauses(text, text.lower()) == [0]
    topic = "App" if language == "de" else "app"
    assert targets(text, topic, language=language, backend=backend)[topic].label == "negative"


@pytest.mark.parametrize(
    ("text", "topic", "label", "clause"),
    [
        ("Bus gut. Die App: eine Katastrophe, hängt", "App", "negative",
         "Die App: eine Katastrophe,"),
        ("Die App:\nsehr gut, super. Bus mies", "App", "positive",
         "Die App:\nsehr gut,"),
        ("Kurz: Die App: furchtbar, Bus gut", "App", "negative", "Die App: furchtbar,"),
        ("Endlich super: die App ist furchtbar", "App", "negative", "die App ist furchtbar"),
        ("Ganz furchtbar, die App:", "App", "negative", "die App:"),
        ("The app: a terrible mess. Nice bus", "app", "negative", "The app: a terrible mess."),
    ],
)  # fmt: skip
def test_before_a_colon_stands_what_follows_it(
    text: str, topic: str, label: str, clause: str
) -> None:
    judged = targets(text, topic, language="en" if topic == "app" else "de")[topic]
    assert text[judged.span.start : judged.span.end] == clause
    assert judged.label == label


def test_falls_back_to_the_document() -> None:
    text = "Ich saß in der App fest. Was für eine Katastrophe!"
    judged = targets(text, "App")["App"]
    assert judged.label == "negative"
    assert text[judged.span.start : judged.span.end] == "Ich saß in der App fest."


def test_says_which_clause() -> None:
    text = "Gut war der Zug, aber die App ist f&uuml;rchterlich"
    span = targets(text, "App")["App"].span
    assert text[span.start : span.end] == "aber die App ist f&uuml;rchterlich"


def test_takes_the_clause_that_says_most() -> None:
    judged = targets("Die App gibt es. Die App ist okay. Die App ist wirklich grandios!", "App")
    assert judged["App"].score > 0.4


@given(st.text(alphabet="ab ,.aber!\n-", max_size=100))
def test_clauses_are_in_order_and_cover_the_text(text: str) -> None:
    starts = clauses(text, text.lower())
    assert starts[0] == 0
    assert all(left < right for left, right in itertools.pairwise(starts))
    assert starts[-1] <= len(text)


PLAIN = re.compile(
    rf"(?P<greeting>{module._GREETING})|[.!?;\n]+(?=\s|\Z)|,(?=\s)|\s[-\u2013\u2014]+\s|:(?=\s)"
    rf"|{module._TURN.pattern}",
    re.MULTILINE,
)
"""All that cuts, in one pattern."""
PIECES = st.sampled_from(
    (
        *("aber", "jedoch", "und doch", "und dafür", "dafür", "but", "yet", "while", "bahn", "_"),
        *("liebe ", "hallo ", "hi ", "bahn,", "bahn!", "sehr geehrte ", "team,", "x", "ж", "1"),
        *(" ", " ", " ", "\n", "\n\n", ".", "!", "?", ";", ",", ":", "...", " - ", "-", "\u2013"),
        *("\u2003", "\xa0", "\x1c", "\x85", "\t", "\u3000", "\U0001f600", "'", '"'),
    )
)


@given(st.lists(PIECES, max_size=25).map("".join) | st.text(max_size=40).map(str.lower))
def test_all_cuts_are_found_apart(low: str) -> None:
    plain = [(cut.span(), cut["greeting"]) for cut in PLAIN.finditer(low)]
    assert [(cut.span(), cut.groupdict().get("greeting")) for cut in module._cuts(low)] == plain


@pytest.mark.parametrize("text", ["Bahn " + "." * 99_985 + "x", "Bahn" + "\n " * 50_000])
def test_time_is_linear(text: str) -> None:
    started = time.process_time()
    assert len(clauses(text, text.lower())) <= 2
    assert time.process_time() - started < 1


def test_a_smile_glued_to_a_word_is_none_in_a_clause_either() -> None:
    text = "Die App:)obwohl der Zug furchtbar ist"
    assert targets(text, "App")["App"].label == "neutral"
    assert targets(text.replace(":)", " :) "), "App")["App"].label == "positive"
