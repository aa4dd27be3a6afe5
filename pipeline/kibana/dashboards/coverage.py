"""Coverage: which sources deliver, since when they don't, how complete the picture is."""

from typing import Final

from msgspec.structs import replace

from pipeline.kibana.dashboards._shared import CHANNEL, CONTROLS, Dashboard, Row
from pipeline.kibana.data_views import COLLECTED, LETTERS
from pipeline.kibana.data_views import COVERAGE as LEDGER
from pipeline.kibana.mentions import Mentions
from pipeline.kibana.parts import COUNT, Bars, Figure, Listing, Measure, Split, Trend, Values
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
_BY_SOURCE: Final = Values("source", Words("Quelle", "Source"), 20)
_EVERY_SOURCE: Final = Values("source", Words("Quelle", "Source"), 200, ascending=True)
_UNTIL: Final = Measure(
    "max", Words("Vollständig bis", "Complete until"), "complete_until", instant=True
)
_LATEST_GAP: Final = Measure("max", Words("Zuletzt gesehen", "Seen last"), "end", instant=True)
_SOURCES: Final = Measure("unique_count", Words("Quellen", "Sources"), "source")
_FAILURES: Final = Measure("sum", Words("Gescheiterte Abfragen", "Failed polls"), "failures")
_SLOWED: Final = Measure("sum", Words("Gebremst (s)", "Slowed down (s)"), "limited_seconds")
_LETTERS: Final = Measure("count", Words("Abgelehnt", "Refused"))
_OPEN: Final = "NOT _exists_:action"

COVERAGE: Final = Dashboard(
    name="coverage",
    title=Words("Abdeckung", "Coverage"),
    about=Words(
        "Welche Quellen liefern, seit wann nicht mehr, wie vollständig das Bild ist",
        "Which sources deliver, since when they do not, how complete the picture is",
    ),
    tour=Words(
        "**Abdeckung.** Eine Quelle, die schweigt, sieht aus wie Ruhe. Deshalb zuerst: Welche "
        "Quelle antwortet nicht, wo blieb eine Lücke, was konnte nicht verarbeitet werden? Eine "
        "Quelle, die seit zwei geplanten Abfragen nichts brachte, heißt stumm. Dann, was ankam, "
        "gezählt nach dem Sammeln, nicht nach dem Sagen. Die Filter oben gelten für Erwähnungen; "
        "Abfragen und Abgelehntes zeigen immer alles. Genauer: *mentions coverage*.",
        "**Coverage.** A source that has gone dark looks like silence. So first: which source does "
        "not answer, where did a gap remain, what could not be processed? A source that brought "
        "nothing for two planned polls is called dark. Then what came, by when it was collected, "
        "not when it was said. The filters above are for mentions; polls and refusals always show "
        "all. In detail: *mentions coverage*.",
    ),
    controls=tuple(replace(control, view=COLLECTED) for control in CONTROLS),
    rows=(
        Row(
            5,
            (
                Figure(
                    title=Words("Quellen, die antworten", "Sources that answer"),
                    view=LEDGER,
                    query="_exists_:complete",
                    measure=_SOURCES,
                ),
                Figure(
                    title=Words("Quellen, die stumm waren", "Sources that were dark"),
                    view=LEDGER,
                    query="dark:true",
                    measure=_SOURCES,
                ),
                Figure(
                    title=Words("Quellen mit Fehlern", "Sources with failures"),
                    view=LEDGER,
                    query="failures:>0",
                    measure=_SOURCES,
                ),
                Figure(
                    title=Words("Quellen mit Lücken", "Sources with gaps"),
                    view=LEDGER,
                    query="_exists_:gap",
                    measure=_SOURCES,
                ),
                Figure(
                    title=Words("Offene Ablehnungen", "Refusals not dealt with"),
                    view=LETTERS,
                    query=_OPEN,
                    measure=_LETTERS,
                ),
            ),
            (10, 10, 10, 9, 9),
        ),
        Row(
            12,
            (
                Listing(
                    title=Words(
                        "Vollständig bis: alle Quellen, die älteste zuerst",
                        "Complete until: all sources, the oldest first",
                    ),
                    view=LEDGER,
                    rows=(_EVERY_SOURCE,),
                    columns=(_UNTIL, _FAILURES),
                ),
                Listing(
                    title=Words("Lücken nach Quelle", "Gaps by source"),
                    view=LEDGER,
                    query="_exists_:gap",
                    rows=(_BY_SOURCE,),
                    columns=(
                        Measure("count", Words("Meldungen mit Lücke", "Reports of a gap")),
                        _LATEST_GAP,
                    ),
                ),
            ),
        ),
        Row(
            12,
            (
                Trend(
                    title=Words("Gescheiterte Abfragen", "Failed polls over time"),
                    view=LEDGER,
                    query="failures:>0",
                    measure=_FAILURES,
                    by=_BY_SOURCE,
                ),
                Listing(
                    title=Words(
                        "Was Quellen aufhielt, mit und ohne Fehler",
                        "What held sources up, with and without errors",
                    ),
                    view=LEDGER,
                    query="dark:true OR failures:>0 OR limited_seconds:>0 OR _exists_:gap",
                    rows=(
                        _BY_SOURCE,
                        # Where there is only a gap, there is no error.
                        Values(
                            "error_classes", Words("Fehler", "Error"), 5, others=True, none=True
                        ),
                    ),
                    columns=(_FAILURES, _SLOWED),
                ),
            ),
        ),
        Row(
            12,
            (
                Trend(
                    title=Words("Abgelehnt nach Stufe", "Refused, by stage"),
                    view=LETTERS,
                    measure=_LETTERS,
                    by=Values("stage", Words("Stufe", "Stage"), 6),
                ),
                Bars(
                    title=Words("Warum abgelehnt", "Why refused"),
                    view=LETTERS,
                    of=Values("error", Words("Fehler", "Error"), 10),
                    measure=_LETTERS,
                ),
                Listing(
                    title=Words("Abgelehnt nach Quelle", "Refused, by source"),
                    view=LETTERS,
                    query=_OPEN,
                    rows=(Values("source", Words("Quelle", "Source"), 15),),
                    columns=(_LETTERS,),
                ),
            ),
        ),
        Row(
            12,
            (
                Trend(
                    title=Words("Gesammelt nach Quelle", "Collected by source"),
                    view=COLLECTED,
                    by=Values("collector.source", Words("Quelle", "Source"), 20),
                ),
            ),
        ),
        Row(
            14,
            (
                Listing(
                    title=Words("Quellen, die stillsten zuerst", "Sources, the most silent first"),
                    view=COLLECTED,
                    rows=(
                        Values("collector.source", Words("Quelle", "Source"), 50, ascending=True),
                    ),
                    columns=(COUNT, _DELAY),
                ),
                Trend(
                    title=Words("Gesammelt nach Kanal", "Collected by channel"),
                    view=COLLECTED,
                    by=CHANNEL,
                ),
            ),
        ),
        Row(
            8,
            (
                Figure(
                    title=Words("Quellen mit Erwähnungen", "Sources with mentions"),
                    view=COLLECTED,
                    measure=Measure(
                        "unique_count", Words("Quellen", "Sources"), "collector.source"
                    ),
                ),
                Listing(
                    title=Words("Was ungewiss ist", "What is uncertain"),
                    view=COLLECTED,
                    rows=(_KEPT,),
                ),
            ),
        ),
        Row(
            14,
            (
                Mentions(
                    title=Words("Zuletzt Gesammeltes", "Collected last"),
                    view=COLLECTED,
                    columns=("collected_at", "collector.source", "channel", "text", "url"),
                    sort=(("collected_at", "desc"),),
                ),
            ),
        ),
    ),
)
