import re
from typing import Any

import pytest
from click.testing import CliRunner

from pipeline.cli import mentions
from pipeline.cli.search import _SORTS, _cells, _snippet
from pipeline.search.query import END, SORTS, START, Hit


def test_the_choices_are_those_of_the_search() -> None:
    assert set(_SORTS) == set(SORTS)


def test_matching_words_are_marked_and_the_title_goes_before() -> None:
    text = _snippet("Titel", f"Der {START}Bus{END} kommt")
    assert text.plain == "Titel  Der Bus kommt"
    assert [
        text.plain[span.start : span.end] for span in text.spans if "yellow" in str(span.style)
    ] == ["Bus"]


def test_a_stranger_s_text_does_not_reach_the_terminal_as_commands() -> None:
    text = _snippet("a\x1b]0;owned\x07b", "x\x1b[2Jy\u202ez\n👩\u200d🚀")
    assert text.plain == "a ]0;owned b  x [2Jy z 👩\u200d🚀"


def test_a_document_with_little_in_it_is_shown() -> None:
    source: dict[str, Any] = {
        "published_at": "2026-03-05T12:00:00Z",
        "channel": "forum",
        "text": "Hallo [bold]Welt",
    }
    said, channel, language, tone, author, text = map(str, _cells(Hit(source, "")))
    assert re.fullmatch(r"2026-03-0\d \d\d:\d\d", said)
    assert (channel, language, tone, author, text) == ("forum", "und", "", "", "Hallo [bold]Welt")


@pytest.mark.parametrize("arguments", [["search", "x"], ["index", "apply"], ["index", "show"]])
def test_without_elasticsearch_one_line_says_what_to_do(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MENTIONS_ELASTICSEARCH__URL", "http://127.0.0.1:1")
    result = CliRunner().invoke(mentions, arguments)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert "mentions up" in result.stderr


@pytest.mark.parametrize("since", ["yesterday", "7", "99999999999d"])
def test_a_time_that_is_none_is_refused(since: str) -> None:
    result = CliRunner().invoke(mentions, ["search", "x", "--since", since])
    assert result.exit_code == 2
    assert "7d" in result.stderr
