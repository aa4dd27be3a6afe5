"""More partitions for the topics that are keyed by mention id, with all that they hold.

Kafka can add partitions to a topic, but leaves what is there where it is, while keys move. Then a
tombstone no longer meets the versions that it is to erase, and who reads from the beginning may see
an older version last. So every message is published once more, under its key, headers and time, and
lands where its key now belongs; then what stood before is deleted, and each consumer group is set
behind all of it, so that nobody does anything twice.

Guarantee: while anybody reads or has something to read it is refused, so nothing is lost, and the
versions of a mention keep their order: each key stood in one partition. Where the originals end is
noted as offsets of a group of its own before the first message is published again; killed at any
moment, the command goes on from there, and a message may then be on the topic twice. What is
published again says so in a header: where anything else stands behind the originals, somebody was
at work meanwhile, and older versions may have come behind newer ones; then nothing is deleted.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

from kafka import TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.structs import OffsetAndMetadata
from msgspec import Struct
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from agents.cursors import partition_of
from pipeline import admin
from pipeline.errors import ConfigError, PipelineError
from pipeline.reader import until
from pipeline.settings import Settings
from schemas.topics import ENRICHED, RAW

__all__ = ["Grown", "grow"]

_ROLE: Final = "growth"
_BATCH: Final = 1_000
_IDLE: Final = frozenset({"Empty", "Dead"})
_MOVED: Final = "ce_moved"
"""The header of what was published again: the name of its topic, as stages hand headers on."""

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
        noted = _resumed(settings, client, reader, names)
        due = [name for name in names if name in noted or states[name].partitions < wanted]
        new = [name for name in due if name not in noted]
        for name in new:
            _all_read(settings, client, reader, name)
        # All at once: what anybody makes meanwhile of one topic's messages is then seen on another.
        noted |= {name: reader.end_offsets(_partitions(reader, name)) for name in new}
        for name in new:
            client.alter_group_offsets(_marker(settings), _committed(noted[name]))
        for name in due:
            yield _grow(settings, client, name, noted[name])


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


def _all_read(settings: Settings, client: Any, reader: Any, name: str) -> None:  # noqa: ANN401
    """Make sure that every group has read all of a topic: it is set to the end afterwards."""
    partitions = _partitions(reader, name)
    first, ends = reader.beginning_offsets(partitions), reader.end_offsets(partitions)
    groups = [group for group in _groups(client) if group != _marker(settings)]
    for group, offsets in _offsets(client, groups, name).items():
        # What a group that went away long ago had read may be deleted meanwhile.
        left = sum(ends[each] - max(offsets.get(each, 0), first[each]) for each in partitions)
        if left:
            msg = f"{group} has {left} messages of {name} to read: let it, without the agents"
            raise ConfigError(msg)


def _resumed(
    settings: Settings,
    client: Any,  # noqa: ANN401
    reader: Any,  # noqa: ANN401
    names: Sequence[str],
) -> dict[str, Offsets]:
    """Where the originals end, of the topics that a run which was killed left half-way."""
    marker = _marker(settings)
    found = {name: _offsets(client, [marker], name).get(marker) for name in names}
    noted = {name: ends for name, ends in found.items() if ends}
    behind = {name: _behind(reader, name, ends) for name, ends in noted.items()}
    if not any(each.strangers for each in behind.values()):
        return noted
    # Keys move as soon as there are partitions more; until then, noted too early is not noted.
    if all(len(behind[name].ends) == len(ends) for name, ends in noted.items()):
        return {}
    (name, *_) = [name for name, each in behind.items() if each.strangers]
    raise ConfigError(_disturbed(name))


def _grow(settings: Settings, client: Any, name: str, ends: Offsets) -> Grown:  # noqa: ANN401
    wanted = settings.kafka.partitions
    if len(client.describe_topics([name])[0]["partitions"]) < wanted:
        client.create_partitions({name: wanted})
    # Messages keep their time: retention counts from it, and a tombstone is ordered by it.
    _stamp(client, name, "CreateTime")
    _wait(settings, client, name)
    # Clients that know of no fewer partitions than there are now.
    with admin.producer(settings) as producer, admin.consumer(settings) as reader:
        first = reader.beginning_offsets(list(ends))
        originals, moved = _read(reader, first, ends), 0
        while batch := list(islice(originals, _BATCH)):
            _publish(producer, name, wanted, batch)
            moved += len(batch)
        behind = _behind(reader, name, ends)
    if behind.strangers:
        raise ConfigError(_disturbed(name))
    admin.delete_records(settings, ends)
    for group in _offsets(client, _groups(client), name):
        if group != _marker(settings):
            client.alter_group_offsets(group, _committed(behind.ends))
    _stamp(client, name, RAW.config["message.timestamp.type"])
    client.delete_group_offsets(_marker(settings), list(ends))
    return Grown(name, len(ends), wanted, moved)


def _disturbed(name: str) -> str:
    return (
        f"somebody wrote to {name} while it grew: nothing was deleted, and it cannot go on; "
        "see 'More partitions' in docs/operations.md"
    )


def _wait(settings: Settings, client: Any, name: str) -> None:  # noqa: ANN401
    """Wait until the partitions and the kind of time are there for who asks anew."""
    topic = ConfigResource(ConfigResourceType.TOPIC, name)

    @retry(
        retry=retry_if_exception_type(PipelineError),
        wait=wait_fixed(0.3),
        stop=stop_after_delay(60),
        reraise=True,
    )
    def look() -> None:
        with admin.producer(settings) as producer:
            known = len(producer.partitions_for(name))
        config = client.describe_configs([topic], config_filter="all")["topic"][name]
        kind = config["message.timestamp.type"]["value"]
        if (known, kind) != (settings.kafka.partitions, "CreateTime"):
            msg = f"the brokers take long to change {name}; run it again"
            raise PipelineError(msg)

    look()


def _publish(producer: Any, name: str, partitions: int, batch: Sequence[Any]) -> None:  # noqa: ANN401
    """Write messages once more, each where its key belongs; returns once all are confirmed.

    Raises:
        PipelineError: a broker gave one another time; run it again.
    """
    sent = [
        producer.send(
            name,
            key=record.key,
            value=record.value,
            headers=[
                *((key, value) for key, value in record.headers if key != _MOVED),
                (_MOVED, name.encode()),
            ],
            # Said, because a client goes by the number of partitions that it heard of last.
            partition=partition_of(record.key, partitions),
            timestamp_ms=record.timestamp,
        )
        for record in batch
    ]
    for record, confirmation in zip(batch, sent, strict=True):
        if confirmation.get().timestamp != record.timestamp:
            msg = f"a broker gives messages of {name} its own time still; run it again"
            raise PipelineError(msg)


class _Behind(Struct, frozen=True):
    """What stands behind the originals."""

    strangers: int
    """Messages that are no copies."""
    ends: Offsets
    """Where it ended when it was looked at."""


def _behind(reader: Any, name: str, originals: Offsets) -> _Behind:  # noqa: ANN401
    partitions = _partitions(reader, name)
    ends, first = reader.end_offsets(partitions), reader.beginning_offsets(partitions)
    starts = {each: max(originals.get(each, 0), at) for each, at in first.items()}
    mark = (_MOVED, name.encode())
    found = _read(reader, starts, ends)
    return _Behind(sum(mark not in record.headers for record in found), ends)


def _read(reader: Any, starts: Offsets, ends: Offsets) -> Iterator[Any]:  # noqa: ANN401
    reader.assign(list(ends))
    for partition, start in starts.items():
        reader.seek(partition, start)
    return until(reader, ends)


def _offsets(client: Any, groups: Sequence[str], name: str) -> dict[str, Offsets]:  # noqa: ANN401
    """How far each group has read a topic; those that never did are left out."""
    found = admin.patiently(client.list_group_offsets, list(groups)) if groups else {}
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
