"""A web server on loopback whose answers are scripted, and which notes what it was asked."""

import contextlib
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit
from zlib import crc32

import msgspec

__all__ = ["Answer", "Cut", "Loopback", "Request"]


class Cut(Exception):
    """Raised by ``Answer.parts``: the connection ends here, in the middle of the answer."""


@dataclass(frozen=True)
class Request:
    """What was asked; header names in lower case."""

    path: str
    """As asked, with the query."""
    headers: Mapping[str, str]
    method: str = "GET"
    body: bytes = b""

    @property
    def where(self) -> str:
        """The path without the query."""
        return urlsplit(self.path).path

    @property
    def query(self) -> dict[str, str]:
        """The parameters, each with its first value."""
        return {name: values[0] for name, values in self.queries.items()}

    @property
    def queries(self) -> dict[str, list[str]]:
        """The parameters with all their values."""
        return parse_qs(urlsplit(self.path).query, keep_blank_values=True)


@dataclass(frozen=True)
class Answer:
    """What to say."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    length: int | None = None
    """The length to claim, where it is not the body's: the connection ends too early."""
    parts: Iterable[bytes] | None = None
    """Instead of the body: what is sent piece by piece, as it comes."""

    @classmethod
    def json(cls, content: Any, status: int = 200, **headers: str) -> "Answer":
        """JSON, and headers with ``_`` for ``-``."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        body = msgspec.json.encode(content)
        return cls(body, status, {"Content-Type": "application/json; charset=utf-8", **named})


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):  # whoever hangs up may do so
            super().handle_error(request, client_address)


class Loopback:
    """Answers by path, else through ``handler``; what neither answers gets 404."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer | Callable[[Request], Answer]] = {}
        self.handler: Callable[[Request], Answer | None] = lambda _: None
        self.requests: list[Request] = []
        self.etags = False
        """Whether answers carry an ETag, and 304 stands for one that is as it was."""
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # one segment an answer: two would wait for each other
            disable_nagle_algorithm = True  # nor would the end of a large one wait for the rest

            def do_GET(self) -> None:
                size = int(self.headers.get("content-length") or 0)
                headers = {name.lower(): value for name, value in self.headers.items()}
                request = Request(self.path, headers, self.command, self.rfile.read(size))
                answer = outer.answer(request)
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                if answer.parts is not None:
                    self.endless(answer.parts)
                    return
                claimed = len(answer.body) if answer.length is None else answer.length
                self.send_header("Content-Length", str(claimed))
                self.end_headers()
                self.wfile.write(answer.body)
                self.close_connection = answer.length is not None

            def endless(self, parts: Iterable[bytes]) -> None:
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                self.close_connection = True
                with contextlib.suppress(Cut, OSError):
                    for part in parts:
                        self.wfile.write(b"%x\r\n%b\r\n" % (len(part), part))
                        self.wfile.flush()
                    self.wfile.write(b"0\r\n\r\n")

            do_POST = do_GET  # noqa: N815 - its name there

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
                """Say nothing."""

        self._server = _Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def answer(self, request: Request) -> Answer:
        """Note a request and find its answer."""
        self.requests.append(request)
        answer = self._answer(request)
        if not self.etags or answer.status != HTTPStatus.OK:
            return answer
        etag = f'"{crc32(answer.body):x}"'
        if request.headers.get("if-none-match") == etag:
            return Answer(status=304)
        return replace(answer, headers={"ETag": etag, **answer.headers})

    def _answer(self, request: Request) -> Answer:
        found = self.answers.get(request.path)
        if found is None:
            return self.handler(request) or Answer(status=404)
        return found(request) if callable(found) else found

    @property
    def conditions(self) -> int:
        """How many requests were for what changed only."""
        return sum("if-none-match" in request.headers for request in self.requests)

    def asked(self, path: str) -> list[Request]:
        """The requests for a path."""
        return [request for request in self.requests if path in {request.path, request.where}]

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
