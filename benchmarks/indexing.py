"""Ways to bring enriched mentions into Elasticsearch, round by round in turn.

* ``bulk``: ``helpers.bulk``; ``async_bulk``: ``helpers.async_bulk``; both in chunks of 500, with
  the documents and versions that ours writes, made before the clock starts.
* ``writer``: our writer, which also makes the documents and knows of tombstones and moved copies.
* ``read``: a plain aiokafka loop into ``helpers.async_bulk``; makes the documents, and commits.
* ``stage``: the index stage in its worker, reading from Kafka.
"""

import asyncio
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from functools import partial
from typing import Any
from unittest.mock import patch

from elasticsearch import AsyncElasticsearch, Elasticsearch, helpers
from msgspec import structs

from benchmarks.bench import Servers, spread, started, watch
from benchmarks.corpus import START, mentions
from benchmarks.engines import Record, Task
from benchmarks.engines.bulk import actions
from benchmarks.engines.work import Work
from pipeline.outcome import Ok
from pipeline.search.client import connect, connect_sync
from pipeline.search.probe import probe
from pipeline.search.templates import apply
from pipeline.search.writer import Upsert, Writer
from schemas import encode
from schemas.mention import EnrichedMention, decode_enriched

__all__ = ["WAYS", "indexing", "writing"]

CHUNK = 500
VARIED = 2_500
"""So many texts come again and again under other ids, as making them takes longer than writing."""
WARM = 2
"""Each way first writes a round so many times smaller: new servers compile their code."""

Write = Callable[[Sequence[EnrichedMention]], float]
"""Writes mentions, and says how many a second."""


def indexing(
    to: Servers,
    *,
    count: int,
    rounds: int,
    say: Callable[[str], None],
    ways: Sequence[str],
) -> dict[str, dict[str, Any]]:
    """Documents a second of ways; each round of theirs is kept under ``rounds``."""
    varied = _enriched(to, min(count, VARIED))
    rates: dict[str, list[float]] = {way: [] for way in ways}
    with ExitStack() as stack:
        ready = {way: stack.enter_context(_ready(to, way)) for way in ways}
        for number in range(rounds + 1):
            size = count if number else count // WARM
            made = [_another(varied, f"{number}-{n}", n) for n in range(size)]
            for way, write in ready.items():
                rate = write(made)
                if number:
                    rates[way].append(rate)
                    say(f"round {number}: {way:10} {rate:8.0f} a second")
    return {way: spread(seen) for way, seen in rates.items()}


def _another(varied: Sequence[EnrichedMention], name: str, number: int) -> EnrichedMention:
    return structs.replace(varied[number % len(varied)], id=f"bench:{name}")


@contextmanager
def _ready(to: Servers, way: str) -> Iterator[Write]:
    """A way to write into indices of its own, which counts what they hold afterwards."""
    alias = f"bench-{way.replace('_', '-')}"
    settings = to.settings.elasticsearch.model_copy(update={"alias": alias})
    given = 0
    with ExitStack() as stack:
        client = stack.enter_context(connect_sync(settings))
        apply(client, settings, probe(client))
        timed = stack.enter_context(_way(to, way, alias))

        def write(found: Sequence[EnrichedMention]) -> float:
            nonlocal given
            given += len(found)
            rate = timed(found)
            client.indices.refresh(index=f"{alias}-*")
            held = client.count(index=f"{alias}-20*")["count"]
            if held != given:
                msg = f"{way} has indexed {held} of {given} mentions"
                raise SystemExit(msg)
            return rate

        yield write


@contextmanager
def _way(to: Servers, way: str, alias: str) -> Iterator[Write]:
    known = WAYS[way]
    if callable(known):
        yield partial(known, to, alias)
        return
    with _reading(to, alias, known) as write:
        yield write


def _enriched(to: Servers, count: int, seed: int = 2) -> list[EnrichedMention]:
    with patch.dict(os.environ, MENTIONS_CONFIG=str(to.config())):
        work = Work()
    raw = [Record(m.id.encode(), encode(m)) for m in mentions(count, seed=seed)]
    return [decode_enriched(value) for value in work(raw)]


def _bulk(to: Servers, alias: str, found: Sequence[EnrichedMention]) -> float:
    made = list(actions(found, alias))
    with Elasticsearch(to.settings.elasticsearch.url) as client:
        began = time.perf_counter()
        helpers.bulk(client, made, chunk_size=CHUNK)
        return len(found) / (time.perf_counter() - began)


def _async_bulk(to: Servers, alias: str, found: Sequence[EnrichedMention]) -> float:
    made = list(actions(found, alias))

    async def send() -> float:
        async with AsyncElasticsearch(to.settings.elasticsearch.url) as client:
            began = time.perf_counter()
            await helpers.async_bulk(client, made, chunk_size=CHUNK)
            return len(found) / (time.perf_counter() - began)

    return asyncio.run(send())


def _writer(to: Servers, alias: str, found: Sequence[EnrichedMention]) -> float:
    async def send() -> float:
        async with connect(to.settings.elasticsearch) as client:
            writer = Writer(client, alias)
            began = time.perf_counter()
            for start in range(0, len(found), CHUNK):
                chunk = [Upsert(mention) for mention in found[start : start + CHUNK]]
                outcomes = await writer.write(chunk)
                assert all(isinstance(outcome, Ok) for outcome in outcomes), outcomes[0]
            return len(found) / (time.perf_counter() - began)

    return asyncio.run(send())


WAYS: Mapping[str, Callable[[Servers, str, Sequence[EnrichedMention]], float] | list[str]] = {
    "bulk": _bulk,
    "async_bulk": _async_bulk,
    "writer": _writer,
    "read": ["benchmarks.engines.bulk"],
    "stage": ["pipeline", "worker", "--stages", "index"],
}
"""A function that writes, or a program that reads from Kafka."""


@contextmanager
def _reading(to: Servers, alias: str, program: Sequence[str]) -> Iterator[Write]:
    """A process that reads from Kafka: from the first indexed mention seen to nearly the last.

    Not to the very last: it is seen some time after it was indexed.
    """
    prefix = f"{alias}."
    topic = to.create(f"{prefix}mentions.enriched")
    to.create(f"{prefix}mentions.dead-letter", 1)
    env = to.environment(
        **Task(to.bootstrap, topic, alias, alias).environment(),
        MENTIONS_KAFKA__PREFIX=prefix,
        MENTIONS_ELASTICSEARCH__ALIAS=alias,
    )
    command = [sys.executable, "-m", *program]
    given = 0
    with (
        connect_sync(to.settings.elasticsearch) as client,
        started(command, env, to.folder / f"{alias}.log", gently=False) as process,
    ):

        def held() -> int:
            # Not a search, which would have to wait for a refresh.
            stats = client.indices.stats(index=f"{alias}-20*", metric="indexing")
            return int(stats["_all"]["primaries"].get("indexing", {}).get("index_total", 0))

        def write(found: Sequence[EnrichedMention]) -> float:
            nonlocal given
            seen: list[tuple[float, int]] = []

            def count() -> int:
                now = held()
                seen.append((time.perf_counter(), now))
                return now

            to.fill(topic, found)
            watch(process, count, given + len(found), 600)
            between = [look for look in seen if given < look[1] < given + len(found)]
            given += len(found)
            # A few are there so soon that hardly a look falls between.
            looks = between if len(between) > 1 else seen
            (first, before), (last, after) = looks[0], looks[-1]
            return (after - before) / max(last - first, 0.001)

        yield write


def writing(
    to: Servers,
    documents: int,
    say: Callable[[str], None],
    look: Callable[[str, int], None],
) -> dict[str, Any]:
    """Our writer's rate as an index grows to so many documents: microseconds each, by tenths.

    After each tenth ``look`` gets the alias and the number of documents. The dictionary of words
    grows less than it would, see ``VARIED``.
    """
    alias = "bench-growing"
    settings = to.settings.elasticsearch.model_copy(update={"alias": alias})
    with connect_sync(settings) as client:
        apply(client, settings, probe(client))
    # One month's index, so that it is one index that grows, of four weeks.
    varied = [
        structs.replace(mention, published_at=day, collected_at=day)
        for number, mention in enumerate(_enriched(to, VARIED))
        for day in (START + timedelta(days=number % 28),)
    ]
    costs: dict[int, float] = {}

    async def grow() -> None:
        async with connect(to.settings.elasticsearch) as client:
            writer = Writer(client, alias)
            step = documents // 10
            for tenth in range(1, 11):
                began = time.perf_counter()
                for start in range((tenth - 1) * step, tenth * step, CHUNK):
                    batch = [
                        Upsert(_another(varied, f"{n}", n))
                        for n in range(start, min(start + CHUNK, tenth * step))
                    ]
                    outcomes = await writer.write(batch)
                    assert all(isinstance(outcome, Ok) for outcome in outcomes), outcomes[0]
                costs[tenth * step] = round(1e6 * (time.perf_counter() - began) / step, 1)
                say(f"  {tenth * step}: {costs[tenth * step]} µs")
                await asyncio.to_thread(look, alias, tenth * step)

    asyncio.run(grow())
    with connect_sync(settings) as client:
        client.indices.refresh(index=f"{alias}-2*")
        stats = client.indices.stats(index=f"{alias}-2*", metric="store,docs")["_all"]["primaries"]
    return {
        "microseconds": costs,
        "documents": stats["docs"]["count"],
        "bytes_each": round(stats["store"]["size_in_bytes"] / stats["docs"]["count"]),
    }
