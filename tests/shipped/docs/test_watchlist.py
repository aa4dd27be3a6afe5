"""Every example on the pages about the query language does what it says."""

import re
import tomllib
from functools import cache

import pytest

from pipeline.enrich.text import view
from pipeline.enrich.watchlist import Watchlist
from pipeline.settings import WatchTopic
from tests.support.pages import blocks, mention, page, sides

PAGES = ("watchlist.de.md", "watchlist.en.md")
TOML = re.compile(r"^    \[queries\]\n(?:    .*\n|\n)*", re.MULTILINE)


def queries(name: str) -> dict[str, list[tuple[str, bool]]]:
    """Each query of a page, and what it finds and what not."""
    found = (block.partition("\n") for (block,) in blocks(name, "query"))
    return {query: sides(lines) for query, _, lines in found}


def examples() -> list[tuple[str, str, str, bool]]:
    return [
        (name, query, line, expected)
        for name in PAGES
        for query, lines in queries(name).items()
        for line, expected in lines
    ]


@pytest.mark.parametrize(("name", "query", "line", "expected"), examples())
def test_an_example_does_what_the_page_says(
    name: str, query: str, line: str, *, expected: bool
) -> None:
    made = mention(line)
    (found,) = compiled(name, query).search(made, view(made.text))
    assert bool(found.matches) is expected


@cache
def compiled(name: str, query: str) -> Watchlist:
    topic = WatchTopic(topic="t", kind="theme", query=query)
    return Watchlist([topic], configured(name)["queries"])


def configured(name: str) -> dict[str, dict[str, str]]:
    toml = TOML.search(page(name))
    assert toml is not None
    return tomllib.loads(re.sub("^    ", "", toml[0], flags=re.MULTILINE))


@pytest.mark.parametrize("name", PAGES)
def test_there_are_enough_and_each_shows_both_sides(name: str) -> None:
    found = queries(name)
    assert len(found) >= 20
    assert all({expected for _, expected in lines} == {True, False} for lines in found.values())
