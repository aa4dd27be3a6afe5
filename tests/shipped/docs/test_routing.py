"""Every recipe on the pages about routing is read by the loader and routes what the page says."""

from functools import cache
from pathlib import Path

import pytest

from pipeline.enrich.chain import Chain
from pipeline.settings import Settings, load
from pipeline.stages.route import fits
from tests.support.pages import blocks, mention, sides

PAGES = ("routing.de.md", "routing.en.md")


def recipes() -> list[tuple[str, str, str, bool]]:
    return [
        (name, recipe, line, expected)
        for name in PAGES
        for recipe, lines in blocks(name, "toml", "routed")
        for line, expected in sides(lines)
    ]


def configured(name: str, recipe: str, folder: Path) -> Settings:
    """The recipe with what all recipes of the page use, which stands there first."""
    path = folder / "mentions.toml"
    path.write_text(f"{blocks(name, 'toml')[0][0]}\n{recipe}", encoding="utf-8")
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
    found = blocks(name, "toml", "routed")
    assert len(found) >= 8
    assert len(blocks(name, "toml")) == len(found) + 1
    for _, lines in found:
        assert {expected for _, expected in sides(lines)} == {True, False}
