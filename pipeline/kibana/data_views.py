"""The data view of all mentions: names, links and colours of its fields. Nothing is scripted."""

from collections.abc import Mapping
from typing import Final

from pipeline.kibana.names import Place
from pipeline.kibana.parts import TIME, TONE_COLOURS, Json
from pipeline.kibana.words import CHANNELS, LABELS, LANGUAGES, Words

__all__ = ["FIELDS", "data_view"]

FIELDS: Final[Mapping[str, Words]] = {
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
}
"""What analysts see instead of a field's name."""


def data_view(place: Place) -> Json:
    """The body of ``POST /api/data_views/data_view``."""
    lang = place.lang
    return {
        "override": True,
        "data_view": {
            "id": place.view,
            "title": place.alias,
            "name": Words("Erwähnungen", "Mentions")[lang],
            "timeFieldName": TIME,
            "fieldAttrs": {name: {"customLabel": words[lang]} for name, words in FIELDS.items()},
            "fieldFormats": _formats(place),
        },
    }


def _formats(place: Place) -> dict[str, Json]:
    link = {"type": "a", "urlTemplate": "{{rawValue}}"}
    decimals = {"id": "number", "params": {"pattern": "0.00"}}
    seconds = {"id": "number", "params": {"pattern": "0,0.0"}}
    return {
        "url": {"id": "url", "params": {**link, "labelTemplate": "→ {{value}}"}},
        "author.url": {"id": "url", "params": link},
        "channel": _lookup(CHANNELS, place),
        "language.code": _lookup(LANGUAGES, place),
        "sentiment.label": _colours(),
        "sentiment.score": decimals,
        "stars": {"id": "number", "params": {"pattern": "0.0"}},
        "author.followers": {"id": "number", "params": {"pattern": "0,0"}},
        "interactions": {"id": "number", "params": {"pattern": "0,0"}},
        "latency.collected": seconds,
        "latency.processed": seconds,
    }


def _lookup(names: Mapping[str, Words], place: Place) -> Json:
    entries = [{"key": key, "value": words[place.lang]} for key, words in names.items()]
    return {"id": "static_lookup", "params": {"lookupEntries": entries}}


def _colours() -> Json:
    colours = [
        {
            "range": "-Infinity:Infinity",
            "regex": label,
            "text": "#ffffff" if label != "neutral" else "#000000",
            "background": TONE_COLOURS[label],
        }
        for label in LABELS
    ]
    return {"id": "color", "params": {"fieldType": "string", "colors": colours}}
