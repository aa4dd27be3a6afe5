"""Coverage: which sources deliver, since when they don't, how complete the picture is."""

from typing import Final

from pipeline.kibana.dashboards._shared import CHANNEL, Dashboard, Row
from pipeline.kibana.mentions import Mentions
from pipeline.kibana.parts import COUNT, Figure, Listing, Measure, Split, Trend, Values
from pipeline.kibana.words import Words

__all__ = ["COVERAGE", "SOURCE"]

SOURCE: Final = Values("collector.source", Words("Quelle", "Source"), 50)
_DELAY: Final = Measure(
    "median",
    Words("Verzug (s)", "Delay (s)"),
    "latency.collected",
    only="NOT collector.backfill:true",
)
_KEPT: Final = Split(
    Words("Was ungewiss ist", "What is uncertain"),
    (
        ("collector.truncated:true", Words("Text gekürzt", "Text cut")),
        ("collector.published_estimated:true", Words("Zeit geschätzt", "Time estimated")),
        ("collector.backfill:true", Words("Nachgeholt", "Collected later")),
        ("language.code:und", Words("Sprache unbestimmt", "Language undetermined")),
        ("NOT _exists_:sentiment.label", Words("Ohne Ton", "Without tone")),
    ),
)

COVERAGE: Final = Dashboard(
    name="coverage",
    title=Words("Abdeckung", "Coverage"),
    about=Words(
        "Welche Quellen liefern, seit wann nicht mehr, wie vollständig das Bild ist",
        "Which sources deliver, since when they do not, how complete the picture is",
    ),
    tour=Words(
        "**Abdeckung.** Eine Quelle, die schweigt, sieht aus wie Ruhe. Deshalb zuerst: Hat jede "
        "Quelle heute geliefert? Eine Lücke im Verlauf ist ein Ausfall oder eine leere Nacht; der "
        "Vergleich mit den Tagen davor zeigt, was von beiden. Gezählt wird hier nach dem Sammeln, "
        "nicht nach dem Sagen.",
        "**Coverage.** A source that has gone dark looks like silence. So first: has every source "
        "delivered today? A gap is an outage or a quiet night; compare it with the days before. "
        "Time here is when a mention was collected, not when it was said.",
    ),
    rows=(
        Row(
            12,
            (
                Trend(
                    title=Words("Gesammelt nach Quelle", "Collected by source"),
                    by=Values("collector.source", Words("Quelle", "Source"), 20),
                    clock="collected_at",
                ),
            ),
        ),
        Row(
            14,
            (
                Listing(
                    title=Words("Quellen, die stillsten zuerst", "Sources, the most silent first"),
                    rows=(
                        Values("collector.source", Words("Quelle", "Source"), 50, ascending=True),
                    ),
                    columns=(COUNT, _DELAY),
                ),
                Trend(
                    title=Words("Gesammelt nach Kanal", "Collected by channel"),
                    by=CHANNEL,
                    clock="collected_at",
                ),
            ),
        ),
        Row(
            8,
            (
                Figure(
                    title=Words("Quellen mit Erwähnungen", "Sources with mentions"),
                    measure=Measure(
                        "unique_count", Words("Quellen", "Sources"), "collector.source"
                    ),
                ),
                Listing(
                    title=Words("Was ungewiss ist", "What is uncertain"),
                    rows=(_KEPT,),
                ),
            ),
        ),
        Row(
            14,
            (
                Mentions(
                    title=Words("Zuletzt Gesammeltes", "Collected last"),
                    columns=("collected_at", "collector.source", "channel", "text", "url"),
                    sort=(("collected_at", "desc"),),
                ),
            ),
        ),
    ),
)
