"""An HTTP endpoint that takes mentions: ``type = "push"``.

    POST   /mentions        one mention or an array of them; 202 and their ids once Kafka confirmed
    DELETE /mentions/{id}   deletes it everywhere; 202 once Kafka confirmed
    GET    /health          200 while it listens

All or nothing: one bad mention, and none is published; 422 names the field by its JSON path. Other
answers: 400 not JSON, 401 no or a wrong token, 408 too slow, 413 too large, 503 with Retry-After
while Kafka does not confirm (the mentions may be published all the same: send them again, the ids
are stable). There is no cursor: the client repeats what was not answered with 202.
"""

import asyncio
import contextlib
import hmac
import socket
import threading
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Final, Literal

import uvicorn
from pydantic import Field, field_validator
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from agents.errors import SourceError, Unconfirmed
from agents.impatient import server
from agents.incoming import Invalid, deletion, read
from agents.secret import Secret
from agents.source import Deletion, Publish, SourceConfig
from schemas.mention import Channel, RawMention

__all__ = ["Push", "PushConfig"]

_RETRY_AFTER: Final = "10"  # seconds
_AT_ONCE: Final = 64  # connections; more are answered with 503
_READ_WITHIN: Final = 15.0  # seconds for a client to send its body
_DRAIN: Final = 5  # seconds for answers in progress when it stops


class PushConfig(SourceConfig):
    """Keys of a ``[[sources]]`` table with ``type = "push"``."""

    type: Literal["push"]
    token: Secret
    """What clients send as ``Authorization: Bearer …``: ``env:NAME`` or ``file:PATH``."""
    listen: str = "127.0.0.1:8089"
    """``host:port``, IPv6 hosts in brackets."""
    channel: Channel = "other"
    """Of mentions that do not say."""
    max_bytes: Annotated[int, Field(gt=0, le=67_108_864)] = 2_097_152
    """Largest body."""
    max_items: Annotated[int, Field(gt=0, le=10_000)] = 1_000
    """Most mentions in one body."""
    confirm_within: Annotated[float, Field(gt=0, le=60)] = 10.0
    """Seconds to wait for Kafka before answering 503."""

    @field_validator("listen")
    @classmethod
    def _address(cls, text: str) -> str:
        host, _, port = text.rpartition(":")
        if not host or not port.isdecimal() or int(port) > 65_535:  # noqa: PLR2004 - the last port
            msg = f"{text!r} is not host:port"
            raise ValueError(msg)
        return text


class Push:
    """The endpoint; one thread, one event loop."""

    def __init__(self, config: PushConfig) -> None:
        self.config = config
        self._publish: Publish | None = None
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None
        self._socket: socket.socket | None = None

    @property
    def port(self) -> int:
        """The port it listens on; the configured one, or what the system gave for 0."""
        if self._socket is None:
            return int(self.config.listen.rpartition(":")[2])
        return int(self._socket.getsockname()[1])

    def start(self, publish: Publish) -> None:
        """Begin to listen.

        Raises:
            SourceError: the port is taken.
        """
        host, _, port = self.config.listen.rpartition(":")
        family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
        self._publish = publish
        bound = socket.socket(family, socket.SOCK_STREAM)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind((host.strip("[]"), int(port)))
            bound.listen()
        except OSError as error:
            bound.close()
            msg = f"cannot listen on {self.config.listen}: {error.strerror}"
            raise SourceError(msg) from error
        self._socket = bound
        self._server = server(self._app(), at_once=_AT_ONCE, drain=_DRAIN, loop="asyncio")
        self._thread = threading.Thread(
            target=self._server.run, args=([bound],), name=self.config.name, daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop listening, after what was accepted is answered."""
        if self._server and self._thread:
            self._server.should_exit = True
            self._thread.join(_DRAIN + 1)
        if self._socket:
            self._socket.close()

    def _app(self) -> Starlette:
        async def health(_: Request) -> Response:
            return JSONResponse({"status": "ok"})

        return Starlette(
            routes=[
                Route("/mentions", self._guarded(self._take), methods=["POST"]),
                Route("/mentions/{id:path}", self._guarded(self._delete), methods=["DELETE"]),
                Route("/health", health),
            ]
        )

    def _guarded(
        self, handler: Callable[[Request], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        """Ask for the token first, and turn what goes wrong into answers."""
        expected = b"Bearer " + self.config.token.get_secret_value().encode()

        async def guarded(request: Request) -> Response:
            given = request.headers.get("authorization", "").encode()
            if not hmac.compare_digest(given, expected):
                return _problem(401, "wrong or missing token", {"WWW-Authenticate": "Bearer"})
            try:
                return await handler(request)
            except Invalid as error:
                return _problem(error.status, error.reason, field=error.field)
            except TimeoutError:
                return _problem(408, f"the body did not come within {_READ_WITHIN:.0f} s")
            except Unconfirmed:
                return _problem(503, "Kafka does not confirm", {"Retry-After": _RETRY_AFTER})

        return guarded

    async def _take(self, request: Request) -> Response:
        body = await asyncio.wait_for(self._body(request), _READ_WITHIN)
        items = await run_in_threadpool(
            read, body, self.config, self.config.channel, self.config.max_items
        )
        await self._confirmed(items)
        return JSONResponse({"ids": [item.id for item in items]}, 202)

    async def _delete(self, request: Request) -> Response:
        gone = deletion(request.path_params["id"], datetime.now(UTC))
        await self._confirmed([gone])
        return JSONResponse({"ids": [gone.id]}, 202)

    async def _body(self, request: Request) -> bytes:
        body = bytearray()
        with contextlib.suppress(ClientDisconnect):
            async for chunk in request.stream():
                body += chunk
                if len(body) > self.config.max_bytes:
                    raise Invalid(413, f"more than {self.config.max_bytes} bytes")
        return bytes(body)

    async def _confirmed(self, items: Sequence[RawMention | Deletion]) -> None:
        publish = self._publish
        assert publish is not None  # noqa: S101 - set before the server starts
        within = self.config.confirm_within
        await run_in_threadpool(lambda: publish(items, within=within))


def _problem(
    status: int,
    reason: str,
    headers: dict[str, str] | None = None,
    *,
    field: str | None = None,
) -> Response:
    body = {"error": reason} | ({"field": field} if field else {})
    return JSONResponse(body, status, headers)
