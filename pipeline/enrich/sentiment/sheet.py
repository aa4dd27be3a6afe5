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

from pipeline.enrich.known import Known
from pipeline.enrich.letters import Pieces, Places
from pipeline.enrich.sentiment.model import Model
from pipeline.enrich.sentiment.phrases import Phrase, Phrases
from pipeline.enrich.sentiment.scorer import LexiconScorer, Meaning, Met, together
from pipeline.enrich.sentiment.tokens import Part, tokens
from pipeline.enrich.sentiment.weigh import Floats, Weigher

__all__ = ["Sheet", "Sums", "Vocabulary"]

_KEPT: Final = 60_000
"""Rows of a vocabulary; more than can stand on a sheet."""

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

    def rows(self, texts: Sequence[str], found: Pieces) -> Places:
        """The row of each token of texts, ``MOST`` at most; they are valid until the next call."""
        known = self.known
        try:
            rows, new = known.numbers(found.hashes)
            self._weigh(known.next - len(new), found.written(texts, new))
        except BaseException:
            known.forget()  # or one that cannot be weighed would be taken for one that was
            raise
        return rows

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
        found = tokens(parts)
        self.starts: list[int] = found.starts.tolist()
        """Where each token starts in its text."""
        self.ends: list[int] = found.ends.tolist()
        self._at: list[int] = found.at.tolist()
        rows = vocabulary.rows(self.texts, found)
        sums = vocabulary.sums[:, rows]
        says = vocabulary.says[rows]
        known = vocabulary.lexicon.phrases
        phrases = self._phrases(parts, found, np.flatnonzero(vocabulary.finds[rows]), known)
        for first, last, *_ in phrases:  # its words say what they say together alone
            sums[:, first:last] = 0
            says[first:last] = False
        summed = np.zeros((3, len(rows) + 1))
        np.cumsum(sums, axis=1, out=summed[:, 1:])
        self._summed: list[list[float]] = summed.tolist()
        self._scale = vocabulary.scale
        self._shares = self._scale * (sums[1] - sums[0])
        self.shares: list[float] = self._shares.tolist()
        """How much more each token speaks for positive."""
        said = np.flatnonzero(says)
        self._said: list[int] = said.tolist()
        counted = np.cumsum(vocabulary.words[rows])
        words: list[int] = counted[said].tolist()
        meanings = vocabulary.meanings
        written = found.written(self.texts, said)
        self._met: list[Met] = [
            (token, self.starts[number], self.ends[number], word, meanings[row])
            for token, number, word, row in zip(
                written, self._said, words, rows[said].tolist(), strict=True
            )
        ]
        for first, _, by, text, phrase in phrases:
            place = bisect_left(self._said, first)
            self._said.insert(place, first)
            self._met.insert(place, together(self.texts[text], phrase, int(counted[by])))

    def _phrases(
        self, parts: Sequence[Part], found: Pieces, by: Places, known: Phrases
    ) -> list[tuple[int, int, int, int, Phrase]]:
        """What phrases there are.

        Args:
            parts: what is read.
            found: the tokens.
            by: those by which phrases are found, in order.
            known: the phrases.

        Returns:
            Of each its first token, the one behind its last, the one by which it was found, and
            the text in which it stands.
        """
        phrases = []
        written = zip(by.tolist(), found.written(self.texts, by), strict=True)
        for text, some in groupby(written, lambda token: bisect_right(self._at, token[0]) - 1):
            prose, start, end = parts[text]
            places = {self.starts[number]: (number, token) for number, token in some}
            said = [(at, token) for at, (_, token) in places.items()]
            for at, phrase in known.among(prose, said, start, end):
                first, last = self.between(text, phrase.start, phrase.end)
                phrases.append((first, last, places[at][0], text, phrase))
        return phrases

    def between(self, text: int, start: int, end: int) -> tuple[int, int]:
        """The tokens that start from ``start`` to before ``end``: the first, and past the last."""
        first, last = self._at[text], self._at[text + 1]
        return bisect_left(self.starts, start, first, last), bisect_left(
            self.starts, end, first, last
        )

    def sums(self, first: int, last: int) -> Sums:
        """What the tokens from ``first`` to before ``last`` add up to."""
        (negative, positive, square), scale = self._summed, self._scale
        return Sums(
            scale * (negative[last] - negative[first]),
            scale * (positive[last] - positive[first]),
            square[last] - square[first],
        )

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
