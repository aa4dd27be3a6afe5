"""Leaving Kafka without waiting for its goodbye.

aiokafka waits until each connection is closed on both sides. Over TLS under uvloop that takes until
the broker answers the farewell, or half a minute where it is busy with a request that nobody waits
for any more: a worker with several clients was not over within the time it has after SIGTERM.
``tests/integration/test_compose.py`` stops workers over TLS within that time: whether this can go
is seen by running it without, after an upgrade of aiokafka or uvloop.
"""

import asyncio
import contextlib
from typing import Final, Protocol

__all__ = ["part"]

_WITHIN: Final = 1.0  # seconds


class Client(Protocol):
    """A consumer or producer of aiokafka."""

    async def stop(self) -> None:
        """Close its connections."""


async def part(client: Client) -> None:
    """Stop a client that has nothing more to say; what is still open closes by itself."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(client.stop(), _WITHIN)
