"""Every example in the analyst's pages about the query language does what it says."""

import re
import tomllib
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import cast

import pytest

from pipeline.enrich.text import view
from pipeline.enrich.watchlist import Watchlist
from pipeline.settings import WatchTopic
from schemas.mention import Author, Channel, Collector, EnrichedMention, Language, Rating

DOCS = Path(__file__).parents[5] / "docs"
PAGES = ("watchlist.de.md", "watchlist.en.md")
NOW = datetime(2026, 1, 1, tzinfo=UTC)
BLOCK = re.compile(r"^```query\n(.*?)^```$", re.DOTALL | re.MULTILINE)
TOML = re.compile(r"^    \[queries\]\n(?:    .*\n|\n)*", re.MULTILINE)


def examples() -> list[tuple[str, str, str, bool]]:
    found = []
    for page in PAGES:
        for block in BLOCK.findall((DOCS / page).read_text(encoding="utf-8")):
            query, *lines = block.splitlines()
            found += [(page, query, line[2:], line[0] == "+") for line in lines]
    return found


def mention(line: str) -> EnrichedMention:
    braces, text = re.fullmatch(r"(?:\{(.*)\} )?(.*)", line).groups()  # type: ignore[union-attr]
    fields = dict(pair.split(": ") for pair in braces.split(", ")) if braces else {}
    made = EnrichedMention(
        id="test:1",
        revision=1,
        channel=cast("Channel", fields.get("channel", "other")),
        text=text,
        published_at=NOW,
        collected_at=NOW,
        collector=Collector(source="test"),
        language=Language(code=fields.get("lang", "de")),
        author=Author(handle=fields.get("author"), followers=int(fields.get("followers", 0))),
    )
    if "rating" in fields:
        made.rating = Rating(value=float(fields["rating"]))
    return made


@pytest.mark.parametrize(("page", "query", "line", "expected"), examples())
def test_an_example_does_what_the_page_says(
    page: str, query: str, line: str, *, expected: bool
) -> None:
    watchlist = compiled(page, query)
    made = mention(line)
    (found,) = watchlist.search(made, view(made.text))
    assert bool(found.matches) is expected


@cache
def compiled(page: str, query: str) -> Watchlist:
    topic = WatchTopic(topic="t", kind="theme", query=query)
    return Watchlist([topic], configured(page)["queries"])


def configured(page: str) -> dict[str, dict[str, str]]:
    toml = TOML.search((DOCS / page).read_text(encoding="utf-8"))
    assert toml is not None
    return tomllib.loads(re.sub("^    ", "", toml[0], flags=re.MULTILINE))


@pytest.mark.parametrize("page", PAGES)
def test_there_are_enough_and_each_shows_both_sides(page: str) -> None:
    sides: dict[str, set[bool]] = {}
    for name, query, _, expected in examples():
        if name == page:
            sides.setdefault(query, set()).add(expected)
    assert len(sides) >= 20
    assert all(found == {True, False} for found in sides.values())
