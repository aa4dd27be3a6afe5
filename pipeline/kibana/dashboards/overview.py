"""Overview: what is said, where, in which tone, about whom."""

from typing import Final

from pipeline.kibana.dashboards._shared import (
    AUTHORS,
    CHANNEL,
    LANGUAGE,
    LATEST,
    REACH,
    REACTIONS,
    TONE,
    TOPIC,
    VOICE,
    Dashboard,
    Row,
)
from pipeline.kibana.parts import Bars, Cloud, Figure, Listing, Measure, Share, Trend, Values
from pipeline.kibana.words import Words

__all__ = ["OVERVIEW"]

_NEGATIVE: Final = Measure(
    "count", Words("Negative Erwähnungen", "Negative mentions"), only="sentiment.label:negative"
)

OVERVIEW: Final = Dashboard(
    name="overview",
    title=Words("Überblick", "Overview"),
    about=Words(
        "Was gesagt wird: wie viel, wo, in welchem Ton und über wen",
        "What is said: how much, where, in which tone and about whom",
    ),
    tour=Words(
        "**Überblick.** Oben stehen Filter für Thema, Kanal, Sprache und Ton; der Zeitraum steht "
        "rechts. Erst die Menge und der Ton über die Zeit, dann wer den Anteil am Gespräch hat: "
        "nach Erwähnungen, nach Reichweite, nach Reaktionen. Ein Klick auf einen Balken führt zu "
        "den Erwähnungen. Der Ton ist eine Schätzung; vor einer Entscheidung ein paar Texte lesen.",
        "**Overview.** Filters for topic, channel, language and tone are at the top, the period is "
        "on the right. First volume and tone over time, then who has which share of the talk: by "
        "mentions, by reach, by reactions. Click a bar to get to the mentions. Tone is an "
        "estimate; read a few texts before you decide anything.",
    ),
    rows=(
        Row(
            5,
            (
                Figure(title=Words("Erwähnungen", "Mentions")),
                Figure(title=Words("Negativ", "Negative"), measure=_NEGATIVE),
                Figure(title=Words("Stimmen", "Voices"), measure=AUTHORS),
                Figure(title=Words("Reaktionen", "Reactions"), measure=REACTIONS),
            ),
        ),
        Row(12, (Trend(title=Words("Menge nach Ton", "Volume by tone"), by=TONE),)),
        Row(
            11,
            (
                Bars(title=Words("Kanäle", "Channels"), of=CHANNEL, by=TONE),
                Bars(title=Words("Sprachen", "Languages"), of=LANGUAGE, by=TONE),
                Bars(title=Words("Themen", "Topics"), of=TOPIC, by=TONE),
            ),
        ),
        Row(
            11,
            (
                Share(title=Words("Anteil nach Erwähnungen", "Share of voice: mentions"), of=VOICE),
                Share(
                    title=Words("Anteil nach Reichweite", "Share of voice: reach"),
                    of=VOICE,
                    measure=REACH,
                ),
                Share(
                    title=Words("Anteil nach Reaktionen", "Share of voice: reactions"),
                    of=VOICE,
                    measure=REACTIONS,
                ),
            ),
        ),
        Row(
            12,
            (
                Listing(
                    title=Words("Meistbewegte Gespräche", "Threads that moved most"),
                    query="_exists_:thread.root_id",
                    rows=(Values("thread.root_id", Words("Gespräch", "Thread"), 10),),
                    columns=(
                        Measure("count", Words("Beiträge", "Posts")),
                        REACTIONS,
                        AUTHORS,
                    ),
                ),
                Cloud(
                    title=Words("Hashtags", "Hashtags"),
                    of=Values("hashtags", Words("Hashtag", "Hashtag"), 40),
                ),
            ),
        ),
        Row(16, (LATEST,)),
    ),
)
