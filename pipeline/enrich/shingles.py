"""What texts are compared by: pairs of neighbouring words, and longer words, each as 64 bits.

All words of many texts are hashed at once, without one of them being cut out. A word's hash is a
polynomial of its letters modulo 2^64: the difference of two running sums over all letters, moved to
where the word starts (Karp and Rabin, 1987). Two of a thousand letters can be made that have the
same, which gains nobody anything.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from pipeline.enrich.text import of_words

__all__ = ["LONGEST", "Shingles", "shingles"]

LONGEST: Final = 21_000
"""Characters of all texts together, with a separator for each."""
_FEWEST: Final = 5
"""Texts of fewer words are alike by chance: no story."""
_LONGER: Final = 6
"""From so many letters on, a word counts by itself, too."""
_BELOW: Final = 0x3000
"""Of characters from here on each kind that comes is asked whether it is of words."""
_BASE: Final = 0x9E3779B97F4A7C15
"""Odd, so that it has an inverse."""
_FIRST: Final = np.uint64(0xC2B2AE3D27D4EB4F)
"""What the first of two words is multiplied with, so that their order counts."""

Hashes: TypeAlias = npt.NDArray[np.uint64]
Places: TypeAlias = npt.NDArray[np.intp]


class Shingles(NamedTuple):
    """What some texts are made of."""

    hashes: Hashes
    """Of all texts, one behind the other; some come twice."""
    texts: list[int]
    """The number of each text that has enough words to be compared."""
    starts: Hashes
    """Where those of each such text start, and at last where the last one's end."""


def shingles(prose: Sequence[str]) -> Shingles:
    """What texts are made of; an ``rt`` at the beginning is none of it.

    Args:
        prose: the texts; with a separator for each, ``LONGEST`` characters at most.
    """
    lengths = np.fromiter(map(len, prose), np.intp, len(prose)) + 1
    parted = "\n".join(["", *prose, ""])  # so that every word has a start and an end
    letters = np.frombuffer(parted.encode("utf-32-le", "surrogatepass"), "<u4")
    begins, ends = _words(letters)
    hashes = _hashes(letters, begins, ends)
    # The words of text n are firsts[n] to before lasts[n].
    bounds = np.searchsorted(begins, np.cumsum(np.concatenate(([1], lengths))))
    firsts, lasts = bounds[:-1], bounds[1:]
    words = lasts - firsts
    retweets = np.flatnonzero(words)
    retweets = retweets[hashes[firsts[retweets]] == _RETWEET]
    fewest = np.full(len(prose), _FEWEST)
    fewest[retweets] += 1
    enough = words >= fewest
    chosen = np.flatnonzero(enough)
    inside = np.repeat(enough, words)
    inside[firsts[retweets]] = False
    counted = np.empty((len(hashes), 2), np.bool_)
    counted[:, 0] = inside
    counted[lasts[chosen] - 1, 0] = False  # behind its last word there is none
    counted[:, 1] = inside & (ends - begins >= _LONGER)
    found = np.empty((len(hashes), 2), np.uint64)
    found[:, 1] = hashes
    found[:-1, 0] = hashes[:-1] * _FIRST + hashes[1:]
    places = np.concatenate(([0], np.cumsum(counted.sum(axis=1, dtype=np.intp))))
    starts = np.append(places[firsts[chosen]], places[-1])
    return Shingles(_mixed(found[counted]), chosen.tolist(), starts.astype(np.uint64))


def _words(letters: npt.NDArray[np.uint32]) -> tuple[Places, Places]:
    """Where each word starts and ends: letters, digits and ``_``, as in regular expressions."""
    inside = _OF_WORDS.take(letters, mode="clip")
    high = np.flatnonzero(letters >= _BELOW)
    if len(high):
        kinds, which = np.unique(letters[high], return_inverse=True)
        inside[high] = np.fromiter(map(of_words, map(chr, kinds.tolist())), np.bool_)[which]
    changes = np.flatnonzero(inside[1:] != inside[:-1]) + 1
    return changes[::2], changes[1::2]


def _hashes(letters: npt.NDArray[np.uint32], begins: Places, ends: Places) -> Hashes:
    """The hash of each word, wherever it stands."""
    sums = np.zeros(len(letters) + 1, np.uint64)
    np.cumsum(letters * _POWERS[: len(letters)], out=sums[1:])
    return (sums[ends] - sums[begins]) * _BACK[begins]


def _mixed(hashes: Hashes) -> Hashes:
    """Hashes of which every bit depends on every other (Stafford's variant 13 of MurmurHash3)."""
    mixed = (hashes ^ (hashes >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def _powers(base: int) -> Hashes:
    """Of a number, modulo 2^64."""
    powers = np.full(LONGEST + 1, base, np.uint64)
    powers[0] = 1
    return np.multiply.accumulate(powers)


_OF_WORDS: Final = np.array([*map(of_words, map(chr, range(_BELOW))), False])
"""Whether each character is of a word; behind the last, what is said of all others at first."""
_POWERS: Final = _powers(_BASE)
_BACK: Final = _powers(pow(_BASE, -1, 1 << 64))
_RETWEET: Final = np.uint64((ord("r") + ord("t") * _BASE) % (1 << 64))
