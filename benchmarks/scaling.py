"""``python -m benchmarks.scaling``: what grows with what, each with a fitted slope and a plot.

* ``watchlist``, ``text``: enrichment alone by topics of the watchlist, and by characters;
* ``partitions``: the enrich stage, near copies too; ``workers``: 1 and 2 of them, with everybody's
  share of cores, whoever else is at work on the machine included;
* ``rebalance``: how long outputs pause when a worker joins, leaves, or is killed, several times;
* ``documents``: the index stage's writer, and a search, by documents already there;
* ``sources``: what an agent takes by the number of its sources, beyond what it takes with none.

A slope is that of a straight line through the logarithms: cost ~ size^slope, so that 0 is "costs
nothing more" and 1 "costs in proportion"; with it stand its standard error, and the least and the
greatest slope between two neighbouring sizes, which differ where it is no straight line. A long run
can be made in parts, see ``--part``; each is noted with its time, commit, and the load before it.
"""

import asyncio
import json
import math
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any, Final

import click
import numpy as np
import psutil
from kafka.errors import CoordinatorNotAvailableError

from agents.testing import Loopback
from benchmarks import bench, path
from benchmarks.bench import Servers, engine, started, usage
from benchmarks.corpus import mentions
from benchmarks.engines import Task
from benchmarks.enriching import LIMIT, WARM, bare
from benchmarks.indexing import VARIED, writing
from benchmarks.sharing import Watch, table
from pipeline import admin
from pipeline.enrich.passages import ALL
from pipeline.search.client import connect_sync
from schemas import topics

WATCHLIST: Final = (10, 100, 1_000, 10_000)
LENGTHS: Final = (20, 100, 500, 2_000, ALL, 20_000)
"""Of the last, all is searched for topics and links, but no more than ``ALL`` judged."""
PARTITIONS: Final = (1, 4, 16, 64)
WORKERS: Final = (1, 2)
SOURCES: Final = (10, 100, 1_000, 10_000)
EVERY: Final = 60
"""Seconds between two polls of a source, however many there are."""
OFTEN: Final = 1.0
"""Polls a second: what fewer take is lost in what an agent does anyway."""
ROUNDS: Final = 3
LONG: Final = 5
"""Times the messages where workers share them: none of them gets exactly as many as another."""
LOOKED_AT: Final = 2.0 * EVERY
"""Seconds that an agent's use is looked at, once it has asked for every source."""
AGENT_STARTS: Final = 10.0
"""Seconds after which an agent without sources has started."""
EVEN: Final = 400.0
"""Mentions a second while workers come and go: less than one worker does."""
APART: Final = 25.0
"""Seconds between two of these events: more than the longest pause, and its end must be seen."""
NEXT: Final = 5.0
"""A pause that begins so many seconds before an event, or later, is that event's."""
TIMES: Final = 3
"""So often a worker leaves, and is killed; it joins twice as often."""
SEARCHES: Final = 50
COLD: Final = 100
"""So many are not counted before these, at each size: Elasticsearch compiles what searches."""
WORDS: Final = ("Gerät", "Firmware", "Lüfter", "Update", "App")
TOPICS: Final = ("Brise", "Vennbruck")
"""What is searched for, each word with each topic."""

Say = Callable[[str], None]


def fitted(costs: Mapping[Any, float]) -> dict[str, float | None]:
    """The slope of cost by size, and its standard error; None of two points, which are a line."""
    sizes, values = np.log([float(size) for size in costs]), np.log(list(costs.values()))
    slope, start = np.polyfit(sizes, values, 1)
    free = len(sizes) - 2
    rest = float(np.sum((values - start - slope * sizes) ** 2))
    wide = float(np.sum((sizes - sizes.mean()) ** 2))
    error = round(math.sqrt(rest / free / wide), 3) if free else None
    return {"slope": round(float(slope), 3), "slope_error": error}


def local(costs: Mapping[int, float]) -> dict[str, float]:
    """The least and the greatest slope between two neighbouring sizes."""
    slopes = [
        math.log(after / before) / math.log(more / size)
        for (size, before), (more, after) in pairwise(costs.items())
    ]
    return {"least": round(min(slopes), 3), "most": round(max(slopes), 3)}


def swept(
    sizes: Sequence[int], rate: Callable[[int], float], say: Say, upto: float = math.inf
) -> dict[str, Any]:
    """Microseconds a message at each size, the median of rounds in turn, and the slope.

    ``upto`` is the largest size whose cost the slope is fitted to.
    """
    seen: dict[int, list[float]] = {size: [] for size in sizes}
    for _ in range(ROUNDS):
        for size in sizes:
            seen[size].append(1e6 / rate(size))
    costs = {size: round(median(found), 2) for size, found in seen.items()}
    say(f"  {costs}")
    within = {size: cost for size, cost in costs.items() if size <= upto}
    return {
        "microseconds": costs,
        "least": {size: round(min(found), 2) for size, found in seen.items()},
        "most": {size: round(max(found), 2) for size, found in seen.items()},
        **fitted(within),
        "fitted_up_to": max(within),
        "local_slopes": local(within),
    }


def watchlist(to: Servers, size: Mapping[str, int], say: Say) -> dict[str, Any]:
    """Enrichment by topics."""
    return swept(WATCHLIST, lambda count: bare(to.config(count), size["count"] // 4), say)


def text(to: Servers, size: Mapping[str, int], say: Say) -> dict[str, Any]:
    """Enrichment by characters; the slope is of texts that are read as a whole."""
    config = to.config()
    return swept(
        LENGTHS,
        lambda length: bare(config, max(50 * size["count"] // length, 50), length),
        say,
        upto=ALL,
    )


def partitions(to: Servers, size: Mapping[str, int], say: Say) -> dict[str, Any]:
    """The enrich stage by partitions."""
    return swept(
        PARTITIONS, lambda count: _stage(to, size["count"], parts=count, workers=1)["rate"], say
    )


def workers(to: Servers, size: Mapping[str, int], say: Say) -> dict[str, Any]:
    """The enrich stage by processes, and who uses the cores meanwhile."""
    rounds = [
        {count: _stage(to, LONG * size["count"], parts=4, workers=count) for count in WORKERS}
        for _ in range(ROUNDS)
    ]
    found = {
        str(count): {
            name: round(median(each[count][name] for each in rounds), 2)
            for name in rounds[0][count]
        }
        for count in WORKERS
    }
    speed_up = median(each[2]["rate"] / each[1]["rate"] for each in rounds)
    say(f"  {found}, speed-up {speed_up:.2f}")
    return {**found, "speed_up": round(speed_up, 2)}


def documents(to: Servers, size: Mapping[str, int], say: Say) -> dict[str, Any]:
    """The index stage's writer by documents, and a search among them."""
    searches: dict[int, float] = {}

    def look(alias: str, count: int) -> None:
        searches[count] = searching(to, alias)
        say(f"  {count}: a search takes {searches[count]} ms")

    found = writing(to, size["documents"], say, look)
    return {
        **found,
        **fitted(found["microseconds"]),
        "texts": VARIED,
        "search": {"milliseconds": searches, **fitted(searches)},
    }


def searching(to: Servers, alias: str) -> float:
    """Milliseconds of an analyst's search, the median: words, one topic, mentions a day."""
    took = []
    with connect_sync(to.settings.elasticsearch) as client:
        client.indices.refresh(index=f"{alias}-2*")
        for number in range(COLD + SEARCHES):
            # Nothing of what is answered is kept; what a topic matches may be, as it is in life.
            word, topic = WORDS[number % len(WORDS)], TOPICS[number % len(TOPICS)]
            began = time.perf_counter()
            answer = client.search(
                index=f"{alias}-2*",
                size=20,
                query={
                    "bool": {
                        "must": {"match": {"text": word}},
                        "filter": {"terms": {"matches.topic": [topic]}},
                    }
                },
                aggs={
                    "days": {
                        "date_histogram": {"field": "published_at", "calendar_interval": "day"}
                    }
                },
                request_cache=False,
            )
            took.append(1_000 * (time.perf_counter() - began))
            if not answer["hits"]["total"]["value"]:
                sys.exit(f"no mention of {topic} says {word}")
    return round(median(took[COLD:]), 1)


def rebalance(to: Servers, _: Mapping[str, int], say: Say) -> dict[str, Any]:
    """How long a partition has no outputs, at an even rate, when the number of workers changes."""
    settings = path.installation(to, "rebalance")
    command = [sys.executable, "-m", "pipeline", "worker", "--stages", "enrich"]
    env = to.environment(
        MENTIONS_CONFIG=str(to.config()), MENTIONS_KAFKA__PREFIX=settings.kafka.prefix
    )
    log = to.folder / "rebalance.log"
    events: list[tuple[str, float]] = []

    async def happen(stack: ExitStack) -> None:
        def joins() -> Any:  # noqa: ANN401 - psutil's Popen
            events.append(("a worker joins", time.time()))
            return stack.enter_context(started(command, env, log))

        sent: dict[str, float] = {}
        made = mentions(int(EVEN * APART * (4 * TIMES + 1)), seed=7)
        sending = asyncio.create_task(path.send(to, settings, made, EVEN, sent))
        for _ in range(TIMES):
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
                if at - 1 < after and before < at + APART - NEXT
            )
        )
    found = {event: round(median(seconds), 2) for event, seconds in pauses.items()}
    most = {event: round(max(seconds), 2) for event, seconds in pauses.items()}
    say(f"  median {found}, most {most}")
    return {
        "longest_pause_seconds": found,
        "most": most,
        "each": {event: [round(each, 2) for each in seconds] for event, seconds in pauses.items()},
        "rate": EVEN,
    }


def sources(to: Servers, _: Mapping[str, int], say: Say) -> dict[str, Any]:
    """What one agent takes by the number of its sources, none of which has anything new.

    A poll's processor time is what is used beyond that of an agent without sources.
    """
    idle = _agent(to, 0)
    say(f"  none: {idle}")
    found = {}
    for count in SOURCES:
        used = _agent(to, count)
        found[str(count)] = {name: round(value, 3) for name, value in used.items()}
        if used["polls_a_second"] >= OFTEN:
            more = (used["cores"] - idle["cores"]) / used["polls_a_second"]
            found[str(count)]["cpu_ms_a_poll"] = round(1_000 * more, 2)
        say(f"  {count}: {found[str(count)]}")
    memory = fitted({count: each["rss_mib"] for count, each in found.items()})
    return {
        "every_seconds": EVERY,
        "idle": {name: round(value, 3) for name, value in idle.items()},
        "by_sources": found,
        **fitted(
            {n: each["cpu_ms_a_poll"] for n, each in found.items() if "cpu_ms_a_poll" in each}
        ),
        "slope of memory": memory["slope"],
    }


def _agent(to: Servers, count: int) -> dict[str, float]:
    name = f"sources{count}"
    settings = path.installation(to, name)
    with Loopback() as web:
        watch = Watch(web)
        config = to.folder / f"{name}.toml"
        tables = "".join(table(web, f"s{number}", EVERY) for number in range(count))
        config.write_text(tables, encoding="utf-8")
        env = to.environment(MENTIONS_KAFKA__PREFIX=settings.kafka.prefix, BENCH_AGENT="one")
        command = [sys.executable, "-m", "pipeline", "-c", str(config), "agent"]
        log = to.folder / f"{name}.log"
        began = time.monotonic()
        with started(command, env, log) as process:
            while watch.of("one") < count:
                time.sleep(0.1)
                if time.monotonic() - began > 7 * EVERY or process.poll() is not None:
                    print(log.read_text()[-3_000:], file=sys.stderr)
                    sys.exit(f"{watch.of('one')} of {count} sources were asked for")
            first = time.monotonic() - began
            time.sleep(max(AGENT_STARTS - first, 0.0))
            cpu, _ = usage(process)
            asked, since = watch.requests, time.monotonic()
            time.sleep(LOOKED_AT)
            after, rss = usage(process)
            polls, seconds = watch.requests - asked, time.monotonic() - since
            if process.poll() is not None:
                print(log.read_text()[-3_000:], file=sys.stderr)
                sys.exit(f"an agent with {count} sources has ended")
    return {
        "polls_a_second": polls / seconds,
        "cores": (after - cpu) / seconds,
        "rss_mib": rss,
        "all_asked_after_seconds": first,
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
@click.option(
    "--documents",
    default=5_000_000,
    show_default=True,
    help="The largest index; as many are written in some 14 minutes.",
)
@click.option("--part", "parts", multiple=True, type=click.Choice(list(PARTS)), help="Only this.")
@click.option("--out", type=click.Path(path_type=Path), help="Where the JSON goes; added to.")
def main(*, count: int, documents: int, parts: Sequence[str], out: Path | None) -> None:
    """Measure how cost grows."""

    def say(line: str) -> None:
        click.echo(line, err=True)

    now = datetime.now(UTC).isoformat(timespec="seconds")
    where = out or Path(__file__).parent / "results" / f"{now[:10]}-scaling.json"
    found: dict[str, Any] = {"at": now, "machine": bench.machine(), "parts": {}}
    if parts and where.exists():
        found = json.loads(where.read_text(encoding="utf-8"))
    with bench.servers() as to:
        for part in parts or PARTS:
            say(part)
            size = {"count": count, "documents": documents}
            with bench.noted(found, part):
                found[part] = PARTS[part](to, size, say)
            bench.write(found, where)  # what was finished is kept


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
    """The rate of so many enrich workers, and who used the cores."""
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
    more = {"MENTIONS_CONFIG": str(to.config()), "MENTIONS_KAFKA__PREFIX": prefix}
    with engine(to, command, task, BENCH_WHOLE="1", **more) as running:
        _joined(to, kafka.group(name), workers)
        running.give(mentions(WARM, seed=0))
        running.finish(LIMIT)
        made = list(mentions(count))
        with _shares(to, running.process) as cores:
            done = running.run(made, LIMIT)
    return {"rate": done.rate, **cores}


@contextmanager
def _shares(to: Servers, process: Any) -> Iterator[dict[str, float]]:  # noqa: ANN401 - psutil's
    """Who uses how many cores meanwhile; together they are those of the machine.

    Yields:
        A dictionary that is filled at the end.
    """

    def used() -> dict[str, float]:
        all_ = psutil.cpu_times()
        idle = all_.idle + all_.iowait
        mine = psutil.Process().cpu_times()
        known = {
            "worker_cores": usage(process)[0],
            "broker_cores": to.cpu("Kafka"),
            "elasticsearch_cores": to.cpu("Elasticsearch"),
            "bench_cores": mine.user + mine.system,  # it hands out messages, and looks
        }
        # A guest's time is in the user's as well.
        total = all_.user + all_.nice + all_.system + all_.irq + all_.softirq + all_.steal
        return {**known, "other_cores": total - sum(known.values()), "idle_cores": idle}

    shares: dict[str, float] = {}
    before, began = used(), time.monotonic()
    yield shares
    seconds = time.monotonic() - began
    shares |= {name: (after - before[name]) / seconds for name, after in used().items()}


def _joined(to: Servers, group: str, members: int) -> None:
    """Wait until so many share a group's partitions."""
    deadline = time.monotonic() + LIMIT
    with bench.admin(to) as client:
        found: Mapping[str, Any] = {"group_state": "", "members": ()}
        while True:
            with suppress(CoordinatorNotAvailableError):  # a busy broker is still making its topic
                found = client.describe_groups([group])[group]
            if found["group_state"] == "Stable" and len(found["members"]) == members:
                return
            if time.monotonic() > deadline:
                sys.exit(f"{group}: {len(found['members'])} of {members} workers have joined")
            time.sleep(0.2)


if __name__ == "__main__":
    main()
