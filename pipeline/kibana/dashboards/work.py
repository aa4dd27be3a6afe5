"""Alerts and work: what to look at now and why, and what teams still have to do."""

from typing import Final

from pipeline.kibana.dashboards._shared import (
    CHANNEL,
    TONE,
    TOPIC,
    TOPIC_ALONE,
    Control,
    Dashboard,
    Row,
    Section,
)
from pipeline.kibana.data_views import ALERTS, WORK
from pipeline.kibana.mentions import Mentions
from pipeline.kibana.parts import Bars, Figure, Listing, Measure, Split, Trend, Values
from pipeline.kibana.words import Words

__all__ = ["ALERTS_AND_WORK", "ALERT_COLUMNS", "OPEN", "OVERDUE", "WORK_COLUMNS"]

OPEN: Final = "open:true"
OVERDUE: Final = "open:true AND subject.due:[* TO now]"
ALERT_COLUMNS: Final = ("severity", "rule", "topics", "why", "mentions", "source_names")
WORK_COLUMNS: Final = (
    "subject.due", "team", "subject.priority", "state", "assignee", "topics", "channel",
    "language.code", "sentiment.label", "mention",
)  # fmt: skip

_ALERTS: Final = Measure("count", Words("Alarme", "Alerts"))
_PIECES: Final = Measure("count", Words("Aufgaben", "Pieces of work"))
_SEVERITY: Final = Values("severity", Words("Dringlichkeit", "Severity"), 3)
_RULE: Final = Values("rule", Words("Regel", "Rule"), 10)
_TEAM: Final = Values("team", Words("Team", "Team"), 20)
_PRIORITY: Final = Values("subject.priority", Words("Priorität", "Priority"), 3)
_DUE: Final = Split(
    Words("Fällig", "Due"),
    (
        ("subject.due:[* TO now]", Words("überfällig", "overdue")),
        ("subject.due:{now TO now+1d]", Words("binnen eines Tages", "within a day")),
        ("subject.due:{now+1d TO now+7d]", Words("binnen sieben Tagen", "within seven days")),
        ("subject.due:{now+7d TO *]", Words("später", "later")),
    ),
)
"""By groups, not on an axis: the period ends now, and what is due comes after it."""
_WHO: Final = Values("assignee", Words("Bei", "Assigned to"), 20)
_TAKES: Final = Measure(
    "median", Words("Stunden, Median", "Hours, median"), "seconds", decimals=1, hours=True
)

_ALERT_ROWS: Final = (
    Row(
        5,
        (
            Figure(title=Words("Alarme", "Alerts"), view=ALERTS, measure=_ALERTS),
            Figure(
                title=Words("Dringend", "Critical"),
                view=ALERTS,
                query="severity:critical",
                measure=_ALERTS,
            ),
            Figure(
                title=Words("Themen mit Alarmen", "Topics with alerts"),
                view=ALERTS,
                measure=Measure("unique_count", Words("Themen", "Topics"), "topics"),
            ),
        ),
    ),
    Row(
        11,
        (
            Trend(
                title=Words("Alarme nach Dringlichkeit", "Alerts by severity"),
                view=ALERTS,
                measure=_ALERTS,
                by=_SEVERITY,
            ),
            Bars(
                title=Words("Was sie auslöste", "What set them off"),
                view=ALERTS,
                of=_RULE,
                measure=_ALERTS,
                by=_SEVERITY,
            ),
            Bars(
                title=Words("Alarme nach Thema", "Alerts by topic"),
                view=ALERTS,
                of=TOPIC,
                measure=_ALERTS,
                by=_RULE,
            ),
        ),
    ),
    Row(
        14,
        (
            Mentions(
                title=Words("Neueste Alarme, und warum", "Latest alerts, and why"),
                view=ALERTS,
                columns=ALERT_COLUMNS,
                sort=(("at", "desc"),),
            ),
        ),
    ),
)

_WORK_ROWS: Final = (
    Row(
        5,
        (
            Figure(title=Words("Offen", "Open"), view=WORK, query=OPEN, measure=_PIECES),
            Figure(title=Words("Überfällig", "Overdue"), view=WORK, query=OVERDUE, measure=_PIECES),
            Figure(
                title=Words("Offen und eskaliert", "Open and escalated"),
                view=WORK,
                query="open:true AND _exists_:escalated_at",
                measure=_PIECES,
            ),
            Figure(
                title=Words("Dauer bis erledigt", "Time until done"),
                view=WORK,
                query="open:false",
                measure=_TAKES,
            ),
        ),
    ),
    Row(
        11,
        (
            Bars(
                title=Words("Offen nach Team", "Open, by team"),
                view=WORK,
                query=OPEN,
                of=_TEAM,
                measure=_PIECES,
                by=_PRIORITY,
            ),
            Bars(
                title=Words("Überfällig nach Team", "Overdue, by team"),
                view=WORK,
                query=OVERDUE,
                of=_TEAM,
                measure=_PIECES,
                by=_PRIORITY,
            ),
            Bars(
                title=Words("Offen nach Priorität", "Open, by priority"),
                view=WORK,
                query=OPEN,
                of=_PRIORITY,
                measure=_PIECES,
                by=Values("state", Words("Stand", "State"), 4),
            ),
        ),
    ),
    Row(
        11,
        (
            Bars(
                title=Words("Wann Offenes fällig ist", "When open work is due"),
                view=WORK,
                query=OPEN,
                of=_DUE,
                measure=_PIECES,
                by=_PRIORITY,
            ),
            Bars(
                title=Words("Offen nach Kanal und Ton", "Open, by channel and tone"),
                view=WORK,
                query=OPEN,
                of=CHANNEL,
                measure=_PIECES,
                by=TONE,
            ),
            Listing(
                title=Words("Wer woran sitzt", "Who has what"),
                view=WORK,
                query="_exists_:assignee",
                rows=(_TEAM, _WHO, Values("state", Words("Stand", "State"), 4)),
                columns=(_PIECES, _TAKES),
            ),
        ),
    ),
    Row(
        16,
        (
            Mentions(
                title=Words("Offen, das Dringendste zuerst", "Open, the most urgent first"),
                view=WORK,
                query=OPEN,
                columns=WORK_COLUMNS,
                sort=(("subject.due", "asc"),),
            ),
        ),
    ),
)

ALERTS_AND_WORK: Final = Dashboard(
    name="alerts-and-work",
    title=Words("Alarme und Arbeit", "Alerts and work"),
    about=Words(
        "Was jetzt auffällt und warum; was offen und überfällig ist, bei welchem Team",
        "What stands out now, and why; what is open and overdue, and whose it is",
    ),
    tour=Words(
        "**Alarme und Arbeit.** Oben die Alarme: jeder sagt, was beobachtet und was erwartet "
        "wurde, und führt zu einigen der Erwähnungen, die ihn auslösten. Unten, was Teams zu tun "
        "haben: erst das Überfällige, dann das Offene, das als Nächstes fällig ist. Das Thema ganz "
        "oben gilt für beides, die Filter eines Abschnitts nur für ihn. Übernommen und beantwortet "
        "wird mit *mentions work*; es dauert Sekunden, bis es hier steht.",
        "**Alerts and work.** First the alerts: each says what was observed and what was to be "
        "expected, and leads to some of the mentions that made it. Below, what teams have to do: "
        "first what is overdue, then what is due next. The topic at the very top is for both, the "
        "filters of a section for that section alone. Work is taken and answered with *mentions "
        "work*; it takes seconds until it shows here.",
    ),
    since="now-90d",
    refresh=60,
    controls=TOPIC_ALONE,
    sections=(
        Section(
            Words("Alarme", "Alerts"),
            (
                Control("severity", Words("Dringlichkeit", "Severity"), ALERTS),
                Control("rule", Words("Regel", "Rule"), ALERTS),
                Control("source_names", Words("Quelle", "Source"), ALERTS),
            ),
            _ALERT_ROWS,
        ),
        Section(
            Words("Arbeit", "Work"),
            (
                Control("team", Words("Team", "Team"), WORK),
                Control("subject.priority", Words("Priorität", "Priority"), WORK),
                Control("channel", Words("Kanal", "Channel"), WORK),
                Control("language.code", Words("Sprache", "Language"), WORK),
            ),
            _WORK_ROWS,
        ),
    ),
)
