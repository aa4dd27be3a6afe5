"""The interfaces of the enrichers: what the chain asks of each, and nothing more.

An enricher is a pure function with a name and a version: the same text gives the same facts, no
call changes what the next one sees, and a text it cannot work on raises. What it returns carries
``by``, its name and version, so that a result can always be traced to what made it.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from pipeline.enrich.text import View
from schemas.mention import EntityKind, Language, Producer, Rating, Sentiment

__all__ = ["LanguageDetector", "NameFinder", "Named", "SentimentScorer", "Text", "Tone"]


class LanguageDetector(Protocol):
    """Says which language a text is in."""

    by: Producer

    def detect(self, prose: str, prior: Mapping[str, float] | None = None) -> Language:
        """Judge a text.

        Args:
            prose: the text without links, addresses and handles.
            prior: how many times likelier than others some languages are, before anything is
                read; counts for very short texts only.
        """
        ...


class Text(NamedTuple):
    """A text whose tone is asked for."""

    view: View
    title: View | None = None
    rating: Rating | None = None
    """The stars its author gave, in the platform's own field."""


class Tone(Protocol):
    """What the tone of a text is, and of its clauses."""

    sentiment: Sentiment
    """Of the whole text, its title and its stars."""

    def clause(self, view: View, start: int, end: int) -> Sentiment | None:
        """Judge ``view.prose[start:end]`` in the light of the whole text, without naming terms.

        Args:
            view: the text, or its title.
            start: where the clause starts.
            end: where it ends.

        Returns:
            None where the clause says nothing either way.
        """
        ...


class SentimentScorer(Protocol):
    """Says what the tone of texts is, in the language it was made for."""

    by: Producer

    def judge(self, texts: Sequence[Text]) -> Sequence[Tone]:
        """Judge texts, all in one go."""
        ...

    def score(
        self, view: View, title: View | None = None, rating: Rating | None = None
    ) -> Sentiment:
        """Judge one text."""
        return self.judge([Text(view, title, rating)])[0].sentiment


class Named(NamedTuple):
    """A person, organisation, place … that a text names, at ``view.text[start:end]``."""

    kind: EntityKind
    start: int
    end: int
    by: Producer


class NameFinder(Protocol):
    """Finds what texts name that no list has to know beforehand."""

    def find(self, texts: Sequence[tuple[View, str]]) -> Sequence[Sequence[Named]]:
        """Look through texts, each given with the code of its language.

        What a text names comes in order, none overlapping another; nothing for a language that
        the backend was not made for.
        """
        ...
