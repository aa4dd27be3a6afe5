"""How far each source has been read, kept in a compacted Kafka topic keyed by source name.

A source belongs to the partition that its name hashes to (murmur2, as every Kafka producer does):
owning the partition is owning its sources. Of two processes that believe they own a source for a
moment, the later write wins; an older cursor means reading again, never leaving out.
"""

import logging
from collections.abc import Collection, Mapping
from typing import Any, Final

import msgspec
from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaTimeoutError
from kafka.partitioner.default import murmur2

from agents.publisher import Message, Publisher
from schemas import topics
from schemas.cursor import Progress

__all__ = ["Cursors", "partition_of"]

_log = logging.getLogger(__name__)

_CLIENT: Final[Mapping[str, Any]] = {
    "group_id": None,
    "enable_auto_commit": False,
    "auto_offset_reset": "earliest",
    "allow_auto_create_topics": False,
    "bootstrap_timeout_ms": 5_000,
    "request_timeout_ms": 10_000,
}


def partition_of(key: bytes, partitions: int) -> int:
    """The partition that a key belongs to, as every Kafka producer has it."""
    return int((murmur2(key) & 0x7FFFFFFF) % partitions)


class Cursors:
    """Reads and writes cursors. Reading is for one thread, writing for many.

    Args:
        options: connection options in kafka-python's words.
        publisher: writes them.
        topic: the compacted topic they are in.
    """

    def __init__(
        self,
        options: Mapping[str, Any],
        publisher: Publisher,
        topic: str = topics.CURSORS.name,
    ) -> None:
        self._options = {**options, **_CLIENT}
        self._publisher = publisher
        self.topic = topic

    def read(self, partitions: Collection[int] | None = None) -> dict[str, Progress]:
        """The newest progress of every source in these partitions (None: in all).

        Raises:
            kafka.errors.KafkaError: the broker does not answer, or the topic is missing.
        """
        consumer = KafkaConsumer(**self._options)
        try:
            known = consumer.partitions_for_topic(self.topic)
            if not known:
                msg = f"there is no topic {self.topic}; 'mentions topics create' makes it"
                raise KafkaTimeoutError(msg)
            wanted = known if partitions is None else partitions
            return self._scan(consumer, [TopicPartition(self.topic, n) for n in wanted])
        finally:
            consumer.close()

    def write(self, name: str, progress: Progress) -> None:
        """Keep how far a source has been read; returns once the broker has confirmed it.

        Raises:
            Unconfirmed: the process is stopping.
        """
        self._publisher.send([Message(self.topic, name.encode(), msgspec.json.encode(progress))])

    @staticmethod
    def _scan(consumer: Any, partitions: list[TopicPartition]) -> dict[str, Progress]:  # noqa: ANN401 - kafka-python has no types
        found: dict[str, Progress] = {}
        consumer.assign(partitions)
        consumer.seek_to_beginning(*partitions)
        ends = consumer.end_offsets(partitions)
        # By position: compaction leaves offsets without a record.
        while any(consumer.position(partition) < end for partition, end in ends.items()):
            for records in consumer.poll(timeout_ms=500).values():
                for record in records:
                    name = record.key.decode()
                    found.pop(name, None)
                    if record.value is None:
                        continue
                    try:
                        found[name] = msgspec.json.decode(record.value, type=Progress)
                    except msgspec.MsgspecError as error:
                        # Starting anew repeats a few mentions; not starting would lose some.
                        _log.warning("%s: its cursor is unreadable, starting anew: %s", name, error)
        return found
