"""Reads again what stands between two places of a topic, and finds the newest word on a key there.

For a stage that publishes, later, to the topic it reads: by then something newer may stand before
its result. It learns so when it reads its own result back, and asks here. Nothing is remembered
between two questions, so neither a restart nor a rebalance changes an answer.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from msgspec import Struct

from pipeline.delivery import Record
from pipeline.errors import Retryable
from pipeline.parting import part
from schemas import headers

__all__ = ["Lookback", "Stretch", "Word", "word"]

Word: TypeAlias = tuple[int, bool, float, bool]
"""A revision; whether it is a deletion, which ends versions up to its own; when it was enriched;
whether the second pass has been over it. Compares in order of time."""

_POLL_MS: Final = 500


class Stretch(NamedTuple):
    """Where to look for a key: between two offsets, both left out."""

    partition: TopicPartition
    key: bytes
    after: int
    before: int


class _By(Struct):
    name: str


class _Tone(Struct):
    by: _By


class _Said(Struct):
    revision: int
    processed_at: datetime | None = None
    sentiment: _Tone | None = None


_said = msgspec.json.Decoder(_Said)


def word(record: Record, second: str) -> Word | None:
    """What a message says of its mention; None where it cannot be read, as no stage can.

    Args:
        record: the message.
        second: what the second pass signs with.
    """
    if record.value is None:
        return headers.revision(record.headers or (), record.timestamp), True, 0.0, False
    try:
        said = _said.decode(record.value)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    at = said.processed_at.timestamp() if said.processed_at else 0.0
    return said.revision, False, at, said.sentiment is not None and said.sentiment.by.name == second


class Lookback:
    """Asks Kafka; connects when it is asked first.

    Args:
        options: how to reach Kafka, in aiokafka's words.
        second: what the second pass signs with.
    """

    def __init__(self, options: Mapping[str, Any], second: str) -> None:
        self._options = options
        self._second = second
        self._consumer: AIOKafkaConsumer | None = None

    async def newest(self, stretches: Mapping[int, Stretch]) -> dict[int, tuple[Word, Record]]:
        """The newest that is said in each stretch; those in which nothing is said are left out.

        Reads each partition once, from where its first stretch begins to where its last one ends.

        Raises:
            Retryable: Kafka does not answer.
        """
        found: dict[int, tuple[Word, Record]] = {}
        by_partition: dict[TopicPartition, list[int]] = {}
        for name, stretch in stretches.items():
            by_partition.setdefault(stretch.partition, []).append(name)
        try:
            for partition, names in by_partition.items():
                await self._read(partition, {name: stretches[name] for name in names}, found)
        except KafkaError as error:
            msg = f"reading again what came meanwhile: {error!r}"
            raise Retryable(msg) from error
        return found

    async def close(self) -> None:
        """Let go of the connection."""
        if self._consumer is not None:
            await part(self._consumer)

    async def _read(
        self,
        partition: TopicPartition,
        stretches: Mapping[int, Stretch],
        found: dict[int, tuple[Word, Record]],
    ) -> None:
        consumer = await self._connected()
        asked: dict[bytes, list[int]] = {}
        for name, stretch in stretches.items():
            asked.setdefault(stretch.key, []).append(name)
        end = max(stretch.before for stretch in stretches.values())
        consumer.assign([partition])
        consumer.seek(partition, min(stretch.after for stretch in stretches.values()) + 1)
        # By position: compaction leaves offsets without a record.
        while await consumer.position(partition) < end:
            batch = await consumer.getmany(partition, timeout_ms=_POLL_MS)
            for record in batch.get(partition, ()):
                for name in asked.get(record.key, ()):
                    stretch = stretches[name]
                    if not stretch.after < record.offset < stretch.before:
                        continue
                    said = word(record, self._second)
                    if said is not None and (name not in found or said >= found[name][0]):
                        found[name] = said, record

    async def _connected(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            consumer = AIOKafkaConsumer(
                **self._options, enable_auto_commit=False, auto_offset_reset="earliest"
            )
            try:
                await consumer.start()
            except BaseException:
                await consumer.stop()
                raise
            self._consumer = consumer
        return self._consumer
