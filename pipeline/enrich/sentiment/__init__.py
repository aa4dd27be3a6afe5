"""The tone of a text, by one backend a language.

A backend is a ``SentimentScorer``; a new one (a trained model, say) is one more entry here and one
more name in ``pipeline.settings.Enrichment.sentiment_backends``.
"""

from collections.abc import Callable
from importlib.metadata import version
from typing import Final

from pipeline.enrich.parts import SentimentScorer
from pipeline.enrich.sentiment import english, german
from pipeline.enrich.sentiment.scorer import LexiconScorer
from schemas.mention import Producer

__all__ = ["build"]

_VERSION: Final = "1"
"""Raised with every change of a rule or a word that changes results."""


def _german() -> SentimentScorer:
    return LexiconScorer(german.load(), Producer(name="lexicon-de", version=_VERSION))


def _english() -> SentimentScorer:
    made_by = Producer(name="textblob", version=f"{version('textblob')}+{_VERSION}")
    return LexiconScorer(english.load(), made_by)


_BACKENDS: Final[dict[str, Callable[[], SentimentScorer]]] = {
    "lexicon-de": _german,
    "textblob": _english,
}


def build(backend: str) -> SentimentScorer:
    """Make the backend of that name."""
    return _BACKENDS[backend]()
