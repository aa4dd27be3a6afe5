"""What each word contributes to its own labels and to those of its neighbours: rows of numbers.

They are made when a word is first met, and kept for ``KEPT`` words at most (``known``).
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, zip_longest
from typing import Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from pipeline.enrich.known import Known
from pipeline.enrich.letters import Pieces, Places
from pipeline.enrich.names.table import LETTERS, table
from pipeline.enrich.names.words import EDGE, LENGTHS, SLICES, Frame, kind, listed, shape

__all__ = ["KEPT", "Numbers", "Rows"]

Numbers: TypeAlias = npt.NDArray[np.float32]

KEPT: Final = 30_000
"""More words than a table can have."""
_SIDES: Final = (-1, 1, -2, 2)
"""Where a word finds those neighbours whose features a model calls so."""
_CALLED: Final = {str(side): place for place, side in enumerate(_SIDES)}
_NO_NAME: Final = 1e6
_EDGE: Final = np.uint64(0xFFFF_FFFF_FFFF_FFFF)
"""Stands for the hash of an edge; no letter's is as great."""
_TOGETHER: Final = 500
"""New words whose rows are made in one go, to bound memory."""
_FRAMES: Final = 2_000
"""Frames that are kept; most words are in a few dozen."""
_WORD: Final = "w"


class _Framed(NamedTuple):
    """What a frame shows."""

    place: int
    """Where its sums are kept."""
    itself: list[int]
    """The rows of what it shows about the word."""
    lengths: list[int]
    """The row of what it shows about a word of no letter, of one, and so on."""
    around: list[int]
    """The rows of what it shows about the word's neighbours."""


class _Features:
    """The features of words themselves, or those of their neighbours.

    Args:
        rows: the row of each; 0 is the row of what is unknown.
        weights: those rows.
    """

    def __init__(self, rows: Mapping[str, int], weights: Numbers) -> None:
        self.weights = weights
        families = _by_family(rows)
        self.rest = families[""]
        self._always = [self.rest["b"]] if "b" in self.rest else []
        self._words = families[_WORD]
        self._slices = [(part, families[name]) for name, part in SLICES.items() if families[name]]
        self._framed = np.zeros((_FRAMES, *weights.shape[1:]), np.float32)

    def enter(self, place: int, frame: Sequence[int]) -> None:
        """Keep there what a frame's rows add up to for words that are no features themselves."""
        self._framed[place] = _sums(self.weights, [[*self._always, *frame]])[0]

    def sums(
        self, words: Sequence[str], places: Sequence[int], frames: Sequence[Sequence[int]]
    ) -> Numbers:
        """What the features of each word add up to, up to its slices.

        Args:
            words: in lower case.
            places: of the frame of each.
            frames: the rows of those frames.
        """
        sums = self._framed.take(places, axis=0)
        rows = self._words
        if known := [place for place, word in enumerate(words) if word in rows]:
            sums[known] = _sums(
                self.weights,
                [[*self._always, rows[words[place]], *frames[place]] for place in known],
            )
        for part, slices in self._slices:
            row = slices.get
            sums += self.weights.take([row(word[part], 0) for word in words], axis=0)
        return sums


class _Frames(dict[tuple[str, int, bool], _Framed]):
    """What every frame shows, looked up when it is first met."""

    def __init__(self, own: _Features, near: _Features) -> None:
        super().__init__()
        self._own, self._near = own, near

    def reserve(self, count: int) -> None:
        """Forget frames rather than find no room for those of so many words."""
        if len(self) + count > _FRAMES:
            self.clear()

    def __missing__(self, key: tuple[str, int, bool]) -> _Framed:
        frame, own, near = Frame(*key), self._own.rest, self._near.rest
        framed = _Framed(
            len(self),
            [own[name] for name in frame.itself() if name in own],
            [own.get(frame.length(letters), 0) for letters in range(LENGTHS)],
            [near[name] for name in frame.around() if name in near],
        )
        self._own.enter(framed.place, framed.itself)
        self._near.enter(framed.place, framed.around)
        self[key] = framed
        return framed


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
        # Row 0 is a feature that the model does not know.
        known = np.concatenate([np.zeros((1, labels), np.float32), known])
        own, near, places = _by_side(weights)
        self._itself, self._around = _Features(own, known), _Features(near, known[places])
        self._frames = _Frames(self._itself, self._around)

        self._numbers = Known(KEPT, self._move)
        self._words: list[str] = []
        self._kinds = np.zeros(KEPT, np.uint8)
        # Of word n: first for where it is within a sentence, then for where it opens one.
        self._own: Numbers = np.zeros((KEPT, 2, labels), np.float32)
        self._made = np.zeros((KEPT, 2), np.bool_)
        self._near: Numbers = np.zeros((len(_SIDES), KEPT, labels), np.float32)
        # Number 0 is the edge, no name wherever it is.
        self._own[0, :, 0] = _NO_NAME
        self._near[:, 0] = self._around.weights[self._around.rest.get("<>", 0)]
        self._made[0] = True

    def _move(self, left: Places) -> None:
        """Keep what was made for the words that stay known; the edge, if any, is the first."""
        self._words = [self._words[number] for number in left.tolist()]
        for made in (self._kinds, self._own, self._made):
            made[: len(left)] = made[left]
        self._near[:, : len(left)] = self._near[:, left]
        self._made[len(left) :] = False
        self._made[0] = True

    def __len__(self) -> int:
        return self._numbers.next

    def read(self, texts: Sequence[str]) -> tuple[Places, npt.NDArray[np.uint8], Pieces]:
        """The words of texts, two edges before, between and behind the texts.

        Word n, if it is one of text m, is at n + 2 * (m + 1).

        Args:
            texts: ``table.MOST`` characters together at most, with a separator for each.

        Returns:
            The number of each, good until the next call; the kind of each; and the words.
        """
        found = table(texts)
        # Every reading begins with the edge, so it is number 0, and new only where all are.
        try:
            numbers, new = self._numbers.numbers(np.append(_EDGE, found.hashes))
            edges = [EDGE] * (0 in new[:1])
            words = found.written(texts, new[len(edges) :] - 1)
            self._meet([*edges, *[word[:LETTERS] for word in words]])
        except BaseException:
            self._numbers.forget()  # or words would have numbers of which nothing is known
            raise
        counts = np.diff(found.at)
        places = np.arange(len(found.starts))
        places += np.repeat(np.arange(2, 2 * len(texts) + 2, 2), counts)
        read = np.zeros(len(places) + 2 * len(texts) + 2, np.intp)
        read[places] = numbers[1:]
        return read, self._kinds[read], found

    def _meet(self, words: Sequence[str]) -> None:
        """Know new words, which have got the last numbers."""
        after = self._numbers.next
        self._kinds[after - len(words) : after] = list(map(kind, words))
        self._words += words

    def scores(self, numbers: Places, opening: npt.NDArray[np.bool_]) -> Numbers:
        """What each word gets for each label from itself and its neighbours.

        Args:
            numbers: of the words, edges in between.
            opening: which of them open a sentence.
        """
        own = 2 * numbers + opening
        new = np.unique(own[~self._made.ravel()[own]]).tolist()
        for first in range(0, len(new), _TOGETHER):
            self._make(new[first : first + _TOGETHER])
        scores = self._own.reshape(-1, self._own.shape[2]).take(own, axis=0)
        for side, near in zip(_SIDES, self._near, strict=True):
            if side < 0:
                scores[-side:] += near.take(numbers[:side], axis=0)
            else:
                scores[:-side] += near.take(numbers[side:], axis=0)
        return scores

    def _make(self, own: Sequence[int]) -> None:
        """Make these rows of words, and what the words contribute to their neighbours."""
        numbers = [place // 2 for place in own]
        words = [self._words[number] for number in numbers]
        lows = [word.lower() for word in words]
        self._frames.reserve(len(own))
        frames = [
            self._frames[shape(word), listed(low, self._lists), place % 2 == 1]
            for word, low, place in zip(words, lows, own, strict=True)
        ]
        places = [frame.place for frame in frames]
        sums = self._itself.sums(lows, places, [frame.itself for frame in frames])
        lengths = [min(len(low), LENGTHS - 1) for low in lows]
        sums += self._itself.weights.take(
            [frame.lengths[length] for frame, length in zip(frames, lengths, strict=True)], axis=0
        )
        self._own.reshape(-1, self._own.shape[2])[own] = sums
        sums = self._around.sums(lows, places, [frame.around for frame in frames])
        self._near[:, numbers] = sums.swapaxes(0, 1)
        self._made.ravel()[own] = True


def _by_side(features: Iterable[str]) -> tuple[dict[str, int], dict[str, int], Places]:
    """The features of a word itself and those of its neighbours, whatever the side.

    Returns:
        Where the weights of each feature of the word itself are, from 1 on: at 0 is what is
        unknown; the row of each feature of neighbours, from 1 on; and in each such row where the
        weights for each side are.
    """
    own: dict[str, int] = {}
    rows: dict[str, int] = {}
    places = [0] * len(_SIDES)
    for place, feature in enumerate(features, 1):
        length = 2 if feature.startswith("-") else 1
        side, name = _CALLED.get(feature[:length]), feature[length:]
        if side is None or name.startswith("="):  # "1=" is the last letter of the word itself
            own[feature] = place
            continue
        row = rows.setdefault(name, len(rows) + 1)
        if row * len(_SIDES) == len(places):
            places += [0] * len(_SIDES)
        places[row * len(_SIDES) + side] = place
    return own, rows, np.reshape(places, (-1, len(_SIDES)))


def _by_family(rows: Mapping[str, int]) -> dict[str, dict[str, int]]:
    """The rows of words and of their slices, by what is written behind the sign of equality.

    So nothing has to be put together to look them up. Those of all else are found under "", by
    their whole name.
    """
    families: dict[str, dict[str, int]] = {family: {} for family in ("", _WORD, *SLICES)}
    for feature, row in rows.items():
        family, _, rest = feature.partition("=")
        if family in families:
            families[family][rest] = row
        else:
            families[""][feature] = row
    return families


def _sums(weights: Numbers, features: Sequence[Sequence[int]]) -> Numbers:
    """The weights of each word's features, added up one after another."""
    sums: Numbers = np.zeros((len(features), *weights.shape[1:]), np.float32)
    for each in zip_longest(*features, fillvalue=0):
        sums += weights.take(each, axis=0)
    return sums
