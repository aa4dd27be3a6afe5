"""The examples on the pages for analysts: a fenced block, and lines of what it finds and what not.

    {channel: news, followers: 80000} A text.

is a mention; in braces stand its fields that matter.
"""

import re
from pathlib import Path
from typing import Final, cast

from schemas.mention import (
    Author,
    Channel,
    Collector,
    Duplicate,
    EnrichedMention,
    Language,
    Producer,
    Rating,
)
from tests.support.messages import NOW

__all__ = ["blocks", "mention", "page", "sides"]

_DOCS: Final = Path(__file__).parents[2] / "docs"


def page(name: str) -> str:
    """A page's text."""
    return (_DOCS / name).read_text(encoding="utf-8")


def blocks(name: str, *kinds: str) -> list[tuple[str, ...]]:
    """The fenced blocks of a page that follow each other in these kinds."""
    pattern = r"\n\n".join(rf"```{kind}\n((?:(?!```).*\n)*)```" for kind in kinds)
    found = re.findall(rf"^{pattern}$", page(name), re.MULTILINE)
    return [one if isinstance(one, tuple) else (one,) for one in found]


def sides(lines: str) -> list[tuple[str, bool]]:
    """Each line's mention, and whether it is found: ``+``, or not: ``-``."""
    return [(line[2:], {"+": True, "-": False}[line[0]]) for line in lines.splitlines()]


def mention(line: str) -> EnrichedMention:
    """The mention that a line shows."""
    parsed = re.fullmatch(r"(?:\{(.*?)\} )?(.*)", line)
    assert parsed
    fields = dict(pair.split(": ") for pair in parsed[1].split(", ")) if parsed[1] else {}
    made = EnrichedMention(
        id="test:1",
        revision=1,
        channel=cast("Channel", fields.pop("channel", "other")),
        text=parsed[2],
        published_at=NOW,
        collected_at=NOW,
        collector=Collector(source="test"),
        site=fields.pop("site", None),
        language=Language(code=fields.pop("lang", "de")),
        author=Author(handle=fields.pop("author", None), followers=int(fields.pop("followers", 0))),
    )
    if "rating" in fields:
        made.rating = Rating(value=float(fields.pop("rating")))
    if "spread" in fields:
        by, authors = Producer(name="test", version="1"), int(fields.pop("spread"))
        made.duplicate = Duplicate(of="test:0", similarity=0.9, authors=authors, by=by)
    assert not fields, f"nobody knows what {', '.join(fields)} is"
    return made
