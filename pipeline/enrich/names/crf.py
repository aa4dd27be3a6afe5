"""A linear-chain CRF over words: which of them are persons, organisations and places.

What a word is, is judged by what it shows itself, by what the two words on either side say of their
neighbours, and by what the labels say of each other. None of these looks at two words at once, so
all that a word contributes anywhere is one row of numbers, made when the word is first met and kept
(``_KEPT`` words at most). Judging a text is then a sum of rows, and a search for the best labels
(Viterbi) only in the few stretches where a name is possible at all.

Weights are fitted by ``benchmarks/train_names.py``; see ``data/MODEL_CARD.md``.
"""

import gzip
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from operator import add
from typing import Any, Final, Literal, NamedTuple, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec import Struct

from pipeline.enrich.names.words import Word, around, itself

__all__ = ["Crf", "Kind", "Model", "Name", "lists", "load"]

Kind: TypeAlias = Literal["person", "organisation", "place"]
Numbers: TypeAlias = npt.NDArray[np.float32]

_KEPT: Final = 60_000
_LETTERS: Final = 40
"""Of a longer word, only so many are looked at, and kept."""
_MARGIN: Final = 3.0
"""A word whose best name label is so far behind is no part of a name."""
_LONGEST: Final = 12
"""Words of the longest name."""
_NEXT, _PREVIOUS, _NEXT_BUT_ONE, _LAST_BUT_ONE = range(1, 5)
_SIDES: Final = (-1, 1, -2, 2)
"""What these four are called in the names of features."""
_READ: Final = {1: None, 2: 3}
"""How many features a word has for those so many places away."""
_EDGE: Final = ""
"""What stands before and behind a text: twice, since words look two places far."""
_NO_NAME: Final = 1e6
_AT_ONCE: Final = 20_000
"""Words whose scores are made in one go, to bound memory; fewer than are kept."""


class Model(Struct, frozen=True):
    """What training leaves behind."""

    version: str
    labels: list[str]
    """``O`` first, then ``B-person``, ``I-person`` …"""
    transitions: list[list[float]]
    """From each label to each."""
    scale: float
    """The unit of the weights."""
    weights: dict[str, list[int]]
    """Of each feature for each label."""


class Name(NamedTuple):
    """A name: words ``first`` to ``last``, the latter not included."""

    first: int
    last: int
    kind: Kind


def load(language: str) -> Model:
    """The model of a language.

    Raises:
        FileNotFoundError: there is none.
    """
    return msgspec.json.decode(_read(f"{language}.json.gz"), type=Model)


@cache
def lists() -> Mapping[str, int]:
    """Lower-case words, and as bits the lists they are on (first names, towns, firms …)."""
    return msgspec.json.decode(_read("lists.json.gz"), type=dict[str, int])


def _read(name: str) -> bytes:
    packed = files("pipeline.enrich.names").joinpath("data", name).read_bytes()
    return gzip.decompress(packed)


class Crf:
    """Finds names with one model."""

    def __init__(self, model: Model, lists: Mapping[str, int]) -> None:
        self._places = {feature: place for place, feature in enumerate(model.weights)}
        self._weights: Numbers = np.array(list(model.weights.values()), np.float32) * np.float32(
            model.scale
        )
        self._lists = lists
        self._labels = model.labels
        self._kinds: list[Any] = [label[2:] for label in model.labels]
        self._transitions = _allowed(model)
        self._columns = list(zip(*self._transitions, strict=True))
        self._known: dict[str, int] = {}
        self._rows: Numbers = np.zeros((_KEPT, 5, len(model.labels)), np.float32)

    def names(self, texts: Sequence[Sequence[Word]]) -> list[list[Name]]:
        """The names in each text, in order, none overlapping another."""
        found: list[list[Name]] = []
        part: list[Sequence[Word]] = []
        size = 0
        for words in texts:
            if part and size + len(words) > _AT_ONCE:
                found += self._names(part)
                part, size = [], 0
            part.append(words)
            size += len(words)
        return found + self._names(part)

    def _names(self, texts: Sequence[Sequence[Word]]) -> list[list[Name]]:
        found: list[list[Name]] = [[] for _ in texts]
        scores, starts = self._scores(texts)
        possible = np.flatnonzero(scores[:, 1:].max(axis=1) + _MARGIN > scores[:, 0])
        for first, last in _stretches(possible.tolist()):
            labels = self._best(scores[first:last].tolist())
            if any(labels):
                text = bisect_right(starts, first) - 1
                found[text] += self._named(first - starts[text], labels)
        return found

    def _scores(self, texts: Sequence[Sequence[Word]]) -> tuple[Numbers, list[int]]:
        """What each word gets for each label from itself and its neighbours.

        All texts make one table, with edges before, between and behind them. Returns also where in
        it each text starts.
        """
        keys: list[str] = [_EDGE, _EDGE]
        starts = []
        for words in texts:
            starts.append(len(keys))
            keys += [
                f"^{word[:_LETTERS]}" if initial else word[:_LETTERS]
                for word, _, _, initial in words
            ]
            keys += _EDGE, _EDGE
        self._learn(set(keys))
        known = self._known
        rows = self._rows[[known[key] for key in keys]]
        scores: Numbers = rows[:, 0]
        scores[1:] += rows[:-1, _NEXT]
        scores[:-1] += rows[1:, _PREVIOUS]
        scores[2:] += rows[:-2, _NEXT_BUT_ONE]
        scores[:-2] += rows[2:, _LAST_BUT_ONE]
        return scores, starts

    def _learn(self, keys: set[str]) -> None:
        """Make the rows of those words that are not known yet."""
        new = keys.difference(self._known)
        if len(self._known) + len(new) > _KEPT:
            self._known.clear()
            new = keys
        for key in new:
            row = self._known[key] = len(self._known)
            self._rows[row] = self._contributed(key)

    def _contributed(self, key: str) -> Numbers:
        """What a word contributes to itself, and to its neighbours."""
        if key == _EDGE:
            nowhere = np.zeros(len(self._labels), np.float32)
            nowhere[0] = _NO_NAME
            return np.stack([nowhere, *(self._sum([f"{side}<>"]) for side in _SIDES)])
        initial = len(key) > 1 and key[0] == "^"
        word = key[1:] if initial else key
        near = around(word, self._lists)
        return np.stack(
            [
                self._sum(itself(word, self._lists, initial=initial)),
                *(
                    self._sum([f"{side}{feature}" for feature in near[: _READ[abs(side)]]])
                    for side in _SIDES
                ),
            ]
        )

    def _sum(self, features: Sequence[str]) -> Numbers:
        places = self._places
        known = [places[feature] for feature in features if feature in places]
        total: Numbers = self._weights[known].sum(axis=0)
        return total

    def _best(self, scores: list[list[float]]) -> list[int]:
        """The best labels of a stretch that has no name on either side (Viterbi)."""
        best = list(map(add, scores[0], self._transitions[0]))
        back: list[list[int]] = []
        for score in scores[1:]:
            ways = [list(map(add, best, column)) for column in self._columns]
            tops = list(map(max, ways))
            back.append([way.index(top) for way, top in zip(ways, tops, strict=True)])
            best = list(map(add, tops, score))
        ends = list(map(add, best, self._columns[0]))
        label = ends.index(max(ends))
        labels = [label]
        for step in reversed(back):
            label = step[label]
            labels.append(label)
        return labels[::-1]

    def _named(self, first: int, labels: Sequence[int]) -> list[Name]:
        found: list[Name] = []
        for place, label in enumerate(labels, first):
            if not label:
                continue
            kind = self._kinds[label]
            if self._labels[label][0] == "I" and place - found[-1].first < _LONGEST:
                found[-1] = found[-1]._replace(last=place + 1)
            elif self._labels[label][0] == "B":
                found.append(Name(place, place + 1, kind))
        return found


def _allowed(model: Model) -> list[list[float]]:
    """The transitions, without those into the middle of a name from outside of it."""
    table = [list(row) for row in model.transitions]
    for place, label in enumerate(model.labels):
        if label[0] == "I":
            for before, other in enumerate(model.labels):
                if other[2:] != label[2:]:
                    table[before][place] = float("-inf")
    return table


def _stretches(places: Sequence[int]) -> list[tuple[int, int]]:
    """Runs of neighbouring places, as start and end."""
    runs: list[tuple[int, int]] = []
    for place in places:
        if runs and runs[-1][1] == place:
            runs[-1] = runs[-1][0], place + 1
        else:
            runs.append((place, place + 1))
    return runs
