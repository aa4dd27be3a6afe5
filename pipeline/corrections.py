"""Analysts' corrections in Kafka: written here, read here."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import msgspec

from pipeline import held
from pipeline.enrich.relevance import features
from pipeline.enrich.text import view
from pipeline.settings import Settings
from schemas import topics
from schemas.correction import FEATURES, Correction, decode_correction, key
from schemas.mention import EnrichedMention

__all__ = ["Marks", "adopt", "mark", "publish", "read"]

Marks = dict[tuple[str, str], Correction]
"""The corrections in force, by mention and topic."""


def read(settings: Settings) -> Marks:
    """The corrections in force.

    Raises:
        ConfigError: no broker answers, or there is no such topic.
    """
    marks: Marks = {}
    found = held.read(settings, topics.CORRECTIONS)
    adopt(marks, ((record.key, record.value) for record in found))
    return marks


def adopt(marks: Marks, messages: Iterable[tuple[bytes | None, bytes | None]]) -> None:
    """Bring marks up to date with some messages, in their order.

    Raises:
        msgspec.MsgspecError: a message is no correction.
    """
    for message_key, value in messages:
        mention_id, topic = msgspec.json.decode(message_key or b"", type=tuple[str, str])
        if value is None:
            marks.pop((mention_id, topic), None)
        else:
            found = decode_correction(value)
            if found.features_version == FEATURES:
                marks[mention_id, topic] = found
            else:  # the word stands, but nothing can be learnt from it
                marks[mention_id, topic] = msgspec.structs.replace(found, features=())


def mark(
    mention: EnrichedMention, topic: str, *, relevant: bool, by: str, note: str | None = None
) -> Correction:
    """An analyst's word about a mention."""
    title = view(mention.title) if mention.title else None
    return Correction(
        mention=mention.id,
        topic=topic,
        relevant=relevant,
        by=by,
        at=datetime.now(UTC),
        note=note,
        features=features(mention, view(mention.text), title),
    )


def publish(
    settings: Settings,
    marks: Sequence[Correction] = (),
    withdrawn: Sequence[tuple[str, str]] = (),
) -> None:
    """Write corrections, and take others back; returns once the broker confirmed all.

    Raises:
        ConfigError: no broker answers.
    """
    made = [(key(one.mention, one.topic), msgspec.json.encode(one)) for one in marks]
    held.publish(settings, topics.CORRECTIONS, [*made, *((key(*at), None) for at in withdrawn)])
