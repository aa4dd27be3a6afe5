"""work: ``mentions.work-orders`` → what is the case → ``mentions.work``.

Orders stand in one partition, so one process decides, and another takes over when it dies. What is
known is read from ``mentions.work`` before each batch: nothing is kept that a kill could lose, and
an order that was carried out is known by its id and not carried out again.

Beside that it looks every few seconds for work that nobody has taken in time, and orders its
escalation; several processes may do so, the first order counts.
"""

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, TypeAlias

import msgspec
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from pipeline.delivery import Record
from pipeline.errors import Retryable
from pipeline.outcome import Ok, Outcome, Outgoing, Reject
from pipeline.settings import Settings
from pipeline.work import life
from pipeline.work.book import Book
from schemas import topics
from schemas import work as schema
from schemas.work import Order, decode_order

__all__ = ["Work"]

_log = logging.getLogger(__name__)

_LOOK_EVERY: Final = 2.0  # seconds

_Changed: TypeAlias = dict[bytes, schema.Work | None]
"""What this batch has decided, by key; None: it is no more."""


class Work:
    """The stage that decides what becomes of orders."""

    name = "work"
    source = topics.WORK_ORDERS

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._orders = settings.kafka.topic(topics.WORK_ORDERS)
        self._topic = settings.kafka.topic(topics.WORK)
        self._next_team = {rule.team: rule.escalate_to for rule in settings.routes}
        self._watching: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to look for what nobody takes."""
        self._book = Book(self._settings)
        self._watching = asyncio.create_task(self._watch(), name="escalations")

    async def handle(self, batch: Sequence[Record]) -> list[Outcome]:
        """Decide on each order.

        Raises:
            Retryable: it is not known what is the case.
        """
        await self._book.catch_up()
        changed: _Changed = {}
        return [self._one(record, changed) for record in batch]

    async def close(self) -> None:
        """Stop looking, and let go of connections."""
        if self._watching is not None:
            self._watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watching
        await self._book.close()

    def _one(self, record: Record, changed: _Changed) -> Outcome:
        try:
            order = decode_order(record.value or b"")
            if record.key != schema.key(order.team, order.mention):
                return Reject("KeyMismatch", f"the key {record.key!r} is not the order's")
            return Ok(tuple(self._decided(order, changed)))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError) as error:
            return Reject(type(error).__name__, str(error))

    def _decided(self, order: Order, changed: _Changed) -> list[Outgoing]:
        key = schema.key(order.team, order.mention)
        known = changed[key] if key in changed else self._book.shelf.get(key)
        if order.action == "delete":
            if known is None:
                return []
            changed[key] = None
            return [Outgoing(self._topic, key, None, [])]
        made: list[Outgoing] = []
        if (now := life.decide(known, order)) is not None:
            changed[key] = now
            made = [Outgoing(self._topic, key, msgspec.json.encode(now), [])]
        team = self._next_team.get(order.team)
        if order.action == "escalate" and team and (now := now or known) and life.done(now, order):
            # Also when it was carried out before: a kill may have come between the two messages.
            made += self._decided(life.handed_on(self._settings, now, team, order.at), changed)
        return made

    async def _watch(self) -> None:
        """Order the escalation of what nobody has taken in time, for as long as the stage runs."""
        while True:
            try:
                await self._escalate()
            except (KafkaError, Retryable) as error:
                _log.warning("work: cannot look for what nobody takes, waiting: %s", error)
            except Exception:  # noqa: BLE001 - whatever it is
                # Deciding goes on meanwhile; a task that ends unseen would escalate nothing again.
                _log.exception("work: cannot look for what nobody takes")
            await asyncio.sleep(_LOOK_EVERY)

    async def _escalate(self) -> None:
        """Look as long as Kafka answers."""
        producer = AIOKafkaProducer(
            **self._settings.kafka.aiokafka(), acks="all", enable_idempotence=True
        )
        ordered: set[bytes] = set()
        try:
            await producer.start()
            while True:
                await self._book.catch_up()
                now = datetime.now(UTC)
                late = {
                    schema.key(known.team, known.mention): life.escalation(known, now)
                    for known in self._book.shelf.forsaken(now)
                }
                for key in late.keys() - ordered:
                    value = msgspec.json.encode(late[key])
                    await producer.send_and_wait(self._orders, value, key)
                ordered = set(late)
                await asyncio.sleep(_LOOK_EVERY)
        finally:
            await producer.stop()
