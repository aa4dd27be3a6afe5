"""A linear-chain CRF over words: which of them are persons, organisations and places.

What a word is, is judged by what it shows itself, by what the two words on either side say of their
neighbours, and by what the labels say of each other. None of these looks at two words at once, so
all that a word contributes anywhere is one row of numbers, made when the word is first met and kept
(``_KEPT`` words at most). Judging a text is then a sum of rows, and a search for the best labels
(Viterbi) only in the few stretches where a name is possible at all.

Weights are fitted by ``benchmarks/train_names.py``; see ``data/MODEL_CARD.md``.
"""

import gzip
from collections.abc import Mapping, Sequence
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
_MARGIN: Final = 3.0
"""A word whose best name label is so far behind is no part of a name."""
_LONGEST: Final = 12
"""Words of the longest name."""
_NEXT, _PREVIOUS, _NEXT_BUT_ONE, _LAST_BUT_ONE = range(1, 5)


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
        self._edges = {side: self._sum([f"{side}<>"]) for side in (-2, -1, 1, 2)}

    def names(self, words: Sequence[Word]) -> list[Name]:
        """The names in a text, in order, none overlapping another."""
        if not words:
            return []
        scores = self._scores(words)
        possible = np.flatnonzero(scores[:, 1:].max(axis=1) + _MARGIN > scores[:, 0])
        found: list[Name] = []
        for first, last in _stretches(possible.tolist()):
            labels = self._best(scores[first:last].tolist())
            found += self._named(first, labels)
        return found

    def _scores(self, words: Sequence[Word]) -> Numbers:
        """What each word gets for each label from itself and its neighbours."""
        known = self._known
        keys = [f"^{word}" if initial else word for word, _, _, initial in words]
        try:
            places = [known[key] for key in keys]
        except KeyError:
            if len(known) + len(words) > _KEPT:
                known.clear()
            places = [self._row(word, key) for word, key in zip(words, keys, strict=True)]
        rows = self._rows[places]
        scores: Numbers = rows[:, 0]
        scores[1:] += rows[:-1, _NEXT]
        scores[:-1] += rows[1:, _PREVIOUS]
        scores[2:] += rows[:-2, _NEXT_BUT_ONE]
        scores[:-2] += rows[2:, _LAST_BUT_ONE]
        scores[0] += self._edges[-1]
        scores[:2] += self._edges[-2]
        scores[-1] += self._edges[1]
        scores[-2:] += self._edges[2]
        return scores

    def _row(self, word: Word, key: str) -> int:
        """Where what the word contributes stands."""
        row = self._known.get(key)
        if row is None:
            row = self._known[key] = len(self._known)
            near = around(word.text, self._lists)
            self._rows[row, 0] = self._sum(itself(word.text, self._lists, initial=word.initial))
            self._rows[row, _NEXT] = self._sum([f"-1{feature}" for feature in near])
            self._rows[row, _PREVIOUS] = self._sum([f"1{feature}" for feature in near])
            self._rows[row, _NEXT_BUT_ONE] = self._sum([f"-2{feature}" for feature in near[:3]])
            self._rows[row, _LAST_BUT_ONE] = self._sum([f"2{feature}" for feature in near[:3]])
        return row

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
