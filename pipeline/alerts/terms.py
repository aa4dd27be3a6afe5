"""Words and hashtags of a mention that may be seen to rise.

Left out is what an alert may not say or would not explain: everything of a mention that speaks of a
confidential topic, handles, links, names of persons, the author's own, and words of fewer than four
letters; and with a topic what the topic is found by.
"""

import re
import sys
from collections.abc import Iterator
from itertools import islice
from typing import Final

from pipeline.enrich.text import View, view
from schemas.forgotten import names
from schemas.mention import EnrichedMention

__all__ = ["MOST", "found_by", "read", "terms"]

MOST: Final = 80
"""Different terms of a mention that are looked at."""
_READ: Final = 4_000
"""Characters of a text that are looked at."""
_WORD: Final = re.compile(r"[^\W\d_]{4,30}")


def read(mention: EnrichedMention) -> View:
    """Title and text as people see them, marks found."""
    return view(f"{mention.title}\n{mention.text}" if mention.title else mention.text)


def terms(mention: EnrichedMention, seen: View) -> tuple[str, ...]:
    """The terms, each once, hashtags with their ``#`` first.

    Args:
        mention: an enriched one.
        seen: what ``read`` makes of it.
    """
    if mention.origin == "own" or any(match.kind == "confidential" for match in mention.matches):
        return ()
    tags = dict.fromkeys(f"#{mark.name}" for mark in seen.marks if mark.kind == "hashtag")
    left_out = {tag[1:] for tag in tags}.union(*map(_words, _names(mention)))
    words = dict.fromkeys(w for w in _words(seen.prose[:_READ]) if w not in left_out)
    return tuple(sys.intern(term) for term in islice([*tags, *words], MOST))


def found_by(mention: EnrichedMention) -> dict[str, set[str]]:
    """For each topic the terms that it was found by: with it they are no news."""
    found: dict[str, set[str]] = {}
    for match in mention.matches:
        field = (mention.title if match.where == "title" else mention.text) or ""
        own = found.setdefault(match.topic, set())
        for span in match.spans:
            words = list(_words(field[span.start : span.end]))
            own.update(words, (f"#{word}" for word in words))
    return found


def _names(mention: EnrichedMention) -> Iterator[str]:
    yield from names(mention.author)
    for entity in mention.entities:
        if entity.kind in {"person", "handle", "mail", "link"}:
            yield entity.text


def _words(text: str) -> Iterator[str]:
    return (word.lower() for word in _WORD.findall(text))
