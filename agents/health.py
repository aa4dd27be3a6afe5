"""What an agent process tells its supervisor, where ``agent.port`` is set.

* ``/health``: 200 while it begins, its loop turns, or it waits for an outage to end; 503 when it is
  stuck, before the watchdog ends it (``agents.turning``).
* ``/ready``: 200 once it has read what sources there are and its loop has begun to turn, from where
  on it takes part in sharing them out; 503 before.
* ``/metrics``: the counters of ``agents.metrics``, for Prometheus.
"""

import threading
from collections.abc import Callable
from typing import Any, Protocol
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import msgspec
from msgspec import Struct
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from agents.errors import AgentError

__all__ = ["Health", "Pages", "Reporting"]


class Health(Struct, frozen=True):
    """How an agent process is."""

    live: bool
    ready: bool
    sources: int
    """Sources that it reads at this moment."""
    dark: tuple[str, ...]
    """Those of them that have not been read for two expected intervals."""


class Reporting(Protocol):
    """What a ``Struct`` says that is served here."""

    @property
    def live(self) -> bool: ...  # noqa: D102 - as above
    @property
    def ready(self) -> bool: ...  # noqa: D102


class _Quiet(WSGIRequestHandler):
    timeout = 5  # seconds for a client to say what it wants

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Say nothing."""


class Pages:
    """A small web server in a thread of its own.

    Raises:
        AgentError: the port is taken.
    """

    def __init__(self, host: str, port: int, health: Callable[[], Reporting]) -> None:
        self._health = health
        try:
            self._server = make_server(host, port, self._answer, WSGIServer, _Quiet)
        except OSError as error:
            msg = f"cannot serve health and metrics on {host}:{port}: {error.strerror}"
            raise AgentError(msg) from error
        self.port = int(self._server.server_address[1])
        """The one asked for, or what the system gave for 0."""
        threading.Thread(target=self._server.serve_forever, name="pages", daemon=True).start()

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, environ: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
        path = environ["PATH_INFO"]
        kind, body, good = "application/json", b"", True
        if path == "/metrics":
            kind, body = CONTENT_TYPE_LATEST, generate_latest()
        elif path in {"/health", "/ready"}:
            health = self._health()
            good = health.live if path == "/health" else health.ready
            body = msgspec.json.encode(health)
        else:
            start("404 Not Found", [("Content-Type", "text/plain")])
            return [b"/health, /ready and /metrics are here\n"]
        start("200 OK" if good else "503 Service Unavailable", [("Content-Type", kind)])
        return [body]
