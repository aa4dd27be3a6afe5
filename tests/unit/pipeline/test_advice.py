"""People are told the same in both languages."""

import string
from collections.abc import Iterator

import pytest

from pipeline import reasons, senders
from pipeline.advice import language, nearest, number, share
from pipeline.alerts import reasons as alerts
from pipeline.work import telling

SAME = {"neutral"}
"""What both languages call the same."""


def texts() -> Iterator[tuple[str, str, str]]:
    """Each text's name, in German, in English."""
    tables = (alerts._REASONS, telling._WORDS, reasons._PLAIN, reasons._WHERE)
    for table in tables:
        for name, both in table.items():
            assert both.keys() == {"de", "en"}
            yield name, both["de"], both["en"]
    for name, words in {"again": senders._AGAIN, "more": senders._MORE, **senders._NAMES}.items():
        yield name, words.de, words.en
    for name, forms in reasons._REASONS.items():
        yield from ((name, de, en) for de, en in zip(forms["de"], forms["en"], strict=True))


def facts(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_every_text_says_the_same_in_german_and_in_english() -> None:
    found = list(texts())
    assert len(found) > 50
    for name, german, english in found:
        assert facts(german) == facts(english), name
        assert german != english or name in SAME, name


def test_numbers_are_written_as_the_language_has_them() -> None:
    assert (number(1234.56, "en", 1), number(1234.56, "de", 1)) == ("1,234.6", "1.234,6")
    assert (number(50_000, "en"), number(50_000, "de")) == ("50,000", "50.000")
    assert (share(0.425, "en"), share(0.425, "de")) == ("42%", "42 %")


def test_the_language_is_the_chosen_one_or_the_environment_s(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    assert language() == "en"
    monkeypatch.setenv("LANG", "de_AT.UTF-8")
    assert (language(), language("en")) == ("de", "en")


def test_the_name_that_was_probably_meant() -> None:
    assert nearest("Brize", ["Brise", "Luvensa"]) == "Brise"
    assert nearest("xyz", ["Brise", "Luvensa"]) is None
