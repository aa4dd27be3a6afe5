"""Operations: how much passes through, and how long it takes."""

from typing import Final

from pipeline.kibana.dashboards._shared import Dashboard, Row
from pipeline.kibana.parts import COUNT, Figure, Listing, Measure, Trend, Values
from pipeline.kibana.words import Words

__all__ = ["OPERATIONS"]

_CLOCK: Final = "processed_at"
_MEDIAN: Final = Measure(
    "median", Words("Median (s)", "Median (s)"), "latency.processed", decimals=1
)
_WORST: Final = Measure("max", Words("Längste (s)", "Longest (s)"), "latency.processed", decimals=1)

OPERATIONS: Final = Dashboard(
    name="operations",
    title=Words("Betrieb", "Operations"),
    about=Words(
        "Wie viel durchläuft, wie lange es dauert, was es gemacht hat",
        "How much passes through, how long it takes, what did it",
    ),
    tour=Words(
        "**Betrieb.** Menge und Dauer nach der Zeit der Auswertung. Die Dauer ist die vom Sammeln "
        "bis zum Auswerten; steigt sie, kommen die Worker nicht nach. Rückstand und Fehler der "
        "Prozesse stehen bei Prometheus (docs/operations.md).",
        "**Operations.** Volume and duration by the time of enrichment. Duration is from being "
        "collected to being enriched; when it rises, the workers do not keep up. Lag and errors of "
        "the processes are with Prometheus (docs/operations.md).",
    ),
    since="now-24h",
    refresh=60,
    rows=(
        Row(
            5,
            (
                Figure(title=Words("Ausgewertet", "Enriched")),
                Figure(title=Words("Dauer, Median", "Duration, median"), measure=_MEDIAN),
                Figure(title=Words("Dauer, längste", "Duration, longest"), measure=_WORST),
            ),
        ),
        Row(
            12,
            (
                Trend(title=Words("Ausgewertet", "Enriched over time"), clock=_CLOCK),
                Trend(
                    title=Words("Dauer, Median", "Duration over time, median"),
                    measure=_MEDIAN,
                    shape="line",
                    clock=_CLOCK,
                ),
            ),
        ),
        Row(
            12,
            (
                Listing(
                    title=Words("Agenten", "Agents"),
                    query="_exists_:collector.agent",
                    rows=(Values("collector.agent", Words("Agent", "Agent"), 20),),
                    columns=(COUNT, _MEDIAN),
                ),
                Listing(
                    title=Words("Womit ausgewertet", "Enriched by"),
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
