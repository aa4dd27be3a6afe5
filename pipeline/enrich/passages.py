"""Very long texts: what of them is read for language, tone and names.

Up to ``ALL`` characters, all of it. Beyond, the first half of so many, and around each place that
the watchlist matches ``AROUND`` on both sides, ``ALL`` together: what an analyst is after stands
there, and no text costs more than a known amount of work. Tags, links and watchlist terms are found
in all of it either way. The second pass over tone chooses its fewer characters in the same way.
"""

from collections.abc import Iterable
from typing import Final

from pipeline.enrich.text import View

__all__ = ["ALL", "AROUND", "passages"]

ALL: Final = 8_000
AROUND: Final = 250
_ENDS: Final = frozenset(" \n\t\r")
_WORD: Final = 60
"""How far the end of a word is looked for."""


def passages(
    view: View, places: Iterable[tuple[int, int]], most: int = ALL
) -> list[tuple[int, int]]:
    """The stretches to read, in order and apart; empty where all is read.

    Args:
        view: the text.
        places: where in it the watchlist matches, as start and end.
        most: how many characters are read.
    """
    if len(view.text) <= most:
        return []
    parts = [(0, _end(view, most // 2))]
    left = most - most // 2
    around = min(AROUND, most // 10)  # where less is read, two matches have room all the same
    for start, end in sorted(places):
        begin = _begin(view, max(start - around, 0))
        until = _end(view, min(end + around, len(view.text)))
        first, last = parts[-1]
        if until <= last:
            continue
        added = until - max(begin, last)
        if added > left:
            break
        left -= added
        if begin <= last:
            parts[-1] = first, until
        else:
            parts.append((begin, until))
    return parts


def _begin(view: View, place: int) -> int:
    """The start of the word at a place, or the place itself where none starts near it."""
    for near in range(place, max(place - _WORD, 0), -1):
        if view.prose[near - 1] in _ENDS:
            return near
    return 0 if place < _WORD else place


def _end(view: View, place: int) -> int:
    """The end of the word at a place, or the place itself where none ends near it."""
    length = len(view.prose)
    for near in range(place, min(place + _WORD, length)):
        if view.prose[near] in _ENDS:
            return near
    return length if length - place < _WORD else place
