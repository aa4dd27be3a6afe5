"""Words of a text, and what a word shows by itself about being a name.

A word's features depend on the word alone and on whether it opens a sentence, never on its
neighbours. So they are computed once a word, not once a place it stands in; the context comes in
by letting the neighbours' features speak, too (see ``crf``).
"""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

__all__ = ["Word", "around", "itself", "words"]

_WORD: Final = re.compile(r"((?:[^\W\d_]\.){2,}|[#@]?\w+(?:[-&./]\w+)*)|([.!?:\u2026\n])|[^\w\s]")
_A_WORD: Final = 1  # the first group of it; the other is a stop
_OPENING: Final = frozenset("\"'\u201e\u201c\u201d\u00ab\u00bb\u201a\u2018\u2019([-\u2013*\u2022>")
_LIST_BITS: Final = 10


class Word(NamedTuple):
    """One word or sign."""

    text: str
    start: int
    end: int
    initial: bool = False
    """It opens a sentence, where a capital says little."""


def words(text: str) -> list[Word]:
    """The words and signs of a text."""
    found: list[Word] = []
    initial = True
    for match in _WORD.finditer(text):
        written = match[0]
        kind = match.lastindex
        if kind == _A_WORD:
            found.append(Word(written, *match.span(), initial))
            initial = False
        elif kind is None:
            found.append(Word(written, *match.span()))
            initial = initial and written in _OPENING
        else:
            initial = True
            if written != "\n":
                found.append(Word(written, *match.span()))
    return found


def _shape(word: str) -> str:
    """``Xx`` for Bahn, ``X`` for DB, ``x``, ``Xx-Xx``, ``d``; runs are one sign."""
    shape = ""
    for letter in word[:30]:
        sign = (
            "X"
            if letter.isupper()
            else "x"
            if letter.isalpha()
            else "d"
            if letter.isdigit()
            else letter
        )
        if sign != shape[-1:]:
            shape += sign
    return shape[:8]


def _lists(low: str, lists: Mapping[str, int]) -> str:
    """Which lists a word is on; a genitive or the last part of a compound counts by its stem."""
    on = lists.get(low, 0)
    if not on and low.endswith("s"):
        on = lists.get(low[:-1], 0)
    if not on and "-" in low:
        on = lists.get(low.rpartition("-")[2], 0)
    return format(on, "x")


def itself(word: str, lists: Mapping[str, int], *, initial: bool) -> list[str]:
    """What a word says about itself."""
    low = word.lower()
    shape = _shape(word)
    on = _lists(low, lists)
    first = "^" if initial else ""
    bits = int(on, 16)
    return [
        "b",
        f"w={low}",
        f"s={first}{shape}",
        f"l={on}",
        f"sl={first}{shape[:4]}{on}",
        *[f"g{bit}{shape[:2]}" for bit in range(_LIST_BITS) if bits >> bit & 1],
        f"1={low[-1:]}",
        f"2={low[-2:]}",
        f"3={low[-3:]}",
        f"4={low[-4:]}",
        f"5={low[-5:]}",
        f"p2={low[:2]}",
        f"p3={low[:3]}",
        f"p4={low[:4]}",
        f"n={min(len(low), 8)}{first}{shape[:2]}",
    ]


def around(word: str, lists: Mapping[str, int]) -> list[str]:
    """What a word says about its neighbours."""
    low = word.lower()
    shape = _shape(word)
    on = _lists(low, lists)
    bits = int(on, 16)
    return [
        f"w={low}",
        f"s={shape[:4]}",
        f"l={shape[:2]}{on}",
        *[f"g{bit}{shape[:2]}" for bit in range(_LIST_BITS) if bits >> bit & 1],
        f"3={low[-3:]}",
    ]
