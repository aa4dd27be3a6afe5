"""What a small topic holds: read whole, and added to, by commands.

The client for it is loaded only then: workers follow these topics by another one, and share their
modules with the commands.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from pipeline.settings import Settings
from schemas.topics import Topic

__all__ = ["publish", "read"]


def read(settings: Settings, topic: Topic) -> Iterator[Any]:
    """Its records, each partition's in their order.

    Raises:
        ConfigError: no broker answers, or there is no such topic.
    """
    from pipeline.reader import records  # noqa: PLC0415 - as above

    return records(settings, settings.kafka.topic(topic))


def publish(
    settings: Settings, topic: Topic, messages: Iterable[tuple[bytes, bytes | None]]
) -> None:
    """Write keys and values to it; returns once the broker confirmed all.

    Raises:
        ConfigError: no broker answers.
        kafka.errors.KafkaError: a message is not confirmed.
    """
    from pipeline import admin  # noqa: PLC0415 - as above

    admin.publish(settings, topic, messages)
