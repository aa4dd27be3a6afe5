"""Many texts cut into tokens at once, with what a model and its lexicon make of each token.

What they make of a token does not depend on its neighbours. So it is weighed when it is first met,
together with all others that are new on its sheet (``weigh``), and kept as one row of numbers
(``Vocabulary``, ``known``); what the tokens of many texts add up to is then a few operations on
whole arrays (``Sheet``), not a step for each of them.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import groupby, pairwise
from typing import Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from pipeline.enrich.known import Known, Places
from pipeline.enrich.sentiment.grams import TOKEN
from pipeline.enrich.sentiment.model import Model
from pipeline.enrich.sentiment.phrases import Phrase, Phrases
from pipeline.enrich.sentiment.scorer import LexiconScorer, Meaning, Met, together
from pipeline.enrich.sentiment.weigh import Floats, Weigher

__all__ = ["MOST", "Part", "Sheet", "Sums", "Vocabulary"]

MOST: Final = 50_000
"""Characters on one sheet, and so tokens at most."""
_KEPT: Final = 60_000
"""Rows of a vocabulary; more than can stand on a sheet."""
_LONG: Final = 40
"""Characters of the longest token that is kept: hardly any comes again that is longer."""

Part: TypeAlias = tuple[str, int, int]
"""A text, apostrophes straight, and from where to where it is read."""
Rows: TypeAlias = npt.NDArray[np.int32]


class Sums(NamedTuple):
    """What tokens add up to."""

    negative: float
    positive: float
    square: float
    """The squared length of their vector."""


class Vocabulary:
    """The row of each token that was met; a new one gets the next, and is weighed by ``rows``.

    Not to be used by several threads at once.
    """

    def __init__(self, model: Model, lexicon: LexiconScorer) -> None:
        self.scale = model.scale
        """What ``Sums.negative`` and ``positive`` of ``sums`` are multiplied with."""
        self._weigher = Weigher(model.weights())
        self.lexicon = lexicon
        self.known = Known(_KEPT, self._move)
        self.sums: Floats = np.zeros((3, _KEPT))
        """As in ``Sums``, but in units of ``scale``: small multiples of a half, so that what they
        add up to is exact, and the same in whatever company."""
        self.words: Rows = np.zeros(_KEPT, np.int32)
        """1 for a word, 0 for a sign."""
        self.says = np.zeros(_KEPT, np.bool_)
        """Whether it has a meaning."""
        self.finds = np.zeros(_KEPT, np.bool_)
        """Whether phrases are found by it."""
        self.meanings: dict[int, Meaning] = {}

    def rows(self, tokens: Sequence[str]) -> Places:
        """The row of each token, ``MOST`` at most; they are valid until the next call."""
        assert len(tokens) <= MOST, "no sheet holds so many"  # noqa: S101 - its makers' business
        known = self.known
        try:
            found = known.numbers(tokens)
            self._weigh(known.next - len(known.new), known.new)
        except BaseException:
            known.forget()  # or one that cannot be weighed would be tried again with every text
            raise
        for token in known.new:
            if len(token) > _LONG:
                del known[token]
        known.new.clear()
        return found

    def _move(self, left: Places) -> None:
        """Keep the rows of the tokens that stay known."""
        self.sums[:, : len(left)] = self.sums[:, left]
        for made in (self.words, self.says, self.finds):
            made[: len(left)] = made[left]
        meanings = ((row, self.meanings.get(before)) for row, before in enumerate(left.tolist()))
        self.meanings = {row: meaning for row, meaning in meanings if meaning is not None}

    def _weigh(self, first: int, new: Sequence[str]) -> None:
        """Fill the rows of the new tokens, which start at ``first``."""
        if not new:
            return
        rows = slice(first, first + len(new))
        self.sums[:, rows] = self._weigher.sums(new)
        self.words[rows] = [token[0].isalnum() for token in new]
        meanings = list(map(self.lexicon.meaning, new))
        self.says[rows] = [meaning is not None for meaning in meanings]
        self.finds[rows] = list(map(self.lexicon.phrases.finds, new))
        self.meanings.update(
            (row, meaning) for row, meaning in enumerate(meanings, first) if meaning is not None
        )


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
        says = vocabulary.says[rows]
        found = np.flatnonzero(vocabulary.finds[rows]).tolist()
        phrases = self._phrases(parts, found, vocabulary.lexicon.phrases) if found else []
        for first, last, *_ in phrases:  # its words say what they say together alone
            sums[:, first:last] = 0
            says[first:last] = False
        self._summed = np.zeros((3, len(tokens) + 1))
        np.cumsum(sums, axis=1, out=self._summed[:, 1:])
        self._scale = vocabulary.scale
        self._shares = self._scale * (sums[1] - sums[0])
        self.shares: list[float] = self._shares.tolist()
        """How much more each token speaks for positive."""
        said = np.flatnonzero(says)
        self._said: list[int] = said.tolist()
        counted = np.cumsum(vocabulary.words[rows])
        words: list[int] = counted[said].tolist()
        meanings = vocabulary.meanings
        self._met: list[Met] = [
            (written := tokens[token], at := starts[token], at + len(written), word, meanings[row])
            for token, word, row in zip(self._said, words, rows[said].tolist(), strict=True)
        ]
        for first, _, by, text, phrase in phrases:
            place = bisect_left(self._said, first)
            self._said.insert(place, first)
            self._met.insert(place, together(self.texts[text], phrase, int(counted[by])))

    def _phrases(
        self, parts: Sequence[Part], tokens: Sequence[int], known: Phrases
    ) -> list[tuple[int, int, int, int, Phrase]]:
        """What phrases there are.

        Args:
            parts: what is read.
            tokens: those by which phrases are found, in order.
            known: the phrases.

        Returns:
            Of each its first token, the one behind its last, the one by which it was found, and
            the text in which it stands.
        """
        phrases = []
        for number, some in groupby(tokens, lambda token: bisect_right(self._at, token) - 1):
            text, start, end = parts[number]
            places = {self.starts[token]: token for token in some}
            found = [(at, self.tokens[token]) for at, token in places.items()]
            for at, phrase in known.among(text, found, start, end):
                first, last = self.between(number, phrase.start, phrase.end)
                phrases.append((first, last, places[at], number, phrase))
        return phrases

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
