"""Who is not to be processed again: the topic ``mentions.forgotten``, followed by a worker.

The whole topic is read before the first mention is processed, and followed from then on; a key
that is added later takes effect within a second. Where the broker is away, the worker waits.
"""

import asyncio
import contextlib
import logging
from collections.abc import Iterable
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from pipeline.errors import Retryable
from pipeline.settings import Settings
from schemas import forgotten, topics
from schemas.mention import RawMention

__all__ = ["Forgotten"]

_log = logging.getLogger(__name__)

_POLL_MS: Final = 500
_AGAIN_AFTER: Final = 2.0  # seconds


class Forgotten:
    """The keys, as they are now."""

    def __init__(self, settings: Settings) -> None:
        self._options = settings.kafka.aiokafka()
        self._topic = settings.kafka.topic(topics.FORGOTTEN)
        self._salt = settings.privacy.key()
        self._keys: set[str] = set()
        self._read = asyncio.Event()
        self._following: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to read; called in the worker's event loop."""
        self._following = asyncio.create_task(self._follow(), name="forgotten")

    async def close(self) -> None:
        """Stop reading."""
        if self._following is not None:
            self._following.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._following

    def ready(self) -> None:
        """Refuse to process anything before it is known who is forgotten.

        Raises:
            Retryable: the topic is not read yet.
        """
        if self._following is not None and not self._read.is_set():
            msg = f"{self._topic} is not read yet"
            raise Retryable(msg)

    def hides(self, mention: RawMention) -> bool:
        """Whether the mention, or its author, is forgotten."""
        return bool(self._keys) and not self._keys.isdisjoint(forgotten.keys(mention, self._salt))

    async def _follow(self) -> None:
        while True:
            consumer = AIOKafkaConsumer(**self._options, enable_auto_commit=False)
            try:
                await consumer.start()
                await self._read_all(consumer)
            except KafkaError as error:
                _log.warning("reading %s: %s", self._topic, error)
            finally:
                await consumer.stop()
            await asyncio.sleep(_AGAIN_AFTER)

    async def _read_all(self, consumer: AIOKafkaConsumer) -> None:
        numbers = range(topics.FORGOTTEN.partitions)
        places = [TopicPartition(self._topic, number) for number in numbers]
        consumer.assign(places)
        await consumer.seek_to_beginning(*places)
        ends = await consumer.end_offsets(places)
        while True:
            if not self._read.is_set():
                at = [await consumer.position(place) for place in places]
                if all(position >= ends[place] for position, place in zip(at, places, strict=True)):
                    self._read.set()
            for records in (await consumer.getmany(timeout_ms=_POLL_MS)).values():
                self._learn(records)

    def _learn(self, records: Iterable[Any]) -> None:
        for record in records:
            key = (record.key or b"").decode(errors="replace")
            if record.value is None:
                self._keys.discard(key)
            else:
                self._keys.add(key)
