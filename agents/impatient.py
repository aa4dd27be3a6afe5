"""uvicorn's HTTP protocol, with an end to its patience.

uvicorn waits for ever for the head of a request: a few dozen clients that send a byte a minute
would take up all connections. Here a head that does not come in time ends the connection; bodies
have their own limit, in ``push``.
"""

import asyncio
from typing import Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

__all__ = ["HEAD_BYTES", "Impatient"]

HEAD_WITHIN: Final = 10.0
"""Seconds for a client to send the head of a request."""
HEAD_BYTES: Final = 16_384
"""Most bytes of a request's head."""


class Impatient(H11Protocol):
    """One connection."""

    _limit: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client has come."""
        super().connection_made(transport)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """It has gone."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """It has sent something: the head, or a piece of it, or of a body."""
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._stop_waiting()
        elif self._limit is None:
            self._expect_head()

    def _expect_head(self) -> None:
        self._limit = self.loop.call_later(HEAD_WITHIN, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._limit is not None:
            self._limit.cancel()
            self._limit = None
