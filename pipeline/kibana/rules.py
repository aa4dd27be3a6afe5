"""Alerting rules, and where they write: Kibana's own log, which needs no account elsewhere.

The thresholds are a beginning. What an operator has changed (threshold, interval, whether it runs)
stays through every upgrade.
"""

import json
from typing import Any, Final

from msgspec import Struct

from pipeline.kibana.names import TAG, Place
from pipeline.kibana.parts import Json
from pipeline.kibana.words import Words

__all__ = ["LOG", "RULES", "Rule", "connector"]

LOG: Final = "log"


class Rule(Struct, frozen=True, kw_only=True):
    """One question asked again and again."""

    name: str
    title: Words
    says: Words
    """The message; Kibana fills in what stands in double braces."""
    query: str
    """In Lucene's syntax."""
    clock: str
    window: tuple[int, str]
    """How far it looks back: a number and ``m``, ``h`` or ``d``."""
    threshold: tuple[str, float]
    """A comparator and a number."""
    every: str
    by: str | None = None
    """Count apart for each value of this field."""
    average: str | None = None
    """Compare the average of this field instead of the number of mentions."""

    def json(self, place: Place) -> Json:
        """The body of ``POST /api/alerting/rule/{id}``."""
        comparator, threshold = self.threshold
        size, unit = self.window
        query = {"query": {"query_string": {"query": self.query, "analyze_wildcard": True}}}
        parameters: dict[str, Any] = {
            "searchType": "esQuery",
            "index": [place.alias],
            "timeField": self.clock,
            "esQuery": json.dumps(query, ensure_ascii=False),
            "threshold": [threshold],
            "thresholdComparator": comparator,
            "timeWindowSize": size,
            "timeWindowUnit": unit,
            "size": 0,
            "excludeHitsFromPreviousRun": False,
            "aggType": "count",
            "groupBy": "all",
        }
        if self.average:
            parameters |= {"aggType": "avg", "aggField": self.average}
        if self.by:
            parameters |= {"groupBy": "top", "termField": self.by, "termSize": 20}
        return {
            "name": self.title[place.lang],
            "rule_type_id": ".es-query",
            "consumer": "alerts",
            "schedule": {"interval": self.every},
            "enabled": True,
            "tags": [TAG],
            "params": parameters,
            "actions": [
                {
                    "id": place.uuid(LOG),
                    "group": "query matched",
                    "params": {"level": "warn", "message": self.says[place.lang]},
                    "frequency": {
                        "summary": False,
                        "notify_when": "onActionGroupChange",
                        "throttle": None,
                    },
                }
            ],
        }


RULES: Final = (
    Rule(
        name="crisis",
        title=Words("Viel Negatives zu einem Thema", "Much negative about a topic"),
        says=Words(
            "{{context.group}}: {{context.value}} negative Erwähnungen in einer Stunde",
            "{{context.group}}: {{context.value}} negative mentions within an hour",
        ),
        query="sentiment.label:negative AND NOT collector.backfill:true",
        clock="published_at",
        window=(1, "h"),
        threshold=(">", 20),
        every="5m",
        by="topics",
    ),
    Rule(
        name="silence",
        title=Words("Nichts mehr gesammelt", "Nothing collected any more"),
        says=Words(
            "{{context.value}} Erwähnungen in sechs Stunden: sind die Agenten und ihre Quellen da?",
            "{{context.value}} mentions within six hours: are the agents and their sources there?",
        ),
        query="NOT collector.backfill:true",
        clock="collected_at",
        window=(6, "h"),
        threshold=("<", 1),
        every="15m",
    ),
    Rule(
        name="slow",
        title=Words("Auswertung kommt nicht nach", "Enrichment does not keep up"),
        says=Words(
            "Im Mittel {{context.value}} s vom Sammeln bis zum Auswerten: mehr Worker starten",
            "On average {{context.value}} s from collected to enriched: start more workers",
        ),
        query="*",
        clock="processed_at",
        window=(15, "m"),
        threshold=(">", 300),
        every="5m",
        average="latency.processed",
    ),
)


def connector() -> Json:
    """The body of ``POST /api/actions/connector/{id}``."""
    return {
        "name": f"{TAG}: {LOG}",
        "connector_type_id": ".server-log",
        "config": {},
        "secrets": {},
    }
