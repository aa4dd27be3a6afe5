"""The tone of a text from the words, emoji and emoticons in it: one scorer for every lexicon.

Each word with a tone is a hit. An intensifier before it strengthens or weakens it, a negation
within four words turns and weakens it (``nicht schlecht`` is mildly good), capitals and an
exclamation mark strengthen it, a stop or ``but`` ends the reach of all of these, unless ``aber``
stands within the clause: ``gefällt mir aber nicht``. What is said of the clause as a whole is never
turned, and stands in no negation's way: ``gefällt mir leider nicht``. Over ``und`` and
``and`` a negation does not reach back, and forward only to what is of one kind with what it has
turned already: ``nicht schön und gut`` are two things missing, ``nicht gut und teuer`` is one.
A phrase (``phrases``) is read as one word. The score is the sum of the hits, squashed to -1 to 1.
Stars, where the author gave any, weigh as much as all words. At most ``READ`` characters are read.
"""

import math
from collections.abc import Sequence
from typing import Final, NamedTuple, TypeAlias

from pipeline.enrich.parts import SentimentScorer, Text
from pipeline.enrich.sentiment import emoji
from pipeline.enrich.sentiment.grams import SILENT, STRETCHED, TOKEN
from pipeline.enrich.sentiment.lexicon import Lexicon, Word
from pipeline.enrich.sentiment.phrases import Phrase, Phrases
from pipeline.enrich.sentiment.stars import READ, given
from pipeline.enrich.text import View
from schemas.mention import Label, Producer, Rating, Sentiment, Term

__all__ = ["READ", "Hit", "LexiconScorer", "Meaning", "Met", "together"]

_REACH: Final = 4
"""Words that a negation reaches forward; the same back, where the language allows it."""
_LOUD: Final = 1.25
_SQUASH: Final = 4.0
_DILUTE: Final = 0.02
"""How much each character weakens what is said: long texts say more, and less clearly."""
_STARS: Final = 3.0
"""What a full rating weighs, in words."""
_SIGN: Final = 1.5
"""What an emoji or emoticon weighs, in words."""
_MOST_SAME: Final = 3
"""How often one emoji in a row counts."""
_MOST_TERMS: Final = 20


class Meaning(NamedTuple):
    """What a token says by itself: a word of the lexicon, a sign's tone; a stop has neither."""

    word: Word | None = None
    sign: float | None = None


Met: TypeAlias = tuple[str, int, int, int, Meaning]
"""A token that says something: as written, from, to, how many words there are by then, and what."""
_STOP: Final = Meaning()


def together(prose: str, phrase: Phrase, index: int) -> Met:
    """A phrase as one token; ``index`` is the place, among the words, of what it was found by."""
    start, end, word = phrase
    return prose[start:end], start, end, index, Meaning(word)


class Hit:
    """One word or sign with a tone, at ``prose[start:end]``."""

    __slots__ = ("boost", "end", "index", "negation", "start", "turns", "weight")

    def __init__(self, weight: float, start: int, end: int, index: int, boost: float) -> None:
        self.weight = weight
        self.start = start
        self.end = end
        self.index = index  # its place among the words; a sign has none
        self.boost = boost  # what it does to the tone of a word right after it
        self.turns = index > 0  # whether a negation can turn it
        self.negation: tuple[int, int] | None = None  # the word that turned it

    def turn(self, negation: tuple[int, int], factors: tuple[float, float]) -> None:
        """Make it mean the opposite, because of the word that stands there."""
        praise, blame = factors
        self.weight *= praise if self.weight > 0 else blame
        self.negation = negation

    def phrase(self) -> tuple[int, int]:
        """From the word, or the negation that turned it, to the end of both."""
        if self.negation is None:
            return self.start, self.end
        return min(self.start, self.negation[0]), max(self.end, self.negation[1])


class LexiconScorer(SentimentScorer):
    """Scores texts with one lexicon."""

    def __init__(self, lexicon: Lexicon, by: Producer) -> None:
        self.by = by
        self._words = lexicon.words
        self._low, self._high = lexicon.neutral
        self._turned = lexicon.turned
        self._particles = lexicon.particles
        self._pairs = lexicon.pairs
        self.phrases = Phrases(lexicon.phrases)

    def judge(self, texts: Sequence[Text]) -> list["LexiconTone"]:
        """Judge texts; see ``SentimentScorer``."""
        return [LexiconTone(self._judge(*text), self) for text in texts]

    def _judge(self, view: View, title: View | None, rating: Rating | None) -> Sentiment:
        prior, view, title = given(view, title, rating)
        terms = self._terms(view, 0, READ)
        if title is not None:
            # Spans speak of the text, so the title's words go without.
            terms += [
                Term(text=term.text, weight=term.weight) for term in self._terms(title, 0, READ)
            ]
        if prior is not None:
            weight = round(prior.value * _STARS, 3)
            terms.append(Term(text=prior.said, weight=weight, span=prior.span))
        return self._sentiment(terms, min(len(view.prose), READ))

    def clause(self, view: View, start: int, end: int) -> Sentiment | None:
        """Judge one clause; see ``Tone``. A word of its own outweighs the rest of the text."""
        terms = self._terms(view, start, min(end, start + READ))
        return self._sentiment(terms, end - start) if terms else None

    def _sentiment(self, terms: list[Term], length: int) -> Sentiment:
        total = sum(term.weight for term in terms)
        score = total / math.sqrt(total * total + _SQUASH + _DILUTE * length)
        label: Label = "neutral"
        if score > self._high:
            label = "positive"
        elif score < self._low:
            label = "negative"
        if len(terms) > 1:
            terms.sort(key=lambda term: -abs(term.weight))
        return Sentiment(
            label=label,
            score=round(score, 3),
            confidence=_confidence(label, score, len(terms)),
            by=self.by,
            terms=tuple(terms[:_MOST_TERMS]),
        )

    def _terms(self, view: View, start: int, end: int) -> list[Term]:
        terms = []
        for hit in self.hits(view.prose, start, end):
            span = view.span(*hit.phrase())
            terms.append(
                Term(text=view.written(span)[:200], weight=round(hit.weight, 3), span=span)
            )
        return terms

    def hits(self, prose: str, start: int, end: int) -> list[Hit]:
        """Every word and sign with a tone in ``prose[start:end]``, in order."""
        prose = prose.replace("\u2019", "'")
        met: list[Met] = []
        index = 0
        read = start  # up to here, by a phrase
        tokens = list(TOKEN.finditer(prose, start, end))
        phrases = dict(
            self.phrases.among(prose, [(one.start(), one[0]) for one in tokens], start, end)
        )
        for match in tokens:
            token = match[0]
            index += token[0].isalnum()
            at, to = match.span()
            if at < read:
                continue
            if phrase := phrases.get(at):
                while met and met[-1][1] >= phrase.start:
                    met.pop()
                read = phrase.end
                met.append(together(prose, phrase, index))
                continue
            meaning = self.meaning(token)
            if meaning is not None:
                met.append((token, at, to, index, meaning))
        return self.joined(prose, start, end, met)

    def meaning(self, token: str) -> Meaning | None:
        """What one token (``grams.TOKEN``) says, whatever stands around it; None for nothing."""
        first = token[0]
        if first.isalnum():
            word = self._words.get(token.lower()) or self._squeezed(token)
            return Meaning(word) if word else None
        if first in ".!?" or token in SILENT:
            return _STOP
        if first == "\u2026":
            return None
        return Meaning(sign=emoji.emoji(token) if len(token) == 1 else emoji.emoticon(token))

    def joined(  # noqa: C901, PLR0912, PLR0915 - one pass with its state in local names, for speed
        self, prose: str, start: int, end: int, met: Sequence[Met]
    ) -> list[Hit]:
        """What tokens say together: every word and sign with a tone, in order.

        Args:
            prose: the text, apostrophes straight.
            start: where its part begins.
            end: where that ends.
            met: the tokens of the part that say something, in order.
        """
        shouts = prose[start:end].isupper()
        hits: list[Hit] = []
        clause = 0  # the first hit of this clause
        joined = 0  # the first hit that a negation may turn back
        boosted, boost, booster = -9, 1.0, ""
        negated = -9
        negation = (0, 0)  # where that word stands
        turned = -9  # the word after which a negation waits for something before it to turn
        side = 0.0  # the tone of what the negation turned first
        only = 0.0  # the tone that it may turn from here on; 0 for any
        last_sign, run = "", 0
        for token, at, to, index, (word, tone) in met:
            if word is not None:
                weight, own_boost, negates, postposed, breaks, lifts, joins, remarks = word
                if lifts and negated == index - 1:
                    negated = turned = -9
                    continue
                if joins:
                    if _turn_back(hits, max(clause, joined), turned, negation, self._turned):
                        negated = -9
                    joined, turned, only = len(hits), -9, side or 1.0
                if breaks and not self._particle(prose, at, end):
                    _turn_back(hits, max(clause, joined), turned, negation, self._turned)
                    clause, negated, turned = len(hits), -9, -9
                if negates:
                    negated, negation, side, only = index, (at, to), 0.0, 0.0
                    turned = index if postposed else -9
                elif weight:
                    before = hits[-1] if len(hits) > clause else None
                    if before is not None and before.index == index - 1 and before.boost != 1:
                        weight *= before.boost  # an adverb that has a tone of its own: awfully good
                        hits.pop()
                    elif index - boosted <= 2:  # noqa: PLR2004 - one word may stand between
                        weight *= self._pairs.get((booster, token.lower()), boost)
                    if not shouts and len(token) > 2 and token.isupper():  # noqa: PLR2004 - as XD
                        weight *= _LOUD
                    hit = Hit(weight, at, to, index, own_boost)
                    if remarks:
                        hit.turns = False
                    elif index - negated <= _REACH and weight * only >= 0:
                        side = side or weight
                        hit.turn(negation, self._turned)
                        turned = -9
                    hits.append(hit)
                elif own_boost != 1:
                    boosted, boost, booster = index, own_boost, token.lower()
            elif tone is None:
                if token[0] == "!" and hits and hits[-1].index >= 0 and clause < len(hits):
                    hits[-1].weight *= _LOUD
                _turn_back(hits, max(clause, joined), turned, negation, self._turned)
                clause, negated, turned, boosted = len(hits), -9, -9, -9
            else:
                run = run + 1 if token == last_sign else 1
                last_sign = token
                if tone and run <= _MOST_SAME:
                    hits.append(Hit(tone * _SIGN, at, to, -9, 1.0))
        _turn_back(hits, max(clause, joined), turned, negation, self._turned)
        return hits

    def _particle(self, prose: str, start: int, end: int) -> bool:
        """Whether a word that could begin a clause stands within one."""
        return self._particles is not None and bool(self._particles.match(prose, start, end))

    def _squeezed(self, token: str) -> Word | None:
        """A stretched word (``sooo``, ``geiiil``) as it is usually written."""
        if STRETCHED.search(token) is None:
            return None
        lower = token.lower()
        return self._words.get(STRETCHED.sub(r"\1", lower)) or self._words.get(
            STRETCHED.sub(r"\1\1", lower)
        )


class LexiconTone:
    """What a lexicon makes of a text."""

    def __init__(self, sentiment: Sentiment, scorer: LexiconScorer) -> None:
        self.sentiment = sentiment
        self.clause = scorer.clause


def _turn_back(
    hits: list[Hit],
    clause: int,
    turned: int,
    negation: tuple[int, int],
    factors: tuple[float, float],
) -> bool:
    """Turn the last word with a tone before a negation that had none after it, if there is one."""
    if turned < 0:
        return False
    for hit in reversed(hits[clause:]):
        if hit.turns:
            if turned - hit.index > _REACH:
                break
            hit.turn(negation, factors)
            return True
    return False


def _confidence(label: Label, score: float, terms: int) -> float:
    """How often such a label was right on labelled tweets (fitted on training sets)."""
    if label == "neutral":
        return 0.3 if terms else 0.6
    return round(0.4 + 0.6 * abs(score), 2)
