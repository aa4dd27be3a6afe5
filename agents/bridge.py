"""Client libraries of platforms, made to talk through the one polite HTTP client.

A library brings the knowledge of its platform; connections, waits, bounds and the refusal of
private addresses stay in ``agents.http``. Three shapes cover the libraries in use: ``requests``
(Mastodon.py, praw, tweepy), ``httplib2`` (google-api-python-client) and ``httpx`` (atproto).

``RateLimited`` and ``SourceError`` pass through the libraries; ``faults`` finds them in what a
library has wrapped around them, and turns a library's own errors into a source's.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any, Final

import httpx

from agents.errors import Denied, SourceError, Unreadable
from agents.http import Endless, Fetched, Http
from agents.stream import Line

__all__ = ["HttplibBridge", "HttpxBridge", "faults", "session"]

# Obeyed in agents.http; a library that saw them would sleep on them, in one of our threads.
_OURS: Final = ("retry-after", "ratelimit", "rate-limit")
_DENIED: Final = (401, 403)


def _headers(fetched: Fetched | Endless) -> dict[str, str]:
    """Headers that the library may see: the body is decompressed already."""
    hidden = ("content-encoding", "content-length", "transfer-encoding")
    return {
        name: value
        for name, value in fetched.headers.items()
        if name not in hidden and not any(part in name for part in _OURS)
    }


class _Raw:
    """The body of an endless answer, as ``requests`` reads one."""

    def __init__(self, endless: Endless, line: Line) -> None:
        self._endless = endless
        self._line = line
        self.closed = False

    def stream(self, *_: object, **__: object) -> Iterator[bytes]:
        try:
            for chunk in self._endless.chunks():
                yield chunk
                self._line.alive()
        finally:
            self.close()

    def close(self) -> None:
        self.closed = True
        self._endless.close()


def session(
    http: Http,
    elsewhere: Mapping[str, str] | None = None,
    line: Line | None = None,
    silence: float = 60.0,
) -> Any:  # noqa: ANN401 - requests is imported only where it is used
    """A ``requests.Session`` that talks through ``http``.

    Args:
        http: does the asking.
        elsewhere: address that a library has built in -> the one to ask instead.
        line: of a library that listens: what it asks for as a stream is this line.
        silence: seconds without a byte after which that counts as broken.
    """
    import requests  # noqa: PLC0415 - an extra of some sources
    from requests.adapters import BaseAdapter  # noqa: PLC0415

    class Adapter(BaseAdapter):
        def send(self, request: Any, stream: bool = False, *_: Any, **__: Any) -> requests.Response:  # noqa: ANN401
            url = str(request.url)
            for built_in, address in (elsewhere or {}).items():
                if url.startswith(f"{built_in}/"):
                    url = address + url.removeprefix(built_in)
            asked: dict[str, Any] = {"headers": request.headers, "body": request.body}
            answer = requests.Response()
            got: Endless | Fetched
            if stream and line is not None:
                got = http.open(request.method, url, silence=silence, **asked)
                answer.raw = _Raw(got, line)
                if got.status == HTTPStatus.OK:
                    line.opened(got.hang_up)
            else:
                got = http.exchange(request.method, url, **asked)
                answer._content = got.body  # noqa: SLF001 - there is no other way to fill one
            answer.status_code = got.status
            answer.url = got.url
            answer.request = request
            answer.headers.update(_headers(got))
            answer.encoding = requests.utils.get_encoding_from_headers(answer.headers)
            return answer

        def close(self) -> None:
            """The connections are those of ``http``."""

    made = requests.Session()
    made.trust_env = False
    made.mount("https://", Adapter())
    made.mount("http://", Adapter())
    return made


class HttplibBridge:
    """What google-api-python-client needs of an ``httplib2.Http``.

    Args:
        http: does the asking.
        headers: go with every request.
    """

    def __init__(self, http: Http, headers: Mapping[str, str]) -> None:
        self._http = http
        self._headers = headers

    def request(
        self,
        uri: str,
        method: str = "GET",
        body: bytes | str | None = None,
        headers: Mapping[str, str] | None = None,
        **_: object,
    ) -> tuple[Any, bytes]:
        """Answer as httplib2 does: headers with a status, and the body."""
        import httplib2  # noqa: PLC0415 - an extra of some sources

        sent = {**(headers or {}), **self._headers}
        fetched = self._http.exchange(method, uri, headers=sent, body=body)
        about = httplib2.Response({**_headers(fetched), "status": str(fetched.status)})
        return about, fetched.body

    def close(self) -> None:
        """The connections are those of ``http``."""


class HttpxBridge(httpx.BaseTransport):
    """A transport for an ``httpx.Client`` that talks through ``http``."""

    def __init__(self, http: Http) -> None:
        self._http = http

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer as a server does."""
        fetched = self._http.exchange(
            request.method,
            str(request.url),
            headers=request.headers,
            body=request.read() or None,
        )
        return httpx.Response(fetched.status, headers=_headers(fetched), content=fetched.body)


@contextmanager
def faults(what: str, *kinds: type[Exception]) -> Iterator[None]:
    """Make a library's errors those of a source.

    Args:
        what: what was being done, for the message.
        kinds: the library's own errors; what it raises on odd answers (a key that is missing, a
            wrong type) is taken as an unreadable answer.

    Raises:
        Denied: the platform does not take the credentials.
        Unreadable: the answer has not the documented shape.
        SourceError: anything else.
    """
    try:
        yield
    except SourceError:
        raise
    except Exception as error:
        if (inner := _inner(error)) is not None:
            raise inner from error
        status = _status(error)
        if status in _DENIED:
            msg = f"{what}: {status}, wrong or missing credentials, or not for these"
            raise Denied(msg) from error
        said = f"{type(error).__name__}: {error}"[:300]
        if isinstance(error, kinds) and status is not None:
            msg = f"{what}: {status}, {said}"
            raise SourceError(msg) from error
        msg = f"{what}: not understood: {said}"
        raise Unreadable(msg) from error


def _inner(error: BaseException | None) -> SourceError | None:
    """Our own error inside of a library's."""
    seen: list[BaseException] = []
    while error is not None and error not in seen:
        seen.append(error)
        if isinstance(error, SourceError):
            return error
        inner = getattr(error, "original_exception", None)
        error = inner if isinstance(inner, Exception) else error.__cause__ or error.__context__
    return None


def _status(error: Exception) -> int | None:
    """The HTTP status in a library's error, wherever it keeps it."""
    for holder in (error, getattr(error, "response", None), getattr(error, "resp", None)):
        for name in ("status_code", "status"):
            value = getattr(holder, name, None)
            if isinstance(value, int) or (isinstance(value, str) and value.isdigit()):
                return int(value)
    # Mastodon.py has it among its arguments.
    numbers = (part for part in error.args if isinstance(part, int))
    return next(numbers, None)
