"""The tone of a text by a trained model: hashed pieces of words, and what a lexicon finds.

The sums for negative and for positive are the bias, the weights of all tokens (divided by the root
of their number, so that long texts are no louder than short ones) and the weights of the plain
features: what the lexicon's hits add up to, with negation and intensifiers already in it, and a few
signs of the kind of text. Each token and each hit adds its own share, so the terms of a result are
those shares: how much more the text is positive than negative because of that word. Stars, where
the author gave any, add to the sums too. At most ``READ`` characters are read.

Versions: the model's, a plus sign, and that of the lexicon and the rules.
"""

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

from pipeline.enrich.sentiment.grams import GRAM, TOKEN, pieces
from pipeline.enrich.sentiment.model import Model
from pipeline.enrich.sentiment.scorer import Hit, LexiconScorer
from pipeline.enrich.sentiment.stars import READ, given
from pipeline.enrich.text import View
from schemas.mention import Label, Producer, Rating, Sentiment, Span, Term

__all__ = ["PLAIN", "TrainedScorer", "odds", "plain", "square", "toned", "turned"]

PLAIN: Final = 2 + 6
"""How many plain features there are: the lexicon's good and bad, and ``_signs``."""
_ROOM: Final = 4.0
_DILUTE: Final = 0.02
"""How much each character weakens what the lexicon found."""
_DOCUMENT: Final = 0.35
"""How much the document counts beside a clause of it."""
_SMALL: Final = 0.001
"""What a result's numbers are rounded to."""
_REMEMBERED: Final = 50_000
"""Tokens whose weights are remembered, a model."""
_LONG: Final = 40
"""Characters of the longest token that is remembered: hardly any comes again that is longer."""
_SLIGHT: Final = 0.05
"""Shares below this are no reason worth naming."""
_MOST_TERMS: Final = 20
_STARS: Final = 3.0
"""What a full rating adds to its side, and takes from the other."""
_SIDE: Final = 1.5
"""What a middling rating takes from both sides."""


class _Token(NamedTuple):
    """What a model makes of one token."""

    negative: float
    positive: float
    square: float
    """Its part in the length of the text's vector."""


class _Share(NamedTuple):
    start: int
    end: int
    weight: float


def square(buckets: Sequence[int]) -> float:
    """The squared length of a token's vector, overlaps aside."""
    return 1.0 + GRAM * GRAM * (len(buckets) - 1)


def turned(hits: Sequence[Hit]) -> frozenset[int]:
    """Where tokens stand that are not hashed: turned words, and the negations that turned them.

    Alone they mean the opposite of what they mean together: ``nicht schlecht``.
    """
    return frozenset(
        [place for hit in hits if hit.negation for place in (hit.start, hit.negation[0])]
    )


def plain(view: View, hits: Sequence[Hit], start: int, end: int) -> tuple[list[float], float]:
    """The plain features of ``prose[start:end]``, and what each hit was divided by."""
    good = bad = 0.0
    for hit in hits:
        if hit.weight > 0:
            good += hit.weight
        else:
            bad -= hit.weight
    size = math.sqrt(good * good + bad * bad + _ROOM + _DILUTE * (end - start))
    return [good / size, bad / size, float(not hits), *_signs(view, start, end)], size


def _signs(view: View, start: int, end: int) -> list[float]:
    prose = view.prose
    kinds = {mark.kind for mark in view.marks if start <= mark.start < end}
    return [
        float(prose.find("!", start, end) >= 0),
        float(prose.find("?", start, end) >= 0),
        float("link" in kinds),
        float("handle" in kinds),
        float("hashtag" in kinds),
    ]


class TrainedScorer:
    """Scores texts of one language."""

    def __init__(self, model: Model, lexicon: LexiconScorer) -> None:
        self.by = Producer(
            name=f"trained-{model.language}", version=f"{model.version}+{lexicon.by.version}"
        )
        self.model = model
        self._lexicon = lexicon
        self._weights = model.weights()
        self._tokens: dict[str, _Token] = {}

    def score(
        self, view: View, title: View | None = None, rating: Rating | None = None
    ) -> Sentiment:
        """Judge a whole text; see ``SentimentScorer``."""
        prior, view, title = given(view, title, rating)
        negative, positive, shares = self._sums(view, 0, min(len(view.prose), READ))
        terms = self._terms(view, shares)
        if title is not None:
            more, most, others = self._sums(title, 0, min(len(title.prose), READ))
            # The text's sums have the bias already.
            negative += more - self.model.bias[0]
            positive += most - self.model.bias[1]
            # Spans speak of the text, so the title's words go without.
            terms += [Term(text=t.text, weight=t.weight) for t in self._terms(title, others)]
        if prior is not None:
            push, lift = _STARS * prior.value, _SIDE * (abs(prior.value) - 0.5)
            positive += push + lift
            negative += lift - push
            terms.append(Term(text=prior.said, weight=round(2 * push, 3), span=prior.span))
        return self._sentiment(negative, positive, terms)

    def clause(self, view: View, start: int, end: int, document: Sentiment) -> Sentiment | None:
        """Judge one clause, without naming terms; see ``SentimentScorer``.

        What the clause says is added to some third of what the document says: short ones leave much
        unsaid (measured by ``benchmarks/quality.py``).
        """
        negative, positive, shares = self._sums(view, start, min(end, start + READ))
        if not shares:
            return None
        bad, good = odds(document)
        negative += _DOCUMENT * bad / self.model.heat - self.model.bias[0]
        positive += _DOCUMENT * good / self.model.heat - self.model.bias[1]
        return self._sentiment(negative, positive, [])

    def _sums(self, view: View, start: int, end: int) -> tuple[float, float, list[_Share]]:
        """What speaks for negative and for positive, and each word's share in the difference."""
        model, tokens = self.model, self._tokens
        prose = view.prose.replace("\u2019", "'")
        negative = positive = 0.0
        length = 1.0
        found: dict[int, tuple[int, float]] = {}
        hits = self._lexicon.hits(view.prose, start, end)
        left_out = turned(hits)
        for match in TOKEN.finditer(prose, start, end):
            if left_out and match.start() in left_out:
                continue
            token = tokens.get(match[0])
            if token is None:
                token = self._weigh(match[0])
            negative += token.negative
            positive += token.positive
            length += token.square
            found[match.start()] = (match.end(), token.positive - token.negative)
        length = math.sqrt(length)
        features, size = plain(view, hits, start, end)
        negative = model.bias[0] + negative / length
        positive = model.bias[1] + positive / length
        for value, (bad, good) in zip(features, model.plain, strict=True):
            if value:
                negative += value * bad
                positive += value * good
        (good_bad, good_good), (bad_bad, bad_good) = model.plain[:2]
        shares = []
        for hit in hits:
            slope = good_good - good_bad if hit.weight > 0 else bad_bad - bad_good
            _, own = found.pop(hit.start, (0, 0.0))
            shares.append(_Share(*hit.phrase(), own / length + hit.weight / size * slope))
        least = _SLIGHT * length
        shares += [
            _Share(at, to, own / length)
            for at, (to, own) in found.items()
            if not -least < own < least
        ]
        return negative, positive, shares

    def _weigh(self, written: str) -> _Token:
        """What the model makes of a token, remembered."""
        weights, scale = self._weights, self.model.scale
        buckets = pieces(written)
        whole, *parts = buckets
        negative = weights[2 * whole] + GRAM * sum([weights[2 * part] for part in parts])
        positive = weights[2 * whole + 1] + GRAM * sum([weights[2 * part + 1] for part in parts])
        token = _Token(scale * negative, scale * positive, square(buckets))
        if len(written) <= _LONG:
            if len(self._tokens) >= _REMEMBERED:
                self._tokens.clear()
            self._tokens[written] = token
        return token

    def _terms(self, view: View, shares: list[_Share]) -> list[Term]:
        shares.sort(key=_heaviest)
        terms = []
        original, starts, ends = view.original, view.starts, view.ends
        for start, end, weight in shares[:_MOST_TERMS]:
            at, to = start, end
            if starts is not None and ends is not None:
                at, to = starts[start], ends[end - 1]
            written = original[at:to][:200]
            terms.append(Term(text=written, weight=round(weight, 3), span=Span(at, to)))
        return terms

    def _sentiment(self, negative: float, positive: float, terms: list[Term]) -> Sentiment:
        heat = self.model.heat
        return toned(heat * negative, heat * positive, terms, self.by)


def odds(tone: Sentiment) -> tuple[float, float]:
    """How a result weighs negative and positive against neutral: natural logarithms of odds."""
    sure, score = tone.confidence, tone.score
    if tone.label == "neutral":
        good, bad = (1 - sure + score) / 2, (1 - sure - score) / 2
    elif tone.label == "positive":
        good, bad = sure, sure - score
    else:
        good, bad = sure + score, sure
    rest = math.log(max(1 - good - bad, _SMALL))
    return math.log(max(bad, _SMALL)) - rest, math.log(max(good, _SMALL)) - rest


def toned(negative: float, positive: float, terms: list[Term], by: Producer) -> Sentiment:
    """The result that odds stand for; see ``odds``, whose opposite it is.

    Args:
        negative: of negative against neutral.
        positive: of positive against neutral.
        terms: what they rest on, in any order.
        by: what judged it.
    """
    top = max(negative, positive, 0.0)
    bad = math.exp(negative - top)
    good = math.exp(positive - top)
    total = bad + good + math.exp(-top)
    label: Label = "neutral"
    if positive == top and top > 0:
        label, sure = "positive", good / total
    elif negative == top and top > 0:
        label, sure = "negative", bad / total
    else:
        sure = 1.0 - (bad + good) / total
    terms.sort(key=lambda term: -abs(term.weight))
    return Sentiment(
        label=label,
        score=round((good - bad) / total, 3),
        confidence=round(sure, 3),
        by=by,
        terms=tuple(terms[:_MOST_TERMS]),
    )


def _heaviest(share: _Share) -> float:
    return -abs(share.weight)
