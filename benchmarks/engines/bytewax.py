"""bytewax with our enrichment, reading and writing by its Kafka connector."""

import os
from datetime import timedelta
from pathlib import Path

import bytewax.operators as op
from bytewax.connectors.kafka import KafkaSinkMessage, KafkaSource, KafkaSourceMessage
from bytewax.connectors.kafka import operators as kafka
from bytewax.dataflow import Dataflow
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.testing import cluster_main

from benchmarks.engines import Record, Task
from benchmarks.engines.work import Work

task = Task.read()
work = Work()
ACKS = {"acks": "all", "enable.idempotence": "true", "compression.type": "lz4", "linger.ms": "5"}


def enrich(
    batch: list[KafkaSourceMessage[bytes, bytes]],
) -> list[KafkaSinkMessage[bytes, bytes]]:
    """A batch, as bytewax has read it."""
    values = work([Record(message.key, message.value) for message in batch])
    return [
        KafkaSinkMessage(message.key, value) for message, value in zip(batch, values, strict=True)
    ]


flow = Dataflow("bench")
source = KafkaSource([task.bootstrap], [task.source], batch_size=500)
read = op.input("read", flow, source)
done = op.flat_map_batch("enrich", read, enrich)
kafka.output("write", done, brokers=[task.bootstrap], topic=task.target, add_config=ACKS)

if __name__ == "__main__":
    # It keeps its place in a file of its own, as often as our worker commits.
    places = Path(os.environ["BENCH_DATA"])
    init_db_dir(places, 1)
    cluster_main(
        flow,
        [],
        0,
        epoch_interval=timedelta(seconds=0.5),
        recovery_config=RecoveryConfig(places),
    )
