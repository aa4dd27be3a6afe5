"""The sources there are: what stands on the compacted topic ``mentions.sources``.

Every agent reads the whole topic and follows it; ``mentions sources`` writes to it. What stands in
``mentions.toml`` is written there when an agent starts: new and changed tables, and the removal of
those that came from the file and are no longer in it. So the agent that started last says what the
file's sources are; an agent without any in its file says nothing.
"""

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError, KafkaTimeoutError
from msgspec import structs

from agents.publisher import Message, Publisher
from schemas import topics
from schemas.sources import SourceEntry, decode_source, encode_source

__all__ = ["Directory", "missing_from"]

_log = logging.getLogger("agents")

_CLIENT: Final[Mapping[str, Any]] = {
    "group_id": None,
    "enable_auto_commit": False,
    "auto_offset_reset": "earliest",
    "allow_auto_create_topics": False,
    "bootstrap_timeout_ms": 5_000,
    "request_timeout_ms": 10_000,
}
_SAY_AGAIN_AFTER: Final = 60.0  # seconds between two reports of one outage


class Directory:
    """Reads and writes the sources; for one thread.

    Args:
        options: connection options in kafka-python's words.
        publisher: writes.
        topic: the compacted topic they are in.
        within: seconds to wait for a write to be confirmed; None waits for ever.
    """

    def __init__(
        self,
        options: Mapping[str, Any],
        publisher: Publisher,
        topic: str = topics.SOURCES.name,
        within: float | None = None,
    ) -> None:
        self._options = {**options, **_CLIENT}
        self._publisher = publisher
        self._topic = topic
        self._within = within
        self._consumer: Any = None
        self._partitions: list[TopicPartition] = []
        self._said_at = -_SAY_AGAIN_AFTER
        self.entries: dict[str, SourceEntry] = {}
        """By name, as far as they were read."""

    def read(self) -> dict[str, SourceEntry]:
        """Everything that was written until now.

        Raises:
            kafka.errors.KafkaError: the broker does not answer, or the topic is missing.
        """
        consumer = self._connected()
        ends = consumer.end_offsets(self._partitions)
        while any(consumer.position(partition) < end for partition, end in ends.items()):
            self._take(consumer.poll(timeout_ms=500))
        return self.entries

    def follow(self) -> bool:
        """Take what was written since; returns whether anything was. Never waits."""
        try:
            return self._take(self._connected().poll(timeout_ms=0))
        except KafkaError as error:
            if time.monotonic() - self._said_at >= _SAY_AGAIN_AFTER:
                self._said_at = time.monotonic()
                _log.warning("waiting for Kafka to follow the sources: %s", error)
            return False

    def write(self, name: str, entry: SourceEntry | None) -> None:
        """Add, change or (None) remove a source; returns once the broker has confirmed it.

        Raises:
            Unconfirmed: the time is over, or the process is stopping.
        """
        value = None if entry is None else encode_source(entry)
        self._publisher.send([Message(self._topic, name.encode(), value)], within=self._within)
        if entry is None:
            self.entries.pop(name, None)
        else:
            self.entries[name] = entry

    def apply(self, tables: Sequence[Mapping[str, Any]]) -> None:
        """Make the file's sources what these tables say; call ``read`` before.

        Raises:
            Unconfirmed: the process is stopping.
        """
        for table in tables:
            name = str(table["name"])
            before = self.entries.get(name)
            plain = msgspec.to_builtins(table)
            if before is None:
                self.write(name, SourceEntry(table=plain, origin="file"))
            elif before.table != plain or before.origin != "file":
                self.write(name, structs.replace(before, table=plain, origin="file"))
            else:
                continue
            _log.info("%s: %s by the file", name, "added" if before is None else "changed")
        for name in missing_from(tables, self.entries):
            self.write(name, None)
            _log.info("%s: removed, the file has it no longer", name)

    def close(self) -> None:
        """Let go of the connection."""
        if self._consumer is not None:
            self._consumer.close()
            self._consumer = None

    def _connected(self) -> Any:  # noqa: ANN401 - kafka-python has no types
        if self._consumer is None:
            consumer = KafkaConsumer(**self._options)
            known = consumer.partitions_for_topic(self._topic)
            if not known:
                consumer.close()
                msg = f"there is no topic {self._topic}; 'mentions topics create' makes it"
                raise KafkaTimeoutError(msg)
            self._partitions = [TopicPartition(self._topic, number) for number in known]
            consumer.assign(self._partitions)
            consumer.seek_to_beginning(*self._partitions)
            self._consumer = consumer
        return self._consumer

    def _take(self, batches: Mapping[Any, Sequence[Any]]) -> bool:
        some = False
        for records in batches.values():
            for record in records:
                some = True
                name = record.key.decode()
                self.entries.pop(name, None)
                if record.value is None:
                    continue
                try:
                    self.entries[name] = decode_source(record.value)
                except msgspec.MsgspecError as error:
                    _log.warning("%s: an unreadable source is left out: %s", name, error)
        return some


def missing_from(
    tables: Sequence[Mapping[str, Any]], entries: Mapping[str, SourceEntry]
) -> Iterator[str]:
    """Names that came from the file and are not in these tables; none where there are no tables."""
    names = {str(table["name"]) for table in tables}
    gone = [name for name, entry in entries.items() if entry.origin == "file" and name not in names]
    return iter(gone if names else [])
