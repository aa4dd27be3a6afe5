"""Why there is an alert, in a sentence, in German or English."""

from typing import Final

from pipeline.advice import Language

__all__ = ["reason", "span"]

_HOUR: Final = 3_600.0
_REASONS: Final[dict[str, dict[Language, str]]] = {
    "spike": {
        "en": "{n} mentions in {span}, where {usual} are usual at this time of the week",
        "de": "{n} Erwähnungen in {span}, wo zu dieser Zeit der Woche {usual} üblich sind",
    },
    "crisis": {
        "en": "{spike}; {share} negative, {authors} authors on {sites} sites",
        "de": "{spike}; {share} negativ, {authors} Autoren auf {sites} Websites",
    },
    "sentiment": {
        "en": "{share} of {n} mentions in 6 hours are negative, where {usual} are usual",
        "de": "{share} von {n} Erwähnungen in 6 Stunden sind negativ, wo {usual} üblich sind",
    },
    "silence": {
        "en": "{n} mentions in 12 hours, where {usual} are usual",
        "de": "{n} Erwähnungen in 12 Stunden, wo {usual} üblich sind",
    },
    "partly dark": {
        "en": "{silence}; what was not read explains {lost} of them",
        "de": "{silence}; {lost} davon erklärt, was nicht gelesen wurde",
    },
    "incomplete": {
        "en": "{silence}; this cannot be judged: {source} was not read from {start} to {end} UTC",
        "de": "{silence}; das lässt sich nicht beurteilen: {source} wurde von {start} bis {end} "
        "UTC nicht gelesen",
    },
    "more gaps": {"en": ", and {n} more gaps", "de": ", und {n} weitere Lücken"},
    "term": {
        "en": "“{term}” is new: {n} stories by {authors} authors in {span} use it with the topic, "
        "where {usual} are usual",
        "de": "„{term}“ ist neu: {n} Beiträge von {authors} Autoren in {span} nennen es beim "
        "Thema, wo {usual} üblich sind",
    },
    "more terms": {"en": "; also {terms}", "de": "; auch {terms}"},
    "author": {
        "en": "an author with {n} followers spoke of it",
        "de": "ein Autor mit {n} Followern sprach davon",
    },
    "rating": {
        "en": "{n} reviews of 14 days have {mean} stars, where {usual} are usual",
        "de": "{n} Bewertungen aus 14 Tagen haben {mean} Sterne, wo {usual} üblich sind",
    },
    "passages": {
        "en": "{n} passages of this confidential document were made public{who}; read it there, do "
        "not forward it",
        "de": "{n} Passagen dieses vertraulichen Dokuments wurden öffentlich gemacht{who}; dort "
        "lesen, nicht weiterleiten",
    },
    "confidential": {
        "en": "a confidential topic was spoken of in public{who}; read it there, do not forward it",
        "de": "von einem vertraulichen Thema wurde öffentlich gesprochen{who}; dort lesen, nicht "
        "weiterleiten",
    },
    "staff": {
        "en": " by an account of our own staff",
        "de": " von einem Konto unserer eigenen Leute",
    },
}


def reason(code: str, lang: Language, **facts: object) -> str:
    """A reason in words.

    Args:
        code: which.
        lang: in which language.
        facts: what stands in it, as text or whole numbers.
    """
    return _REASONS[code][lang].format(**facts)


def span(seconds: float, lang: Language) -> str:
    """A length of time."""
    if seconds <= _HOUR:
        return f"{seconds / 60:.0f} {'Minuten' if lang == 'de' else 'minutes'}"
    return f"{seconds / _HOUR:.0f} {'Stunden' if lang == 'de' else 'hours'}"
