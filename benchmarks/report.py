"""``python -m benchmarks.report RUN.json``: a run as Markdown with plots, beside the JSON.

Takes what ``benchmarks.run`` and ``benchmarks.scaling`` write.
"""

import json
import math
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import fmean, median
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.ticker import LogFormatter, NullFormatter

plt.rcParams.update({"svg.hashsalt": "mentions", "svg.fonttype": "none"})

__all__ = ["markdown", "plot", "plot_scaled", "scaled"]

OURS, OTHERS = "#0b6e4f", "#9aa5b1"
FEW = 6
"""So many sizes find room below a curve."""

MEANING = {
    "bare": "the enrichment function in a loop, no Kafka, one core",
    "plain": "an aiokafka loop that copies",
    "loop": "an aiokafka loop with our enrichment",
    "naive": "Faust agent, `Record`, `langdetect.detect`, `TextBlob`, `topic.send`: far less found",
    "quix": "quix-streams with our enrichment",
    "bytewax": "bytewax with our enrichment",
    "ours": "`mentions worker --stages enrich`, near copies not looked for",
    "whole": "`mentions worker --stages enrich`, all that it does by default",
    "bulk": "`helpers.bulk`, documents made before",
    "async_bulk": "`helpers.async_bulk`, documents made before",
    "writer": "our writer, which makes the documents",
    "read": "an aiokafka loop into `helpers.async_bulk`, which makes the documents and commits",
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
        f"{run['sizes']['rounds']} round(s), the engines in turn; least and most beside it. "
        "A ratio is the median of each round's."
    )
    used = machine["servers"] | machine["libraries"]
    yield ""
    yield ", ".join(f"{name} {version}" for name, version in used.items()) + "."
    for title in ("Enrich", "Index"):
        part = run.get(title.lower(), {})
        yield ""
        yield f"## {title}"
        yield ""
        yield "| engine | messages/s | least | most | CPU ms each | MiB | what it is |"
        yield "|---|--:|--:|--:|--:|--:|---|"
        for name, rates in sorted(part.items(), key=lambda pair: -pair[1]["rate"]):
            yield (
                f"| {name} | {rates['rate']:,.0f} | {rates['least']:,.0f} | {rates['most']:,.0f} | "
                f"{_cpu(rates)} | {rates.get('rss_mib', '')} | {MEANING[name]} |"
            )
    yield from _through(run)
    if startup := run.get("startup"):
        yield from ("", "## Start", "", "| what | seconds |", "|---|--:|")
        for name, seconds in startup.items():
            yield f"| {name} | {seconds} |"
    yield from ("", "## Ratios", "", "| ratio | value |", "|---|--:|")
    for name, value in run["ratios"].items():
        yield f"| {name} | {value} |"
    if quality := run.get("quality"):
        yield from ("", "## Quality, in the same run", "", "```text", *quality, "```")
    yield from _parts(run)


def _parts(run: Mapping[str, Any]) -> Iterator[str]:
    yield from (
        "",
        "## Parts",
        "",
        "| part | begun | seconds | load before | commit |",
        "|--|--|--:|--:|--|",
    )
    for name, part in run["parts"].items():
        yield (
            f"| {name} | {part['at']} | {part['seconds']} | {part['load_before']} | "
            f"{part['commit']} |"
        )


def _cpu(rates: Mapping[str, Any]) -> str:
    each = rates.get("cpu_ms_each")
    return f"{median(each):.3f}" if each else ""


def _through(run: Mapping[str, Any]) -> Iterator[str]:
    yield from ("", "## Raw to searchable", "")
    if path := run.get("path"):
        yield (
            f"Ours {path['ours']['rate']:,.0f} a second, "
            f"the naive way {path['naive']['rate']:,.0f}."
        )
    if latency := run.get("latency"):
        yield (
            f"At {latency['rate']:,.0f} a second: half of the mentions are found after "
            f"{latency['p50']} s, 99 of 100 after {latency['p99']} s, all {latency['mentions']:,} "
            f"after {latency['most']} s."
        )
        if cold := latency.get("cold"):
            yield (
                "Before that, while servers that were just started compile their code: "
                f"{cold['p50']}, {cold['p99']} and {cold['most']} s."
            )
    for soak in (run[part] for part in ("million", "soak") if part in run):
        points = soak["points"]
        last = soak["points"][-1]
        lags = [point["lag_enrich"] + point["lag_index"] for point in points]
        early = points[min(len(points) // 5, len(points) - 1)]
        yield (
            f"{soak['minutes']:g} minutes at {soak['rate']:,.0f} a second: lag at most "
            f"{max(lags):,}, at the end {lags[-1]:,}, in the second half it grew by "
            f"{soak['lag_growth']:g} a second; {soak['searchable']:,} of {soak['sent']:,} found "
            f"{soak['all_found_after']} s after the last was sent. Memory after a fifth of the "
            f"time, and at the end: enrich {early['rss_enrich']} and {last['rss_enrich']} MiB, "
            f"index {early['rss_index']} and {last['rss_index']} MiB."
        )


def plot(run: Mapping[str, Any], path: Path) -> None:
    """Bars of the stages and of the whole path, lag and memory over time; SVG, or as the path's."""
    drawn = [
        *((_rates, part) for part in ("enrich", "index", "path") if part in run),
        *((_over_time, part) for part in ("soak", "million") if part in run),
    ]
    rows = -(-len(drawn) // 2)
    figure, axes = plt.subplots(
        rows, 2, figsize=(11, 3.4 * rows), layout="constrained", squeeze=False
    )
    for (draw, part), axis in zip(drawn, axes.flat, strict=False):
        draw(axis, part, run[part])
    for axis in axes.flat:
        axis.spines[["top", "right"]].set_visible(False)
    for axis in axes.flat[len(drawn) :]:
        axis.set_visible(False)
    figure.savefig(path, metadata={"Date": None})


def _rates(axis: Any, title: str, part: Mapping[str, Any]) -> None:  # noqa: ANN401 - matplotlib
    found = sorted(part.items(), key=lambda pair: pair[1]["rate"])
    ours = {"ours", "whole", "writer", "stage"}
    axis.barh(
        [name for name, _ in found],
        [rates["rate"] for _, rates in found],
        xerr=[
            [rates["rate"] - rates["least"] for _, rates in found],
            [rates["most"] - rates["rate"] for _, rates in found],
        ],
        color=[OURS if name in ours else OTHERS for name, _ in found],
    )
    axis.set_title(f"{title}: messages a second", fontsize=9)


def _over_time(axis: Any, title: str, part: Mapping[str, Any]) -> None:  # noqa: ANN401 - matplotlib
    points = part["points"]
    seconds = [point["seconds"] for point in points]
    stages = ("enrich", "index")
    lag = [sum(point[f"lag_{stage}"] for stage in stages) for point in points]
    memory = [max(point[f"rss_{stage}"] for stage in stages) for point in points]
    axis.plot(seconds, lag, color=OTHERS, label="lag, mentions (left)")
    right = axis.twinx()
    right.plot(seconds, memory, color=OURS, label="MiB of the larger worker (right)")
    axis.set_ylim(bottom=0)
    right.set_ylim(bottom=0)
    axis.set_xlabel("seconds", fontsize=8)
    lines = [*axis.get_lines(), *right.get_lines()]
    axis.legend(lines, [line.get_label() for line in lines], fontsize=7, loc="lower right")
    axis.set_title(f"{title}: {part['rate']:,.0f} a second", fontsize=9)


def scaled(run: Mapping[str, Any]) -> Iterator[str]:
    """The lines of a page about how cost grows."""
    machine = run["machine"]
    yield f"# How cost grows, {run['at']}"
    yield ""
    yield (
        f"On {machine['cpu']}, {machine['cores']} cores, {machine['memory_gib']} GiB, Python "
        f"{machine['python']}. A slope is that of a straight line through the logarithms: 0 costs "
        "nothing more, 1 costs in proportion. `python -m benchmarks.scaling` measures it again."
    )
    for title, costs, fit in _curves(run):
        yield from ("", f"## {title}", "", f"{_slope(fit)}.", "", "| | |", "|--:|--:|")
        for size, cost in costs.items():
            yield f"| {int(size):,} | {cost:,} |"
    for title, found in _bars(run):
        yield from ("", f"## {title}", "", "| | | |", "|---|--:|---|")
        for name, (value, note) in found.items():
            yield f"| {name} | {value:,} | {note} |"
    if part := run.get("sources"):
        yield from ("", "## Sources, in full", "", "```json")
        yield json.dumps({"none": part["idle"], **part["by_sources"]}, indent=1)
        yield "```"
    yield from _parts(run)


TITLES = {
    "watchlist": "µs of enrichment a mention, by topics of the watchlist",
    "text": "µs of enrichment a mention, by characters",
    "partitions": "µs of the enrich stage a mention, by partitions",
    "documents": "µs of the writer a mention, by documents in the index",
}


def _slope(part: Mapping[str, Any]) -> str:
    """A fitted slope, how sure it is, and where it is no straight line."""
    said = f"slope {part['slope']}"
    if part.get("slope_error") is not None:
        said += f" ± {part['slope_error']}"
    if "fitted_up_to" in part:
        said += f" up to {part['fitted_up_to']:,}"
    if local := part.get("local_slopes"):
        said += f", between neighbours {local['least']} to {local['most']}"
    return said


def _curves(
    run: Mapping[str, Any],
) -> Iterator[tuple[str, Mapping[str, float], Mapping[str, Any]]]:
    """A title, what each size costs, and what was fitted to it."""
    for name, title in TITLES.items():
        if part := run.get(name):
            yield title, part["microseconds"], part
    if found := run.get("documents", {}).get("search"):
        yield "ms of an analyst's search, by documents in the index", found["milliseconds"], found
    if part := run.get("sources"):
        by = part["by_sources"]
        polls = {n: each["cpu_ms_a_poll"] for n, each in by.items() if "cpu_ms_a_poll" in each}
        memory = {size: each["rss_mib"] for size, each in by.items()}
        yield "ms of processor time a poll beyond idling, by sources of one agent", polls, part
        yield "MiB of one agent, by its sources", memory, {"slope": part["slope of memory"]}


def _bars(run: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, tuple[float, str]]]]:
    """What is no curve: a title, and for each bar its length and what is written beside it."""
    if part := run.get("workers"):
        one, two = part["1"], part["2"]
        slope = round(math.log2(two["rate"] / one["rate"]), 3)
        cores = run["machine"]["cores"]
        faster = f"{part['speed_up']} times as fast, slope {slope}"
        yield (
            f"messages a second, by workers on {cores} cores: {faster}",
            {
                f"{count} worker{'s' * (count > 1)}": (
                    each["rate"],
                    ", ".join(
                        f"{each[f'{who}_cores']} {who}"
                        for who in ("worker", "broker", "elasticsearch", "bench", "other", "idle")
                    ),
                )
                for count, each in ((1, one), (2, two))
            },
        )
    if part := run.get("rebalance"):
        yield (
            f"longest pause of a partition, seconds, at {part['rate']:g} messages a second",
            {
                event: (pause, f"median of {len(part['each'][event])}, most {part['most'][event]}")
                for event, pause in part["longest_pause_seconds"].items()
            },
        )


def plot_scaled(run: Mapping[str, Any], path: Path) -> None:
    """A plot a curve, with its fitted line, then the bars; as SVG, or what the path's name says."""
    curves, bars = list(_curves(run)), list(_bars(run))
    rows = -(-(len(curves) + len(bars)) // 2)
    figure, grid = plt.subplots(rows, 2, figsize=(11, 3.2 * rows), layout="constrained")
    axes = iter(grid.flat)
    for (title, costs, part), axis in zip(curves, axes, strict=False):
        sizes = [float(size) for size in costs]
        values = list(costs.values())
        axis.loglog(sizes, values, "o", color=OURS)
        axis.set_ylim(min(values) / 3, max(values) * 3)
        until = part.get("fitted_up_to", math.inf)
        line = [(size, cost) for size, cost in zip(sizes, values, strict=True) if size <= until]
        center, middle = (fmean(map(math.log, each)) for each in zip(*line, strict=True))
        axis.loglog(
            [size for size, _ in line],
            [math.exp(middle + part["slope"] * (math.log(size) - center)) for size, _ in line],
            color=OTHERS,
        )
        shown = sizes if len(sizes) <= FEW else [sizes[0], sizes[-1]]
        axis.set_xticks(shown, [f"{size:,.0f}" for size in shown])
        axis.xaxis.set_minor_formatter(NullFormatter())
        axis.yaxis.set_major_formatter(LogFormatter())
        axis.yaxis.set_minor_formatter(LogFormatter())
        axis.set_title(f"{title}:\n{_slope(part)}", fontsize=9)
    for (title, found), axis in zip(bars, axes, strict=False):
        drawn = axis.barh(
            [name.replace(" (", "\n(") for name in found],
            [value for value, _ in found.values()],
            color=OURS,
        )
        axis.bar_label(drawn, [f"{value:,.4g}" for value, _ in found.values()], padding=4)
        notes = [note for _, note in found.values()]
        axis.bar_label(drawn, notes, label_type="center", color="white", fontsize=8)
        axis.margins(x=0.2)
        axis.invert_yaxis()
        axis.set_title(title, fontsize=9)
    for axis in axes:
        axis.set_visible(False)
    for axis in grid.flat:
        axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, metadata={"Date": None})


def main(where: Path) -> None:
    """Write both beside the JSON."""
    run = json.loads(where.read_text(encoding="utf-8"))
    image = where.with_suffix(".svg")
    if "form" in run:
        plot(run, image)
        page = [*markdown(run), "", f"![Rates]({image.name})"]
    else:
        plot_scaled(run, image)
        page = [*scaled(run), "", f"![Curves]({image.name})"]
    where.with_suffix(".md").write_text("\n".join(page) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
