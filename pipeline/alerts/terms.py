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

from schemas.forgotten import names
from schemas.mention import EnrichedMention

__all__ = ["MOST", "found_by", "terms"]

MOST: Final = 80
"""Different terms of a mention that are looked at."""
_READ: Final = 4_000
"""Characters of a text that are looked at."""
_LONGEST_TAG: Final = 60
_WORD: Final = re.compile(r"[^\W\d_]{4,30}")
_HIDDEN: Final = re.compile(r"(?:https?://|www\.)\S{1,2000}|[\w.+-]{0,64}@[\w.-]{1,100}")
"""Links, handles and addresses."""


def terms(mention: EnrichedMention) -> tuple[str, ...]:
    """The terms of an enriched mention, each once, hashtags with their ``#`` first."""
    if mention.origin == "own" or any(match.kind == "confidential" for match in mention.matches):
        return ()
    tags = dict.fromkeys(
        f"#{one.name}"
        for one in mention.entities
        if one.kind == "hashtag" and len(one.text) <= _LONGEST_TAG
    )
    left_out = {tag[1:] for tag in tags}.union(*map(_words, _names(mention)))
    text = f"{mention.title}\n{mention.text[:_READ]}" if mention.title else mention.text[:_READ]
    words = dict.fromkeys(w for w in _words(_HIDDEN.sub(" ", text)) if w not in left_out)
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
        if entity.kind == "person":
            yield entity.text


def _words(text: str) -> Iterator[str]:
    return (word.lower() for word in _WORD.findall(text))
