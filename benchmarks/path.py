"""The whole path, from raw mentions in Kafka to mentions that a search finds.

* ``both``: everything is there at the start; how fast does it become searchable? Ours beside what
  is naive, which enriches and indexes one mention after the other.
* ``latency``: mentions come evenly, at half of what is sustained; how long from the broker's
  confirmation to the first search that finds each? Once both servers are warm; and, beside it,
  before that: a Java process that has just begun compiles what it runs, at the cost of who shares
  its cores.
* ``soak``: mentions come evenly for minutes; does the lag grow, does memory, and how much of the
  processors does each process take?
"""

import asyncio
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from statistics import linear_regression, quantiles
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from elasticsearch import ApiError, Elasticsearch

from benchmarks.bench import PATIENCE, Servers, spread, started, usage, watch
from benchmarks.corpus import mentions
from benchmarks.engines import Task
from pipeline import admin
from pipeline.search.client import connect_sync
from pipeline.search.probe import probe
from pipeline.search.templates import apply
from pipeline.settings import Settings
from schemas import encode, topics
from schemas.headers import mention_headers
from schemas.mention import RawMention

__all__ = ["both", "installation", "latency", "send", "soak"]

_STAGES: Final = ("enrich", "index")
NOT_YET = 503
LOOK_EVERY = 0.05  # seconds between two searches; the latency is known no better
COLD = 60.0  # seconds at that rate after which new servers answer as they do from then on


def installation(to: Servers, name: str) -> Settings:
    """An installation of its own: topics, groups and indices under a name."""
    kafka = to.settings.kafka.model_copy(update={"prefix": f"{name}."})
    elasticsearch = to.settings.elasticsearch.model_copy(update={"alias": name})
    settings = to.settings.model_copy(update={"kafka": kafka, "elasticsearch": elasticsearch})
    admin.apply(settings)
    with connect_sync(elasticsearch) as client:
        apply(client, elasticsearch, probe(client))
    return settings


@contextmanager
def _workers(to: Servers, settings: Settings) -> Iterator[list[Any]]:
    """The enrich and the index stage, a process each."""
    env = to.environment(
        MENTIONS_CONFIG=str(to.config()),
        MENTIONS_KAFKA__PREFIX=settings.kafka.prefix,
        MENTIONS_ELASTICSEARCH__ALIAS=settings.elasticsearch.alias,
    )
    with ExitStack() as stack:
        yield [
            stack.enter_context(
                started(
                    [sys.executable, "-m", "pipeline", "worker", "--stages", stage],
                    env,
                    to.folder / f"{settings.elasticsearch.alias}-{stage}.log",
                    gently=False,
                )
            )
            for stage in _STAGES
        ]


def _counter(client: Elasticsearch, index: str) -> Callable[[], int]:
    def count() -> int:
        try:
            found = client.count(index=index, ignore_unavailable=True, allow_no_indices=True)
        except ApiError as error:
            if error.status_code != NOT_YET:
                raise
            return 0
        return int(found["count"])

    return count


def _rate(seen: Sequence[tuple[float, int]]) -> float:
    """Searchable mentions a second, from the first look that found some to the last that grew."""
    grown = [point for before, point in pairwise(seen) if point[1] > before[1]]
    (first, before), (last, after) = grown[0], grown[-1]
    return (after - before) / (last - first) if last > first else 0.0


def _noting(count: Callable[[], int]) -> tuple[Callable[[], int], list[tuple[float, int]]]:
    seen = [(time.perf_counter(), count())]

    def look() -> int:
        found = count()
        seen.append((time.perf_counter(), found))
        return found

    return look, seen


NAIVE_PART = 10  # it is slower than that, or nearly
WARM = 200


def both(
    to: Servers, *, count: int, rounds: int, say: Callable[[str], None]
) -> dict[str, dict[str, Any]]:
    """Mentions that become searchable a second, in rounds, by processes that run already."""
    few = count // NAIVE_PART
    rates: dict[str, list[float]] = {"ours": [], "naive": []}
    with _ours(to, "path") as ours, _naive(to, "naive") as naive:
        for work in (ours, naive):
            work(mentions(WARM, seed=0))
        for number in range(1, rounds + 1):
            rates["ours"].append(ours(mentions(count, seed=number)))
            say(f"round {number}: raw to searchable {rates['ours'][-1]:8.0f} a second")
            rates["naive"].append(naive(mentions(few, seed=number)))
            say(f"round {number}: the naive way     {rates['naive'][-1]:8.0f} a second")
    return {name: spread(found) for name, found in rates.items()}


Work = Callable[[Iterable[RawMention]], float]
"""Makes mentions searchable, and says how many a second."""


@contextmanager
def _ours(to: Servers, name: str) -> Iterator[Work]:
    settings = installation(to, name)
    with _workers(to, settings) as (_, index):
        yield _working(to, settings.kafka.topic(topics.RAW), name, index)


@contextmanager
def _naive(to: Servers, name: str) -> Iterator[Work]:
    task = Task(to.bootstrap, to.create(f"{name}.raw", topics.RAW.partitions), "-", name)
    env = to.environment(**task.environment(), BENCH_INDEX=name)
    command = [sys.executable, "-m", "benchmarks.engines.naive"]
    with started(command, env, to.folder / f"{name}.log", gently=False) as process:
        yield _working(to, task.source, name, process)


def _working(to: Servers, topic: str, index: str, process: Any) -> Work:  # noqa: ANN401 - Popen
    given = 0

    def work(made: Iterable[RawMention]) -> float:
        nonlocal given
        with connect_sync(to.settings.elasticsearch) as client:
            look, seen = _noting(_counter(client, index))
            given += len(to.fill(topic, made))
            watch(process, look, given, 900)
        if seen[-1][1] != given:
            msg = f"{seen[-1][1]} of {given} mentions are searchable in {index}"
            raise SystemExit(msg)
        return _rate(seen)

    return work


def latency(to: Servers, *, rate: float, seconds: float) -> dict[str, Any]:
    """Seconds from confirmed in Kafka to found by a search, at an even rate."""
    settings = installation(to, "latency")
    cold = int(rate * COLD)
    made = list(mentions(cold + int(rate * seconds), seed=4))
    with connect_sync(settings.elasticsearch) as client, _workers(to, settings):
        # Both stages work before the first is sent: their start is measured elsewhere.
        to.fill(settings.kafka.topic(topics.RAW), mentions(WARM, seed=5))
        warm = _counter(client, "latency")
        while warm() < WARM:
            time.sleep(0.2)
        sent, found = asyncio.run(_measure(to, settings, made, rate))
    waits = [found[mention.id] - sent[mention.id] for mention in made]
    return {"rate": round(rate, 1), **_cuts(waits[cold:]), "cold": _cuts(waits[:cold])}


def _cuts(waits: Sequence[float]) -> dict[str, float]:
    cuts = quantiles(waits, n=100)
    return {
        "mentions": len(waits),
        "p50": round(cuts[49], 3),
        "p90": round(cuts[89], 3),
        "p99": round(cuts[98], 3),
        "most": round(max(waits), 3),
    }


async def _measure(
    to: Servers, settings: Settings, made: Sequence[RawMention], rate: float
) -> tuple[dict[str, float], dict[str, float]]:
    """When each mention was confirmed, and when it was first found."""
    sent: dict[str, float] = {}
    found: dict[str, float] = {}
    sending = asyncio.create_task(send(to, settings, made, rate, sent))
    complete = 0  # so many of the first were all found: the search asks for the rest
    with connect_sync(settings.elasticsearch) as client:
        while not sending.done() or complete < len(made):
            reached = made[complete - 1].revision if complete else -1
            answer = await asyncio.to_thread(
                client.search,
                index="latency",
                size=10_000,
                query={"range": {"revision": {"gt": reached}}},
                # Neither sorted nor unpacked: looking is not to slow down what is looked at.
                sort="_doc",
                track_total_hits=False,
                stored_fields="_none_",
                docvalue_fields=["id"],
            )
            now = time.perf_counter()
            for hit in answer["hits"]["hits"]:
                found.setdefault(hit["fields"]["id"][0], now)
            while complete < len(made) and made[complete].id in found:
                complete += 1
            await asyncio.sleep(LOOK_EVERY)
    await sending
    return sent, found


async def send(
    to: Servers, settings: Settings, made: Iterable[RawMention], rate: float, sent: dict[str, float]
) -> None:
    """Publish mentions evenly; ``sent`` gets the time of each confirmation."""
    producer = AIOKafkaProducer(bootstrap_servers=to.bootstrap, acks="all")
    topic = settings.kafka.topic(topics.RAW)
    async with producer:
        began = time.perf_counter()
        for number, mention in enumerate(made):
            ahead = began + number / rate - time.perf_counter()
            if ahead > 0:
                await asyncio.sleep(ahead)
            confirmation = await producer.send(
                topic, encode(mention), mention.id.encode(), headers=mention_headers(mention)
            )
            confirmation.add_done_callback(
                lambda done, name=mention.id: (
                    done.result() and sent.update({name: time.perf_counter()})
                )
            )
        await producer.flush()


def soak(
    to: Servers, *, name: str, rate: float, minutes: float, say: Callable[[str], None]
) -> dict[str, Any]:
    """Lag, memory and processor time at an even rate, looked at every ten seconds.

    ``lag_growth`` is how many mentions a second the lag grew by in the second half, a straight line
    through what was seen.
    """
    settings = installation(to, name)
    count = int(rate * minutes * 60)
    points: list[dict[str, float]] = []

    async def run(workers: dict[str, Any]) -> None:
        sent: dict[str, float] = {}
        sending = asyncio.create_task(send(to, settings, mentions(count, seed=6), rate, sent))
        began = time.perf_counter()
        while not (await asyncio.wait({sending}, timeout=10))[0]:
            lag = await asyncio.to_thread(admin.lag, settings)
            now = {stage: usage(worker) for stage, worker in workers.items()}
            points.append(
                {
                    "seconds": round(time.perf_counter() - began, 1),
                    "sent": len(sent),
                    **{f"lag_{row.stage}": row.lag for row in lag if row.stage in workers},
                    **{f"rss_{stage}": round(rss) for stage, (_, rss) in now.items()},
                    **{f"cpu_{stage}": round(cpu, 1) for stage, (cpu, _) in now.items()},
                    "cpu_broker": round(to.cpu("Kafka"), 1),
                    "cpu_elasticsearch": round(to.cpu("Elasticsearch"), 1),
                }
            )
            say(str(points[-1]))
        await sending

    with connect_sync(settings.elasticsearch) as client, _workers(to, settings) as workers:
        asyncio.run(run(dict(zip(_STAGES, workers, strict=True))))
        ended = time.perf_counter()
        held, found = _counter(client, name), 0
        while found < count and time.perf_counter() - ended < PATIENCE:
            time.sleep(LOOK_EVERY)
            found = held()
    late = points[len(points) // 2 :]
    return {
        "rate": round(rate, 1),
        "minutes": minutes,
        "sent": count,
        "searchable": found,
        "all_found_after": round(time.perf_counter() - ended, 1),
        "lag_growth": round(
            linear_regression(
                [point["seconds"] for point in late],
                [sum(point[f"lag_{stage}"] for stage in _STAGES) for point in late],
            ).slope,
            2,
        ),
        "points": points,
    }
