"""A webhook on loopback that notes what it is sent, and may refuse."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

__all__ = ["Desk"]


class Desk:
    """Answers with ``status``, or ``cut``s the connection; header names in lower case.

    While ``answering`` is not set it takes what it is sent, and leaves the sender in the dark.
    """

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.status = 204
        self.answers: dict[bytes, int] = {}
        """What is answered instead where a request holds these bytes."""
        self.cut = False
        self.answering = threading.Event()
        self.answering.set()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers["content-length"]))
                outer.got.append(({k.lower(): v for k, v in self.headers.items()}, content))
                outer.answering.wait()
                if outer.cut:
                    return  # without an answer, which ends the connection
                special = [code for part, code in outer.answers.items() if part in content]
                self.send_response(special[0] if special else outer.status)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/hook"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.answering.set()
        self._server.shutdown()
        self._server.server_close()
