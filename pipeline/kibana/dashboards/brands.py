"""Brand and competitors: who is spoken of, and how, side by side."""

from typing import Final

from pipeline.kibana.dashboards._shared import (
    AUTHORS,
    CHANNEL,
    INTENT,
    REACH,
    REACTIONS,
    TONE,
    VOICE,
    Dashboard,
    Row,
)
from pipeline.kibana.mentions import Mentions
from pipeline.kibana.parts import COUNT, Bars, Listing, Measure, Share, Trend, Values
from pipeline.kibana.words import Words

__all__ = ["BRANDS"]

_SPOKEN_OF: Final = "_exists_:voices"
_TONE: Final = Measure(
    "average", Words("Ton (-1 bis 1)", "Tone (-1 to 1)"), "sentiment.score", decimals=2
)

BRANDS: Final = Dashboard(
    name="brands",
    title=Words("Marke und Wettbewerb", "Brand and competitors"),
    about=Words(
        "Die eigene Marke neben den Wettbewerbern: Menge, Ton, Kanäle, Produkte",
        "The brand next to its competitors: volume, tone, channels, products",
    ),
    tour=Words(
        "**Marke und Wettbewerb.** Nur Erwähnungen einer Marke oder eines Wettbewerbers. Eine "
        "Erwähnung von zweien zählt für beide. *Ton zum Thema* ist der Ton zu genau dieser Marke, "
        "nicht der des ganzen Textes: „A ist besser als B“ ist positiv für A und negativ für B.",
        "**Brand and competitors.** Only mentions of a brand or competitor. A mention of two "
        "counts for both. *Tone towards topic* is the tone towards that very brand, not of the "
        'whole text: "A is better than B" is positive for A and negative for B.',
    ),
    since="now-30d",
    rows=(
        Row(
            12,
            (
                Trend(
                    title=Words("Anteil am Gespräch", "Share of voice over time"),
                    query=_SPOKEN_OF,
                    by=VOICE,
                    shape="bar_percentage",
                ),
            ),
        ),
        Row(
            12,
            (
                Bars(
                    title=Words("Ton zum Thema", "Tone towards topic"),
                    query=_SPOKEN_OF,
                    of=Values("topic_sentiment", Words("Marke | Ton", "Brand | tone"), 20),
                ),
                Bars(
                    title=Words("Ton des Textes", "Tone of the text"),
                    query=_SPOKEN_OF,
                    of=VOICE,
                    by=TONE,
                    shape="bar_horizontal_percentage",
                ),
                Bars(
                    title=Words("Wo gesprochen wird", "Where it is said"),
                    query=_SPOKEN_OF,
                    of=VOICE,
                    by=CHANNEL,
                ),
            ),
        ),
        Row(
            11,
            (
                Share(
                    title=Words("Anteil nach Reichweite", "Share by reach"),
                    query=_SPOKEN_OF,
                    of=VOICE,
                    measure=REACH,
                ),
                Share(
                    title=Words("Anteil nach Reaktionen", "Share by reactions"),
                    query=_SPOKEN_OF,
                    of=VOICE,
                    measure=REACTIONS,
                ),
                Bars(
                    title=Words("Was man von ihnen will", "What is wanted of them"),
                    query=f"{_SPOKEN_OF} AND _exists_:intents.kind",
                    of=VOICE,
                    by=INTENT,
                ),
            ),
        ),
        Row(
            11,
            (
                Listing(
                    title=Words("Im Vergleich", "Side by side"),
                    query=_SPOKEN_OF,
                    rows=(VOICE,),
                    columns=(COUNT, AUTHORS, REACH, REACTIONS, _TONE),
                ),
                Bars(
                    title=Words("Produkte", "Products"),
                    query="_exists_:topic_of.product",
                    of=Values("topic_of.product", Words("Produkt", "Product"), 15),
                    by=TONE,
                ),
            ),
        ),
        Row(
            16,
            (
                Mentions(
                    title=Words("Erwähnungen von Marken", "Mentions of brands"), query=_SPOKEN_OF
                ),
            ),
        ),
    ),
)
