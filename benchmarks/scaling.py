"""``python -m benchmarks.scaling``: what grows with what, each with a fitted slope and a plot.

* ``watchlist``, ``text``: enrichment alone by topics of the watchlist, and by characters;
* ``partitions``: the enrich stage, near copies too; ``workers``: 1 and 2 of them, with everybody's
  share of cores;
* ``rebalance``: how long outputs pause when a worker joins, leaves, or is killed;
* ``documents``: the index stage's writer by documents already there;
* ``sources``: what an agent takes by the number of its sources.

A slope is that of a straight line through the logarithms: cost ~ size^slope, so that 0 is "costs
nothing more" and 1 "costs in proportion". A long run can be made in parts, see ``--part``.
"""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any, Final

import click
import numpy as np

from agents.testing import Loopback
from benchmarks import bench, path
from benchmarks.bench import Servers, engine, started, usage
from benchmarks.corpus import mentions, topics_toml
from benchmarks.engines import Task
from benchmarks.enriching import LIMIT, WARM, bare
from benchmarks.indexing import writing
from benchmarks.sharing import Watch, table
from pipeline import admin
from schemas import topics

WATCHLIST: Final = (10, 100, 1_000, 10_000)
LENGTHS: Final = (20, 100, 500, 2_000, 20_000)
PARTITIONS: Final = (1, 4, 16, 64)
WORKERS: Final = (1, 2)
SOURCES: Final = (10, 100, 1_000, 10_000)
ROUNDS: Final = 3
LONG: Final = 5
"""Times the messages where workers share them: none of them gets exactly as many as another."""
POLLS: Final = 170.0
"""Polls a second of all sources together at most."""
LOOKED_AT: Final = 30.0
"""Seconds that an agent's use is looked at at least, once it has asked for every source."""
EVEN: Final = 400.0
"""Mentions a second while workers come and go: less than one worker does."""
APART: Final = 15.0
"""Seconds between two of these events."""

Say = Callable[[str], None]


def slope(costs: Mapping[Any, float]) -> float:
    """Of cost by size."""
    sizes, values = np.log([float(size) for size in costs]), np.log(list(costs.values()))
    return round(float(np.polyfit(sizes, values, 1)[0]), 3)


def swept(sizes: Sequence[int], rate: Callable[[int], float], say: Say) -> dict[str, Any]:
    """Microseconds a message at each size, the median of rounds in turn, and the slope."""
    seen: dict[int, list[float]] = {size: [] for size in sizes}
    for _ in range(ROUNDS):
        for size in sizes:
            seen[size].append(1e6 / rate(size))
    costs = {size: round(median(found), 2) for size, found in seen.items()}
    say(f"  {costs}")
    return {
        "microseconds": costs,
        "least": {size: round(min(found), 2) for size, found in seen.items()},
        "most": {size: round(max(found), 2) for size, found in seen.items()},
        "slope": slope(costs),
    }


def watchlist(to: Servers, size: Mapping[str, int], say: Say) -> dict[str, Any]:
    """Enrichment by topics."""
    folder = to.folder / "watchlists"
    folder.mkdir()
    for count in WATCHLIST:
        (folder / f"{count}.toml").write_text(topics_toml(count), encoding="utf-8")
    return swept(WATCHLIST, lambda count: bare(folder / f"{count}.toml", size["count"] // 4), say)


def text(to: Servers, size: Mapping[str, int], say: Say) -> dict[str, Any]:
    """Enrichment by characters."""
    config = _config(to)
    return swept(
        LENGTHS, lambda length: bare(config, max(50 * size["count"] // length, 50), length), say
    )


def partitions(to: Servers, size: Mapping[str, int], say: Say) -> dict[str, Any]:
    """The enrich stage by partitions."""
    return swept(
        PARTITIONS, lambda count: _stage(to, size["count"], parts=count, workers=1)["rate"], say
    )


def workers(to: Servers, size: Mapping[str, int], say: Say) -> dict[str, Any]:
    """The enrich stage by processes."""
    rounds = [
        {count: _stage(to, LONG * size["count"], parts=4, workers=count) for count in WORKERS}
        for _ in range(ROUNDS)
    ]
    found = {
        str(count): {
            name: round(median(each[count][name] for each in rounds), 2)
            for name in ("rate", "worker_cores", "broker_cores")
        }
        for count in WORKERS
    }
    speed_up = median(each[2]["rate"] / each[1]["rate"] for each in rounds)
    say(f"  {found}, speed-up {speed_up:.2f}")
    return {**found, "speed_up": round(speed_up, 2)}


def documents(to: Servers, size: Mapping[str, int], say: Say) -> dict[str, Any]:
    """The index stage's writer by documents."""
    found = writing(to, size["documents"], say)
    return {**found, "slope": slope(found["microseconds"])}


def rebalance(to: Servers, _: Mapping[str, int], say: Say) -> dict[str, Any]:
    """How long a partition has no outputs, at an even rate, when the number of workers changes."""
    settings = path.installation(to, "rebalance")
    command = [sys.executable, "-m", "pipeline", "worker", "--stages", "enrich"]
    env = to.environment(
        MENTIONS_CONFIG=str(_config(to)), MENTIONS_KAFKA__PREFIX=settings.kafka.prefix
    )
    log = to.folder / "rebalance.log"
    events: list[tuple[str, float]] = []

    async def happen(stack: ExitStack) -> None:
        def joins() -> Any:  # noqa: ANN401 - psutil's Popen
            events.append(("a worker joins", time.time()))
            return stack.enter_context(started(command, env, log))

        sent: dict[str, float] = {}
        made = mentions(int(EVEN * APART * 6), seed=7)
        sending = asyncio.create_task(path.send(to, settings, made, EVEN, sent))
        await asyncio.sleep(APART)
        second = joins()
        await asyncio.sleep(APART)
        events.append(("a worker leaves (SIGTERM)", time.time()))
        second.send_signal(signal.SIGTERM)
        await asyncio.sleep(APART)
        third = joins()
        await asyncio.sleep(APART)
        events.append(("a worker is killed (kill -9)", time.time()))
        third.kill()
        await sending
        await asyncio.sleep(APART)

    with ExitStack() as stack:
        stack.enter_context(started(command, env, log))
        asyncio.run(happen(stack))
    arrivals = _arrivals(to, settings.kafka.topic(topics.ENRICHED))
    pauses: dict[str, list[float]] = {}
    for event, at in events:
        pauses.setdefault(event, []).append(
            max(
                after - before
                for times in arrivals.values()
                for before, after in pairwise(times)
                if at - 1 < after and before < at + APART - 1
            )
        )
    found = {event: round(max(seconds), 2) for event, seconds in pauses.items()}
    say(f"  {found}")
    return {"longest_pause_seconds": found, "rate": EVEN}


def sources(to: Servers, _: Mapping[str, int], say: Say) -> dict[str, Any]:
    """What one agent takes by the number of its sources, none of which has anything new."""
    found = {}
    for count in SOURCES:
        found[str(count)] = _agent(to, count)
        say(f"  {count}: {found[str(count)]}")
    return {
        "by_sources": found,
        "slope": slope({count: each["cpu_ms_a_poll"] for count, each in found.items()}),
        "slope of memory": slope({count: each["rss_mib"] for count, each in found.items()}),
    }


def _agent(to: Servers, count: int) -> dict[str, float]:
    every = max(10, round(count / POLLS))
    name = f"sources{count}"
    settings = path.installation(to, name)
    with Loopback() as web:
        watch = Watch(web)
        config = to.folder / f"{name}.toml"
        tables = "".join(table(web, f"s{number}", every) for number in range(count))
        config.write_text(tables, encoding="utf-8")
        env = to.environment(MENTIONS_KAFKA__PREFIX=settings.kafka.prefix, BENCH_AGENT="one")
        command = [sys.executable, "-m", "pipeline", "-c", str(config), "agent"]
        began = time.monotonic()
        with started(command, env, to.folder / f"{name}.log") as process:
            while watch.of("one") < count:
                time.sleep(0.1)
                if time.monotonic() - began > 6 * every + 60 or process.poll() is not None:
                    print((to.folder / f"{name}.log").read_text()[-3_000:], file=sys.stderr)
                    sys.exit(f"{watch.of('one')} of {count} sources were asked for")
            first = time.monotonic() - began
            cpu, _ = usage(process)
            asked, since = watch.requests, time.monotonic()
            time.sleep(max(LOOKED_AT, every))
            after, rss = usage(process)
            polls, seconds = watch.requests - asked, time.monotonic() - since
    return {
        "every_seconds": every,
        "polls_a_second": round(polls / seconds, 1),
        "cpu_ms_a_poll": round(1_000 * (after - cpu) / polls, 2),
        "cores": round((after - cpu) / seconds, 3),
        "rss_mib": round(rss),
        "all_asked_after_seconds": round(first, 1),
    }


PARTS: Final[Mapping[str, Callable[[Servers, Mapping[str, int], Say], dict[str, Any]]]] = {
    "watchlist": watchlist,
    "text": text,
    "partitions": partitions,
    "workers": workers,
    "rebalance": rebalance,
    "documents": documents,
    "sources": sources,
}


@click.command()
@click.option("--count", default=12_000, show_default=True, help="Messages for each point.")
@click.option("--documents", default=2_000_000, show_default=True, help="The largest index.")
@click.option("--part", "parts", multiple=True, type=click.Choice(list(PARTS)), help="Only this.")
@click.option("--out", type=click.Path(path_type=Path), help="Where the JSON goes; added to.")
def main(*, count: int, documents: int, parts: Sequence[str], out: Path | None) -> None:
    """Measure how cost grows."""

    def say(line: str) -> None:
        click.echo(line, err=True)

    now = datetime.now(UTC).isoformat(timespec="seconds")
    where = out or Path(__file__).parent / "results" / f"{now[:10]}-scaling.json"
    found: dict[str, Any] = {"at": now, "machine": bench.machine(), "loads": {}}
    if parts and where.exists():
        found = json.loads(where.read_text(encoding="utf-8"))
    with bench.servers() as to:
        for part in parts or PARTS:
            say(part)
            found["loads"][part] = round(os.getloadavg()[0], 2)
            size = {"count": count, "documents": documents}
            found[part] = PARTS[part](to, size, say)
            where.parent.mkdir(parents=True, exist_ok=True)
            where.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def _config(to: Servers) -> Path:
    config = to.folder / "mentions.toml"
    config.write_text(topics_toml(10), encoding="utf-8")
    return config


def _arrivals(to: Servers, topic: str) -> dict[int, list[float]]:
    """When the messages of each partition arrived, seconds since 1970, in order."""
    found: dict[int, list[float]] = {}
    ends = to.ends(topic)
    to.client.assign(list(ends))
    to.client.seek_to_beginning()
    while any(to.client.position(place) < end for place, end in ends.items()):
        for place, records in to.client.poll(timeout_ms=500, max_records=5_000).items():
            found.setdefault(place.partition, []).extend(
                record.timestamp / 1_000 for record in records
            )
    return {partition: sorted(times) for partition, times in found.items()}


_runs = iter(range(1_000))


def _stage(to: Servers, count: int, *, parts: int, workers: int) -> dict[str, float]:
    name = f"scale{next(_runs)}"
    # All that it does by default, in an installation of its own: it knows no earlier mention.
    prefix = f"{name}."
    task = Task(
        to.bootstrap, to.create(f"{prefix}raw", parts), to.create(f"{prefix}out", parts), name
    )
    kafka = to.settings.kafka.model_copy(update={"prefix": prefix})
    admin.apply(to.settings.model_copy(update={"kafka": kafka}))
    command = [sys.executable, "-m", "benchmarks.engines.ours"]
    if workers > 1:
        line = " ".join(command)
        command = ["sh", "-c", f"{' & '.join([line] * workers)} & wait"]
    more = {"MENTIONS_CONFIG": str(_config(to)), "MENTIONS_KAFKA__PREFIX": prefix}
    with engine(to, command, task, BENCH_WHOLE="1", **more) as running:
        _joined(to, kafka.group(name), workers)
        running.give(mentions(WARM, seed=0))
        running.finish(LIMIT)
        done = running.run(mentions(count), LIMIT)
    return {
        "rate": done.rate,
        "worker_cores": done.cpu * done.outputs / done.seconds,
        "broker_cores": done.broker_cpu / done.seconds,
    }


def _joined(to: Servers, group: str, members: int) -> None:
    """Wait until so many share a group's partitions."""
    deadline = time.monotonic() + LIMIT
    with bench.admin(to) as client:
        while True:
            found = client.describe_groups([group])[group]
            if found["group_state"] == "Stable" and len(found["members"]) == members:
                return
            if time.monotonic() > deadline:
                sys.exit(f"{group}: {len(found['members'])} of {members} workers have joined")
            time.sleep(0.2)


if __name__ == "__main__":
    main()
