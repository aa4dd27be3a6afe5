"""Data views: names, links and colours of fields. Nothing is scripted.

One for mentions, and one for each index that says how the pipeline itself is doing.
"""

from collections.abc import Mapping
from typing import Final, TypeAlias

from msgspec import Struct

from pipeline.kibana.names import Place
from pipeline.kibana.words import CHANNELS, LABELS, LANGUAGES, TONE_COLOURS, Lang, Words

__all__ = ["COVERAGE", "FIGURES", "LETTERS", "MENTIONS", "VIEWS", "View", "data_view"]

Json: TypeAlias = dict[str, object]

_LINK: Final[Json] = {
    "id": "url",
    "params": {"type": "a", "urlTemplate": "{{rawValue}}", "labelTemplate": "→ {{value}}"},
}
_PROFILE: Final[Json] = {"id": "url", "params": {"type": "a", "urlTemplate": "{{rawValue}}"}}
_TONES: Final[Json] = {
    "id": "color",
    "params": {
        "fieldType": "string",
        "colors": [
            {
                "range": "-Infinity:Infinity",
                "regex": label,
                "text": "#ffffff" if label != "neutral" else "#000000",
                "background": TONE_COLOURS[label],
            }
            for label in LABELS
        ],
    },
}


class Names(Struct, frozen=True):
    """What values are called."""

    of: Mapping[str, Words]


def _number(pattern: str) -> Json:
    return {"id": "number", "params": {"pattern": pattern}}


class View(Struct, frozen=True, kw_only=True):
    """One data view."""

    name: str
    """Its part of the id."""
    suffix: str
    """What its index has behind the alias of all mentions."""
    title: Words
    time: str
    """The field of its time axis."""
    fields: Mapping[str, Words]
    """What analysts see instead of a field's name."""
    formats: Mapping[str, Json | Names]
    """How a field is shown: as Kibana says it, or by what its values are called."""

    def id(self, place: Place) -> str:
        """Its id in a place."""
        return place.id(self.name)

    def index(self, alias: str) -> str:
        """What it shows."""
        return alias + self.suffix


MENTIONS: Final = View(
    name="all",
    suffix="",
    title=Words("Erwähnungen", "Mentions"),
    time="published_at",
    fields={
        "published_at": Words("gesagt am", "said at"),
        "collected_at": Words("gesammelt am", "collected at"),
        "text": Words("Text", "text"),
        "title": Words("Titel", "title"),
        "url": Words("Fundstelle", "link"),
        "site": Words("Website", "site"),
        "channel": Words("Kanal", "channel"),
        "language.code": Words("Sprache", "language"),
        "sentiment.label": Words("Ton", "tone"),
        "sentiment.score": Words("Ton (-1 bis 1)", "tone (-1 to 1)"),
        "topics": Words("Themen", "topics"),
        "voices": Words("Marken und Wettbewerber", "brands and competitors"),
        "topic_sentiment": Words("Ton zum Thema", "tone towards topic"),
        "author.name": Words("Name", "author"),
        "author.handle": Words("Konto", "account"),
        "author.url": Words("Profil", "profile"),
        "author.followers": Words("Folgende", "followers"),
        "interactions": Words("Reaktionen", "reactions"),
        "stars": Words("Sterne", "stars"),
        "hashtags": Words("Hashtags", "hashtags"),
        "collector.source": Words("Quelle", "source"),
        "latency.collected": Words("bis zum Sammeln (s)", "until collected (s)"),
        "latency.processed": Words("bis zum Auswerten (s)", "until enriched (s)"),
    },
    formats={
        "url": _LINK,
        "author.url": _PROFILE,
        "channel": Names(CHANNELS),
        "language.code": Names(LANGUAGES),
        "sentiment.label": _TONES,
        "sentiment.score": _number("0.00"),
        "stars": _number("0.0"),
        "author.followers": _number("0,0"),
        "interactions": _number("0,0"),
        "latency.collected": _number("0,0.0"),
        "latency.processed": _number("0,0.0"),
    },
)

COVERAGE: Final = View(
    name="coverage-ledger",
    suffix="-coverage",
    title=Words("Was gesammelt wurde", "What was collected"),
    time="end",
    fields={
        "end": Words("bis", "until"),
        "source": Words("Quelle", "source"),
        "kind": Words("Art", "kind"),
        "polls": Words("Abfragen", "polls"),
        "failures": Words("gescheitert", "failed"),
        "error_classes": Words("Fehler", "errors"),
        "new": Words("neu", "new"),
        "rejected": Words("abgelehnt", "refused"),
        "complete": Words("vollständig", "complete"),
        "gap": Words("Lücke", "gap"),
        "limited_seconds": Words("gebremst (s)", "slowed down (s)"),
    },
    formats={"limited_seconds": _number("0,0")},
)

LETTERS: Final = View(
    name="dead-letters",
    suffix="-dead-letters",
    title=Words("Was fehlt", "What is missing"),
    time="at",
    fields={
        "at": Words("abgelehnt am", "refused at"),
        "stage": Words("Stufe", "stage"),
        "error": Words("Fehler", "error"),
        "reason": Words("Grund", "reason"),
        "source": Words("Quelle", "source"),
        "text": Words("Anfang des Textes", "beginning of the text"),
        "url": Words("Fundstelle", "link"),
        "position": Words("Nummer", "number"),
        "attempts": Words("Versuche", "attempts"),
        "replays": Words("Wiederholungen", "replays"),
        "action": Words("erledigt durch", "dealt with by"),
    },
    formats={"url": _LINK, "channel": Names(CHANNELS)},
)

FIGURES: Final = View(
    name="figures",
    suffix="-figures",
    title=Words("Was Prozesse taten", "What processes did"),
    time="end",
    fields={
        "end": Words("bis", "until"),
        "stage": Words("Stufe", "stage"),
        "process": Words("Prozess", "process"),
        "lag": Words("Rückstand", "lag"),
        "received": Words("gelesen", "read"),
        "sent": Words("weitergegeben", "passed on"),
        "rejected": Words("abgelehnt", "refused"),
        "retried": Words("wiederholt", "tried again"),
        "error_classes": Words("Fehler", "errors"),
        "seconds_each": Words("Sekunden je Stapel", "seconds a batch"),
        "waiting_for": Words("wartet auf", "waits for"),
    },
    formats={
        "lag": _number("0,0"),
        "received": _number("0,0"),
        "sent": _number("0,0"),
        "seconds_each": _number("0.00"),
    },
)

VIEWS: Final = (MENTIONS, COVERAGE, LETTERS, FIGURES)


def data_view(view: View, place: Place) -> dict[str, object]:
    """What ``POST /api/data_views/data_view`` takes as ``data_view``."""
    lang = place.lang
    formats = {name: _format(made, place) for name, made in view.formats.items()}
    if view is MENTIONS and place.page is not None:
        formats["id"] = _correction(place.page, lang)
    return {
        "id": view.id(place),
        "title": view.index(place.alias),
        "name": view.title[lang],
        "timeFieldName": view.time,
        "fieldAttrs": {name: {"customLabel": words[lang]} for name, words in view.fields.items()},
        "fieldFormats": formats,
    }


def _correction(page: str, lang: Lang) -> Json:
    """A mention's id as a link to the page on which it is corrected."""
    label = Words("korrigieren", "correct")[lang]
    template = f"{page.rstrip('/')}/mention?lang={lang}&id={{{{value}}}}"
    params = {"type": "a", "urlTemplate": template, "labelTemplate": f"✎ {label} {{{{value}}}}"}
    return {"id": "url", "params": params}


def _format(made: Json | Names, place: Place) -> Json:
    if not isinstance(made, Names):
        return made
    entries = [{"key": key, "value": words[place.lang]} for key, words in made.of.items()]
    return {"id": "static_lookup", "params": {"lookupEntries": entries}}
