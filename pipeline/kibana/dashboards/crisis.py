"""Crisis room: the last hours, how far it spreads, who is heard, where it began."""

from typing import Final

from pipeline.kibana.dashboards._shared import (
    AUTHORS,
    CHANNEL,
    REACH,
    REACTIONS,
    STORIES,
    TONE,
    TOPIC,
    Dashboard,
    Row,
)
from pipeline.kibana.mentions import Mentions
from pipeline.kibana.parts import AUTHOR, COUNT, Bars, Figure, Listing, Measure, Trend, Values
from pipeline.kibana.words import Words

__all__ = ["CRISIS"]

_NEGATIVE: Final = "sentiment.label:negative"

CRISIS: Final = Dashboard(
    name="crisis",
    title=Words("Krisenraum", "Crisis room"),
    about=Words(
        "Die letzten Stunden: Verlauf, Ausbreitung, wer gehört wird, wo es begann",
        "The last hours: course, spread, who is heard, where it began",
    ),
    tour=Words(
        "**Krisenraum.** Zeigt die letzten 24 Stunden und sieht jede Minute nach. Oben ein Thema "
        "wählen. Steigt die Menge oder nur der negative Teil? Springt es auf andere Kanäle über? "
        "Die Liste unten beginnt mit dem Ältesten: dort steht, wo es anfing. Was in den letzten "
        "Minuten gesagt wurde, kann noch unterwegs sein.",
        "**Crisis room.** Shows the last 24 hours and looks again every minute. Choose a topic at "
        "the top. Does the volume rise, or only its negative part? Does it jump to other channels? "
        "The list at the bottom starts with the oldest: that is where it began. What was said in "
        "the last minutes may still be on its way.",
    ),
    since="now-24h",
    refresh=60,
    rows=(
        Row(
            5,
            (
                Figure(title=Words("Erwähnungen", "Mentions")),
                Figure(
                    title=Words("Negativ", "Negative"),
                    measure=Measure("count", Words("Negativ", "Negative"), only=_NEGATIVE),
                ),
                Figure(title=Words("Stimmen", "Voices"), measure=AUTHORS),
                Figure(title=Words("Reichweite", "Reach"), measure=REACH),
            ),
        ),
        Row(
            12,
            (
                Trend(title=Words("Verlauf nach Ton", "Course by tone"), by=TONE),
                Trend(
                    title=Words("Ausbreitung über Kanäle", "Spread over channels"),
                    query=_NEGATIVE,
                    by=CHANNEL,
                    shape="area_stacked",
                ),
            ),
        ),
        Row(
            12,
            (
                Listing(
                    title=Words("Wer gehört wird", "Loudest authors"),
                    query=_NEGATIVE,
                    rows=(Values(AUTHOR, Words("Konto", "Account"), 15),),
                    columns=(
                        REACTIONS,
                        COUNT,
                        Measure("max", Words("Folgende", "Followers"), "author.followers"),
                    ),
                ),
                Bars(
                    title=Words("Worum es geht", "What it is about"),
                    query=_NEGATIVE,
                    of=TOPIC,
                ),
                Bars(
                    title=Words("Worte der Kritik", "Words of criticism"),
                    query=_NEGATIVE,
                    of=Values("sentiment.terms.text", Words("Wort", "Word"), 20),
                ),
            ),
        ),
        Row(
            12,
            (
                STORIES,
                Listing(
                    title=Words("Ausbreitung über Websites", "Spread over sites"),
                    query=_NEGATIVE,
                    rows=(Values("site", Words("Website", "Site"), 15),),
                    columns=(COUNT, AUTHORS, REACTIONS),
                ),
            ),
        ),
        Row(
            16,
            (
                Mentions(
                    title=Words("Wo es begann: das Älteste zuerst", "Where it began: oldest first"),
                    query=_NEGATIVE,
                    sort=(("published_at", "asc"),),
                ),
            ),
        ),
    ),
)
