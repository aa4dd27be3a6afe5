"""A plain aiokafka loop into ``helpers.async_bulk``: commits what Elasticsearch has confirmed.

With our documents and versions, so that what it leaves is what our index stage leaves, but without
tombstones, moved copies, dead letters or waiting.
"""

import os
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
import uvloop
from aiokafka import AIOKafkaConsumer
from elasticsearch import AsyncElasticsearch, helpers

from benchmarks.engines import Task
from pipeline.search.document import document
from schemas.mention import EnrichedMention, decode_enriched


def actions(mentions: Iterable[EnrichedMention], alias: str) -> Iterator[dict[str, Any]]:
    """What ``helpers.bulk`` and ``helpers.async_bulk`` take."""
    for mention in mentions:
        made = document(mention, alias)
        yield {
            "_index": made.index,
            "_id": made.id,
            "version": made.version,
            "version_type": "external_gte",
            "_source": msgspec.json.decode(made.body),
        }


async def main() -> None:
    """Consume, write, commit."""
    task = Task.read()
    consumer = AIOKafkaConsumer(
        task.source,
        bootstrap_servers=task.bootstrap,
        group_id=task.group,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        max_poll_records=500,
    )
    async with consumer, AsyncElasticsearch(os.environ["BENCH_ELASTICSEARCH"]) as client:
        while True:
            polled = await consumer.getmany(timeout_ms=1_000, max_records=500)
            records = [record for group in polled.values() for record in group]
            if records:
                mentions = (decode_enriched(record.value) for record in records)
                await helpers.async_bulk(client, actions(mentions, task.target), chunk_size=500)
                await consumer.commit()


if __name__ == "__main__":
    uvloop.run(main())
