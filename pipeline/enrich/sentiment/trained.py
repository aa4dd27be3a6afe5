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
from bisect import bisect_left
from collections.abc import Sequence
from typing import Final, NamedTuple, TypeAlias

from pipeline.enrich.parts import SentimentScorer, Text
from pipeline.enrich.portions import portions
from pipeline.enrich.sentiment.model import Model
from pipeline.enrich.sentiment.scorer import Hit, LexiconScorer
from pipeline.enrich.sentiment.sheet import Sheet, Vocabulary
from pipeline.enrich.sentiment.stars import READ, Stars, given
from pipeline.enrich.sentiment.tokens import MOST
from pipeline.enrich.text import View
from schemas.mention import Label, Producer, Sentiment, Span, Term

__all__ = ["PLAIN", "TrainedScorer", "odds", "plain", "rank", "toned", "turned"]

PLAIN: Final = 2 + 6
"""How many plain features there are: the lexicon's good and bad, and signs of the kind of text."""
_ROOM: Final = 4.0
_DILUTE: Final = 0.02
"""How much each character weakens what the lexicon found."""
_DOCUMENT: Final = 0.35
"""How much the document counts beside a clause of it."""
_SMALL: Final = 0.001
"""What a result's numbers are rounded to."""
_SLIGHT: Final = 0.05
"""Shares below this are no reason worth naming."""
_MOST_TERMS: Final = 20
_STARS: Final = 3.0
"""What a full rating adds to its side, and takes from the other."""
_SIDE: Final = 1.5
"""What a middling rating takes from both sides."""


class _Field(NamedTuple):
    """A text or a title on a sheet."""

    view: View
    sheet: Sheet
    number: int
    """Of the text on the sheet."""


class _Reading(NamedTuple):
    """What speaks for negative and for positive in a text, and what that rests on."""

    field: _Field
    negative: float
    positive: float
    first: int
    """Its first token."""
    last: int
    """The one behind its last token."""
    length: float
    """What each token is divided by."""
    hits: list[Hit]
    size: float
    """What each hit is divided by."""
    turned: frozenset[int]
    """Tokens that were not added."""


_Share: TypeAlias = tuple[float, int, int, float]
"""A rank, from, to, and how much more positive the text is because of what stands there."""


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
    prose = view.prose
    kinds = {mark.kind for mark in view.marks if start <= mark.start < end}
    features = [
        good / size,
        bad / size,
        float(not hits),
        float(prose.find("!", start, end) >= 0),
        float(prose.find("?", start, end) >= 0),
        float("link" in kinds),
        float("handle" in kinds),
        float("hashtag" in kinds),
    ]
    return features, size


class TrainedScorer(SentimentScorer):
    """Scores texts of one language; not to be used by several threads at once."""

    def __init__(self, model: Model, lexicon: LexiconScorer) -> None:
        self.by = Producer(
            name=f"trained-{model.language}", version=f"{model.version}+{lexicon.by.version}"
        )
        self.model = model
        self._lexicon = lexicon
        self._vocabulary = Vocabulary(model, lexicon)

    def judge(self, texts: Sequence[Text]) -> list["TrainedTone"]:
        """Judge texts; see ``SentimentScorer``."""
        return [tone for some in portions(texts, MOST, _characters) for tone in self._judge(some)]

    def _judge(self, texts: Sequence[Text]) -> list["TrainedTone"]:
        """Judge as many texts as one sheet holds."""
        read = [given(*text) for text in texts]
        fields = self.lay_out(
            [
                (view, 0, min(len(view.prose), READ))
                for _, *views in read
                for view in views
                if view is not None
            ]
        )
        readings = [self.read(one, 0, READ) for one in fields]
        telling = fields[0].sheet.telling([_SLIGHT * one.length for one in readings])
        left = zip(readings, telling, strict=True)
        tones = []
        for prior, _, title in read:
            told = [next(left)] if title is None else [next(left), next(left)]
            sentiment = self._sentiment(prior, told)
            tones.append(TrainedTone(sentiment, self, [reading.field for reading, _ in told]))
        return tones

    def _sentiment(
        self, prior: Stars | None, told: Sequence[tuple[_Reading, Sequence[int]]]
    ) -> Sentiment:
        """What stars, a text and its title say together.

        Args:
            prior: the stars.
            told: the text, then the title: what was read, and the tokens that are reasons.
        """
        (reading, tokens), *titles = told
        negative, positive = reading.negative, reading.positive
        terms = self._terms(reading, tokens)
        for other, others in titles:
            # The text's sums have the bias already.
            negative += other.negative - self.model.bias[0]
            positive += other.positive - self.model.bias[1]
            # Spans speak of the text, so the title's words go without.
            terms += [Term(text=t.text, weight=t.weight) for t in self._terms(other, others)]
        if prior is not None:
            push, lift = _STARS * prior.value, _SIDE * (abs(prior.value) - 0.5)
            positive += push + lift
            negative += lift - push
            terms.append(Term(text=prior.said, weight=round(2 * push, 3), span=prior.span))
        if titles or prior is not None:
            terms.sort(key=rank)
        return self.result(negative, positive, terms[:_MOST_TERMS])

    def lay_out(self, parts: Sequence[tuple[View, int, int]]) -> list[_Field]:
        """Put parts of texts on a sheet: the text, from where, and to where."""
        sheet = Sheet(
            [(view.prose.replace("\u2019", "'"), start, end) for view, start, end in parts],
            self._vocabulary,
        )
        return [_Field(view, sheet, number) for number, (view, *_) in enumerate(parts)]

    def read(self, field: _Field, start: int, end: int) -> _Reading:
        """Add up what stands in ``prose[start:end]``."""
        model, (view, sheet, number) = self.model, field
        end = min(end, len(view.prose))
        first, last = sheet.between(number, start, end)
        negative, positive, square = sheet.sums(first, last)
        met = sheet.met(first, last)
        hits = self._lexicon.joined(sheet.texts[number], start, end, met) if met else []
        left_out = frozenset(
            [bisect_left(sheet.starts, place, first, last) for place in turned(hits)]
        )
        for token in left_out:
            less, fewer, shorter = sheet.sums(token, token + 1)
            negative -= less
            positive -= fewer
            square -= shorter
        length = math.sqrt(1.0 + square)
        features, size = plain(view, hits, start, end)
        negative = model.bias[0] + negative / length
        positive = model.bias[1] + positive / length
        for value, (bad, good) in zip(features, model.plain, strict=True):
            if value:
                negative += value * bad
                positive += value * good
        return _Reading(field, negative, positive, first, last, length, hits, size, left_out)

    def says(self, reading: _Reading) -> bool:
        """Whether anything in what was read is a reason."""
        if reading.hits:
            return True
        least = _SLIGHT * reading.length
        shares = reading.field.sheet.shares[reading.first : reading.last]
        return any(not -least < one < least for one in shares)

    def _shares(self, reading: _Reading, tokens: Sequence[int]) -> list[_Share]:
        """Every reason's share in the difference, the heaviest first."""
        (good_bad, good_good), (bad_bad, bad_good) = self.model.plain[:2]
        sheet, length, size = reading.field.sheet, reading.length, reading.size
        starts, ends, owns = sheet.starts, sheet.ends, sheet.shares
        done = set(reading.turned)
        shares = []
        for hit in reading.hits:
            token = bisect_left(starts, hit.start, reading.first, reading.last)
            slope = good_good - good_bad if hit.weight > 0 else bad_bad - bad_good
            weight = hit.weight / size * slope
            if token not in done:
                weight += owns[token] / length
                done.add(token)
            shares.append((-abs(weight), *hit.phrase(), weight))
        shares += [
            (-abs(weight := owns[token] / length), starts[token], ends[token], weight)
            for token in tokens
            if token not in done
        ]
        shares.sort()
        return shares

    def _terms(self, reading: _Reading, tokens: Sequence[int]) -> list[Term]:
        """The heaviest reasons, in their order."""
        view = reading.field.view
        terms = []
        original, starts, ends = view.original, view.starts, view.ends
        for _, start, end, weight in self._shares(reading, tokens)[:_MOST_TERMS]:
            at, to = start, end
            if starts is not None and ends is not None:
                at, to = starts[start], ends[end - 1]
            written = original[at:to][:200]
            terms.append(Term(text=written, weight=round(weight, 3), span=Span(at, to)))
        return terms

    def result(self, negative: float, positive: float, terms: Sequence[Term]) -> Sentiment:
        """What sums stand for."""
        heat = self.model.heat
        return toned(heat * negative, heat * positive, terms, self.by)


class TrainedTone:
    """What a model makes of a text, and of its clauses."""

    def __init__(
        self, sentiment: Sentiment, scorer: TrainedScorer, fields: Sequence[_Field]
    ) -> None:
        self.sentiment = sentiment
        self._scorer = scorer
        self._fields = fields

    def clause(self, view: View, start: int, end: int) -> Sentiment | None:
        """Judge one clause; see ``Tone``.

        What the clause says is added to some third of what the document says: short ones leave much
        unsaid (measured by ``benchmarks/quality.py``).
        """
        scorer, end = self._scorer, min(end, start + READ)
        for field in self._fields:
            if field.view is view and end <= READ:
                break
        else:  # of a very long text only some parts were read, and typed stars were left out
            (field,) = scorer.lay_out([(view, start, end)])
        reading = scorer.read(field, start, end)
        if not scorer.says(reading):
            return None
        bad, good = odds(self.sentiment)
        model = scorer.model
        negative = reading.negative + _DOCUMENT * bad / model.heat - model.bias[0]
        positive = reading.positive + _DOCUMENT * good / model.heat - model.bias[1]
        return scorer.result(negative, positive, [])


def rank(term: Term) -> float:
    """What terms are sorted by: the heaviest first."""
    return -abs(term.weight)


def _characters(text: Text) -> int:
    """How much of a text and its title is read, and a separator for each."""
    return sum([min(len(one.prose), READ) + 1 for one in (text.view, text.title) if one])


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


def toned(negative: float, positive: float, terms: Sequence[Term], by: Producer) -> Sentiment:
    """The result that odds stand for; see ``odds``, whose opposite it is.

    Args:
        negative: of negative against neutral.
        positive: of positive against neutral.
        terms: what they rest on, the heaviest first; the first 20 are named.
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
    return Sentiment(
        label=label,
        score=round((good - bad) / total, 3),
        confidence=round(sure, 3),
        by=by,
        terms=tuple(terms[:_MOST_TERMS]),
    )
