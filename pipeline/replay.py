"""A topic's messages again, by time: into a consumer's own topic, or for a consumer's own group.

A copy keeps key, value and headers byte for byte, and the order of each key. Interrupted, it is
simply run again: what is there twice, a consumer knows by id and revision.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from kafka import TopicPartition
from kafka.errors import KafkaError
from kafka.structs import OffsetAndMetadata

from pipeline import admin
from pipeline.errors import ConfigError
from pipeline.reader import records
from pipeline.settings import Settings

__all__ = ["copy", "rewind"]

_BATCH: Final = 500


def copy(
    settings: Settings,
    source: str,
    target: str,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    wanted: Callable[[Any], bool] = lambda _: True,
    done: Callable[[int], None] = lambda _: None,
) -> int:
    """Copy messages into another topic; returns how many, all of them confirmed.

    Args:
        settings: how to reach Kafka.
        source: the topic to read.
        target: an existing topic that is none of the pipeline's own.
        since: only what was written then or later.
        until: only what was written before.
        wanted: says of each record whether to copy it.
        done: told after each confirmed batch how many it had.

    Raises:
        ConfigError: no broker answers, or a topic is missing or not a consumer's own.
    """
    if target in admin.wanted(settings):
        msg = f"{target} is the pipeline's own: a replay goes to a topic of the consumer's"
        raise ConfigError(msg)
    with admin.consumer(settings) as reader:
        if target not in reader.topics():
            msg = f"no topic {target}: create it first, with as many partitions as its readers need"
            raise ConfigError(msg)
    before = until.timestamp() * 1000 if until else float("inf")
    total = 0
    with admin.producer(settings) as producer:
        sent: list[Any] = []

        def confirm() -> None:
            for confirmation in sent:
                confirmation.get()
            done(len(sent))
            sent.clear()

        for record in records(settings, source, since=since):
            if record.timestamp >= before or not wanted(record):
                continue
            headers = list(record.headers)
            sent.append(producer.send(target, key=record.key, value=record.value, headers=headers))
            total += 1
            if len(sent) == _BATCH:
                confirm()
        confirm()
    return total


def rewind(settings: Settings, topic: str, group: str, since: datetime) -> dict[int, int]:
    """Set a stopped consumer group back to a time; returns its new offset by partition.

    Raises:
        ConfigError: no broker answers, there is no such topic, the group is the pipeline's own, or
            it still has members.
    """
    own = {settings.kafka.group(role) for role in (*admin.STAGES, "agents")}
    if group in own:
        msg = f"{group} is the pipeline's own group: a replay is for a consumer's"
        raise ConfigError(msg)
    with admin.consumer(settings) as reader:
        numbers = sorted(reader.partitions_for_topic(topic) or ())
        if not numbers:
            msg = f"no topic {topic}; 'mentions topics describe' lists what there is"
            raise ConfigError(msg)
        partitions = [TopicPartition(topic, number) for number in numbers]
        found = reader.offsets_for_times(dict.fromkeys(partitions, int(since.timestamp() * 1000)))
        ends = reader.end_offsets(partitions)
    offsets = {part: at.offset if at else ends[part] for part, at in found.items()}
    with admin.brokers(settings) as brokers:
        answer = brokers.alter_group_offsets(
            group, {part: OffsetAndMetadata(at, "", -1) for part, at in offsets.items()}
        )
    for error in answer.values():
        if issubclass(error, KafkaError) and error.errno:
            msg = f"group {group}: {error.__name__}: stop all of its members first"
            raise ConfigError(msg)
    return {part.partition: at for part, at in sorted(offsets.items())}
