"""Follows a small compacted topic in a worker process: how control messages reach it.

Guarantee: when ``start`` returns, everything that stood in the topic at that moment was handed
over, in its order; what comes later is handed over within a second. Nothing is committed: each
process reads the topic from its beginning, so all end on the same state.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeAlias

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from pipeline.parting import part

__all__ = ["Follower", "Message"]

_log = logging.getLogger(__name__)

_WAIT_MS: Final = 1_000
_AGAIN_AFTER: Final = 2.0
"""Seconds to wait where Kafka does not answer."""
_SAY_AGAIN_AFTER: Final = 30
"""Failed attempts between two reports."""

Message: TypeAlias = tuple[bytes | None, bytes | None]
"""Key and value."""
Apply: TypeAlias = Callable[[Sequence[Message]], Awaitable[None]]
"""Takes new messages, in their order. What raises is logged and passed over."""


class Follower:
    """One topic of one partition.

    Args:
        options: how to reach Kafka, in aiokafka's words.
        topic: its name on the cluster.
        apply: what to do with its messages.
    """

    def __init__(self, options: dict[str, Any], topic: str, apply: Apply) -> None:
        self._options = options
        self._partition = TopicPartition(topic, 0)
        self._apply = apply
        self._position = 0
        self._failures = 0
        self._ready = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Read all there is, waiting for Kafka as long as it takes, and go on in the background."""
        self._task = asyncio.create_task(self._run(), name=f"follow {self._partition.topic}")
        await self._ready.wait()

    async def close(self) -> None:
        """Stop following."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        while True:
            try:
                await self._follow()
            except KafkaError as error:
                self._say(repr(error))
            await asyncio.sleep(_AGAIN_AFTER)

    async def _follow(self) -> None:
        """Read on for as long as there is a connection.

        Raises:
            KafkaError: there is none.
        """
        consumer = AIOKafkaConsumer(
            **self._options, enable_auto_commit=False, auto_offset_reset="earliest"
        )
        try:
            await consumer.start()
            topic = self._partition.topic
            if topic not in await consumer.topics():
                self._say(f"there is no topic {topic}: run 'mentions topics create'")
                return
            consumer.assign([self._partition])
            ends = await consumer.end_offsets([self._partition])
            consumer.seek(self._partition, self._position)
            while True:
                if not self._ready.is_set() and self._position >= ends[self._partition]:
                    self._ready.set()
                found = await consumer.getmany(self._partition, timeout_ms=_WAIT_MS)
                if records := found.get(self._partition):
                    await self._hand_over(records)
                # By position: compaction leaves offsets without a record.
                self._position = await consumer.position(self._partition)
                self._failures = 0
        finally:
            await part(consumer)

    async def _hand_over(self, records: Sequence[Any]) -> None:
        try:
            await self._apply([(record.key, record.value) for record in records])
        except Exception:  # noqa: BLE001 - whatever it is
            # What nobody can use must not keep a worker from what comes after it.
            first, last = records[0].offset, records[-1].offset
            _log.exception("%s: passing over %d to %d", self._partition.topic, first, last)

    def _say(self, reason: str) -> None:
        if self._failures % _SAY_AGAIN_AFTER == 0:
            _log.warning("%s cannot be read, waiting: %s", self._partition.topic, reason)
        self._failures += 1
