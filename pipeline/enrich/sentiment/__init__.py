"""The tone of a text, by one backend a language.

``trained`` is the default: a small model on top of a lexicon, one a language, which comes with the
package or was trained from the customer's own labels. The lexicons can be chosen alone, and
``textblob`` is TextBlob's. A backend is a ``SentimentScorer``; a new one is one more entry here and
one more name in ``pipeline.settings.Enrichment.sentiment_backends``.
"""

from collections.abc import Callable
from functools import cache, partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

from pipeline.enrich.parts import SentimentScorer
from pipeline.enrich.sentiment import english, german, model, romance, signs
from pipeline.enrich.sentiment.lexicon import Lexicon
from pipeline.enrich.sentiment.scorer import LexiconScorer
from schemas.mention import Producer

if TYPE_CHECKING:
    from pipeline.enrich.sentiment.trained import TrainedScorer

__all__ = ["LANGUAGES", "build", "check", "from_model", "lexicon", "wordless"]

_VERSION: Final = "6"
"""Raised with every change of a rule that changes results; words are told by their digest."""
_LEXICONS: Final[dict[str, Callable[[], Lexicon]]] = {
    "de": german.load,
    "en": english.load,
    **{code: partial(romance.load, code) for code in romance.LANGUAGES},
}
LANGUAGES: Final = tuple(_LEXICONS)
"""The languages that have a lexicon and a model."""


def build(backend: str, language: str) -> SentimentScorer:
    """Make a backend for a language.

    Args:
        backend: ``trained``, ``lexicon`` or ``textblob``.
        language: an ISO 639-1 code; does not matter to ``textblob``.

    Raises:
        ValueError: the backend does not cover the language.
    """
    check(backend, language)
    if backend == "textblob":
        return _scorer("textblob", english.textblob(), f"{version('textblob')}+")
    return from_model(model.shipped(language)) if backend == "trained" else lexicon(language)


def check(backend: str, language: str) -> None:
    """Check that ``build`` can make a backend for a language, without making it.

    Raises:
        ValueError: the backend does not cover the language.
    """
    if backend != "textblob" and language not in _LEXICONS:
        msg = f"{backend} does not cover {language!r}, only {', '.join(LANGUAGES)}"
        raise ValueError(msg)


@cache
def wordless() -> LexiconScorer:
    """The scorer of texts that are emoji and emoticons alone."""
    return _scorer("signs", signs.LEXICON)


@cache
def lexicon(language: str) -> LexiconScorer:
    """The lexicon's scorer of one of ``LANGUAGES``; built once, it keeps nothing."""
    return _scorer(f"lexicon-{language}", _LEXICONS[language]())


def from_model(which: model.Model) -> "TrainedScorer":
    """Make a scorer of a model."""
    from pipeline.enrich.sentiment.trained import TrainedScorer  # noqa: PLC0415 - makes tables

    return TrainedScorer(which, lexicon(which.language))


def _scorer(name: str, words: Lexicon, source: str = "") -> LexiconScorer:
    """A lexicon's scorer, signed with all that its results depend on."""
    return LexiconScorer(words, Producer(name=name, version=f"{source}{_VERSION}-{words.digest()}"))
