"""Analysts' amendments in Kafka: written here, read here.

Guarantee: an amendment that was published is applied to every version of its mention that is
enriched from then on. ``mentions mark`` also publishes the mention again, for the index and for
consumers; killed (-9) in between, it leaves that to the next ``mentions reprocess``.
"""

from collections.abc import Iterable, Sequence
from typing import TypeAlias

import msgspec

from pipeline import held
from pipeline.settings import Settings
from schemas import topics
from schemas.amendment import Amendment, Place, decode_amendment, key, place
from schemas.mention import Part

__all__ = ["Amendments", "adopt", "publish", "read"]

Amendments: TypeAlias = dict[str, dict[tuple[Part, str], Amendment]]
"""The amendments in force: by mention, then by part and name."""


def read(settings: Settings) -> Amendments:
    """The amendments in force.

    Raises:
        ConfigError: no broker answers, or there is no such topic.
    """
    known: Amendments = {}
    found = held.read(settings, topics.AMENDMENTS)
    adopt(known, ((record.key, record.value) for record in found))
    return known


def adopt(known: Amendments, messages: Iterable[tuple[bytes | None, bytes | None]]) -> None:
    """Bring amendments up to date with some messages, in their order.

    Raises:
        msgspec.MsgspecError: a message is no amendment.
    """
    for message_key, value in messages:
        mention_id, part, name = place(message_key)
        if value is not None:
            known.setdefault(mention_id, {})[part, name] = decode_amendment(value)
        elif said := known.get(mention_id):
            said.pop((part, name), None)
            if not said:
                del known[mention_id]


def publish(
    settings: Settings, made: Sequence[Amendment] = (), withdrawn: Sequence[Place] = ()
) -> None:
    """Write amendments, and take others back; returns once the broker confirmed all.

    Raises:
        ConfigError: no broker answers.
    """
    written = [(key((one.mention, one.part, one.name)), msgspec.json.encode(one)) for one in made]
    held.publish(settings, topics.AMENDMENTS, [*written, *((key(at), None) for at in withdrawn)])
