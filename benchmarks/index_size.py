"""How many bytes a mention takes in Elasticsearch: ``python -m benchmarks.index_size [COPIES]``.

Needs a running Elasticsearch (``mentions up``), takes an alias of its own there, and removes it
again. The demo's mentions, about 490 texts of every channel, are written COPIES times (20) under
different ids and times, merged to one segment, and measured: the whole, and without an index for
each of the larger parts (they are kept all the same).
"""

import asyncio
import sys
import tempfile
import time
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
from elasticsearch import Elasticsearch
from elasticsearch.helpers import bulk, scan
from rich.console import Console
from rich.table import Table

from pipeline.search.client import connect, connect_sync
from pipeline.search.probe import probe
from pipeline.search.templates import apply, index_body
from pipeline.search.writer import Upsert, Writer
from pipeline.settings import Elasticsearch as Elastic
from pipeline.settings import load
from schemas.mention import EnrichedMention, encode
from tests.support import demo

BATCH = 500
LEFT_OUT = ("sentiment.terms", "entities", "matches", "targets", "compounds")


def main() -> None:
    """Write, measure, and print a table."""
    copies = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    with tempfile.TemporaryDirectory() as folder:
        mentions = demo.mentions(datetime.now(UTC), Path(folder))
    config = load().elasticsearch.model_copy(update={"alias": f"size{uuid.uuid4().hex[:8]}"})
    table = Table("what", "mentions", "bytes each", "of which the message itself")
    with connect_sync(config) as client:
        can = probe(client)
        body = index_body(config, can)
        message = sum(len(encode(each)) for each in mentions) / len(mentions)
        try:
            apply(client, config, can)
            started = time.perf_counter()
            asyncio.run(write(mentions, copies, config))
            seconds = time.perf_counter() - started
            months = sorted(client.indices.get(index=config.alias))
            found, size = merged(client, config.alias)
            table.add_row("as it is", str(found), f"{size / found:.0f}", f"{message:.0f}")
            for name in LEFT_OUT:
                other = f"{config.alias}-without"
                client.indices.create(index=other, **without(body, name))
                copy(client, months, other)
                left, less = merged(client, other)
                table.add_row(f"without {name}", str(left), f"{less / left:.0f}", "")
                client.indices.delete(index=other)
        finally:
            for month in client.indices.resolve_index(name=f"{config.alias}-*")["indices"]:
                client.indices.delete(index=month["name"])
            client.indices.delete_index_template(name=f"{config.alias}-*")
            client.cluster.delete_component_template(name=f"{config.alias}-*")
    Console().print(table)
    Console().print(f"written at {found / seconds:.0f} mentions/s by one process")


async def write(mentions: list[EnrichedMention], copies: int, config: Elastic) -> None:
    """Write every mention several times, as if it had been said on other days."""
    async with connect(config) as client:
        writer = Writer(client, config.alias)
        for copy_ in range(copies):
            batch = [Upsert(shifted(each, copy_)) for each in mentions]
            for start in range(0, len(batch), BATCH):
                await writer.write(batch[start : start + BATCH])


def shifted(mention: EnrichedMention, number: int) -> EnrichedMention:
    """The same mention, said some minutes earlier."""
    earlier = timedelta(minutes=7 * number)
    return msgspec.structs.replace(
        mention,
        id=f"{mention.id}-{number}",
        published_at=mention.published_at - earlier,
        collected_at=mention.collected_at - earlier,
    )


def merged(client: Elasticsearch, index: str) -> tuple[int, int]:
    """Documents and bytes, once all is in one segment a shard."""
    client.indices.forcemerge(index=index, max_num_segments=1)
    client.indices.flush(index=index, force=True, wait_if_ongoing=True)
    client.indices.refresh(index=index)
    # The figures of ``stats`` are some seconds old; those of segments are not.
    parts = [
        segment
        for found in client.indices.segments(index=index)["indices"].values()
        for copies in found["shards"].values()
        for segment in copies[0]["segments"].values()
        if segment["search"]
    ]
    return sum(s["num_docs"] for s in parts), sum(s["size_in_bytes"] for s in parts)


def without(body: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The index's form, with one field kept but not indexed."""
    copy_: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(body))
    properties = copy_["mappings"]["properties"]
    *parents, last = name.split(".")
    for parent in parents:
        properties = properties[parent]["properties"]
    properties[last] = {"type": "object", "enabled": False}
    return copy_


def copy(client: Elasticsearch, sources: list[str], target: str) -> None:
    """Copy all documents of several indices."""
    for source in sources:
        hits = scan(client, index=source, size=1_000)
        bulk(client, ({"_index": target, "_id": h["_id"], "_source": h["_source"]} for h in hits))


if __name__ == "__main__":
    main()
