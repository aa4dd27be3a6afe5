"""Overview: what is said, where, in which tone, about whom."""

from typing import Final

from pipeline.kibana.dashboards._shared import (
    AUTHORS,
    CHANNEL,
    LANGUAGE,
    LATEST,
    REACTIONS,
    STORIES,
    TONE,
    TOPIC,
    VOICE,
    Dashboard,
    Row,
)
from pipeline.kibana.data_views import COVERAGE as LEDGER
from pipeline.kibana.parts import (
    Bars,
    Cloud,
    Figure,
    Listing,
    Measure,
    Share,
    Split,
    Trend,
    Values,
)
from pipeline.kibana.words import Words

__all__ = ["OVERVIEW"]

_SOURCES: Final = Measure("unique_count", Words("Quellen", "Sources"), "source")
_READ: Final = Split(
    Words("In dieser Zeit", "In this period"),
    (
        ("_exists_:complete", Words("gelesen", "read")),
        ("failures:>0", Words("mit Fehlern", "with failures")),
        ("_exists_:gap", Words("mit Lücken", "with gaps")),
    ),
)
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
        "rechts. Erst die Menge und der Ton über die Zeit, dann der Anteil am Gespräch, dreimal "
        "gezählt: alles; jede Geschichte einmal, ohne Abschriften; ohne Bots. Gehen die drei "
        "auseinander, macht jemand Lärm. Daneben, ob alle Quellen gelesen wurden: diese Zahl kennt "
        "die Filter nicht. Ein Klick auf eine Zahl oder einen Balken führt zu den Erwähnungen. Der "
        "Ton ist eine Schätzung; vor einer Entscheidung ein paar Texte lesen.",
        "**Overview.** Filters for topic, channel, language and tone are at the top, the period is "
        "on the right. First volume and tone over time, then share of voice three ways: all; each "
        "story once, without near copies; without bots. Where the three differ, somebody makes "
        "noise. Beside them, whether all sources were read: that figure knows no filters. Click a "
        "figure or a bar to get to the mentions. Tone is an estimate; read a few texts before you "
        "decide anything.",
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
                Share(title=Words("Anteil: alles", "Share of voice: all mentions"), of=VOICE),
                Share(
                    title=Words("Anteil: jede Geschichte einmal", "Share of voice: stories"),
                    query="NOT _exists_:duplicate.of",
                    of=VOICE,
                ),
                Share(
                    title=Words("Anteil: ohne Bots", "Share of voice: without bots"),
                    query="NOT noise.score:[0.5 TO *] AND NOT author.kind:bot",
                    of=VOICE,
                ),
                Listing(
                    title=Words("Gelesene Quellen", "Sources read"),
                    view=LEDGER,
                    rows=(_READ,),
                    columns=(_SOURCES,),
                ),
            ),
        ),
        Row(
            12,
            (
                STORIES,
                Cloud(
                    title=Words("Hashtags", "Hashtags"),
                    of=Values("hashtags", Words("Hashtag", "Hashtag"), 40),
                ),
            ),
        ),
        Row(16, (LATEST,)),
    ),
)
