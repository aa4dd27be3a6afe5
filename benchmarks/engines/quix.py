"""quix-streams with our enrichment."""

import os
from typing import Any

from quixstreams import Application

from benchmarks.engines import Record, Task
from benchmarks.engines.work import Work


def main() -> None:
    """Consume, work, produce; quix-streams flushes and commits."""
    task = Task.read()
    work = Work()
    app = Application(
        broker_address=task.bootstrap,
        consumer_group=task.group,
        auto_offset_reset="earliest",
        auto_create_topics=False,
        commit_interval=0.5,  # seconds, as our worker
        loglevel="WARNING",
        state_dir=os.environ["BENCH_DATA"],
        producer_extra_config={
            "acks": "all",
            "enable.idempotence": True,
            "compression.type": "lz4",
            "linger.ms": 5,
        },
    )
    source = app.topic(task.source, key_deserializer="bytes", value_deserializer="bytes")
    target = app.topic(task.target, key_serializer="bytes", value_serializer="bytes")

    def enrich(value: bytes, key: bytes, _timestamp: int, headers: Any) -> bytes:  # noqa: ANN401
        return work([Record(key, value, headers or ())])[0]

    app.dataframe(source).apply(enrich, metadata=True).to_topic(target)
    app.run()


if __name__ == "__main__":
    main()
