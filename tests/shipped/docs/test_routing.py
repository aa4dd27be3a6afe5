"""Every recipe on the pages about routing is read by the loader and routes what the page says."""

import re
from functools import cache
from pathlib import Path
from typing import cast

import pytest

from pipeline.enrich.chain import Chain
from pipeline.settings import Settings, load
from pipeline.stages.route import fits
from schemas.mention import (
    Author,
    Channel,
    Collector,
    Duplicate,
    EnrichedMention,
    Producer,
    Rating,
)
from tests.support.messages import NOW

DOCS = Path(__file__).parents[3] / "docs"
PAGES = ("routing.de.md", "routing.en.md")
TOML = re.compile(r"^```toml\n(.*?)^```$", re.DOTALL | re.MULTILINE)
RECIPE = re.compile(r"^```toml\n([^`]*)^```\n\n```routed\n([^`]*)^```$", re.MULTILINE)


def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def recipes() -> list[tuple[str, str, str, bool]]:
    return [
        (name, recipe, line[2:], line[0] == "+")
        for name in PAGES
        for recipe, lines in RECIPE.findall(page(name))
        for line in lines.splitlines()
    ]


def mention(line: str) -> EnrichedMention:
    braces, text = re.fullmatch(r"(?:\{(.*)\} )?(.*)", line).groups()  # type: ignore[union-attr]
    fields = dict(pair.split(": ") for pair in braces.split(", ")) if braces else {}
    made = EnrichedMention(
        id="test:1",
        revision=1,
        channel=cast("Channel", fields.pop("channel", "forum")),
        text=text,
        published_at=NOW,
        collected_at=NOW,
        collector=Collector(source="test"),
        site=fields.pop("site", None),
        author=Author(followers=int(fields.pop("followers", 0))),
    )
    if "rating" in fields:
        made.rating = Rating(value=float(fields.pop("rating")))
    if "spread" in fields:
        by, authors = Producer(name="test", version="1"), int(fields.pop("spread"))
        made.duplicate = Duplicate(of="test:0", similarity=0.9, authors=authors, by=by)
    assert not fields, "the page says what this test does not know"
    return made


def configured(name: str, recipe: str, folder: Path) -> Settings:
    path = folder / "mentions.toml"
    path.write_text(f"{TOML.findall(page(name))[0]}\n{recipe}", encoding="utf-8")
    return load(path)


@cache
def chain(watched: tuple[object, ...]) -> Chain:
    return Chain.build(Settings(watchlist=watched))


@pytest.mark.parametrize(("name", "recipe", "line", "expected"), recipes())
def test_a_recipe_does_what_the_page_says(
    name: str, recipe: str, line: str, *, expected: bool, tmp_path: Path
) -> None:
    settings = configured(name, recipe, tmp_path)
    made = mention(line)
    copy = made.duplicate
    chain(settings.watchlist).enrich([made])
    made.duplicate = copy
    assert fits(settings.routes[0], made) is expected


@pytest.mark.parametrize("name", PAGES)
def test_each_recipe_shows_both_sides(name: str) -> None:
    found: dict[str, set[bool]] = {}
    for where, recipe, _, expected in recipes():
        if where == name:
            found.setdefault(recipe, set()).add(expected)
    assert len(found) >= 8
    assert all(sides == {True, False} for sides in found.values())
    assert len(TOML.findall(page(name))) == len(found) + 1
