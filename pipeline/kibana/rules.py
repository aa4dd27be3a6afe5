"""Alerting rules, and where they write: Kibana's own log, which needs no account elsewhere.

The thresholds are a beginning. What an operator has changed (threshold, interval, whether it runs)
stays through every upgrade.
"""

import json
from typing import Any, Final, Literal

from msgspec import Struct

from pipeline.kibana.dashboards.work import OVERDUE
from pipeline.kibana.data_views import (
    ALERTS,
    COVERAGE,
    ENRICHED,
    FIGURES,
    LETTERS,
    WORK,
    View,
)
from pipeline.kibana.names import TAG, Place
from pipeline.kibana.parts import Json
from pipeline.kibana.words import Words

__all__ = ["LOG", "RULES", "Rule", "connector"]

LOG: Final = "log"
_GROUPS: Final = 1_000
"""As many as Kibana counts apart: of the rest it would say nothing."""
_DARK: Final = Words(
    "{{context.group}}: seit zwei geplanten Abfragen kam nichts; siehe mentions coverage",
    "{{context.group}}: nothing came for two planned polls; see mentions coverage",
)


class Rule(Struct, frozen=True, kw_only=True):
    """One question asked again and again."""

    name: str
    title: Words
    says: Words
    """The message; Kibana fills in what stands in double braces."""
    query: str
    """In Lucene's syntax."""
    view: View
    """Where it looks."""
    clock: str = ""
    """The time that the window is of; by default the view's own."""
    window: tuple[int, str]
    """How far it looks back: a number and ``m``, ``h`` or ``d``."""
    threshold: tuple[str, float]
    """A comparator and a number."""
    every: str
    by: str | None = None
    """Count apart for each value of this field."""
    compare: tuple[Literal["avg", "max"], str] | None = None
    """Compare the average or the largest value of a field instead of the number of documents."""
    shown: int = 0
    """Documents that the message may quote."""
    for_teams: bool = False
    """Whether a team's space has it, too: for what is the team's."""

    def json(self, place: Place) -> Json:
        """The body of ``POST /api/alerting/rule/{id}``."""
        comparator, threshold = self.threshold
        size, unit = self.window
        asked = self.view.narrowed(self.query, place)
        if self.view is ALERTS and place.topics:
            named = " OR ".join(f'"{topic}"' for topic in place.topics)
            asked = f"({asked}) AND topics:({named})"
        query = {"query": {"query_string": {"query": asked, "analyze_wildcard": True}}}
        parameters: dict[str, Any] = {
            "searchType": "esQuery",
            "index": [self.view.index(place.alias)],
            "timeField": self.clock or self.view.time,
            "esQuery": json.dumps(query, ensure_ascii=False),
            "threshold": [threshold],
            "thresholdComparator": comparator,
            "timeWindowSize": size,
            "timeWindowUnit": unit,
            "size": self.shown,
            "excludeHitsFromPreviousRun": False,
            "aggType": "count",
            "groupBy": "all",
        }
        if self.compare:
            how, field = self.compare
            parameters |= {"aggType": how, "aggField": field}
        if self.by:
            parameters |= {"groupBy": "top", "termField": self.by, "termSize": _GROUPS}
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
        name="new-crisis",
        title=Words("Neue Krise oder neues Leck", "New crisis or leak"),
        says=Words(
            "{{#context.hits}}{{_source.topic}}: {{_source.why}}{{/context.hits}} "
            "({{context.group}})",
            "{{#context.hits}}{{_source.topic}}: {{_source.why}}{{/context.hits}} "
            "({{context.group}})",
        ),
        view=ALERTS,
        query="rule:(crisis OR leak)",
        # An alert stands where it became true; what was collected late makes one hours back.
        window=(12, "h"),
        threshold=(">", 0),
        every="1m",
        by="id",
        shown=1,
        for_teams=True,
    ),
    Rule(
        name="overdue",
        title=Words("Arbeit ist überfällig", "Work is overdue"),
        says=Words(
            "{{context.group}}: {{context.value}} Erwähnungen warten länger als zugesagt; siehe "
            "mentions work list",
            "{{context.group}}: {{context.value}} mentions wait longer than was promised; see "
            "mentions work list",
        ),
        view=WORK,
        query=OVERDUE,
        clock="subject.due",
        window=(3_650, "d"),  # ten years: what is open is overdue however old it is
        threshold=(">", 0),
        every="15m",
        by="team",
        for_teams=True,
    ),
    Rule(
        name="silence",
        title=Words("Nichts mehr gesammelt", "Nothing collected any more"),
        says=Words(
            "Seit einer Stunde ist keine Quelle vollständig gelesen: laufen die Agenten?",
            "No source was read completely within the hour: do the agents run?",
        ),
        view=COVERAGE,
        query="_exists_:complete",
        window=(1, "h"),
        threshold=("<", 1),
        every="15m",
    ),
    Rule(
        name="dark-source",
        title=Words("Eine Quelle ist stumm", "A source is dark"),
        says=_DARK,
        view=COVERAGE,
        query="dark:true AND expected:<=3600",
        # It is asked every 66 minutes at least, where its platform does not ask it to wait longer:
        # between two of its failures it must not seem to be back.
        window=(75, "m"),
        threshold=(">", 0),
        every="5m",
        by="source",
    ),
    Rule(
        name="dark-slow-source",
        title=Words("Eine selten gefragte Quelle ist stumm", "A source asked seldom is dark"),
        says=_DARK,
        view=COVERAGE,
        query="dark:true AND expected:>3600",
        # No source is asked less often than once a day, and a tenth of it later.
        window=(27, "h"),
        threshold=(">", 0),
        every="15m",
        by="source",
    ),
    Rule(
        name="dead-letters",
        title=Words("Etwas konnte nicht verarbeitet werden", "Something could not be processed"),
        says=Words(
            "{{context.group}}: {{context.value}} Nachrichten abgelehnt; siehe mentions dead list",
            "{{context.group}}: {{context.value}} messages refused; see mentions dead list",
        ),
        view=LETTERS,
        query="NOT _exists_:action",
        window=(1, "h"),
        threshold=(">", 0),
        every="5m",
        by="stage",
    ),
    Rule(
        name="lag",
        title=Words("Rückstand wächst über das Maß", "Lag grows beyond measure"),
        says=Words(
            "{{context.group}}: ein Prozess hat {{context.value}} Nachrichten vor sich; mehr "
            "Worker starten",
            "{{context.group}}: a process has {{context.value}} messages before it; start more "
            "workers",
        ),
        view=FIGURES,
        query="*",
        window=(10, "m"),
        threshold=(">", 10_000),
        every="5m",
        by="stage",
        compare=("max", "lag"),
    ),
    Rule(
        name="slow",
        title=Words("Auswertung kommt nicht nach", "Enrichment does not keep up"),
        says=Words(
            "Im Mittel {{context.value}} s vom Sammeln bis zum Auswerten: mehr Worker starten",
            "On average {{context.value}} s from collected to enriched: start more workers",
        ),
        view=ENRICHED,
        query="*",
        window=(15, "m"),
        threshold=(">", 300),
        every="5m",
        compare=("avg", "latency.processed"),
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
