"""Messages for tests, written to a test's own topics."""

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime

from aiokafka import AIOKafkaProducer

from pipeline.settings import REQUEST_LIMIT
from schemas import encode
from schemas.headers import mention_headers
from schemas.mention import Collector, RawMention
from tests.support.installation import Installation

__all__ = ["NOW", "Message", "mention", "message", "publish"]

NOW = datetime(2026, 5, 1, tzinfo=UTC)

Message = tuple[bytes | None, bytes | None, list[tuple[str, bytes]]]
"""Key, value and headers."""


def mention(number: int, *, revision: int = 1, text: str = "Die Lüftung läuft.") -> RawMention:
    return RawMention(
        id=f"push:{number}",
        revision=revision,
        channel="forum",
        text=text,
        published_at=NOW,
        collected_at=NOW,
        collector=Collector(source="test"),
    )


def message(made: RawMention) -> Message:
    return made.id.encode(), encode(made), mention_headers(made)


def publish(
    installation: Installation,
    topic: str,
    messages: Iterable[Message],
    compression: str | None = None,
) -> None:
    """Write messages in order, and return once the broker has confirmed all."""

    async def send() -> None:
        producer = AIOKafkaProducer(
            bootstrap_servers=installation.settings.kafka.bootstrap,
            acks="all",
            compression_type=compression,
            max_request_size=REQUEST_LIMIT if compression else 4_194_304,
        )
        await producer.start()
        try:
            name = installation.settings.kafka.prefix + topic
            sent = [
                await producer.send(name, value, key, headers=headers)
                for key, value, headers in messages
            ]
            await asyncio.gather(*sent)
        finally:
            await producer.stop()

    asyncio.run(send())
