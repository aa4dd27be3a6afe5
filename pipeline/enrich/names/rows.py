"""What each word contributes to its own labels and to those of its neighbours: rows of numbers.

They are made when a word is first met, and kept for ``KEPT`` words at most.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, count, zip_longest
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from pipeline.enrich.names.words import EDGE, Shown, kind

__all__ = ["KEPT", "LETTERS", "Numbers", "Places", "Rows"]

Numbers: TypeAlias = npt.NDArray[np.float32]
Places: TypeAlias = npt.NDArray[np.intp]

KEPT: Final = 50_000
LETTERS: Final = 40
"""Of a longer word, only so many are looked at, and kept."""
_SIDES: Final = (-1, 1, -2, 2)
"""Where a word finds those neighbours whose features a model calls so."""
_CALLED: Final = {str(side): place for place, side in enumerate(_SIDES)}
_NO_NAME: Final = 1e6
_TOGETHER: Final = 100
"""New words whose rows are made in one go, to bound memory."""


class _Numbered(dict[str, int]):
    """The number of every word: a plain look-up where it is known, a new number where not."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []

    def __missing__(self, word: str) -> int:
        if len(word) > LETTERS:
            return self[word[:LETTERS]]
        number = self[word] = len(self)
        self.words.append(word)
        return number


class Rows:
    """The rows of one model's words.

    Args:
        weights: of each feature, for each label.
        scale: the unit of the weights.
        lists: lower-case words, and as bits the lists they are on.
    """

    def __init__(
        self, weights: Mapping[str, Sequence[int]], scale: float, lists: Mapping[str, int]
    ) -> None:
        self._lists = lists
        known = np.fromiter(chain.from_iterable(weights.values()), np.float32)
        known = known.reshape(len(weights), -1) * np.float32(scale)
        labels = known.shape[1]
        # Row 0 is a feature that the model does not know, row 1 says that an edge is no name.
        self._own_weights: Numbers = np.concatenate([np.zeros((2, labels), np.float32), known])
        self._own_weights[1, 0] = _NO_NAME
        self._own_rows = dict(zip(weights, count(2)))
        self._own_rows[EDGE] = 1
        self._near_rows, places = _by_side(weights)
        self._near_weights: Numbers = self._own_weights[places]

        self._kinds = np.zeros(KEPT, np.uint8)
        # Of word n: row 2 n, and 2 n + 1 for where it opens a sentence.
        self._own: Numbers = np.zeros((2 * KEPT, labels), np.float32)
        self._near: Numbers = np.zeros((len(_SIDES), KEPT, labels), np.float32)
        self._forget()

    def _forget(self) -> None:
        self._numbers = _Numbered()
        self._judged = 0
        self._made = np.zeros(2 * KEPT, np.bool_)

    def __len__(self) -> int:
        return len(self._numbers)

    def read(
        self, texts: Sequence[Sequence[str]]
    ) -> tuple[Places, npt.NDArray[np.uint8], list[int]]:
        """The numbers of all words, two edges before, between and behind the texts.

        A word's number is good until the next call. Returns also the kind of each, and where among
        them each text starts.

        Args:
            texts: what ``words.cut`` finds; fewer than ``KEPT`` words and edges together.
        """
        if len(self) + sum(map(len, texts)) >= KEPT:
            self._forget()
        number = self._numbers.__getitem__
        edges = [number(EDGE)] * 2
        found = edges.copy()
        starts: list[int] = []
        for text in texts:
            starts.append(len(found))
            found += map(number, text)
            found += edges
        new = self._numbers.words[self._judged :]
        self._kinds[self._judged : len(self)] = [kind(word) for word in new]
        self._judged = len(self)
        numbers = np.array(found, np.intp)
        return numbers, self._kinds[numbers], starts

    def scores(self, numbers: Places, opening: npt.NDArray[np.bool_]) -> Numbers:
        """What each word gets for each label from itself and its neighbours.

        Args:
            numbers: of the words, edges in between.
            opening: which of them open a sentence.
        """
        own = 2 * numbers + opening
        new = list(set(own[~self._made[own]].tolist()))
        for first in range(0, len(new), _TOGETHER):
            self._make(new[first : first + _TOGETHER])
        scores = self._own.take(own, axis=0)
        for side, near in zip(_SIDES, self._near, strict=True):
            if side < 0:
                scores[-side:] += near.take(numbers[:side], axis=0)
            else:
                scores[:-side] += near.take(numbers[side:], axis=0)
        return scores

    def _make(self, own: Sequence[int]) -> None:
        """Make these rows of words, and what the words contribute to their neighbours."""
        words = [self._numbers.words[place // 2] for place in own]
        itself: list[list[int]] = []
        around: list[list[int]] = []
        row, near = self._own_rows.get, self._near_rows.get
        for word, place in zip(words, own, strict=True):
            if word == EDGE:
                itself.append([row(EDGE, 0)])
                around.append([near("<>", 0)])
            else:
                shown = Shown(word, self._lists)
                itself.append([row(name, 0) for name in shown.itself(initial=place % 2 == 1)])
                around.append([near(name, 0) for name in shown.around()])
        self._own[own] = _sums(self._own_weights, itself)
        numbers = [place // 2 for place in own]
        self._near[:, numbers] = _sums(self._near_weights, around).swapaxes(0, 1)
        self._made[own] = True


def _by_side(features: Iterable[str]) -> tuple[dict[str, int], Places]:
    """The features of neighbours, whatever the side.

    Returns:
        The row of each, from 1 on; and in each row where what it weighs for each side is to be
        found: feature ``n`` at ``n + 2``, and at 0 what is unknown.
    """
    rows: dict[str, int] = {}
    places = [0] * len(_SIDES)
    for place, feature in enumerate(features, 2):
        length = 2 if feature.startswith("-") else 1
        side, name = _CALLED.get(feature[:length]), feature[length:]
        if side is None or name.startswith("="):  # "1=" is the last letter of the word itself
            continue
        row = rows.setdefault(name, len(rows) + 1)
        if row * len(_SIDES) == len(places):
            places += [0] * len(_SIDES)
        places[row * len(_SIDES) + side] = place
    return rows, np.reshape(places, (-1, len(_SIDES)))


def _sums(weights: Numbers, features: Sequence[Sequence[int]]) -> Numbers:
    """The weights of each word's features, added up one after another."""
    sums: Numbers = np.zeros((len(features), *weights.shape[1:]), np.float32)
    for each in zip_longest(*features, fillvalue=0):
        sums += weights.take(each, axis=0)
    return sums
