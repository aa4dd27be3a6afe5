"""Names by spaCy, with the models that the user has installed; needs the extra ``spacy``.

A language without a model of its own is looked through by the built-in one.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pipeline.enrich.parts import Named, NameFinder
from pipeline.enrich.text import View
from pipeline.errors import ConfigError
from schemas.mention import EntityKind, Producer

__all__ = ["Spacy"]

_KINDS: Final[dict[str, EntityKind]] = {
    "PER": "person",
    "PERSON": "person",
    "ORG": "organisation",
    "LOC": "place",
    "GPE": "place",
    "FAC": "place",
    "PRODUCT": "product",
    "WORK_OF_ART": "work",
    "EVENT": "event",
    "NORP": "other",
    "LAW": "other",
    "MISC": "other",
}
"""The labels of spaCy's own models; what else they find (dates, sums) is found by rules."""
_AT_ONCE: Final = 64
_UNUSED: Final = ("lemmatizer", "morphologizer", "attribute_ruler")


class Spacy:
    """The user's models.

    Args:
        models: for each language, the name of an installed package or a folder.
        fallback: looks through texts in other languages.

    Raises:
        ConfigError: spaCy or a model is not there.
    """

    def __init__(self, models: Mapping[str, str], fallback: NameFinder) -> None:
        try:
            import spacy  # noqa: PLC0415 - an extra that few install
        except ImportError as error:
            msg = "enrichment.name_backend is spacy: pip install 'mention-pipeline[spacy]'"
            raise ConfigError(msg) from error
        self._fallback = fallback
        self._models: dict[str, tuple[Any, Producer]] = {}
        for language, name in models.items():
            try:
                model = spacy.load(name, exclude=_UNUSED)
            except (OSError, ValueError) as error:
                msg = f"enrichment.spacy_models.{language}: {str(error).splitlines()[0]}"
                raise ConfigError(msg) from error
            by = Producer(
                name=f"spacy-{model.meta['lang']}-{model.meta['name']}"[:64],
                version=str(model.meta["version"])[:64],
            )
            self._models[language] = model, by

    def find(self, texts: Sequence[tuple[View, str]]) -> list[Sequence[Named]]:
        """Look through texts; see ``NameFinder``."""
        found: list[Sequence[Named]] = [()] * len(texts)
        for language, (model, by) in self._models.items():
            places = [place for place, (_, code) in enumerate(texts) if code == language]
            prose = [texts[place][0].prose for place in places]
            for place, read in zip(places, model.pipe(prose, batch_size=_AT_ONCE), strict=True):
                found[place] = [
                    Named(_KINDS[name.label_], name.start_char, name.end_char, by)
                    for name in read.ents
                    if name.label_ in _KINDS
                ]
        rest = [place for place, (_, code) in enumerate(texts) if code not in self._models]
        answers = self._fallback.find([texts[place] for place in rest])
        for place, names in zip(rest, answers, strict=True):
            found[place] = names
        return found
