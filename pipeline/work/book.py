"""What is known of all work: ``mentions.work``, read to its end whenever it matters.

The stage that decides keeps no other memory, so that it may be killed, moved or doubled: what it
had decided and not yet published is decided again, by whoever has its orders then.
"""

import asyncio
import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from kafka import TopicPartition as KafkaPartition

from pipeline import admin
from pipeline.errors import ConfigError, Retryable
from pipeline.parting import part
from pipeline.reader import records
from pipeline.settings import Settings
from pipeline.work.life import DONE
from schemas import topics
from schemas.work import Work, decode_work, key

__all__ = ["Book", "Copy", "Shelf", "read"]

_log = logging.getLogger(__name__)

_PATIENCE = 30.0  # seconds for one look; more than a day's work takes to read
_POLL_MS = 500


class Shelf:
    """Work by its key. What is done is kept as it came: it is many, and seldom looked at."""

    def __init__(self) -> None:
        self._open: dict[bytes, Work] = {}
        self._done: dict[bytes, bytes] = {}
        self._teams: set[str] = set()

    def adopt(self, place: bytes | None, value: bytes | None) -> None:
        """Take in a message by its key.

        Raises:
            msgspec.MsgspecError: it is no work.
        """
        if place is None:
            return
        work = None if value is None else decode_work(value)
        self._open.pop(place, None)
        self._done.pop(place, None)
        if work is not None and value is not None:
            self._teams.add(work.team)
            if work.state in DONE:
                self._done[place] = value
            else:
                self._open[place] = work

    def get(self, place: bytes) -> Work | None:
        """The work of that key."""
        if place in self._done:
            return decode_work(self._done[place])
        return self._open.get(place)

    def whose(self, mention_id: str) -> list[str]:
        """The teams whose work a mention is, or was."""
        return [team for team in self._teams if self._has(key(team, mention_id))]

    def _has(self, place: bytes) -> bool:
        return place in self._open or place in self._done

    def over(self, before: datetime) -> Iterator[bytes]:
        """The keys of what was done before then, about the oldest first."""
        for place, value in self._done.items():  # as they came
            if decode_work(value).changed_at >= before:
                return
            yield place

    def open(self) -> list[Work]:
        """What is new or assigned."""
        return list(self._open.values())

    def forsaken(self, now: datetime) -> Iterator[Work]:
        """What nobody has taken in time, and what was not escalated yet."""
        for work in self._open.values():
            if (
                work.state == "new"
                and work.escalated_at is None
                and work.subject.escalates_at <= now
            ):
                yield work

    def __iter__(self) -> Iterator[Work]:
        yield from self._open.values()
        for value in self._done.values():
            yield decode_work(value)


def read(settings: Settings) -> Shelf:
    """All work there is.

    Raises:
        ConfigError: no broker answers, or there is no such topic.
    """
    shelf = Shelf()
    found = records(settings, settings.kafka.topic(topics.WORK))
    _adopt(shelf, ((record.key, record.value) for record in found))
    return shelf


def _adopt(shelf: Shelf, messages: Iterable[tuple[bytes | None, bytes | None]]) -> None:
    for place, value in messages:
        try:
            shelf.adopt(place, value)
        except (
            msgspec.MsgspecError
        ) as error:  # a newer version's: to lose sight of it is all we can
            _log.error("work %s cannot be read: %s", place, error)


class Copy:
    """A shelf that is kept up with the topic, where nothing else runs meanwhile."""

    def __init__(self, reader: Any, partition: KafkaPartition) -> None:  # noqa: ANN401 - kafka-python has no types
        self.shelf = Shelf()
        self._reader = reader
        self._partition = partition

    @classmethod
    @contextmanager
    def of(cls, settings: Settings) -> "Iterator[Copy]":
        """Connect, and let go at the end.

        Raises:
            ConfigError: no broker answers, or there is no such topic.
        """
        name = settings.kafka.topic(topics.WORK)
        with admin.consumer(settings) as reader:
            if not reader.partitions_for_topic(name):
                msg = f"no topic {name}; create it with 'mentions topics create'"
                raise ConfigError(msg)
            partition = KafkaPartition(name, 0)
            reader.assign([partition])
            reader.seek_to_beginning(partition)
            yield cls(reader, partition)

    def catch_up(self) -> None:
        """Read all that was written up to now.

        Raises:
            kafka.errors.KafkaError: no broker answers.
        """
        end = self._reader.end_offsets([self._partition])[self._partition]
        while self._reader.position(self._partition) < end:
            for batch in self._reader.poll(timeout_ms=_POLL_MS).values():
                _adopt(self.shelf, ((record.key, record.value) for record in batch))


class Book:
    """A shelf that is kept up with the topic, in a worker."""

    def __init__(self, settings: Settings) -> None:
        self.shelf = Shelf()
        self._options = settings.kafka.aiokafka()
        self._partition = TopicPartition(settings.kafka.topic(topics.WORK), 0)
        self._consumer: AIOKafkaConsumer | None = None
        self._one_at_a_time = asyncio.Lock()

    async def catch_up(self) -> None:
        """Read all that was written up to now.

        Raises:
            Retryable: Kafka does not answer, or there is no such topic.
        """
        async with self._one_at_a_time:
            try:
                consumer = self._consumer or await self._connect()
                async with asyncio.timeout(_PATIENCE):
                    end = (await consumer.end_offsets([self._partition]))[self._partition]
                    # By position: compaction leaves offsets without a record.
                    while await consumer.position(self._partition) < end:
                        found = await consumer.getmany(self._partition, timeout_ms=_POLL_MS)
                        records_ = found.get(self._partition, ())
                        _adopt(self.shelf, ((record.key, record.value) for record in records_))
            except (KafkaError, TimeoutError) as error:
                msg = f"{self._partition.topic}: {error!r}"
                raise Retryable(msg) from error

    async def close(self) -> None:
        """Let go of the connection."""
        if self._consumer is not None:
            await part(self._consumer)

    async def _connect(self) -> AIOKafkaConsumer:
        consumer = AIOKafkaConsumer(
            **self._options, enable_auto_commit=False, auto_offset_reset="earliest"
        )
        try:
            await consumer.start()
            await self._require_topic(consumer)
            consumer.assign([self._partition])
            await consumer.seek_to_beginning(self._partition)
        except BaseException:
            await consumer.stop()
            raise
        self._consumer = consumer
        return consumer

    async def _require_topic(self, consumer: AIOKafkaConsumer) -> None:
        """Refuse to read a topic that nobody made.

        Raises:
            Retryable: there is no such topic.
        """
        if self._partition.topic not in await consumer.topics():
            msg = f"no topic {self._partition.topic}: run 'mentions topics create'"
            raise Retryable(msg)
