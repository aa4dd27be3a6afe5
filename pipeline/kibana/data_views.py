"""Data views: names, links and colours of fields. Nothing is scripted.

Three for mentions, one for each of their clocks: Kibana looks at a period by the time of the data
view, whatever a panel shows. One each for what is made of them: alerts, teams' work, people; and
one for each index that says how the pipeline itself is doing.
"""

from collections.abc import Mapping
from typing import Final, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from pipeline.kibana.names import Place
from pipeline.kibana.words import (
    ALERT_RULES,
    CHANNELS,
    INTENTS,
    LABELS,
    LANGUAGES,
    PERSON_KINDS,
    PRIORITIES,
    SEVERITIES,
    STATES,
    TONE_COLOURS,
    Lang,
    Words,
)

__all__ = [
    "ALERTS",
    "COLLECTED",
    "COVERAGE",
    "ENRICHED",
    "FIGURES",
    "LETTERS",
    "MENTIONS",
    "PEOPLE",
    "VIEWS",
    "WORK",
    "View",
    "data_view",
]

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


class ToMention(Struct, frozen=True):
    """A mention's id, which leads to the mention in Discover."""

    def json(self, place: Place) -> Json:
        """Kibana's format of a link; what begins with ``..`` stays in the space."""
        state = (
            f"_g=(time:(from:now-20y,to:now))&_a=(dataSource:(dataViewId:{MENTIONS.id(place)},"
            "type:dataView),query:(language:lucene,query:'id:%22{{value}}%22'))"
        )
        url = f"../app/discover#/?{state}"
        params = {"type": "a", "urlTemplate": url, "labelTemplate": "→ {{value}}"}
        return {"id": "url", "params": params}


_MENTION: Final = ToMention()


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
    formats: Mapping[str, Json | Names | ToMention]
    """How a field is shown: as Kibana says it, by what its values are called, or as a link."""
    filtered: bool = False
    """Whether dashboards' filters are for it, too: it has the same fields by the same names."""
    team: str = ""
    """The field that says which team it concerns: in a team's space only that one's is shown."""

    @property
    def of_mentions(self) -> bool:
        """Whether it shows mentions, by whatever clock."""
        return not self.suffix

    def id(self, place: Place) -> str:
        """Its id in a place."""
        return place.id(self.name)

    def index(self, alias: str) -> str:
        """What it shows."""
        return alias + self.suffix

    def narrowed(self, query: str, place: Place) -> str:
        """A query, in Lucene's syntax, for what of the index concerns a place."""
        if not (self.team and place.team):
            return query
        own = f'{self.team}:"{place.team}"'
        return f"{own} AND ({query})" if query else own


MENTIONS: Final = View(
    name="all",
    suffix="",
    title=Words("Erwähnungen", "Mentions"),
    time="published_at",
    filtered=True,
    fields={
        "published_at": Words("gesagt am", "said at"),
        "collected_at": Words("gesammelt am", "collected at"),
        "processed_at": Words("ausgewertet am", "enriched at"),
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
        "duplicate.of": Words("Abschrift von", "copy of"),
        "intents.kind": Words("Anliegen", "intent"),
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
        "duplicate.of": _MENTION,
        "intents.kind": Names(INTENTS),
        "sentiment.score": _number("0.00"),
        "stars": _number("0.0"),
        "author.followers": _number("0,0"),
        "interactions": _number("0,0"),
        "latency.collected": _number("0,0.0"),
        "latency.processed": _number("0,0.0"),
    },
)

COLLECTED: Final = replace(
    MENTIONS,
    name="by-collected",
    title=Words("Erwähnungen, nach dem Sammeln", "Mentions, by when they were collected"),
    time="collected_at",
)
ENRICHED: Final = replace(
    MENTIONS,
    name="by-enriched",
    title=Words("Erwähnungen, nach dem Auswerten", "Mentions, by when they were enriched"),
    time="processed_at",
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
        "complete_until": Words("vollständig bis", "complete until"),
        "dark": Words("stumm", "dark"),
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

ALERTS: Final = View(
    name="alerts",
    suffix="-alerts",
    title=Words("Alarme", "Alerts"),
    time="at",
    filtered=True,
    fields={
        "at": Words("wahr seit", "true since"),
        "since": Words("betrachtet ab", "looked at from"),
        "rule": Words("Regel", "rule"),
        "topics": Words("Thema", "topic"),
        "severity": Words("Dringlichkeit", "severity"),
        "why": Words("warum", "why"),
        "observed": Words("beobachtet", "observed"),
        "expected": Words("erwartet", "expected"),
        "count": Words("Erwähnungen", "mentions"),
        "mentions": Words("einige davon", "some of them"),
        "source_names": Words("Quellen", "sources"),
        "terms": Words("Worte", "words"),
    },
    formats={
        "rule": Names(ALERT_RULES),
        "severity": Names(SEVERITIES),
        "mentions": _MENTION,
        "observed": _number("0,0.[0]"),
        "expected": _number("0,0.[0]"),
        "count": _number("0,0"),
    },
)

WORK: Final = View(
    name="work",
    suffix="-work",
    title=Words("Arbeit der Teams", "Teams' work"),
    time="since",
    filtered=True,
    team="team",
    fields={
        "since": Words("zugeteilt am", "routed at"),
        "team": Words("Team", "team"),
        "mention": Words("Erwähnung", "mention"),
        "state": Words("Stand", "state"),
        "open": Words("offen", "open"),
        "assignee": Words("bei", "assigned to"),
        "changed_at": Words("geändert am", "changed at"),
        "escalated_at": Words("eskaliert am", "escalated at"),
        "subject.priority": Words("Priorität", "priority"),
        "subject.due": Words("fällig", "due"),
        "subject.site": Words("Website", "site"),
        "topics": Words("Themen", "topics"),
        "channel": Words("Kanal", "channel"),
        "language.code": Words("Sprache", "language"),
        "sentiment.label": Words("Ton", "tone"),
        "seconds": Words("Dauer bis erledigt", "time until done"),
    },
    formats={
        "mention": _MENTION,
        "state": Names(STATES),
        "subject.priority": Names(PRIORITIES),
        "channel": Names(CHANNELS),
        "language.code": Names(LANGUAGES),
        "sentiment.label": _TONES,
        "seconds": {
            "id": "duration",
            "params": {"inputFormat": "seconds", "outputFormat": "humanizePrecise"},
        },
    },
)

PEOPLE: Final = View(
    name="people-found",
    suffix="-people",
    title=Words("Die richtigen Leute", "The right people"),
    time="updated_at",
    filtered=True,
    fields={
        "updated_at": Words("Stand", "as of"),
        "topics": Words("Thema", "topic"),
        "rank": Words("Rang", "rank"),
        "score": Words("Wert (0 bis 100)", "score (0 to 100)"),
        "who": Words("wer", "who"),
        "author.url": Words("Profil", "profile"),
        "kinds": Words("Rolle", "kind"),
        "reasons": Words("warum", "why"),
        "parts.reach": Words("Reichweite", "reach"),
        "parts.resonance": Words("Widerhall", "resonance"),
        "parts.independence": Words("Eigenständigkeit", "independence"),
        "parts.tone": Words("Ton", "tone"),
        "followers": Words("Folgende", "followers"),
        "channel": Words("Kanäle", "channels"),
        "language.code": Words("Sprachen", "languages"),
        "last": Words("zuletzt", "spoke last"),
        "examples": Words("Beispiele", "examples"),
    },
    formats={
        "author.url": _PROFILE,
        "kinds": Names(PERSON_KINDS),
        "channel": Names(CHANNELS),
        "language.code": Names(LANGUAGES),
        "examples": _MENTION,
        "score": _number("0.0"),
        "parts.reach": _number("0.00"),
        "parts.resonance": _number("0.00"),
        "parts.independence": _number("0.00"),
        "parts.tone": _number("0.00"),
        "followers": _number("0,0"),
    },
)

VIEWS: Final = (MENTIONS, COLLECTED, ENRICHED, ALERTS, WORK, PEOPLE, COVERAGE, LETTERS, FIGURES)


def data_view(view: View, place: Place) -> dict[str, object]:
    """What ``POST /api/data_views/data_view`` takes as ``data_view``."""
    lang = place.lang
    formats = {name: _format(made, place) for name, made in view.formats.items()}
    if view.of_mentions and place.page is not None:
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


def _format(made: Json | Names | ToMention, place: Place) -> Json:
    if isinstance(made, ToMention):
        return made.json(place)
    if not isinstance(made, Names):
        return made
    entries = [{"key": key, "value": words[place.lang]} for key, words in made.of.items()]
    return {"id": "static_lookup", "params": {"lookupEntries": entries}}
