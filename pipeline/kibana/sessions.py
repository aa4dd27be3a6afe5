"""Discover sessions: the searches that one makes on the first day."""

from typing import Final

from pipeline.kibana.data_views import COVERAGE, LETTERS
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
        about=Words("Eine Marke genannt, ein Fragewort", "A brand named, a question word"),
        query="_exists_:topic_of.brand AND "
        "text:(wie OR warum OR wann OR weiß OR how OR why OR when)",
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
