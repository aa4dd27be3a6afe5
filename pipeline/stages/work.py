"""work: ``mentions.work-orders`` → what is the case → ``mentions.work``.

Orders stand in one partition, so one process decides, and another takes over when it dies. What is
known is read from ``mentions.work`` before each batch: nothing is kept that a kill could lose, and
an order that was carried out is known by its id and not carried out again. Work stays as long as it
is open; what was done ``retention.work_days`` ago is deleted, beside the next orders.

Beside that it looks every few seconds for work that nobody has taken in time, and orders its
escalation; and for open work of teams that have no route any more, which it orders to end, or to be
another team's. Several processes may do so, the first order counts.
"""

import asyncio
import contextlib
import logging
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
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
_AT_ONCE: Final = 100
"""Most pieces of old work that are deleted beside one batch."""

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
        self._teams = {rule.team for rule in settings.routes if rule.priority != "none"}
        self._teams |= {team for team in (*self._next_team.values(), settings.work.heir) if team}
        self._kept = timedelta(days=settings.retention.work_days)
        self._started = datetime.now(UTC)
        self._watching: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to look for what nobody takes."""
        self._book = Book(self._settings)
        self._started = datetime.now(UTC)
        self._watching = asyncio.create_task(self._watch(), name="escalations")

    async def handle(self, batch: Sequence[Record]) -> list[Outcome]:
        """Decide on each order.

        Raises:
            Retryable: it is not known what is the case.
        """
        await self._book.catch_up()
        changed: _Changed = {}
        outcomes = [self._one(record, changed) for record in batch]
        return self._tidied(outcomes, changed)

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
            return list(self._deleted(order.mention, changed))
        made: list[Outgoing] = []
        if (now := life.decide(known, order)) is not None:
            changed[key] = now
            made = [Outgoing(self._topic, key, msgspec.json.encode(now), [])]
        team = self._next_team.get(order.team)
        if order.action == "escalate" and team and (now := now or known) and life.done(now, order):
            # Also when it was carried out before: a kill may have come between the two messages.
            made += self._decided(life.handed_on(self._settings, now, team, order.at), changed)
        return made

    def _deleted(self, mention_id: str, changed: _Changed) -> Iterator[Outgoing]:
        """A deleted mention is nobody's work, nor of teams that have no route any more."""
        known = {schema.key(team, mention_id) for team in self._book.shelf.whose(mention_id)}
        known |= {place for place, now in changed.items() if now and now.mention == mention_id}
        for place in sorted(known):
            if place not in changed or changed[place] is not None:
                changed[place] = None
                yield Outgoing(self._topic, place, None, [])

    def _tidied(self, outcomes: list[Outcome], changed: _Changed) -> list[Outcome]:
        """With what was done too long ago deleted: here, as nobody else may decide meanwhile."""
        before = datetime.now(UTC) - self._kept
        over = (place for place in self._book.shelf.over(before) if place not in changed)
        ended = tuple(Outgoing(self._topic, place, None, []) for place in islice(over, _AT_ONCE))
        for number, outcome in enumerate(outcomes):
            if isinstance(outcome, Ok):
                outcomes[number] = Ok(outcome.outputs + ended)
                break
        return outcomes

    async def _watch(self) -> None:
        """Order what nobody has to order, for as long as the stage runs."""
        while True:
            try:
                await self._order()
            except (KafkaError, Retryable) as error:
                _log.warning("work: cannot look for what is to be done, waiting: %s", error)
            except Exception:  # noqa: BLE001 - whatever it is
                # Deciding goes on meanwhile; a task that ends unseen would escalate nothing again.
                _log.exception("work: cannot look for what is to be done")
            await asyncio.sleep(_LOOK_EVERY)

    async def _order(self) -> None:
        """Look as long as Kafka answers."""
        producer = AIOKafkaProducer(
            **self._settings.kafka.aiokafka(), acks="all", enable_idempotence=True
        )
        ordered: set[tuple[str, bytes]] = set()
        try:
            await producer.start()
            while True:
                await self._book.catch_up()
                now = datetime.now(UTC)
                due = {
                    (order.action, schema.key(order.team, order.mention)): order
                    for order in self._due(now)
                }
                for (action, key), order in due.items():
                    if (action, key) not in ordered:
                        await producer.send_and_wait(self._orders, msgspec.json.encode(order), key)
                ordered = set(due)
                await asyncio.sleep(_LOOK_EVERY)
        finally:
            await producer.stop()

    def _due(self, now: datetime) -> Iterator[Order]:
        """What is to be ordered."""
        shelf, heir = self._book.shelf, self._settings.work.heir
        for known in shelf.forsaken(now):
            yield life.escalation(known, now)
        for known in shelf.open() if self._teams else ():
            # What was routed since this process started may be a team's that it does not know yet.
            if known.team not in self._teams and known.since < self._started:
                if heir is not None:
                    yield life.inherited(self._settings, known, heir, now)
                yield life.ending(known, now, heir)
