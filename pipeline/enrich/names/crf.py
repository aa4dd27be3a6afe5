"""A linear-chain CRF over words: which of them are persons, organisations and places.

What a word is, is judged by what it shows itself, by what the two words on either side say of their
neighbours, and by what the labels say of each other. None of these looks at two words at once, so
all that a word contributes anywhere are rows of numbers, made when it is first met (``rows``).
Judging is then a sum of rows, and a search for the best labels (``viterbi``) only in the few
stretches where a name is possible at all. Texts are judged together, as one table of words with
edges in between.

Weights are fitted by ``benchmarks/train_names.py``; see ``data/MODEL_CARD.md``.
"""

import gzip
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, Final, Literal, NamedTuple, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec import Struct

from pipeline.enrich.names.rows import Numbers, Rows
from pipeline.enrich.names.table import MOST
from pipeline.enrich.names.viterbi import best
from pipeline.enrich.names.words import NEWLINE, OPENING, STOP, WORD
from pipeline.enrich.portions import portions

__all__ = ["Crf", "Kind", "Model", "Name", "lists", "load"]

Kind: TypeAlias = Literal["person", "organisation", "place"]

_MARGIN: Final = np.float32(3.0)
"""A word whose best name label is so far behind is no part of a name."""
_LONGEST: Final = 12
"""Words of the longest name."""


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
    """A name, and where in its text it stands."""

    start: int
    end: int
    kind: Kind


class _Run(NamedTuple):
    """A name: words ``first`` to ``last`` of all, the latter not included."""

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
        self._rows = Rows(model.weights, model.scale, lists)
        self._labels = model.labels
        self._kinds: list[Any] = [label[2:] for label in model.labels]
        self._transitions = _allowed(model)

    def names(self, texts: Sequence[str]) -> list[list[Name]]:
        """The names in each text, in order, none overlapping another.

        Args:
            texts: each shorter than ``table.MOST``, as what is read of mentions (``passages``).
        """
        return [found for some in portions(texts, MOST, _size) for found in self._names(some)]

    def _names(self, texts: Sequence[str]) -> list[list[Name]]:
        """The names in as many texts as are read at once."""
        found: list[list[Name]] = [[] for _ in texts]
        numbers, kinds, table = self._rows.read(texts)
        places = np.flatnonzero(kinds != NEWLINE)
        scores = self._rows.scores(numbers[places], _opening(kinds)[places])
        begins = (table.at + 2 * np.arange(1, len(texts) + 2)).tolist()
        for first, last, kind in self._runs(scores):
            text = bisect_right(begins, places[first]) - 1
            edges = 2 * (text + 1)
            start, end = table.starts[places[first] - edges], table.ends[places[last - 1] - edges]
            found[text].append(Name(int(start), int(end), kind))
        return found

    def _runs(self, scores: Numbers) -> list[_Run]:
        """The words that are names."""
        tops = scores[:, 1]
        for label in range(2, len(self._labels)):  # far faster than max(axis=1)
            tops = np.maximum(tops, scores[:, label])
        possible = np.flatnonzero(tops + _MARGIN > scores[:, 0])
        if not len(possible):
            return []
        ends = np.flatnonzero(possible[1:] - possible[:-1] != 1)
        lengths = np.diff(np.concatenate(([-1], ends, [len(possible) - 1])))
        labels = best(scores[possible].astype(np.float64), lengths, self._transitions)
        named = np.flatnonzero(labels)
        return self._named(possible[named].tolist(), labels[named].tolist())

    def _named(self, places: Sequence[int], labels: Sequence[int]) -> list[_Run]:
        """Put names together of the words that have a label."""
        found: list[_Run] = []
        for place, label in zip(places, labels, strict=True):
            if self._labels[label][0] == "B":
                found.append(_Run(place, place + 1, self._kinds[label]))
            elif place - found[-1].first < _LONGEST:
                found[-1] = found[-1]._replace(last=place + 1)
        return found


def _size(text: str) -> int:
    """Characters that are read of a text, and a separator."""
    return len(text) + 1


def _allowed(model: Model) -> npt.NDArray[np.float64]:
    """The transitions, without those into the middle of a name from outside of it."""
    table = np.array(model.transitions, np.float64)
    for place, label in enumerate(model.labels):
        if label[0] == "I":
            table[[other[2:] != label[2:] for other in model.labels], place] = -np.inf
    return table


def _opening(kinds: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """Which words open a sentence: before it, but for opening signs, ends another."""
    last = 2 * np.arange(len(kinds)) + (kinds >= STOP)  # the lowest bit says what it was
    last[kinds == OPENING] = 0
    opening = kinds == WORD
    opening[1:] &= np.maximum.accumulate(last)[:-1] & 1 == 1
    return opening
