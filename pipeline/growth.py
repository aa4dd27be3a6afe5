"""More partitions for the topics that are keyed by mention id, with all that they hold.

Kafka can add partitions to a topic, but leaves what is there where it is, while keys move. Then a
tombstone no longer meets the versions that it is to erase, and who reads from the beginning may see
an older version last. So every message is published once more, under its key, headers and time, and
lands where its key now belongs; then what stood before is deleted, and each consumer group is set
behind all of it, so that nobody does anything twice.

Guarantee: while anybody reads or has something to read it is refused, so nothing is lost, and the
versions of a mention keep their order: each key stood in one partition. Where the originals end is
noted as offsets of a group of its own before the first message is published again; killed at any
moment, the command goes on from there, and a message may then be on the topic twice.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

from kafka import TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.structs import OffsetAndMetadata
from msgspec import Struct

from pipeline import admin
from pipeline.errors import ConfigError
from pipeline.settings import Settings
from schemas.topics import ENRICHED, RAW

__all__ = ["Grown", "grow"]

_ROLE: Final = "growth"
_BATCH: Final = 1_000
_IDLE: Final = frozenset({"Empty", "Dead"})

Offsets = dict[TopicPartition, int]


class Grown(Struct, frozen=True):
    """One topic that has more partitions now."""

    topic: str
    before: int
    partitions: int
    messages: int
    """Published again."""


def grow(settings: Settings) -> Iterator[Grown]:
    """Bring ``mentions.raw`` and ``mentions.enriched`` to ``kafka.partitions``.

    Raises:
        ConfigError: a topic is missing or has more partitions already, somebody is at work, or has
            not read all; nothing was changed.
    """
    wanted = settings.kafka.partitions
    states = admin.describe(settings)
    names = [settings.kafka.topic(topic) for topic in (RAW, ENRICHED)]
    for name in names:
        if name not in states:
            msg = f"topic {name} is missing; create it with 'mentions topics create'"
            raise ConfigError(msg)
        if states[name].partitions > wanted:
            msg = f"{name} has {states[name].partitions} partitions: there can't be fewer"
            raise ConfigError(msg)
    with admin.brokers(settings) as client, admin.consumer(settings) as reader:
        _all_still(settings, client)
        noted = {name: _offsets(client, [_marker(settings)], name) for name in names}
        due = [name for name in names if noted[name] or states[name].partitions < wanted]
        for name in due:
            if not noted[name]:
                _all_read(client, reader, name)
        for name in due:
            ends = noted[name].get(_marker(settings)) or _note(settings, client, reader, name)
            yield _grow(settings, client, reader, name, ends)


def _marker(settings: Settings) -> str:
    return settings.kafka.group(_ROLE)


def _groups(client: Any) -> list[str]:  # noqa: ANN401 - kafka-python has no types
    return [group["group_id"] for group in client.list_groups()]


def _all_still(settings: Settings, client: Any) -> None:  # noqa: ANN401
    """Make sure that nobody of this installation is at work, and nobody else reads its topics."""
    names = [settings.kafka.topic(topic) for topic in (RAW, ENRICHED)]
    every = _groups(client)
    ours = {group for group in every if group.startswith(settings.kafka.group(""))}
    readers = {group for name in names for group in _offsets(client, every, name)}
    for group, found in client.describe_groups(sorted(ours | readers)).items():
        if found["group_state"] not in _IDLE:
            msg = f"{group} is at work: stop all agents, workers and other readers first"
            raise ConfigError(msg)


def _all_read(client: Any, reader: Any, name: str) -> None:  # noqa: ANN401
    """Make sure that every group has read all of a topic: it is set to the end afterwards."""
    partitions = _partitions(reader, name)
    first, ends = reader.beginning_offsets(partitions), reader.end_offsets(partitions)
    for group, offsets in _offsets(client, _groups(client), name).items():
        left = sum(ends[each] - offsets.get(each, first[each]) for each in partitions)
        if left:
            msg = f"{group} has {left} messages of {name} to read: let it, without the agents"
            raise ConfigError(msg)


def _note(settings: Settings, client: Any, reader: Any, name: str) -> Offsets:  # noqa: ANN401
    ends: Offsets = reader.end_offsets(_partitions(reader, name))
    client.alter_group_offsets(_marker(settings), _committed(ends))
    return ends


def _grow(
    settings: Settings,
    client: Any,  # noqa: ANN401
    reader: Any,  # noqa: ANN401
    name: str,
    ends: Offsets,
) -> Grown:
    wanted = settings.kafka.partitions
    if len(client.describe_topics([name])[0]["partitions"]) < wanted:
        client.create_partitions({name: wanted})
    # Messages keep their time: retention counts from it, and a tombstone is ordered by it.
    _stamp(client, name, "CreateTime")
    moved = 0
    with admin.producer(settings) as producer:
        originals = _originals(reader, ends)
        while batch := list(islice(originals, _BATCH)):
            sent = [
                producer.send(
                    name,
                    key=record.key,
                    value=record.value,
                    headers=list(record.headers),
                    timestamp_ms=record.timestamp,
                )
                for record in batch
            ]
            for confirmation in sent:
                confirmation.get()
            moved += len(sent)
    admin.delete_records(settings, ends)
    behind = _committed(reader.end_offsets([TopicPartition(name, n) for n in range(wanted)]))
    for group in _offsets(client, _groups(client), name):
        if group != _marker(settings):
            client.alter_group_offsets(group, behind)
    _stamp(client, name, RAW.config["message.timestamp.type"])
    client.delete_group_offsets(_marker(settings), list(ends))
    return Grown(name, len(ends), wanted, moved)


def _originals(reader: Any, ends: Offsets) -> Iterator[Any]:  # noqa: ANN401
    reader.assign(list(ends))
    for partition in ends:
        reader.seek_to_beginning(partition)
    # By position: compaction leaves offsets without a record.
    while any(reader.position(each) < end for each, end in ends.items()):
        for partition, batch in reader.poll(timeout_ms=500).items():
            yield from (record for record in batch if record.offset < ends[partition])


def _offsets(client: Any, groups: Sequence[str], name: str) -> dict[str, Offsets]:  # noqa: ANN401
    """How far each group has read a topic; those that never did are left out."""
    found = client.list_group_offsets(list(groups)) if groups else {}
    read = {
        group: {
            partition: at.offset
            for partition, at in offsets.items()
            if partition.topic == name and at.offset >= 0
        }
        for group, offsets in found.items()
    }
    return {group: offsets for group, offsets in read.items() if offsets}


def _partitions(reader: Any, name: str) -> list[TopicPartition]:  # noqa: ANN401
    return [TopicPartition(name, number) for number in sorted(reader.partitions_for_topic(name))]


def _committed(offsets: Mapping[TopicPartition, int]) -> dict[TopicPartition, OffsetAndMetadata]:
    return {partition: OffsetAndMetadata(at, "", -1) for partition, at in offsets.items()}


def _stamp(client: Any, name: str, kind: str) -> None:  # noqa: ANN401
    config = {"message.timestamp.type": kind}
    client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, config)])
