"""A plain aiokafka loop with the same guarantees; with ``BENCH_PLAIN=1`` it copies."""

import asyncio
import os

import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from benchmarks.engines import Task
from benchmarks.engines.work import Work
from pipeline.compression import compress_fast


async def main() -> None:
    """Consume, work, produce, await the confirmations, commit."""
    task = Task.read()
    work = None if os.environ.get("BENCH_PLAIN") else Work()
    consumer = AIOKafkaConsumer(
        task.source,
        bootstrap_servers=task.bootstrap,
        group_id=task.group,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        max_poll_records=500,
    )
    producer = AIOKafkaProducer(
        bootstrap_servers=task.bootstrap,
        acks="all",
        enable_idempotence=True,
        compression_type="lz4",
        max_batch_size=1_048_576,  # as ours has
    )
    compress_fast()  # as ours does
    async with consumer, producer:
        while True:
            polled = await consumer.getmany(timeout_ms=1_000, max_records=500)
            records = [record for group in polled.values() for record in group]
            if not records:
                continue
            values = work(records) if work else [record.value for record in records]
            sent = [
                await producer.send(task.target, value, record.key, headers=list(record.headers))
                for record, value in zip(records, values, strict=True)
            ]
            await asyncio.gather(*sent)
            await consumer.commit()


if __name__ == "__main__":
    uvloop.run(main())
