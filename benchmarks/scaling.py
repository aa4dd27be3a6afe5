"""``python -m benchmarks.scaling``: what grows with what, each with a fitted slope.

* enrichment alone by the size of the watchlist and the length of the text (no servers);
* the enrich stage by partitions, and by worker processes, with the servers' share of the processor;
* the index stage's writer by documents already there.

A slope is that of a straight line through the logarithms: cost ~ size^slope, so that 0 is "costs
nothing more" and 1 "costs in proportion".
"""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import numpy as np

from benchmarks import bench
from benchmarks.bench import Servers, run
from benchmarks.corpus import mentions, topics_toml
from benchmarks.engines import Task
from benchmarks.enriching import bare
from benchmarks.indexing import writing

WATCHLIST = (10, 100, 1_000, 10_000)
LENGTHS = (20, 100, 500, 2_000, 20_000)
PARTITIONS = (1, 4, 16, 64)
WORKERS = (1, 2)


def slope(costs: Mapping[int, float]) -> float:
    """Of cost by size."""
    sizes, values = np.log(list(costs)), np.log(list(costs.values()))
    return round(float(np.polyfit(sizes, values, 1)[0]), 3)


def swept(sizes: Sequence[int], rate: Callable[[int], float], say: Callable[[str], None]) -> Any:  # noqa: ANN401 - JSON
    """Microseconds a message at each size, and the slope."""
    costs = {}
    for size in sizes:
        costs[size] = round(1e6 / rate(size), 2)
        say(f"  {size}: {costs[size]} µs")
    return {"microseconds": costs, "slope": slope(costs)}


@click.command()
@click.option("--count", default=20_000, show_default=True, help="Messages for each point.")
@click.option("--documents", default=500_000, show_default=True, help="The largest index.")
@click.option("--out", type=click.Path(path_type=Path), help="Where the JSON goes.")
def main(*, count: int, documents: int, out: Path | None) -> None:
    """Measure how cost grows."""

    def say(line: str) -> None:
        click.echo(line, err=True)

    found: dict[str, Any] = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": bench.machine(),
    }
    with bench.servers() as to:
        config = to.folder / "mentions.toml"

        def by_watchlist(size: int) -> float:
            config.write_text(topics_toml(size), encoding="utf-8")
            return bare(config, count // 4)

        say("watchlist topics")
        found["watchlist topics"] = swept(WATCHLIST, by_watchlist, say)
        config.write_text(topics_toml(10), encoding="utf-8")
        say("characters of text")
        found["characters of text"] = swept(
            LENGTHS, lambda length: bare(config, max(count // length, 100), length), say
        )
        say("partitions")
        found["partitions"] = swept(
            PARTITIONS, lambda size: _stage(to, count, partitions=size, workers=1)["rate"], say
        )
        say("workers")
        found["workers"] = {n: _stage(to, count, partitions=4, workers=n) for n in WORKERS}
        say(str(found["workers"]))
        say("documents in the index")
        found["documents in the index"] = writing(to, documents, say)
    text = json.dumps(found, indent=1, ensure_ascii=False) + "\n"
    where = out or Path(__file__).parent / "results" / f"{found['at'][:10]}-scaling.json"
    where.write_text(text, encoding="utf-8")
    click.echo(text)


def _stage(to: Servers, count: int, *, partitions: int, workers: int) -> dict[str, float]:
    name = f"scale-{partitions}-{workers}"
    source = to.create(f"{name}.raw", partitions)
    to.fill(source, mentions(count))
    task = Task(to.bootstrap, source, to.create(f"{name}.out", partitions), name)
    command = [sys.executable, "-m", "benchmarks.engines.ours"]
    if workers > 1:
        line = " ".join(command)
        both = " & ".join([line] * workers)
        command = ["sh", "-c", f"{both} & wait"]
    done = run(to, command, task, count, 600, MENTIONS_CONFIG=str(to.folder / "mentions.toml"))
    return {
        "rate": round(done.rate, 1),
        "worker_cores": round(done.cpu / done.seconds, 2),
        "broker_cores": round(done.broker_cpu / done.seconds, 2),
    }


if __name__ == "__main__":
    main()
