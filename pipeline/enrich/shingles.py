"""What texts are compared by: pairs of neighbouring words, and longer words, each as 64 bits.

All words of many texts are hashed at once (``letters``), without one of them being cut out. Hashes
are the same in every process, so that some can be made that are those of other words, which gains
nobody anything: all that is said of it is that a text is like another.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from pipeline.enrich.letters import (
    Hashes,
    Hashing,
    Kinds,
    Letters,
    Places,
    laid_out,
    of_words,
    runs,
)

__all__ = ["LONGEST", "Shingles", "shingles"]

LONGEST: Final = 21_000
"""Characters of all texts together, with a separator for each."""
_FEWEST: Final = 5
"""Texts of fewer words are alike by chance: no story."""
_LONGER: Final = 6
"""From so many letters on, a word counts by itself, too."""
_BASE: Final = 0x9E3779B97F4A7C15
"""Odd, so that it has an inverse."""
_FIRST: Final = np.uint64(0xC2B2AE3D27D4EB4F)
"""What the first of two words is multiplied with, so that their order counts."""


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
    letters, at = laid_out(prose, "\n")
    begins, ends = _words(letters)
    hashes = _hashes(letters, begins, ends)
    # The words of text n are firsts[n] to before lasts[n].
    bounds = np.searchsorted(begins, at)
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


def _words(letters: Letters) -> tuple[Places, Places]:
    """Where each word starts and ends: letters, digits and ``_``, as in regular expressions."""
    changes = runs(_of_words(letters))
    return changes[::2], changes[1::2]


def _mixed(hashes: Hashes) -> Hashes:
    """Hashes of which every bit depends on every other (Stafford's variant 13 of MurmurHash3)."""
    mixed = (hashes ^ (hashes >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


_of_words: Final = Kinds(of_words)
_hashes: Final = Hashing(_BASE, LONGEST + 1)
_RETWEET: Final = np.uint64((ord("r") + ord("t") * _BASE) % (1 << 64))
