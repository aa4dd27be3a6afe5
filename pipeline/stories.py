"""Near copies that different workers handle meet here: one topic, read by all, tells who was first.

Every enrich worker publishes the fingerprints of its mentions to ``mentions.fingerprints``, which
has one partition and so one order, and reads all of it. A mention is compared with what stands
before its own first fingerprint. So workers need no memory in common, agree on which mention leads
a story, and a mention that is handled again, by whomever, gets the same answer: its first
fingerprint keeps its place.

Bounded: ``enrichment.stories_window`` fingerprints in memory (some 0.35 kB each), read back from
the topic when a worker starts. A story whose lead is older than that starts anew.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from pipeline.enrich.duplicates import Window
from pipeline.errors import Retryable
from pipeline.parting import part
from pipeline.settings import Settings
from schemas import topics
from schemas.fingerprint import Fingerprint, decode, encode
from schemas.mention import Duplicate

__all__ = ["Stories"]

_log = logging.getLogger(__name__)

_PATIENCE: Final = 10.0  # seconds to read back what was just published
_POLL_MS: Final = 500


class Stories:
    """The window of one worker, kept up with the topic."""

    def __init__(self, settings: Settings) -> None:
        self._options = settings.kafka.aiokafka()
        self._partition = TopicPartition(settings.kafka.topic(topics.FINGERPRINTS), 0)
        self._size = settings.enrichment.stories_window
        self._window = Window(self._size)
        self._clients: tuple[AIOKafkaProducer, AIOKafkaConsumer] | None = None

    async def find(
        self, prints: Mapping[str, Fingerprint], forgotten: Iterable[str] = ()
    ) -> dict[str, Duplicate]:
        """Which mentions are copies of earlier ones.

        Args:
            prints: the fingerprint of each mention, by id.
            forgotten: mentions that were deleted.

        Raises:
            Retryable: Kafka does not answer.
        """
        try:
            producer, consumer = self._clients or await self._connect()
            async with asyncio.timeout(_PATIENCE):
                await self._publish(producer, prints, forgotten)
                await self._read(consumer, await self._end(consumer))
        except (KafkaError, TimeoutError) as error:
            msg = f"{self._partition.topic}: {error!r}"
            raise Retryable(msg) from error
        return self._window.find(prints)

    async def close(self) -> None:
        """Let go of the connections."""
        for client in self._clients or ():
            await part(client)

    async def _connect(self) -> tuple[AIOKafkaProducer, AIOKafkaConsumer]:
        """Connect, and read what the topic holds, the first time.

        Raises:
            Retryable: there is no such topic.
            aiokafka.errors.KafkaError: Kafka does not answer.
        """
        producer = AIOKafkaProducer(
            **self._options, acks="all", enable_idempotence=True, compression_type="lz4"
        )
        consumer = AIOKafkaConsumer(
            **self._options, enable_auto_commit=False, auto_offset_reset="earliest"
        )
        try:
            await producer.start()
            await consumer.start()
            await self._require_topic(consumer)
            consumer.assign([self._partition])
            first = (await consumer.beginning_offsets([self._partition]))[self._partition]
            end = await self._end(consumer)
            consumer.seek(self._partition, max(first, end - self._size))
            self._window = Window(self._size)
            await self._read(consumer, end)
        except BaseException:
            await producer.stop()
            await consumer.stop()
            raise
        self._clients = producer, consumer
        _log.info("stories: %d fingerprints read back", len(self._window))
        return self._clients

    async def _require_topic(self, consumer: AIOKafkaConsumer) -> None:
        """Refuse to wait for a topic that nobody made.

        Raises:
            Retryable: there is no such topic.
        """
        if self._partition.topic not in await consumer.topics():
            msg = f"no topic {self._partition.topic}: run 'mentions topics create'"
            raise Retryable(msg)

    async def _end(self, consumer: AIOKafkaConsumer) -> int:
        """The offset after the newest message."""
        end: int = (await consumer.end_offsets([self._partition]))[self._partition]
        return end

    async def _publish(
        self,
        producer: AIOKafkaProducer,
        prints: Mapping[str, Fingerprint],
        forgotten: Iterable[str],
    ) -> None:
        """Tell the others, in order; returns once the broker has confirmed it."""
        messages: list[tuple[str, bytes | None]] = [
            (name, encode(print_)) for name, print_ in prints.items() if print_.whole
        ]
        messages += [(name, None) for name in forgotten]
        topic, partition = self._partition
        sent = [
            await producer.send(topic, value, name.encode(), partition) for name, value in messages
        ]
        await asyncio.gather(*sent)

    async def _read(self, consumer: AIOKafkaConsumer, end: int) -> None:
        """Take in everything before an offset."""
        while await consumer.position(self._partition) < end:
            records = await consumer.getmany(self._partition, timeout_ms=_POLL_MS)
            for record in records.get(self._partition, ()):
                self._take(record.key, record.value)

    def _take(self, key: bytes | None, value: bytes | None) -> None:
        if key is None:
            return
        name = key.decode(errors="replace")
        if value is None:
            self._window.forget(name)
            return
        try:
            self._window.add(name, decode(value))
        except msgspec.MsgspecError as error:  # another version's: it only costs finding copies
            _log.warning("stories: left out a fingerprint of %s: %s", name, error)
