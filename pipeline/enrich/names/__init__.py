"""Persons, organisations and places that no list has to know: the built-in backend.

One small model a language, see ``crf``.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from pipeline.enrich.parts import Named, NameFinder
from pipeline.enrich.text import View
from pipeline.settings import Enrichment
from schemas.mention import Producer

if TYPE_CHECKING:
    from pipeline.enrich.names.crf import Crf

__all__ = ["LANGUAGES", "Builtin", "build"]

LANGUAGES: Final = ("de", "en")
_VERSION: Final = "1"
"""Raised with every change of a rule that changes results; a model is told by its digest."""


class Builtin:
    """Finds names in German and English; a model is loaded when a text first asks for it."""

    def __init__(self, languages: Iterable[str] = LANGUAGES) -> None:
        self._languages = tuple(languages)
        self._models: dict[str, tuple[Crf, Producer]] = {}

    def find(self, texts: Sequence[tuple[View, str]]) -> list[list[Named]]:
        """Look through texts; see ``NameFinder``."""
        found: list[list[Named]] = [[] for _ in texts]
        for language in self._languages:
            chosen = [place for place, (_, code) in enumerate(texts) if code == language]
            if not chosen:
                continue
            crf, by = self._model(language)
            names = crf.names([texts[place][0].prose for place in chosen])
            for place, these in zip(chosen, names, strict=True):
                found[place] = [Named(kind, start, end, by) for start, end, kind in these]
        return found

    def _model(self, language: str) -> tuple["Crf", Producer]:
        if language not in self._models:
            from pipeline.enrich.names.crf import Crf, lists, load  # noqa: PLC0415 - makes tables

            model = load(language)
            by = Producer(name=f"names-{language}", version=f"{model.version}+{_VERSION}")
            self._models[language] = Crf(model, lists()), by
        return self._models[language]


def build(settings: Enrichment) -> NameFinder | None:
    """Make the chosen backend, for the configured languages; None where none is wanted.

    Raises:
        ConfigError: what it needs is not installed.
    """
    if settings.name_backend == "none":
        return None
    known = [language for language in LANGUAGES if language in settings.languages]
    builtin = Builtin(known)
    if settings.name_backend == "corenlp":
        from pipeline.enrich.names.corenlp import CoreNLP  # noqa: PLC0415 - few ask for it

        return CoreNLP(settings.corenlp, known, builtin)
    if settings.name_backend == "spacy":
        from pipeline.enrich.names.spacy import Spacy  # noqa: PLC0415 - same

        return Spacy(settings.spacy_models, builtin)
    return builtin
