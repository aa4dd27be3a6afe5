"""The words of many texts, found at once: what ``words.CUT`` finds in each.

All letters are looked at together (``letters``); a step for each is only taken for what looks like
letters with dots behind them: ``z.B.``
"""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from pipeline.enrich.known import hashing
from pipeline.enrich.letters import (
    Kinds,
    Letters,
    Pieces,
    Places,
    is_letter,
    laid_out,
    of_words,
    pieces,
    runs,
)

__all__ = ["LETTERS", "MOST", "table"]

MOST: Final = 25_000
"""Characters of all texts together, with a separator for each; and so words at most."""
LETTERS: Final = 40
"""Of a longer word, only so many are looked at."""
_APART: Final = " "
_NONE, _WORD, _SIGN = range(3)


def table(texts: Sequence[str]) -> Pieces:
    """The words of texts, ``MOST`` characters together at most.

    Of a longer word than ``LETTERS`` the hash is that of its beginning.
    """
    letters, at = laid_out(texts, _APART)
    kinds = _kinds(letters)
    edges = runs(kinds, _SIGN)
    begins, ends = edges[:-1], edges[1:]
    kinds = kinds[begins]
    chosen = kinds != _NONE
    signs = np.flatnonzero((kinds[:-1] == _SIGN) & (kinds[1:] == _WORD))
    written = letters[begins[signs]]
    # What joins words is no word of its own, nor is a word behind that, or behind # and @.
    opens = signs[_among("#@", written)]
    joins = signs[_among("-&./", written) & (signs > 0)]
    joins = joins[kinds[joins - 1] == _WORD]
    chosen[joins] = False
    chosen[joins + 1] = chosen[opens + 1] = False
    for dot in list(_initials(letters[begins], ends - begins == 1, chosen, joins)):
        # It ends a word, so what follows is another.
        chosen[dot + 1 : dot + 2] |= kinds[dot + 1 : dot + 2] == _WORD
        chosen[dot] = False
    words = np.flatnonzero(chosen)
    last = np.append(words[1:], len(kinds))[: len(words)] - 1
    last -= kinds[last] == _NONE
    begins, ends = begins[words], ends[last]
    hashes = _hashes(letters, begins, np.minimum(ends, begins + LETTERS))
    return pieces(begins, ends, at, at[:-1], hashes)


def _kind(letter: str) -> int:
    if of_words(letter):
        return _WORD
    return _NONE if letter.isspace() and letter != "\n" else _SIGN


def _among(signs: str, letters: Letters) -> npt.NDArray[np.bool_]:
    return np.isin(letters, list(map(ord, signs)))


def _initials(
    letters: Letters, single: npt.NDArray[np.bool_], chosen: npt.NDArray[np.bool_], joins: Places
) -> Iterator[int]:
    """The last dots of initials: one letter and a dot, twice or more, at the start of a word.

    Args:
        letters: the first of each run.
        single: whether it is the only one.
        chosen: whether a word starts with the run.
        joins: runs that are signs between words.
    """
    dotted = letters == _DOT
    for dot in joins[dotted[joins] & chosen[joins - 1]].tolist():
        last = dot - 2
        while last + 2 < len(letters) and dotted[last + 2] and single[last + 1]:
            if not is_letter(chr(letters[last + 1])):
                break
            last += 2
        if last > dot:
            yield last


_DOT: Final = ord(".")
_kinds: Final = Kinds(_kind)
_hashes: Final = hashing(MOST + 1)
