"""Words of a text, and what a word shows by itself about being a name.

A word's features depend on the word alone and on whether it opens a sentence, never on its
neighbours. So they are computed once a word, not once a place it stands in; the context comes in
by letting the neighbours' features speak, too (see ``crf``).
"""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

__all__ = [
    "CUT",
    "EDGE",
    "LENGTHS",
    "NEWLINE",
    "OPENING",
    "OTHER",
    "SLICES",
    "STOP",
    "WORD",
    "Frame",
    "Shown",
    "Word",
    "kind",
    "listed",
    "shape",
    "words",
]

CUT: Final = re.compile(
    r"[^\W\d_]\.(?:[^\W\d_]\.)+|\w+(?:[-&./]\w+)*|[#@]\w+(?:[-&./]\w+)*|[^\w\s]|\n"
)
"""The words, signs and newlines of a text; only white space stands between them. ``table`` finds
them in many texts at once."""
OPENING, WORD, OTHER, STOP, NEWLINE = range(5)
"""What ``CUT`` finds: a sign before which, and after which, a sentence may open; a word; a sign
that no sentence opens with; and what ends one."""
EDGE: Final = ""
"""What stands before and behind a text, and ends a sentence, too."""
_STOPS: Final = frozenset((EDGE, *".!?:\u2026"))
_OPENING: Final = frozenset("\"'\u201e\u201c\u201d\u00ab\u00bb\u201a\u2018\u2019([-\u2013*\u2022>")
_LIST_BITS: Final = 10
_SHAPED: Final = 30
"""Letters that a shape is made of."""
_SIGNS: Final = 8
"""The longest shape."""
LENGTHS: Final = 9
"""So many lengths of a word are told apart, from none on; the last stands for all longer ones."""
SLICES: Final = {
    **{f"{letters}": slice(-letters, None) for letters in (1, 2, 3, 4, 5)},
    **{f"p{letters}": slice(letters) for letters in (2, 3, 4)},
}
"""The parts of a lower-case word that are features of it, by what these begin with."""


def kind(found: str) -> int:
    """What something is that ``CUT`` found."""
    if len(found) > 1 or found.isalnum() or found == "_":
        return WORD
    if found in _STOPS:
        return STOP
    if found == "\n":
        return NEWLINE
    return OPENING if found in _OPENING else OTHER


class Word(NamedTuple):
    """One word or sign."""

    text: str
    start: int
    end: int
    initial: bool = False
    """It opens a sentence, where a capital says little."""


def words(text: str) -> list[Word]:
    """The words and signs of a text, with their places."""
    read: list[Word] = []
    initial = True
    for found in CUT.finditer(text):
        what = kind(found[0])
        if what != NEWLINE:
            read.append(Word(found[0], *found.span(), initial and what == WORD))
        if what != OPENING:
            initial = what >= STOP
    return read


def shape(word: str) -> str:
    """``Xx`` for Bahn, ``X`` for DB, ``x``, ``Xx-Xx``, ``d``; runs are one sign."""
    word = word[:_SHAPED]
    if word.isalpha():  # most are; no more than a short cut
        if word.islower():
            return "x"
        if word[0].isupper() and word[1:].islower():
            return "Xx"
    signs = ""
    for letter in word:
        sign = (
            "X"
            if letter.isupper()
            else "x"
            if letter.isalpha()
            else "d"
            if letter.isdigit()
            else letter
        )
        if sign != signs[-1:]:
            signs += sign
    return signs[:_SIGNS]


def listed(low: str, lists: Mapping[str, int]) -> int:
    """Which lists a word is on; a genitive or the last part of a compound counts by its stem."""
    on = lists.get(low, 0)
    if not on and low.endswith("s"):
        on = lists.get(low[:-1], 0)
    if not on and "-" in low:
        on = lists.get(low.rpartition("-")[2], 0)
    return on


class Frame(NamedTuple):
    """What many words have in common: all of a word but its letters."""

    shape: str
    lists: int
    """Those that it is on, as bits."""
    initial: bool
    """It opens a sentence."""

    def itself(self) -> list[str]:
        """What it says about the word, but for its length."""
        shape, first, on = self.shape, self._first(), f"{self.lists:x}"
        return [f"s={first}{shape}", f"l={on}", f"sl={first}{shape[:4]}{on}", *self._each()]

    def length(self, letters: int) -> str:
        """What it says about a word of so many letters."""
        return f"n={min(letters, LENGTHS - 1)}{self._first()}{self.shape[:2]}"

    def around(self) -> list[str]:
        """What it says about the word's neighbours, wherever the word stands."""
        shape = self.shape
        return [f"s={shape[:4]}", f"l={shape[:2]}{self.lists:x}", *self._each()]

    def _first(self) -> str:
        return "^" if self.initial else ""

    def _each(self) -> list[str]:
        """One feature a list."""
        bits = self.lists
        return [f"g{bit}{self.shape[:2]}" for bit in range(bits and _LIST_BITS) if bits >> bit & 1]


class Shown:
    """The features of a word, written out and in order; ``rows`` looks the same up faster."""

    def __init__(self, word: str, lists: Mapping[str, int]) -> None:
        self._low = word.lower()
        self._shape = shape(word)
        self._on = listed(self._low, lists)

    def itself(self, *, initial: bool) -> list[str]:
        """What it says about itself, where it opens a sentence or not."""
        low, frame = self._low, Frame(self._shape, self._on, initial)
        return [
            "b",
            f"w={low}",
            *frame.itself(),
            *[f"{family}={low[part]}" for family, part in SLICES.items()],
            frame.length(len(low)),
        ]

    def around(self) -> list[str]:
        """What it says about its neighbours; in training, only the first three two places away."""
        low = self._low
        frame = Frame(self._shape, self._on, initial=False)
        return [f"w={low}", *frame.around(), f"3={low[SLICES['3']]}"]
