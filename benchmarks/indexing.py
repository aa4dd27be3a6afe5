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
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

import msgspec
from elasticsearch import AsyncElasticsearch, Elasticsearch, helpers
from msgspec import structs

from benchmarks.bench import Servers, started, watch
from benchmarks.corpus import START, mentions, topics_toml
from benchmarks.engines import Record, Task, Work
from pipeline.outcome import Ok
from pipeline.search.client import connect, connect_sync
from pipeline.search.document import document
from pipeline.search.probe import probe
from pipeline.search.templates import apply
from pipeline.search.writer import Upsert, Writer
from schemas import encode
from schemas.mention import EnrichedMention, decode_enriched

__all__ = ["indexing", "writing"]

CHUNK = 500
VARIED = 20_000
WAYS = ("bulk", "async_bulk", "writer", "read", "stage")


def indexing(
    to: Servers,
    *,
    count: int,
    rounds: int,
    say: Callable[[str], None],
    ways: Sequence[str] = WAYS,
) -> dict[str, dict[str, Any]]:
    """Documents a second of ways; each round of theirs is kept under ``rounds``."""
    found = _enriched(to, count)
    rates: dict[str, list[float]] = {way: [] for way in ways}
    for number in range(rounds):
        for way in ways:
            alias = f"bench-{way.replace('_', '-')}-{number}"
            settings = to.settings.elasticsearch.model_copy(update={"alias": alias})
            with connect_sync(settings) as client:
                apply(client, settings, probe(client))
                rate = _TIMED[way](to, alias, found)
                client.indices.refresh(index=f"{alias}-*")
                held = client.count(index=f"{alias}-20*")["count"]
                for name in client.indices.get(index=f"{alias}-*").body:
                    client.indices.delete(index=name)
            if held != count:
                msg = f"{way} has indexed {held} of {count} mentions"
                raise SystemExit(msg)
            rates[way].append(rate)
            say(f"round {number + 1}: {way:10} {rate:8.0f} a second")
    return {
        way: {
            "rate": round(median(seen), 1),
            "least": round(min(seen), 1),
            "most": round(max(seen), 1),
            "rounds": [round(rate, 1) for rate in seen],
        }
        for way, seen in rates.items()
    }


def _enriched(to: Servers, count: int, seed: int = 2) -> list[EnrichedMention]:
    config = to.folder / "index.toml"
    config.write_text(topics_toml(10), encoding="utf-8")
    os.environ["MENTIONS_CONFIG"] = str(config)
    work = Work()
    raw = [Record(m.id.encode(), encode(m)) for m in mentions(count, seed=seed)]
    return [decode_enriched(value) for value in work(raw)]


def _actions(alias: str, found: Sequence[EnrichedMention]) -> list[dict[str, Any]]:
    documents = [document(mention, alias) for mention in found]
    return [
        {
            "_op_type": "index",
            "_index": made.index,
            "_id": made.id,
            "version": made.version,
            "version_type": "external_gte",
            "_source": msgspec.json.decode(made.body),
        }
        for made in documents
    ]


def _bulk(to: Servers, alias: str, found: Sequence[EnrichedMention]) -> float:
    actions = _actions(alias, found)
    with Elasticsearch(to.settings.elasticsearch.url) as client:
        began = time.perf_counter()
        helpers.bulk(client, actions, chunk_size=CHUNK)
        return len(found) / (time.perf_counter() - began)


def _async_bulk(to: Servers, alias: str, found: Sequence[EnrichedMention]) -> float:
    actions = _actions(alias, found)

    async def send() -> float:
        async with AsyncElasticsearch(to.settings.elasticsearch.url) as client:
            began = time.perf_counter()
            await helpers.async_bulk(client, actions, chunk_size=CHUNK)
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


def _read(to: Servers, alias: str, found: Sequence[EnrichedMention]) -> float:
    return _reading(to, alias, found, ["benchmarks.engines.bulk"])


def _stage(to: Servers, alias: str, found: Sequence[EnrichedMention]) -> float:
    return _reading(to, alias, found, ["pipeline", "worker", "--stages", "index"])


_TIMED: dict[str, Callable[[Servers, str, Sequence[EnrichedMention]], float]] = {
    "bulk": _bulk,
    "async_bulk": _async_bulk,
    "writer": _writer,
    "read": _read,
    "stage": _stage,
}


def _reading(
    to: Servers, alias: str, found: Sequence[EnrichedMention], program: Sequence[str]
) -> float:
    """Of a process that reads from Kafka: from the first indexed mention seen to the last."""
    prefix = f"{alias}."
    topic = to.create(f"{prefix}mentions.enriched")
    to.create(f"{prefix}mentions.dead-letter", 1)
    to.fill(topic, found)
    env = to.environment(
        **Task(to.bootstrap, topic, alias, alias).environment(),
        MENTIONS_KAFKA__PREFIX=prefix,
        MENTIONS_ELASTICSEARCH__ALIAS=alias,
    )
    seen: list[tuple[float, int]] = []
    with connect_sync(to.settings.elasticsearch) as client:

        def count() -> int:
            # Not a search, which would have to wait for a refresh.
            stats = client.indices.stats(index=f"{alias}-20*", metric="indexing")
            held = int(stats["_all"]["primaries"].get("indexing", {}).get("index_total", 0))
            seen.append((time.perf_counter(), held))
            return held

        command = [sys.executable, "-m", *program]
        with started(command, env, to.folder / f"{alias}.log") as process:
            watch(process, count, len(found), 600)
    begun = [(at, held) for at, held in seen if held]
    (first, before), (last, after) = begun[0], begun[-1]
    return (after - before) / max(last - first, 0.001)


def writing(to: Servers, documents: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Our writer's rate as an index grows to so many documents: microseconds each, by tenths.

    The texts of ``VARIED`` mentions come again and again under other ids, so that making them does
    not take longer than writing them; the dictionary of words grows less than it would.
    """
    alias = "bench-growing"
    settings = to.settings.elasticsearch.model_copy(update={"alias": alias})
    with connect_sync(settings) as client:
        apply(client, settings, probe(client))
    # One month's index, so that it is one index that grows.
    varied = [
        structs.replace(mention, published_at=START, collected_at=START)
        for mention in _enriched(to, VARIED)
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
                        Upsert(structs.replace(varied[n % VARIED], id=f"bench:{n}"))
                        for n in range(start, min(start + CHUNK, tenth * step))
                    ]
                    outcomes = await writer.write(batch)
                    assert all(isinstance(outcome, Ok) for outcome in outcomes), outcomes[0]
                costs[tenth * step] = round(1e6 * (time.perf_counter() - began) / step, 1)
                say(f"  {tenth * step}: {costs[tenth * step]} µs")

    asyncio.run(grow())
    with connect_sync(settings) as client:
        client.indices.refresh(index=f"{alias}-2*")
        stats = client.indices.stats(index=f"{alias}-2*", metric="store,docs")["_all"]["primaries"]
    return {
        "microseconds": costs,
        "documents": stats["docs"]["count"],
        "bytes_each": round(stats["store"]["size_in_bytes"] / stats["docs"]["count"]),
    }
