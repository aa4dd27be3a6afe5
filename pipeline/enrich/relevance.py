"""Whether a mention that matches a topic is about it: learnt, topic by topic, from analysts' marks.

"Bahn" is a company, a tram, a lane and a lap. For each topic with marks of both kinds there is a
small logistic regression over the words, pairs of words and the host of a mention; below
``LEAST`` marks nothing is said. The score is a probability. A mention that was marked itself has
the mark's word, 1 or 0.

Training is deterministic: the same marks, in whatever order they came, make the same model, so all
workers agree. Marks hold hashed features and no text. Marks and words are bounded, so is the time.
"""

import hashlib
import math
import random
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Final
from zlib import crc32

import msgspec

from pipeline.enrich.text import View
from pipeline.enrich.watchlist.spelling import WORDS, fold
from schemas.correction import FEATURES, Correction
from schemas.mention import EnrichedMention, Match, Producer, Relevance

__all__ = ["LEAST", "MOST_MARKS", "Model", "Relevances", "features"]

LEAST: Final = 30
"""Marks of a topic from which on it has a model."""
MOST_MARKS: Final = 5_000
"""Newest marks of a topic that are learnt from."""
_READ: Final = 150
"""Words of a mention that are read."""
_ROUNDS: Final = 3
_RATE: Final = 0.5
_SMALL: Final = 1e-8
_FARTHEST: Final = 30.0


def features(mention: EnrichedMention, text: View, title: View | None = None) -> tuple[int, ...]:
    """What a mention is judged by, as 32-bit hashes: words, pairs of words, the host."""
    said = f"{title.text} {text.text}" if title is not None else text.text
    words = WORDS.findall(fold(said))[:_READ]
    named = {f"w {word}" for word in words}
    named |= {f"p {one} {two}" for one, two in pairwise(words)}
    named.add(f"s {mention.site or ''}")
    return tuple(sorted({crc32(name.encode(errors="replace")) for name in named}))


class Model:
    """A logistic regression with AdaGrad steps, over sets of features."""

    def __init__(self, examples: Sequence[tuple[Sequence[int], bool]]) -> None:
        self._weights: dict[int, float] = {}
        self._bias = 0.0
        squares: dict[int, float] = {}
        order = list(examples)
        dice = random.Random(0)
        for _ in range(_ROUNDS):
            dice.shuffle(order)
            for found, relevant in order:
                self._learn(found, squares, relevant=relevant)

    def _learn(self, found: Sequence[int], squares: dict[int, float], *, relevant: bool) -> None:
        error = relevant - self.score(found)
        self._bias += 0.1 * _RATE * error
        step = error / math.sqrt(len(found) or 1)
        weights = self._weights
        for feature in found:
            square = squares[feature] = squares.get(feature, 0.0) + step * step
            rate = _RATE / math.sqrt(square + _SMALL)
            weights[feature] = weights.get(feature, 0.0) + rate * step

    def score(self, found: Sequence[int]) -> float:
        """The probability that a mention with these features is relevant."""
        weights = self._weights
        total = sum([weights.get(feature, 0.0) for feature in found])
        total = self._bias + total / math.sqrt(len(found) or 1)
        return 1 / (1 + math.exp(-max(min(total, _FARTHEST), -_FARTHEST)))


class Relevances:
    """The models of all topics, and the marks themselves.

    Args:
        marks: all that are in force, by mention and topic.
        known: from an earlier set of marks; a topic whose marks are the same keeps its model.
    """

    def __init__(
        self,
        marks: Mapping[tuple[str, str], Correction] | None = None,
        known: "Relevances | None" = None,
    ) -> None:
        self._marks = dict(marks or {})
        self._models: dict[str, tuple[str, Model]] = {}
        by_topic: dict[str, list[Correction]] = {}
        for mark in self._marks.values():
            by_topic.setdefault(mark.topic, []).append(mark)
        for topic, found in by_topic.items():
            newest = sorted(found, key=lambda mark: (mark.at, mark.mention))[-MOST_MARKS:]
            version = _version(newest)
            before = known and known._models.get(topic)  # noqa: SLF001 - its own kind
            if before and before[0] == version:
                self._models[topic] = before
            elif len(newest) >= LEAST and len({mark.relevant for mark in newest}) > 1:
                self._models[topic] = (
                    version,
                    Model([(mark.features, mark.relevant) for mark in newest]),
                )
        self._topics = frozenset(by_topic)

    def judge(self, mention: EnrichedMention, text: View, title: View | None) -> tuple[Match, ...]:
        """The mention's matches, each with its relevance where anything is known about it."""
        if self._topics.isdisjoint([match.topic for match in mention.matches]):
            return mention.matches
        found = features(mention, text, title)
        known: dict[str, Relevance | None] = {}
        for match in mention.matches:
            if match.topic not in known:
                known[match.topic] = self._judge(mention.id, match.topic, found)
        return tuple(
            msgspec.structs.replace(match, relevance=known[match.topic])
            for match in mention.matches
        )

    def _judge(self, mention_id: str, topic: str, found: Sequence[int]) -> Relevance | None:
        mark = self._marks.get((mention_id, topic))
        if mark is not None:
            by = Producer(name="mark", version="1")
            score = float(mark.relevant)
            return Relevance(score=score, by=by, marked_by=mark.by, marked_at=mark.at)
        if topic not in self._models:
            return None
        version, model = self._models[topic]
        return Relevance(
            score=round(model.score(found), 3), by=Producer(name="relevance", version=version)
        )


def _version(marks: Iterable[Correction]) -> str:
    """How many marks, and which."""
    seen = [(mark.mention, mark.relevant, mark.features) for mark in marks]
    digest = hashlib.sha256(msgspec.json.encode([FEATURES, seen])).hexdigest()[:12]
    return f"{len(seen)}-{digest}"
