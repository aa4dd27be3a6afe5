"""The tokens of many texts, found at once: what ``grams.TOKEN`` finds in each.

All letters are looked at together (``letters``); a step for each is only taken where something
looks like an emoticon, or an apostrophe joins words.
"""

import re
from collections.abc import Sequence
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from pipeline.enrich.known import hashing
from pipeline.enrich.letters import (
    Kinds,
    Letters,
    Pairs,
    Pieces,
    Places,
    is_letter,
    laid_out,
    pieces,
    runs,
)
from pipeline.enrich.marks import PICTOGRAPHS
from pipeline.enrich.sentiment.emoji import EMOTICON, OPENS

__all__ = ["MOST", "Part", "tokens"]

MOST: Final = 25_000
"""Characters of all texts together, with a separator for each; and so tokens at most."""
_APART: Final = "\0"
"""No token, and no blank: behind a comma that ends a text there is none."""
_NONE, _BLANK, _LETTER, _STOP, _BANG, _ASK, _SIGN, _NEWLINE, _COMMA = range(9)
_SINGLE: Final = _SIGN
"""From this kind on, each letter stands for itself; what is before it comes in runs."""
_KINDS: Final = {".": _STOP, "!": _BANG, "?": _ASK, "\n": _NEWLINE, ",": _COMMA}
_SIGNS: Final = re.compile(rf"[\u2026;:{PICTOGRAPHS}]")
_EMOTICON: Final = re.compile(EMOTICON)

Part: TypeAlias = tuple[str, int, int]
"""A text, apostrophes straight, and from where to where it is read."""


def tokens(parts: Sequence[Part]) -> Pieces:
    """The tokens of parts of texts, ``MOST`` characters together at most."""
    letters, at = laid_out([text[start:end] for text, start, end in parts], _APART)
    kinds = _kinds(letters)
    edges = runs(kinds, _SINGLE)
    begins, ends = edges[:-1], edges[1:].copy()
    kinds = kinds[begins]
    shifts = at[:-1] - np.fromiter((start for _, start, _ in parts), np.intp, len(parts))
    found = _emoticons(letters, parts, at, shifts)
    for start, end in found:
        first, last = np.searchsorted(begins, (start, end))
        kinds[first:last] = _NONE
    chosen = kinds >= _LETTER
    commas = np.flatnonzero(kinds == _COMMA)
    behind = _kinds(letters[ends[commas]])
    chosen[commas] = (behind == _BLANK) | (behind == _NEWLINE)
    for joint in _joints(letters, begins, ends, kinds):
        ends[joint - 1] = ends[joint + 1]
        chosen[joint + 1] = False
    begins, ends = begins[chosen], ends[chosen]
    if found:
        starts, stops = zip(*found, strict=True)
        places = np.searchsorted(begins, starts)
        begins, ends = np.insert(begins, places, starts), np.insert(ends, places, stops)
    return pieces(begins, ends, at, shifts, _hashes(letters, begins, ends))


def _kind(letter: str) -> int:
    if is_letter(letter):
        return _LETTER
    if _SIGNS.match(letter):
        return _SIGN
    return _KINDS.get(letter, _BLANK if letter.isspace() else _NONE)


def _joints(
    letters: Letters, begins: Places, ends: Places, kinds: npt.NDArray[np.uint8]
) -> list[int]:
    """The runs that are an apostrophe which joins two words: of three, only the first two."""
    marks = np.flatnonzero((letters[begins] == ord("'")) & (ends - begins == 1))
    marks = marks[(marks > 0) & (marks < len(kinds) - 1)]
    marks = marks[(kinds[marks - 1] == _LETTER) & (kinds[marks + 1] == _LETTER)]
    joints: list[int] = []
    for mark in marks.tolist():
        if not joints or mark - joints[-1] > 2:  # noqa: PLR2004 - a word is in between
            joints.append(mark)
    return joints


def _emoticons(
    letters: Letters, parts: Sequence[Part], at: Places, shifts: Places
) -> list[tuple[int, int]]:
    """Where among all letters emoticons stand, in order; none overlap."""
    places = _opens(letters)
    found: list[tuple[int, int]] = []
    if not len(places):
        return found
    texts: list[int] = (np.searchsorted(at, places, "right") - 1).tolist()
    free = 0
    for place, number in zip(places.tolist(), texts, strict=True):
        text, _, end = parts[number]
        shift = int(shifts[number])
        if place >= free and (match := _EMOTICON.match(text, place - shift, end)):
            free = match.end() + shift
            found.append((place, free))
    return found


_kinds: Final = Kinds(_kind)
_hashes: Final = hashing(MOST + 1)
_opens: Final = Pairs(OPENS)
