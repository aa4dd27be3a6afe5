"""Operations: how much passes through, and how long it takes."""

from typing import Final

from msgspec.structs import replace

from pipeline.kibana.dashboards._shared import CONTROLS, Dashboard, Row
from pipeline.kibana.data_views import ENRICHED, FIGURES
from pipeline.kibana.parts import COUNT, Figure, Listing, Measure, Trend, Values
from pipeline.kibana.words import Words

__all__ = ["OPERATIONS"]

_MEDIAN: Final = Measure(
    "median", Words("Median (s)", "Median (s)"), "latency.processed", decimals=1
)
_WORST: Final = Measure("max", Words("Längste (s)", "Longest (s)"), "latency.processed", decimals=1)
_STAGE: Final = Values("stage", Words("Stufe", "Stage"), 10)
_LAG: Final = Measure("max", Words("Rückstand", "Lag"), "lag")
_PASSED: Final = Measure("sum", Words("Verarbeitet", "Worked off"), "received")
_REFUSED: Final = Measure("sum", Words("Abgelehnt", "Refused"), "rejected")
_RETRIED: Final = Measure("sum", Words("Wiederholt", "Tried again"), "retried")
_EACH: Final = Measure(
    "average", Words("Sekunden je Stapel", "Seconds a batch"), "seconds_each", decimals=2
)

OPERATIONS: Final = Dashboard(
    name="operations",
    title=Words("Betrieb", "Operations"),
    about=Words(
        "Wie viel durchläuft, wie lange es dauert, was es gemacht hat",
        "How much passes through, how long it takes, what did it",
    ),
    tour=Words(
        "**Betrieb.** Wächst der Rückstand einer Stufe, braucht sie mehr Prozesse. Wartet einer, "
        "steht da worauf: dann hilft kein weiterer. Die Dauer ist die vom Sammeln bis zum "
        "Auswerten; Erwähnungen zählen zu der Zeit, in der sie ausgewertet wurden. Jeder Prozess "
        "meldet sich einmal in der Minute; einer, der fehlt, läuft nicht. Die Filter oben gelten "
        "nur für Erwähnungen. Was zu tun ist, steht in docs/operations.md.",
        "**Operations.** When the lag of a stage grows, it needs more processes. When one waits, "
        "it says for what: then another does not help. Duration is from being collected to being "
        "enriched; mentions count for the time in which they were enriched. Each process speaks up "
        "once a minute; one that is missing does not run. The filters above are for mentions "
        "alone. What to do stands in docs/operations.md.",
    ),
    since="now-24h",
    refresh=60,
    for_teams=False,
    controls=tuple(replace(control, view=ENRICHED) for control in CONTROLS),
    rows=(
        Row(
            5,
            (
                Figure(title=Words("Ausgewertet", "Enriched"), view=ENRICHED),
                Figure(
                    title=Words("Dauer, Median", "Duration, median"),
                    view=ENRICHED,
                    measure=_MEDIAN,
                ),
                Figure(
                    title=Words("Dauer, längste", "Duration, longest"),
                    view=ENRICHED,
                    measure=_WORST,
                ),
                Figure(title=Words("Größter Rückstand", "Largest lag"), view=FIGURES, measure=_LAG),
            ),
        ),
        Row(
            12,
            (
                Trend(
                    title=Words("Rückstand", "Lag over time"),
                    view=FIGURES,
                    measure=_LAG,
                    by=_STAGE,
                    shape="line",
                ),
                Trend(
                    title=Words("Verarbeitet", "Worked off over time"),
                    view=FIGURES,
                    measure=_PASSED,
                    by=_STAGE,
                ),
            ),
        ),
        Row(
            12,
            (
                Listing(
                    title=Words("Prozesse", "Processes"),
                    view=FIGURES,
                    rows=(_STAGE, Values("process", Words("Prozess", "Process"), 20)),
                    columns=(_PASSED, _LAG, _REFUSED, _RETRIED, _EACH),
                ),
                Trend(
                    title=Words("Fehler", "Errors over time"),
                    view=FIGURES,
                    query="rejected:>0",
                    measure=_REFUSED,
                    by=Values("error_classes", Words("Fehler", "Error"), 8),
                ),
                Listing(
                    title=Words("Worauf gewartet wird", "What is waited for"),
                    view=FIGURES,
                    query="_exists_:waiting_for",
                    rows=(_STAGE, Values("waiting_for", Words("Wartet auf", "Waits for"), 5)),
                    columns=(_RETRIED,),
                ),
            ),
        ),
        Row(
            12,
            (
                Trend(title=Words("Ausgewertet", "Enriched over time"), view=ENRICHED),
                Trend(
                    title=Words("Dauer, Median", "Duration over time, median"),
                    view=ENRICHED,
                    measure=_MEDIAN,
                    shape="line",
                ),
            ),
        ),
        Row(
            12,
            (
                Listing(
                    title=Words("Agenten", "Agents"),
                    view=ENRICHED,
                    query="_exists_:collector.agent",
                    rows=(Values("collector.agent", Words("Agent", "Agent"), 20),),
                    columns=(COUNT, _MEDIAN),
                ),
                Listing(
                    title=Words("Womit ausgewertet", "Enriched by"),
                    view=ENRICHED,
                    query="_exists_:sentiment.by.name",
                    rows=(
                        Values("sentiment.by.name", Words("Verfahren", "Backend"), 10),
                        Values("sentiment.by.version", Words("Fassung", "Version"), 5),
                    ),
                ),
            ),
        ),
    ),
)
