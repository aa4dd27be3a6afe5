"""Grafana's dashboard of all processes, described once: ``python deploy/grafana/dashboard.py``.

That renews ``mentions.json`` beside this file, which is what to import into Grafana, or to put
where it is provisioned from. The data source is a variable: any Prometheus that reads the
processes' ``/metrics``.
"""

import itertools
from pathlib import Path
from typing import Final

from grafana_foundation_sdk.builders import common, dashboard, prometheus, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import DataSourceRef
from msgspec import Struct

__all__ = ["FILE", "ROWS", "Panel", "made"]

FILE: Final = Path(__file__).with_name("mentions.json")
_SOURCE: Final = DataSourceRef(type_val="prometheus", uid="${prometheus}")
_HEIGHT: Final = 8
_ACROSS: Final = 24  # Grafana's columns


class Panel(Struct, frozen=True):
    """A chart over time."""

    title: str
    expression: str
    """In PromQL."""
    legend: str
    unit: str
    """One of Grafana's own names."""


def _rate(metric: str, by: str) -> str:
    return f"sum by ({by}) (rate({metric}[5m]))"


def _slowest(share: float) -> str:
    buckets = _rate("mentions_batch_seconds_bucket", "stage, le")
    return f"histogram_quantile({share}, {buckets})"


ROWS: Final = {
    "Sources": (
        Panel("Published", _rate("mentions_source_published_total", "source"), "{{source}}", "cps"),
        Panel(
            "Complete up to so long ago",
            "time() - max by (source) (mentions_source_complete_timestamp_seconds)",
            "{{source}}",
            "s",
        ),
        Panel("Dark", "max by (source) (mentions_source_dark) == 1", "{{source}}", "short"),
        Panel("Sources of each agent", "mentions_sources_owned", "{{instance}}", "short"),
    ),
    "How platforms answer": (
        Panel("Polls", _rate("mentions_source_polls_total", "source"), "{{source}}", "cps"),
        Panel(
            "Failed polls",
            _rate("mentions_source_errors_total", "source, error"),
            "{{source}} {{error}}",
            "cps",
        ),
        Panel(
            "Share of time asked to wait",
            _rate("mentions_source_limited_seconds_total", "source"),
            "{{source}}",
            "percentunit",
        ),
        Panel(
            "Items refused", _rate("mentions_source_rejected_total", "source"), "{{source}}", "cps"
        ),
    ),
    "What sources bring": (
        Panel("Items read", _rate("mentions_source_received_total", "source"), "{{source}}", "cps"),
        Panel(
            "Items that were published already",
            _rate("mentions_source_unchanged_total", "source"),
            "{{source}}",
            "cps",
        ),
    ),
    "Stages": (
        Panel("Lag", "sum by (stage) (mentions_lag)", "{{stage}}", "short"),
        Panel("Messages taken", _rate("mentions_received_total", "stage"), "{{stage}}", "cps"),
        Panel("Messages sent", _rate("mentions_sent_total", "topic"), "{{topic}}", "cps"),
        Panel(
            "Since lag last shrank",
            "max by (stage, instance) (mentions_progress_age_seconds)",
            "{{stage}} {{instance}}",
            "s",
        ),
    ),
    "Trouble": (
        Panel(
            "Dead letters",
            "sum by (stage, error) (increase(mentions_rejected_total[1h]))",
            "{{stage}} {{error}}",
            "short",
        ),
        Panel("Tried again", _rate("mentions_retried_total", "stage"), "{{stage}}", "cps"),
        Panel("A batch, half of them within", _slowest(0.5), "{{stage}}", "s"),
        Panel("A batch, 19 of 20 within", _slowest(0.95), "{{stage}}", "s"),
    ),
    "Loops": (
        Panel(
            "Since the loop last came round",
            "time() - max by (loop) (mentions_turned_timestamp_seconds)",
            "{{loop}}",
            "s",
        ),
    ),
    "Channels": (
        Panel(
            "Attempts in vain since the channel took something",
            "max by (channel) (mentions_channel_failures)",
            "{{channel}}",
            "short",
        ),
        Panel(
            "Alerts and stories it never took",
            "max by (channel) (mentions_channel_lost)",
            "{{channel}}",
            "short",
        ),
    ),
    "Page for corrections": (
        Panel("Answers", _rate("mentions_page_answers_total", "status"), "{{status}}", "cps"),
    ),
    "Processes": (
        Panel(
            "Memory",
            "process_resident_memory_bytes and on (instance) "
            "(mentions_lag or mentions_sources_owned or mentions_turned_timestamp_seconds)",
            "{{instance}}",
            "bytes",
        ),
        Panel(
            "Processors",
            "rate(process_cpu_seconds_total[5m]) and on (instance) "
            "(mentions_lag or mentions_sources_owned or mentions_turned_timestamp_seconds)",
            "{{instance}}",
            "short",
        ),
    ),
}


def made() -> str:
    """The dashboard as Grafana's JSON."""
    whole = (
        dashboard.Dashboard("Mentions: processes")
        .uid("mentions-processes")
        .tags(["mentions"])
        .refresh("30s")
        .time("now-6h", "now")
        .with_variable(
            dashboard.DatasourceVariable("prometheus").label("Prometheus").type("prometheus")
        )
    )
    ids = itertools.count(1)
    for row, panels in ROWS.items():
        whole.with_row(dashboard.Row(row).id(next(ids)))
        for panel in panels:
            whole.with_panel(_chart(panel, _ACROSS // len(panels)).id(next(ids)))
    return JSONEncoder(sort_keys=True, indent=1).encode(whole.build()) + "\n"


def _chart(panel: Panel, width: int) -> timeseries.Panel:
    question = prometheus.Dataquery().ref_id("A").expr(panel.expression)
    return (
        timeseries.Panel()
        .title(panel.title)
        .unit(panel.unit)
        .min(0)
        .height(_HEIGHT)
        .span(width)
        .datasource(_SOURCE)
        .legend(common.VizLegendOptions().show_legend(show_legend=True))
        .with_target(question.legend_format(panel.legend).datasource(_SOURCE))
    )


if __name__ == "__main__":
    FILE.write_text(made(), "utf-8")
