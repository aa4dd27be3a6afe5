"""``python -m benchmarks.report RUN.json``: a run as Markdown with a plot, beside the JSON."""

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt

__all__ = ["markdown", "plot"]

MEANING = {
    "bare": "the enrichment function in a loop, no Kafka, one core",
    "plain": "an aiokafka loop that copies",
    "loop": "an aiokafka loop with our enrichment",
    "naive": "Faust agent, `Record`, `langdetect.detect`, `TextBlob`, `topic.send`",
    "quix": "quix-streams with our enrichment",
    "bytewax": "bytewax with our enrichment",
    "ours": "`mentions worker --stages enrich`",
    "bulk": "`helpers.bulk`, documents made before",
    "async_bulk": "`helpers.async_bulk`, documents made before",
    "writer": "our writer, which makes the documents",
    "stage": "`mentions worker --stages index`, reading from Kafka",
}


def markdown(run: Mapping[str, Any]) -> Iterator[str]:
    """The lines of a page about a run."""
    machine = run["machine"]
    yield f"# A {run['form']} run, {run['at']}"
    yield ""
    yield (
        f"Version {run['version']} on {machine['cpu']}, {machine['cores']} cores, "
        f"{machine['memory_gib']} GiB, Python {machine['python']}; load before the run "
        f"{machine['load_before']}. Broker, Elasticsearch and engine share these cores. Median of "
        f"{run['sizes']['rounds']} round(s), the engines in turn; least and most beside it."
    )
    for title, part in (("Enrich", run["enrich"]), ("Index", run["index"])):
        yield ""
        yield f"## {title}"
        yield ""
        yield "| engine | messages/s | least | most | CPU ms each | MiB | what it is |"
        yield "|---|--:|--:|--:|--:|--:|---|"
        for name, rates in sorted(part.items(), key=lambda pair: -pair[1]["rate"]):
            yield (
                f"| {name} | {rates['rate']:,.0f} | {rates['least']:,.0f} | {rates['most']:,.0f} | "
                f"{rates.get('cpu_ms_each', '')} | {rates.get('rss_mib', '')} | {MEANING[name]} |"
            )
    path = run["path"]
    yield ""
    yield "## Raw to searchable"
    yield ""
    yield f"Ours {path['ours']:,.0f} a second, the naive way {path['naive']:,.0f}."
    if latency := run.get("latency"):
        yield (
            f"At {latency['rate']:,.0f} a second: half of the mentions are found after "
            f"{latency['p50']} s, 99 of 100 after {latency['p99']} s, all {latency['mentions']:,} "
            f"after {latency['most']} s."
        )
    if soak := run.get("soak"):
        last = soak["points"][-1]
        lags = [point["lag_enrich"] + point["lag_index"] for point in soak["points"]]
        yield (
            f"{soak['minutes']:g} minutes at {soak['rate']:,.0f} a second: lag at most "
            f"{max(lags):,}, at the end {lags[-1]:,}; memory at the end {last['rss_enrich']} MiB "
            f"(enrich) and {last['rss_index']} MiB (index)."
        )
    yield ""
    yield "## Start"
    yield ""
    yield "| what | seconds |"
    yield "|---|--:|"
    for name, seconds in run["startup"].items():
        yield f"| {name} | {seconds} |"
    yield ""
    yield "## Ratios"
    yield ""
    yield "| ratio | value |"
    yield "|---|--:|"
    for name, value in run["ratios"].items():
        yield f"| {name} | {value} |"


def plot(run: Mapping[str, Any], path: Path) -> None:
    """Bars of both stages, as SVG."""
    figure, axes = plt.subplots(1, 2, figsize=(11, 3.6), layout="constrained")
    for axis, title in zip(axes, ("enrich", "index"), strict=True):
        found = sorted(run[title].items(), key=lambda pair: pair[1]["rate"])
        ours = {"ours", "writer", "stage"}
        axis.barh(
            [name for name, _ in found],
            [rates["rate"] for _, rates in found],
            xerr=[
                [rates["rate"] - rates["least"] for _, rates in found],
                [rates["most"] - rates["rate"] for _, rates in found],
            ],
            color=["#0b6e4f" if name in ours else "#9aa5b1" for name, _ in found],
        )
        axis.set_title(f"{title}: messages a second")
        axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, metadata={"Date": None})


def main(where: Path) -> None:
    """Write both beside the JSON."""
    run = json.loads(where.read_text(encoding="utf-8"))
    plot(run, where.with_suffix(".svg"))
    page = [*markdown(run), "", f"![Rates]({where.with_suffix('.svg').name})"]
    where.with_suffix(".md").write_text("\n".join(page) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
