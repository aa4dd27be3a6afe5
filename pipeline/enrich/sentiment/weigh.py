"""What a model's hashed weights make of many tokens at once.

CRC-32 is linear: the checksum of a piece is what each of its bytes adds by its distance from the
end, put together by exclusive or. So the pieces of all words are hashed at once, by looking up
their bytes in a few small tables, and none is ever cut out. Signs, and words of letters that are
more than a byte, go one by one.
"""

import zlib
from array import array
from collections.abc import Sequence
from typing import Final, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from pipeline.enrich.sentiment.grams import BUCKETS, GRAM, LENGTHS, PIECE, WORD, folded, pieces

__all__ = ["Floats", "Weigher", "square"]

Floats: TypeAlias = npt.NDArray[np.float64]
_Number = TypeVar("_Number", float, Floats)

_FEW: Final = 6
"""Fewer words are weighed faster one by one."""


class Weigher:
    """Weighs tokens with the hashed weights of a model; see ``Model.weights``."""

    def __init__(self, weights: "array[int]") -> None:
        self._each = weights
        self._weights = np.frombuffer(weights, np.int8).reshape(-1, 2)

    def sums(self, tokens: Sequence[str]) -> Floats:
        """What each token adds to ``sheet.Sums``, in units of the model's scale.

        Returns:
            Three rows, a column each token.
        """
        sums = np.zeros((3, len(tokens)))
        places = [place for place, token in enumerate(tokens) if token[0].isalpha()]
        words = folded(" ".join([tokens[place] for place in places])).split(" ")
        # Of no words, what is cut is one that is empty.
        plain = {at: word for at, word in zip(places, words, strict=False) if word.isascii()}
        left = set(range(len(tokens)))
        if len(plain) >= _FEW:
            sums[:, list(plain)] = self._words(list(plain.values()))
            left.difference_update(plain)
        for place in left:
            sums[:, place] = self._token(tokens[place])
        return sums

    def _token(self, token: str) -> tuple[float, float, float]:
        """What a token adds."""
        buckets = pieces(token)
        if not buckets:
            return 0.0, 0.0, 0.0
        weights, (whole, *parts) = self._each, buckets
        return (
            weights[2 * whole] + GRAM * sum([weights[2 * part] for part in parts]),
            weights[2 * whole + 1] + GRAM * sum([weights[2 * part + 1] for part in parts]),
            square(len(parts)),
        )

    def _words(self, words: Sequence[str]) -> Floats:
        """What folded words of ASCII add."""
        whole = [zlib.crc32(word.encode(), WORD) % BUCKETS for word in words]
        lengths = np.fromiter(map(len, words), np.intp, len(words)) + 2
        ends = np.cumsum(lengths)
        starts = ends - lengths
        marked = f"<{'><'.join(words)}>" + "\0" * max(LENGTHS)
        read = np.frombuffer(marked.encode(), np.uint8)
        count = np.zeros(len(words))
        sums = np.zeros((len(words), 2))
        for length in LENGTHS:
            found = np.maximum(lengths - length + 1, 0)
            # What stands before each place, of pieces wherever they start, added up.
            before = np.zeros((ends[-1] + 1, 2), np.intp)
            np.cumsum(
                self._weights.take(_hashed(read, length, ends[-1]), axis=0), axis=0, out=before[1:]
            )
            sums += before[starts + found] - before[starts]
            count += found
        sums *= GRAM
        sums += self._weights[whole]
        return np.vstack((sums.T, square(count)))


def square(parts: _Number) -> _Number:
    """The squared length of the vector of a token of so many pieces beside the whole.

    Overlaps aside.
    """
    return 1.0 + GRAM * GRAM * parts


def _hashed(read: npt.NDArray[np.uint8], length: int, places: int) -> npt.NDArray[np.uint32]:
    """The buckets of the pieces of so many bytes that start at the first so many places."""
    tables = _TABLES[length]
    hashed = tables[0].take(read[:places])
    for place in range(1, length):
        hashed ^= tables[place].take(read[place : place + places])
    return hashed


def _tables(length: int) -> npt.NDArray[np.uint32]:
    """What each byte at each place of a piece of so many bytes adds to its bucket."""
    zero = bytes(length)
    nothing = zlib.crc32(zero)
    table = np.array(
        [
            [zlib.crc32(zero[:place] + bytes([byte]) + zero[place + 1 :]) for byte in range(128)]
            for place in range(length)
        ],
        np.uint32,
    )
    table ^= np.uint32(nothing)
    table[0] ^= np.uint32(zlib.crc32(zero, PIECE))
    return table % np.uint32(BUCKETS)


_TABLES: Final = {length: _tables(length) for length in LENGTHS}
