"""An Elasticsearch that does not always do as it is asked: an HTTP proxy before the real one."""

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Final, Self

import httpx
import msgspec

__all__ = ["Reluctant", "Whim", "half", "lost", "refused"]

Reply = tuple[int, bytes] | None
"""Status and body; None breaks the connection."""
Forward = Callable[[bytes], tuple[int, bytes]]
Whim = Callable[[bytes, Forward], Reply]
"""What to do with the body of a bulk request."""

_BUSY: Final = {"type": "es_rejected_execution_exception", "reason": "queue is full"}
_KEPT: Final = ("content-type", "accept")


def refused(status: int) -> Whim:
    """Answers so, and does nothing."""
    body = msgspec.json.encode({"error": _BUSY, "status": status})
    return lambda _body, _forward: (status, body)


def half(body: bytes, forward: Forward) -> Reply:
    """Carries out every other operation of a bulk request of documents; is too busy for the rest.

    Only for requests of nothing but ``index``: two lines an operation.
    """
    lines = body.splitlines(keepends=True)
    operations = [b"".join(lines[at : at + 2]) for at in range(0, len(lines), 2)]
    done = operations[::2]
    status, answer = forward(b"".join(done))
    items: list[Any] = msgspec.json.decode(answer)["items"]
    busy = {"index": {"status": 429, "error": _BUSY}}
    mixed = [items[place // 2] if place % 2 == 0 else busy for place in range(len(operations))]
    return status, msgspec.json.encode({"items": mixed})


def lost(body: bytes, forward: Forward) -> Reply:
    """Carries out all of it, and breaks the connection in place of answering."""
    forward(body)
    return None


class Reluctant:
    """Forwards to ``target``; each bulk request is met with the next whim, if any is left."""

    def __init__(self, target: str, whims: list[Whim]) -> None:
        self.whims = whims
        self._client = httpx.Client(base_url=target, trust_env=False, timeout=30)
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _any(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                headers = {name: self.headers[name] for name in _KEPT if name in self.headers}

                def forward(content: bytes) -> tuple[int, bytes]:
                    answer = outer._client.request(
                        self.command, self.path, content=content, headers=headers
                    )
                    return answer.status_code, answer.content

                asked = self.path.partition("?")[0]
                if asked == "/_bulk" and outer.whims:
                    reply = outer.whims.pop(0)(body, forward)
                else:
                    reply = forward(body)
                self.close_connection = reply is None
                if reply is None:
                    return
                self.send_response(reply[0])
                self.send_header("X-Elastic-Product", "Elasticsearch")
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(reply[1])))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(reply[1])

            do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _any  # noqa: N815 - its names there

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._client.close()
