"""Many texts cut into tokens at once, with what a model and its lexicon make of each token.

What they make of a token does not depend on its neighbours. So it is weighed when it is first met,
and kept as one row of numbers (``Vocabulary``); what the tokens of many texts add up to is then a
few operations on whole arrays (``Sheet``), not a step for each of them.
"""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise
from typing import Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from pipeline.enrich.sentiment.grams import GRAM, TOKEN, pieces
from pipeline.enrich.sentiment.model import Model
from pipeline.enrich.sentiment.scorer import LexiconScorer, Meaning, Met

__all__ = ["MOST", "Part", "Sheet", "Sums", "Vocabulary", "square"]

MOST: Final = 50_000
"""Characters on one sheet, and so tokens at most."""
_KEPT: Final = 60_000
"""Rows of a vocabulary; more than can stand on a sheet."""
_LONG: Final = 40
"""Characters of the longest token that is kept: hardly any comes again that is longer."""

Part: TypeAlias = tuple[str, int, int]
"""A text, apostrophes straight, and from where to where it is read."""
Rows: TypeAlias = npt.NDArray[np.int32]
Floats: TypeAlias = npt.NDArray[np.float64]


class Sums(NamedTuple):
    """What tokens add up to."""

    negative: float
    positive: float
    square: float
    """The squared length of their vector."""


def square(buckets: Sequence[int]) -> float:
    """The squared length of a token's vector, overlaps aside."""
    return 1.0 + GRAM * GRAM * (len(buckets) - 1) if buckets else 0.0


class Vocabulary(dict[str, int]):
    """The row of each token that was met; a new one is weighed, and gets the next.

    Not to be used by several threads at once.
    """

    def __init__(self, model: Model, lexicon: LexiconScorer) -> None:
        super().__init__()
        self.scale = model.scale
        """What ``Sums.negative`` and ``positive`` of ``sums`` are multiplied with."""
        self._weights = model.weights()
        self._lexicon = lexicon
        self._next = 0
        self._long: list[str] = []
        self.sums: Floats = np.zeros((3, _KEPT))
        """As in ``Sums``, but in units of ``scale``: small multiples of a half, so that what they
        add up to is exact, and the same in whatever company."""
        self.words: Rows = np.zeros(_KEPT, np.int32)
        """1 for a word, 0 for a sign."""
        self.says = np.zeros(_KEPT, np.bool_)
        """Whether it has a meaning."""
        self.meanings: dict[int, Meaning] = {}

    def rows(self, tokens: Sequence[str]) -> Rows:
        """The row of each token, ``MOST`` at most; they are valid until the next call."""
        assert len(tokens) <= MOST, "no sheet holds so many"  # noqa: S101 - its makers' business
        if self._next + len(tokens) > _KEPT:
            self.clear()
            self._long.clear()
            self.meanings.clear()
            self._next = 0
        found = np.fromiter(map(self.__getitem__, tokens), np.int32, len(tokens))
        for token in self._long:
            self.pop(token, None)
        self._long.clear()
        return found

    def __missing__(self, token: str) -> int:
        row, weights = self._next, self._weights
        buckets = pieces(token)
        negative = positive = 0.0
        for place, bucket in enumerate(buckets):
            much = GRAM if place else 1.0
            negative += much * weights[2 * bucket]
            positive += much * weights[2 * bucket + 1]
        self.sums[:, row] = negative, positive, square(buckets)
        self.words[row] = token[0].isalnum()
        meaning = self._lexicon.meaning(token)
        self.says[row] = meaning is not None
        if meaning is not None:
            self.meanings[row] = meaning
        # Only now: were it known before, an error on the way would leave it weighed wrongly.
        self[token] = row
        self._next += 1
        if len(token) > _LONG:
            self._long.append(token)
        return row


class Sheet:
    """The tokens of some texts, one text behind the other; tokens are told by their number.

    Args:
        parts: what is read; all in all ``MOST`` characters at most.
        vocabulary: of the model.
    """

    def __init__(self, parts: Sequence[Part], vocabulary: Vocabulary) -> None:
        self.texts = [text for text, _, _ in parts]
        self.tokens = tokens = list[str]()
        self.starts = starts = list[int]()
        """Where each token starts in its text."""
        self._at = [0]
        for part in parts:
            for token in TOKEN.finditer(*part):
                tokens.append(token[0])
                starts.append(token.start())
            self._at.append(len(tokens))
        rows = vocabulary.rows(tokens)
        sums = vocabulary.sums[:, rows]
        self._summed = np.zeros((3, len(tokens) + 1))
        np.cumsum(sums, axis=1, out=self._summed[:, 1:])
        self._scale = vocabulary.scale
        self._shares = self._scale * (sums[1] - sums[0])
        self.shares: list[float] = self._shares.tolist()
        """How much more each token speaks for positive."""
        said = np.flatnonzero(vocabulary.says[rows])
        self._said: list[int] = said.tolist()
        words: list[int] = np.cumsum(vocabulary.words[rows])[said].tolist()
        meanings = vocabulary.meanings
        self._met: list[Met] = [
            (written := tokens[token], at := starts[token], at + len(written), word, meanings[row])
            for token, word, row in zip(self._said, words, rows[said].tolist(), strict=True)
        ]

    def between(self, text: int, start: int, end: int) -> tuple[int, int]:
        """The tokens that start from ``start`` to before ``end``: the first, and past the last."""
        first, last = self._at[text], self._at[text + 1]
        return bisect_left(self.starts, start, first, last), bisect_left(
            self.starts, end, first, last
        )

    def sums(self, first: int, last: int) -> Sums:
        """What the tokens from ``first`` to before ``last`` add up to."""
        summed, scale = self._summed, self._scale
        negative, positive, squared = (summed[:, last] - summed[:, first]).tolist()
        return Sums(scale * negative, scale * positive, squared)

    def met(self, first: int, last: int) -> list[Met]:
        """Those of the tokens from ``first`` to before ``last`` that say something."""
        return self._met[bisect_left(self._said, first) : bisect_left(self._said, last)]

    def telling(self, least: Sequence[float]) -> list[list[int]]:
        """For each text, its tokens whose share is ``least`` or more, whatever its sign."""
        bounds = np.repeat(np.array(least), np.diff(self._at))
        chosen = np.flatnonzero(np.abs(self._shares) >= bounds)
        numbers: list[int] = chosen.tolist()
        return [
            numbers[first:last]
            for first, last in pairwise(np.searchsorted(chosen, self._at).tolist())
        ]
