"""uvicorn's HTTP protocol, with an end to its patience.

uvicorn waits for ever for the head of a request: a few dozen clients that send a byte a minute
would take up all connections. Here a head that does not come in time ends the connection; bodies
have their own limit, where they are read.
"""

import asyncio
from typing import Any, Final

import h11
import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol

__all__ = ["server"]

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


def server(app: Starlette, *, at_once: int, drain: int, **more: Any) -> uvicorn.Server:  # noqa: ANN401 - uvicorn's own
    """A server that says nothing of itself, writes no log, and lets nobody take up all of it.

    Args:
        app: what answers.
        at_once: connections; who comes on top is answered 503.
        drain: seconds for what is being answered when it is to end.
        more: where it listens, and on which loop, in uvicorn's words.
    """
    return uvicorn.Server(
        uvicorn.Config(
            app,
            log_config=None,
            log_level="error",
            access_log=False,
            server_header=False,
            lifespan="off",
            http=Impatient,
            h11_max_incomplete_event_size=HEAD_BYTES,
            ws="none",
            limit_concurrency=at_once,
            timeout_graceful_shutdown=drain,
            **more,
        )
    )
