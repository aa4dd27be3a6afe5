"""The letters of many texts as one array, in which pieces are found and told without a step each.

A piece's hash is a polynomial of its letters modulo 2^64: the difference of two running sums over
all letters, moved to where the piece starts (Karp and Rabin, 1987). Who knows the base can make
pieces that have the same; who does not, of some hundred letters (those of Thue and Morse).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = [
    "Hashes",
    "Hashing",
    "Kinds",
    "Letters",
    "Pairs",
    "Pieces",
    "Places",
    "is_letter",
    "laid_out",
    "of_words",
    "pieces",
    "runs",
]

_BELOW: Final = 0x3000
"""Of what kind a character from here on is, is asked when it comes, not beforehand."""

Letters: TypeAlias = npt.NDArray[np.uint32]
Hashes: TypeAlias = npt.NDArray[np.uint64]
Places: TypeAlias = npt.NDArray[np.intp]


class Pieces(NamedTuple):
    """Pieces of some texts, in order; told by their number."""

    starts: Places
    """Where each starts in its text."""
    ends: Places
    at: Places
    """Those of text n are ``at[n]`` to before ``at[n + 1]``."""
    hashes: Hashes

    def written(self, texts: Sequence[str], pieces: Places) -> list[str]:
        """What some of them are."""
        numbers = np.searchsorted(self.at, pieces, "right") - 1
        places = zip(
            numbers.tolist(), self.starts[pieces].tolist(), self.ends[pieces].tolist(), strict=True
        )
        return [texts[number][start:end] for number, start, end in places]


def pieces(begins: Places, ends: Places, at: Places, shifts: Places, hashes: Hashes) -> Pieces:
    """The pieces of texts that were laid out.

    Args:
        begins: where each starts among all letters.
        ends: where it ends there.
        at: where each text starts there, and at last where another would.
        shifts: how much farther each text stands there than in itself.
        hashes: of the pieces.
    """
    bounds = np.searchsorted(begins, at)
    moved = np.repeat(shifts, np.diff(bounds))
    return Pieces(begins - moved, ends - moved, bounds, hashes)


def of_words(sign: str) -> bool:
    r"""Whether a character is one of words, ``\w``: a letter, a digit, ``_``."""
    return sign.isalnum() or sign == "_"


def is_letter(sign: str) -> bool:
    r"""Whether a character is a letter, ``[^\W\d_]``."""
    return sign.isalnum() and not sign.isdecimal()


def laid_out(texts: Sequence[str], apart: str) -> tuple[Letters, Places]:
    """The letters of texts one behind the other, a separator before, between and behind them.

    Args:
        texts: lone surrogates are letters like others.
        apart: the separator, one character.

    Returns:
        The letters, and where each text starts among them; at last where another would.
    """
    lengths = np.fromiter(map(len, texts), np.intp, len(texts)) + 1
    written = apart.join(["", *texts, ""])
    letters = np.frombuffer(written.encode("utf-32-le", "surrogatepass"), "<u4")
    return letters, np.cumsum(np.concatenate(([1], lengths)))


class Kinds:
    """Of which kind each letter is.

    Args:
        of: says it of a character, as a small number.
    """

    def __init__(self, of: Callable[[str], int]) -> None:
        self._of = of
        # Behind the last is what is said of all others at first.
        self._table = np.array([*map(of, map(chr, range(_BELOW))), 0], np.uint8)

    def __call__(self, letters: Letters) -> npt.NDArray[np.uint8]:
        """The kind of each letter."""
        kinds = self._table.take(letters, mode="clip")
        high = np.flatnonzero(letters >= _BELOW)
        if len(high):
            signs, which = np.unique(letters[high], return_inverse=True)
            kinds[high] = np.fromiter(map(self._of, map(chr, signs.tolist())), np.uint8)[which]
        return kinds


class Pairs:
    """Where some letters stand before others.

    Args:
        groups: letters of Latin-1, and those of it before one of which they are looked for; 16
            groups at most.
    """

    def __init__(self, groups: Mapping[str, str]) -> None:
        self._first, self._second = _bits([*groups]), _bits([*groups.values()])

    def __call__(self, letters: Letters) -> Places:
        """The places of the first letter of each pair; the last letter is in none."""
        first = self._first.take(letters, mode="clip")
        places: Places = np.flatnonzero(first)
        second = self._second.take(letters[places + 1], mode="clip")
        return places[first[places] & second != 0]


def _bits(groups: Sequence[str]) -> npt.NDArray[np.uint16]:
    """For each letter of Latin-1 and one for all others: the groups it is in, as bits."""
    table = np.zeros(0x101, np.uint16)
    for number, group in enumerate(groups):
        table[list(map(ord, group))] |= 1 << number
    return table


def runs(kinds: npt.NDArray[np.uint8], single: int = 0x100) -> Places:
    """Where runs of one kind start, but for the first of them.

    Args:
        kinds: of letters.
        single: each letter whose kind is this or a greater one is a run of its own; by default
            none is.
    """
    edges = kinds[1:] != kinds[:-1]
    edges |= kinds[1:] >= single
    return np.flatnonzero(edges) + 1


class Hashing:
    """Hashes pieces.

    Args:
        base: of the polynomials; odd, so that it has an inverse.
        longest: letters of all texts together, separators and all, at most.
    """

    def __init__(self, base: int, longest: int) -> None:
        self._powers = _powers(base, longest)
        self._back = _powers(pow(base, -1, 1 << 64), longest)

    def __call__(self, letters: Letters, begins: Places, ends: Places) -> Hashes:
        """The hash of each piece, the same wherever it stands."""
        sums = np.zeros(len(letters) + 1, np.uint64)
        np.cumsum(letters * self._powers[: len(letters)], out=sums[1:])
        return (sums[ends] - sums[begins]) * self._back[begins]


def _powers(base: int, count: int) -> Hashes:
    """The first powers of a number, modulo 2^64."""
    powers = np.full(count, base, np.uint64)
    powers[0] = 1
    return np.multiply.accumulate(powers)
