"""A field of a mention as the automata read it.

The text is folded and every character that belongs to no word, or to a link or address, becomes an
edge. Places stay what they are in the view, a word is what stands between two edges, and one pass
over that text finds whole words only.
"""

import re
from bisect import bisect_left
from functools import cached_property
from typing import Final, Literal, NamedTuple, TypeAlias

from pipeline.enrich.text import View
from pipeline.enrich.watchlist.spelling import WORDS, fold, plain

__all__ = ["EDGE", "Place", "Reading", "Where"]

Where: TypeAlias = Literal["text", "title"]

EDGE: Final = "\x01"
"""No view has it."""
_ADDRESSES: Final = frozenset({"link", "mail"})
_LINE_ENDS: Final = str.maketrans("\n\t\r", "   ")
_NO_LETTER: Final = re.compile(r"\W")
_FAR: Final = re.compile(r"[^\x00-\xff](?<=\w)")
"""Letters that one byte does not hold."""
_FOLDED: Final = _NO_LETTER.sub(EDGE, plain("".join(map(chr, range(256))))).encode("latin-1")
"""Each small letter without its accent, and edges for all other characters of Latin-1."""
_NEVER: Final = 1 << 62


class Place(NamedTuple):
    """One stretch of a field."""

    field: int
    """The field's number in the mention."""
    start: int
    """Its first character in the view."""
    end: int
    """One past its last character."""


def _marked(low: str) -> str:
    """Without accents, and an edge for each character that belongs to no word."""
    try:
        encoded = low.encode("latin-1")
    except UnicodeEncodeError:
        if _FAR.search(low):
            return _NO_LETTER.sub(EDGE, plain(low))
        encoded = low.encode("latin-1", "replace")  # what is no letter may be a question mark
    # Through bytes: the fastest way to replace characters one by one.
    return encoded.translate(_FOLDED).decode("latin-1")


class Reading:
    """One field."""

    def __init__(self, number: int, view: View, where: Where) -> None:
        self.number = number
        self.view = view
        self.where = where
        self.addresses = [mark for mark in view.marks if mark.kind in _ADDRESSES]
        self.prose = self._without_addresses() if self.addresses else view.text
        """The text with links and addresses blanked: same length, same positions."""
        low = view.low if self.prose == view.prose else self.prose.lower()
        self.marked = f"{EDGE}{_marked(low)}{EDGE}"
        """The folded words between edges; character n of the view is character n + 1 here."""

    def _without_addresses(self) -> str:
        text = self.view.text
        pieces: list[str] = []
        done = 0
        for mark in self.addresses:
            pieces += text[done : mark.start], " " * (mark.end - mark.start)
            done = mark.end
        pieces.append(text[done:])
        return "".join(pieces)

    @cached_property
    def vocabulary(self) -> frozenset[str]:
        """Each folded word once."""
        return frozenset(self.marked.split(EDGE))

    @cached_property
    def whole(self) -> str:
        """All of the text, folded, on one line: what terms with signs are searched in."""
        return fold(self.view.text.translate(_LINE_ENDS))

    @cached_property
    def _starts(self) -> list[int]:
        """Where in the view each word starts."""
        return [match.start() for match in WORDS.finditer(self.prose)]

    def between(self, end: int, start: int) -> int:
        """How many words stand from ``end`` up to ``start``."""
        return bisect_left(self._starts, start) - bisect_left(self._starts, end)

    def reach(self, end: int, words: int) -> int:
        """The last place that has at most so many words between ``end`` and itself."""
        farthest = bisect_left(self._starts, end) + words
        return self._starts[farthest] if farthest < len(self._starts) else _NEVER
