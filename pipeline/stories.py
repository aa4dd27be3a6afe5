"""Near copies that different workers handle meet here: one topic, read by all, tells who was first.

Every enrich worker publishes the fingerprints of its mentions to ``mentions.fingerprints``, which
has one partition and so one order, and reads all of it. A mention is compared with what stands
before its own first fingerprint. So workers need no memory in common, agree on which mention leads
a story, and a mention that is handled again, by whomever, gets the same answer: its first
fingerprint keeps its place. How much an author said within an hour is counted likewise.

What a worker says itself it takes in where the broker's confirmation says that it stands, once all
before has been read; it is not read back.

Bounded: ``enrichment.stories_window`` fingerprints in memory (some 0.29 kB each), read back from
the topic when a worker starts. A story whose lead is older than that starts anew.
"""

import asyncio
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple, TypeAlias

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.producer.message_accumulator import BatchBuilder

from pipeline.enrich.window import Window
from pipeline.errors import Retryable
from pipeline.parting import part
from pipeline.settings import Settings
from schemas import topics
from schemas.fingerprint import Fingerprint, decode, encode
from schemas.mention import Duplicate

__all__ = ["Stories"]

_log = logging.getLogger(__name__)

_PATIENCE: Final = 10.0  # seconds to publish a batch and read what stands before it
_POLL_MS: Final = 500
_BATCH_BYTES: Final = 262_144
"""Before compression; parts of what one worker says at once are confirmed one after the other."""

_Message: TypeAlias = tuple[str, Fingerprint | None]
"""A mention's id and its fingerprint; None forgets it."""


class Earlier(NamedTuple):
    """What was said before some mentions, by id."""

    copies: dict[str, Duplicate]
    """Of which earliest mention each is a copy; what is no copy is left out."""
    rates: dict[str, int]
    """How many others their authors said in the hour before; left out where none was seen."""


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
    ) -> Earlier:
        """What was said before some mentions.

        Args:
            prints: the fingerprint of each mention, by id.
            forgotten: mentions that were deleted.

        Raises:
            Retryable: Kafka does not answer.
        """
        messages: list[_Message] = [item for item in prints.items() if item[1].whole]
        messages += [(name, None) for name in forgotten]
        try:
            producer, consumer = self._clients or await self._connect()
            async with asyncio.timeout(_PATIENCE):
                for offset, part_ in await self._publish(producer, messages):
                    await self._keep_up(consumer, offset, part_)
        except (KafkaError, TimeoutError) as error:
            msg = f"{self._partition.topic}: {error!r}"
            raise Retryable(msg) from error
        return Earlier(self._window.find(prints), self._window.rates(prints))

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
            **self._options,
            acks="all",
            enable_idempotence=True,
            compression_type="lz4",
            max_batch_size=_BATCH_BYTES,
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
        self, producer: AIOKafkaProducer, messages: Sequence[_Message]
    ) -> list[tuple[int, Sequence[_Message]]]:
        """Tell the others, in order; returns once the broker has confirmed it.

        The messages come back in parts: each stands in the topic in one piece, from an offset on.
        """
        topic, partition = self._partition
        parts: list[Sequence[_Message]] = []
        sent = []
        while messages:
            batch = producer.create_batch()
            count = 0  # the first always fits
            while count < len(messages) and _append(batch, *messages[count]):
                count += 1
            parts.append(messages[:count])
            messages = messages[count:]
            sent.append(await producer.send_batch(batch, topic, partition=partition))
        confirmed = await asyncio.gather(*sent)
        return [(each.offset, part_) for each, part_ in zip(confirmed, parts, strict=True)]

    async def _keep_up(
        self, consumer: AIOKafkaConsumer, offset: int, own: Sequence[_Message]
    ) -> None:
        """Take in what others have said before our own messages, and these without asking."""
        if offset < 0:  # an earlier try went through, long ago: the broker does not know where
            await self._read(consumer, await self._end(consumer))
            return
        await self._read(consumer, offset)
        if await consumer.position(self._partition) == offset:
            self._take(own)
            consumer.seek(self._partition, offset + len(own))
        else:  # they came with the others'
            await self._read(consumer, offset + len(own))

    async def _read(self, consumer: AIOKafkaConsumer, end: int) -> None:
        """Take in everything before an offset."""
        while await consumer.position(self._partition) < end:
            records = await consumer.getmany(self._partition, timeout_ms=_POLL_MS)
            self._take(_decoded(records.get(self._partition, ())))

    def _take(self, messages: Iterable[_Message]) -> None:
        prints: list[tuple[str, Fingerprint]] = []
        for name, print_ in messages:
            if print_ is None:
                self._window.add(prints)
                prints = []
                self._window.forget(name)
            else:
                prints.append((name, print_))
        self._window.add(prints)


def _append(batch: BatchBuilder, name: str, print_: Fingerprint | None) -> bool:
    """Whether a message fits into a batch; then it is in it."""
    value = None if print_ is None else encode(print_)
    return batch.append(timestamp=None, key=name.encode(), value=value) is not None


def _decoded(records: Iterable[ConsumerRecord[bytes, bytes]]) -> Iterator[_Message]:
    for record in records:
        if record.key is None:
            continue
        name = record.key.decode(errors="replace")
        try:
            yield name, None if record.value is None else decode(record.value)
        except msgspec.MsgspecError as error:  # another version's: it only costs finding copies
            _log.warning("stories: left out a fingerprint of %s: %s", name, error)
