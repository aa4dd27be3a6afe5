"""Reading a topic outside any consumer group: from a time or the newest few, to its end or on."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import msgspec
from kafka import KafkaConsumer, TopicPartition

from pipeline import admin
from pipeline.errors import ConfigError
from pipeline.settings import Settings

__all__ = ["decoded", "records", "until"]


def decoded(value: bytes | None) -> Any:  # noqa: ANN401 - any JSON
    """A value's JSON; as text where it is none, None for a tombstone."""
    if value is None:
        return None
    try:
        return msgspec.json.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return value.decode(errors="backslashreplace")


def records(
    settings: Settings,
    name: str,
    *,
    since: datetime | None = None,
    newest: int | None = None,
    follow: bool = False,
) -> Iterator[Any]:
    """The records of a topic, each partition's in their order.

    Args:
        settings: how to reach Kafka.
        name: the topic's name on the cluster.
        since: from then on; by default from the beginning.
        newest: only so many of each partition; without effect where ``since`` is given.
        follow: go on after the end as it is now, having yielded None there once.

    Raises:
        ConfigError: no broker answers, or there is no such topic.
    """
    with admin.consumer(settings) as reader:
        partitions = [
            TopicPartition(name, n) for n in sorted(reader.partitions_for_topic(name) or ())
        ]
        if not partitions:
            msg = f"no topic {name}; 'mentions topics describe' lists what there is"
            raise ConfigError(msg)
        reader.assign(partitions)
        ends = reader.end_offsets(partitions)
        for partition, offset in _starts(reader, partitions, ends, since, newest).items():
            reader.seek(partition, offset)
        if not follow:
            yield from until(reader, ends)
            return
        while _short_of(reader, ends):
            for batch in reader.poll(timeout_ms=500).values():
                yield from batch
        yield None
        while True:
            for batch in reader.poll(timeout_ms=500).values():
                yield from batch


def until(reader: KafkaConsumer, ends: Mapping[TopicPartition, int]) -> Iterator[Any]:
    """The records from where a reader stands up to these offsets, the latter not included."""
    while _short_of(reader, ends):
        for partition, batch in reader.poll(timeout_ms=500).items():
            yield from (record for record in batch if record.offset < ends[partition])


def _short_of(reader: KafkaConsumer, ends: Mapping[TopicPartition, int]) -> bool:
    # By position, not by record: compaction leaves offsets without a record at the very end.
    return any(reader.position(partition) < end for partition, end in ends.items())


def _starts(
    reader: KafkaConsumer,
    partitions: list[TopicPartition],
    ends: dict[TopicPartition, int],
    since: datetime | None,
    newest: int | None,
) -> dict[TopicPartition, int]:
    if since is not None:
        moment = dict.fromkeys(partitions, int(since.timestamp() * 1000))
        found = reader.offsets_for_times(moment)
        return {partition: at.offset if at else ends[partition] for partition, at in found.items()}
    first: dict[TopicPartition, int] = reader.beginning_offsets(partitions)
    if newest is None:
        return first
    return {partition: max(ends[partition] - newest, at) for partition, at in first.items()}
