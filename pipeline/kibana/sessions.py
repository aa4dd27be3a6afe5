"""Discover sessions: the searches that one makes on the first day."""

from typing import Final

from pipeline.kibana.dashboards.people import PEOPLE_COLUMNS
from pipeline.kibana.dashboards.work import ALERT_COLUMNS, OPEN, OVERDUE, WORK_COLUMNS
from pipeline.kibana.data_views import ALERTS, COVERAGE, LETTERS, PEOPLE, WORK
from pipeline.kibana.mentions import Mentions
from pipeline.kibana.words import Words

__all__ = ["SESSIONS"]

SESSIONS: Final = (
    Mentions(
        name="negative",
        title=Words("Negatives über unsere Marken", "Negative about our brands"),
        about=Words("Negativer Ton, eine Marke genannt", "Negative tone, a brand named"),
        query="sentiment.label:negative AND _exists_:topic_of.brand",
    ),
    Mentions(
        name="questions",
        title=Words("Fragen an uns", "Questions to us"),
        about=Words("Eine Marke genannt, eine Frage gestellt", "A brand named, a question asked"),
        query="_exists_:topic_of.brand AND intents.kind:question",
    ),
    Mentions(
        name="loud",
        title=Words("Was Widerhall fand", "What was well heard"),
        about=Words("Nach Reaktionen geordnet", "Ordered by reactions"),
        query="interactions:>0",
        sort=(("interactions", "desc"),),
    ),
    Mentions(
        name="news",
        title=Words("Presse", "Press"),
        about=Words("Nachrichten und Blogs", "News and blogs"),
        query="channel:(news OR blog)",
        columns=("site", "title", "topics", "sentiment.label", "url"),
    ),
    Mentions(
        name="bad-reviews",
        title=Words("Schlechte Bewertungen", "Bad reviews"),
        about=Words("Höchstens zwei Sterne", "Two stars at most"),
        query="stars:<2.5",
        columns=("stars", "topics", "title", "text", "url"),
    ),
    Mentions(
        name="unclear",
        title=Words("Ohne Ton oder Sprache", "Without tone or language"),
        about=Words("Was die Auswertung offen ließ", "What enrichment left open"),
        # By itself, NOT takes away from what the other side of OR finds.
        query="language.code:und OR (*:* NOT _exists_:sentiment.label)",
    ),
    Mentions(
        name="alerts-latest",
        title=Words("Alarme, die neuesten zuerst", "Alerts, the latest first"),
        about=Words("Mit dem Grund und den Erwähnungen", "With the reason and the mentions"),
        view=ALERTS,
        columns=ALERT_COLUMNS,
        sort=(("at", "desc"),),
    ),
    Mentions(
        name="alerts-critical",
        title=Words("Dringende Alarme", "Critical alerts"),
        about=Words("Krisen und Lecks", "Crises and leaks"),
        view=ALERTS,
        query="severity:critical",
        columns=ALERT_COLUMNS,
        sort=(("at", "desc"),),
    ),
    Mentions(
        name="work-open",
        title=Words("Offene Arbeit", "Open work"),
        about=Words("Was als Nächstes fällig ist, zuerst", "What is due next comes first"),
        view=WORK,
        query=OPEN,
        columns=WORK_COLUMNS,
        sort=(("subject.due", "asc"),),
    ),
    Mentions(
        name="work-overdue",
        title=Words("Überfällige Arbeit", "Overdue work"),
        about=Words("Noch offen und nicht mehr rechtzeitig", "Still open, and late"),
        view=WORK,
        query=OVERDUE,
        columns=WORK_COLUMNS,
        sort=(("subject.due", "asc"),),
    ),
    Mentions(
        name="work-untaken",
        title=Words("Was niemand übernommen hat", "What nobody has taken"),
        about=Words("Neu, das Älteste zuerst", "New, the oldest first"),
        view=WORK,
        query="state:new",
        columns=WORK_COLUMNS,
        sort=(("since", "asc"),),
    ),
    Mentions(
        name="people-best",
        title=Words("Mit wem zu reden ist", "Whom to talk to"),
        about=Words("Je Thema, mit den Gründen", "For each topic, with the reasons"),
        view=PEOPLE,
        columns=PEOPLE_COLUMNS,
        sort=(("score", "desc"),),
    ),
    Mentions(
        name="missing",
        title=Words("Was nicht verarbeitet werden konnte", "What could not be processed"),
        about=Words("Mit Grund; noch nicht erledigt", "With the reason; not dealt with yet"),
        view=LETTERS,
        query="NOT _exists_:action",
        columns=("stage", "error", "reason", "source", "text", "position"),
        sort=(("at", "desc"),),
    ),
    Mentions(
        name="failed-polls",
        title=Words("Gescheiterte Abfragen", "Failed polls"),
        about=Words("Welche Quelle wann nicht antwortete", "Which source did not answer, and when"),
        view=COVERAGE,
        query="failures:>0",
        columns=("source", "kind", "error_classes", "failures", "polls", "limited_seconds"),
        sort=(("end", "desc"),),
    ),
)
