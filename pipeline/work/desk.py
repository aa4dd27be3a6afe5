"""Giving orders, and hearing what became of them.

Guarantee: an order that was given is confirmed by the brokers, and will be decided in its place as
soon as the stage ``work`` runs, whether somebody waits for that or not.
"""

import time
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec
from kafka import TopicPartition

from pipeline import admin
from pipeline.errors import ConfigError
from pipeline.settings import Settings
from schemas import topics
from schemas.work import Action, Order, Step, Work, decode_work, key

__all__ = ["Answer", "give", "order"]

_PATIENCE: Final = 10.0  # seconds to wait for decisions

Answer = tuple[Work, Step] | None
"""What is the case now, and what became of the order; None: nobody has decided yet."""


def order(
    work: Work, action: Action, by: str, *, to: str | None = None, note: str | None = None
) -> Order:
    """An order about some work, under an id of its own."""
    return Order(
        id=uuid.uuid4().hex,
        team=work.team,
        mention=work.mention,
        action=action,
        by=by,
        at=datetime.now(UTC),
        to=to,
        note=note,
    )


def give(settings: Settings, orders: Sequence[Order], patience: float = _PATIENCE) -> list[Answer]:
    """Give orders and wait a while for what becomes of them.

    Raises:
        ConfigError: no broker answers, or a topic is missing.
    """
    name, orders_name = settings.kafka.topic(topics.WORK), settings.kafka.topic(topics.WORK_ORDERS)
    answers: dict[str, tuple[Work, Step]] = {}
    with admin.consumer(settings) as reader, admin.producer(settings) as producer:
        partition = TopicPartition(name, 0)
        if not reader.partitions_for_topic(name):
            msg = f"no topic {name}; create it with 'mentions topics create'"
            raise ConfigError(msg)
        reader.assign([partition])
        reader.seek(partition, reader.end_offsets([partition])[partition])
        sent = [
            producer.send(
                orders_name, key=key(one.team, one.mention), value=msgspec.json.encode(one)
            )
            for one in orders
        ]
        for confirmation in sent:
            confirmation.get()
        waited = {one.id for one in orders}
        until = time.monotonic() + patience
        while waited and time.monotonic() < until:
            for batch in reader.poll(timeout_ms=200).values():
                for record in batch:
                    if record.value is None:
                        continue
                    work = decode_work(record.value)
                    for step in work.steps:
                        if step.order in waited:
                            answers[step.order] = work, step
                            waited.discard(step.order)
    return [answers.get(one.id) for one in orders]
