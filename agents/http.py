"""One polite HTTP client for all sources.

It says who it is, asks for what changed only where a source keeps what to ask with (feeds,
sitemaps, pages of reviews), does as ``Retry-After``, the platforms' own rate headers and robots.txt
say, keeps to two requests at a time and a few a second per host over all sources of the process,
and bounds time, redirects and size (after decompression). A wait holds for whose requests it is
about, see ``agents.waits``; what credentials go with is not sent on to another host. By default it
talks to public addresses only. Sources with the same ``http`` table share their connections.

Client libraries of platforms talk through it too, see ``agents.bridge``.
"""

import contextlib
import logging
import os
import socket
import ssl
import threading
import time
import weakref
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from http import HTTPStatus
from typing import Annotated, Final

import httpcore
import httpx
from msgspec import Struct
from protego import Protego
from pydantic import BaseModel, ConfigDict, Field
from socksio.exceptions import SOCKSError

from agents import visits, waits
from agents.errors import RateLimited, SourceError, Unreadable, Withheld
from agents.network import Forbidden, PublicOnly
from agents.waits import Lane, Scope
from schemas import __version__

__all__ = ["Endless", "Fetched", "Http", "HttpConfig", "retry_after"]

_PRODUCT: Final = "mention-pipeline"
_PER_HOST: Final = 2  # requests at the same time
_REDIRECTS: Final = 5
_SHORT: Final = 65_536  # bytes of a body that nobody wants, and still cheaper than a new connection
_FOR_ANYONE: Final = frozenset(
    {
        *("accept", "accept-encoding", "accept-language", "connection", "host", "user-agent"),
        *("if-modified-since", "if-none-match"),
    }
)
_KEPT_ALIVE: Final = 50  # idle connections of all sources with the same table
_WHOLE: Final = 4  # times the timeout: the longest a whole answer may take
_WAIT: Final = 60.0  # seconds, when a platform asks to wait and does not say how long
_LONGEST_WAIT: Final = 86_400.0
_LIMITED: Final = HTTPStatus.TOO_MANY_REQUESTS
_ROBOTS_FOR: Final = 3_600.0  # seconds that robots.txt is taken as read
_ROBOTS_AGAIN: Final = 300.0  # seconds until it is asked for again when it could not be read
_ROBOTS_LIMIT: Final = 512_000  # bytes
_ROBOTS_KEPT: Final = 1_000  # hosts
_HOSTS_KEPT: Final = 1_000  # before those are forgotten that nothing is to be kept of
_LONGEST_DELAY: Final = 30.0  # seconds of Crawl-delay that are honoured
_GZIP: Final = 31  # zlib's word for a gzip header
_EPOCH: Final = 1_000_000_000  # a reset of more seconds than this is a moment, not a wait
_RATE: Final = (
    # (requests left, when there are more again)
    ("x-ratelimit-remaining", "x-ratelimit-reset"),  # Mastodon, Reddit, GitHub
    ("x-rate-limit-remaining", "x-rate-limit-reset"),  # X
    ("ratelimit-remaining", "ratelimit-reset"),  # Bluesky and the IETF's draft
)


# It writes every address, with whatever key stands in its query.
logging.getLogger("httpx").setLevel(logging.WARNING)


class HttpConfig(BaseModel):
    """How a source uses the network; keys of its ``http`` table."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    contact: str | None = None
    """A URL or address that the operators of sites can turn to; part of the User-Agent."""
    timeout: Annotated[float, Field(gt=0, le=120)] = 15.0
    """Seconds to wait for a connection and between two pieces of an answer."""
    max_bytes: Annotated[int, Field(gt=0)] = 10_485_760
    """Largest answer, decompressed."""
    allow_private: bool = False
    """Permit loopback, private and link-local addresses."""
    per_second: Annotated[float, Field(gt=0, le=1_000)] = 5.0
    """Most requests a second to one host."""
    proxy: Annotated[str, Field(pattern="^(https?|socks5h?)://")] | None = None
    """A proxy for everything; it resolves names itself, so that it decides what is reached."""


class Fetched(Struct, frozen=True):
    """An answer that was read whole."""

    url: str
    """Where it came from after redirects."""
    body: bytes
    headers: dict[str, str]
    """Names in lower case."""
    status: int = 200

    @property
    def etag(self) -> str | None:
        """What to ask with next time."""
        return self.headers.get("etag")

    @property
    def last_modified(self) -> str | None:
        """What to ask with next time."""
        return self.headers.get("last-modified")


class _Host:
    """What all clients of this process share about one host."""

    def __init__(self) -> None:
        self.slots = threading.BoundedSemaphore(_PER_HOST)
        self.lock = threading.Lock()
        self.next_page = 0.0
        self.next_request = 0.0

    def page_turn(self, delay: float) -> float:
        """When the next page may be asked for; the one after it ``delay`` seconds later."""
        with self.lock:
            turn = max(self.next_page, time.monotonic())
            self.next_page = turn + delay
        return turn

    def request_turn(self, per_second: float) -> float:
        """When the next request may be made, and so on."""
        with self.lock:
            turn = max(self.next_request, time.monotonic())
            self.next_request = turn + 1 / per_second
        return turn

    @property
    def waits(self) -> bool:
        """Whether there is anything to keep of it between two requests."""
        return max(self.next_page, self.next_request) > time.monotonic()


_hosts: weakref.WeakValueDictionary[str, _Host] = weakref.WeakValueDictionary()
_hosts_lock = threading.Lock()


@cache
def _tls() -> ssl.SSLContext:
    """Made once: reading the certificates costs more than a request."""
    return httpx.create_ssl_context()


class _Shared:
    """The connections of all sources that use the network in the same way."""

    def __init__(self, config: HttpConfig) -> None:
        contact = f" (+{config.contact})" if config.contact else ""
        self.agent = f"{_PRODUCT}/{__version__}{contact}"
        limits = httpx.Limits(max_keepalive_connections=_KEPT_ALIVE)
        transport = httpx.HTTPTransport(verify=_tls(), limits=limits, proxy=config.proxy)
        if not config.allow_private and not config.proxy:
            # httpx offers no public way to hand in a network backend.
            transport._pool._network_backend = PublicOnly()  # noqa: SLF001 - see above
        self.client = httpx.Client(
            transport=transport,
            # A proxy of the environment would resolve names itself, past the check.
            trust_env=False,
            timeout=config.timeout,
            headers={"User-Agent": self.agent, "Accept-Encoding": "gzip"},
        )
        self.robots: dict[str, tuple[float, Protego | None]] = {}
        self.users = 0


_shared: dict[HttpConfig, _Shared] = {}
_shared_lock = threading.Lock()


class Endless:
    """An answer that is read while it comes, by one thread.

    Args:
        answer: has begun.
        limit: most bytes of a line, and of a refusal.
    """

    def __init__(self, answer: httpx.Response, limit: int) -> None:
        self._answer = answer
        self._limit = limit
        self.status = answer.status_code
        self.headers = _lower(answer.headers)
        """Names in lower case."""
        self.url = str(answer.url)

    def chunks(self) -> Iterator[bytes]:
        """What comes, as it comes.

        Raises:
            Unreadable: a line is too long.
            SourceError: it breaks off, or nothing comes any more.
        """
        where = self._answer.url.copy_with(query=None)
        length = 0
        with _errors(str(where)):
            for chunk in self._answer.iter_raw():
                _, found, tail = chunk.rpartition(b"\n")
                length = len(tail) if found else length + len(tail)
                if length > self._limit:
                    msg = f"{where}: a line of more than {self._limit} bytes"
                    raise Unreadable(msg)
                yield chunk

    def hang_up(self) -> None:
        """End it, and the waiting for it; from any thread."""
        stream = self._answer.extensions["network_stream"]
        with contextlib.suppress(OSError, ValueError):
            # By a second handle: what TLS knows of the first is its reader's.
            inner = socket.socket(fileno=os.dup(stream.get_extra_info("socket").fileno()))
            with inner:
                inner.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Let go of the connection; by its reader."""
        self._answer.close()


class Http:
    """The client of one source; safe to use from many threads.

    Args:
        config: how it uses the network.
        secrets: the credentials it asks with; sources with the same ones share their waits.
        endpoint: from a path of the platform to the name of what has a limit of its own; by default
            an account has one for all it asks of a host.
    """

    def __init__(
        self,
        config: HttpConfig,
        secrets: Iterable[str] = (),
        endpoint: Callable[[str], str] = lambda _: "",
    ) -> None:
        self.config = config
        with _shared_lock:
            shared = _shared.get(config)
            if shared is None:
                shared = _shared[config] = _Shared(config)
            shared.users += 1
        self._shared: _Shared | None = shared
        self._client = shared.client
        self._robots = shared.robots
        self._endpoint = endpoint
        self._mine: dict[str, _Host] = {}
        self._most: dict[str, float] = {}
        self.agent = shared.agent
        """The User-Agent."""
        self.account = waits.account(secrets)
        """Stands for the credentials; says nothing of them."""

    def close(self) -> None:
        """Let go of connections, where no other source uses them."""
        with _shared_lock:
            shared, self._shared = self._shared, None
            if shared is None:
                return
            shared.users -= 1
            if shared.users:
                return
            del _shared[self.config]
        shared.client.close()

    def get(
        self,
        url: str,
        *,
        etag: str | None = None,
        last_modified: str | None = None,
        accept: str = "*/*",
    ) -> Fetched | None:
        """Fetch a document; None when it is what ``etag`` or ``last_modified`` stand for.

        Raises:
            RateLimited: the host asks to wait, now or in an earlier answer.
            Unreadable: the answer is too large, incomplete, or wrongly compressed.
            SourceError: no answer, or one that says no.
        """
        return self._get(url, _asking(accept, etag, last_modified), lambda _: None)

    def _get(
        self, url: str, headers: Mapping[str, str], may: Callable[[str], None]
    ) -> Fetched | None:
        with _errors(url):
            request = self._client.build_request("GET", url, headers=dict(headers))
        with self._answer(request, may) as answer, self._ended(answer):
            if answer.status_code == HTTPStatus.NOT_MODIFIED:
                return None
            self._check(answer)
            return self._fetched(answer)

    def exchange(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | str | None = None,
    ) -> Fetched:
        """Ask a platform's API, and leave it to the caller what a 4xx means.

        Raises:
            RateLimited: the platform asks to wait, now or in an earlier answer.
            Unreadable: the answer is too large, incomplete, or wrongly compressed.
            SourceError: no answer, or a fault of the server (5xx).
        """
        with _errors(_bare(url)):
            request = self._client.build_request(method, url, headers=_sent(headers), content=body)
        with self._answer(request, private=True) as answer, self._ended(answer):
            self._check(answer, refusals=False)
            return self._fetched(answer)

    def open(
        self,
        method: str,
        url: str,
        *,
        silence: float,
        headers: Mapping[str, str] | None = None,
        body: bytes | str | None = None,
    ) -> "Endless":
        """Ask for an answer that goes on and on, and leave it to the caller what a 4xx means.

        It counts as one of the host's requests until it begins, and not while it goes on. What is
        said of too many streams does not count for other requests.

        Args:
            method: of HTTP.
            url: the address.
            silence: seconds without a byte after which it counts as broken.
            headers: as the library has them.
            body: what is sent.

        Raises:
            RateLimited: the platform asks to wait, now or in an earlier answer.
            SourceError: no answer, or a fault of the server (5xx).
        """
        with _errors(_bare(url)):
            request = self._client.build_request(
                method,
                url,
                headers={**_sent(headers), "Accept-Encoding": "identity"},
                content=body,
                timeout=httpx.Timeout(self.config.timeout, read=silence),
            )
        with self._answer(request, private=True) as answer:
            try:
                self._check(answer, refusals=False, counts=False)
            except BaseException:
                answer.close()
                raise
        return Endless(answer, self.config.max_bytes)

    @contextmanager
    def _answer(
        self,
        request: httpx.Request,
        may: Callable[[str], None] = lambda _: None,
        *,
        private: bool = False,
    ) -> Iterator[httpx.Response]:
        """What is answered in the end; each host on the way there is asked as the first one is.

        Args:
            request: the first.
            may: is asked before every step, and raises where it must not be taken.
            private: the query may hold a key, and messages are for everyone.
        """
        first = str(request.url)
        for _ in range(_REDIRECTS + 1):
            where = _bare(str(request.url)) if private else str(request.url)
            may(str(request.url))
            with _errors(where), self._slot(request.url, where):
                answer = self._client.send(request, stream=True)
                if answer.next_request is None:
                    yield answer
                    return
                with self._ended(answer):
                    request = _onward(request, answer.next_request)
        msg = f"{_bare(first) if private else first}: more than {_REDIRECTS} redirects"
        raise SourceError(msg)

    @contextmanager
    def _ended(self, answer: httpx.Response) -> Iterator[None]:
        """Let go of an answer at the end.

        A connection serves again only after a whole body, so one that nobody wants is read if it is
        short: a refusal, a redirect, and what 304 has in its place.
        """
        with contextlib.closing(answer):
            try:
                yield
            finally:
                # What was wanted of it is here already, however its body ends.
                with contextlib.suppress(httpx.HTTPError):
                    self._skip(answer)

    def _skip(self, answer: httpx.Response) -> None:
        if answer.is_stream_consumed or answer.is_closed:
            return
        left, deadline = _SHORT, time.monotonic() + self.config.timeout
        for chunk in answer.iter_raw():
            left -= len(chunk)
            if left < 0 or time.monotonic() > deadline:
                return

    def _fetched(self, answer: httpx.Response) -> Fetched:
        body = self._read(answer, self.config.max_bytes)
        return Fetched(str(answer.url), body, _lower(answer.headers), answer.status_code)

    def at_most(self, url: str, per_second: float) -> None:
        """Ask the host of a URL no more often than that, whatever the table says."""
        self._most[httpx.URL(url).netloc.decode()] = per_second

    def leave(self, url: str, seconds: float, scope: Scope = Scope.ACCOUNT) -> None:
        """Ask nothing for a while, as was said in the body of an answer.

        Args:
            url: what was asked; the host alone will do, but for one endpoint.
            seconds: how long.
            scope: for how much it holds.
        """
        waits.rest(self._lane(httpx.URL(url))[:scope], seconds)

    def ready(self, url: str) -> None:
        """Raise what asking now would raise before anything is asked; for what counts its calls.

        Raises:
            RateLimited: the platform asked to wait.
            Busy: enough sources are being read there.
        """
        self._ready(httpx.URL(url), _bare(url))

    def resting(self, url: str) -> float:
        """Seconds that this URL is not to be asked for."""
        return waits.left(self._lane(httpx.URL(url)))

    def page(self, url: str) -> Fetched:
        """Fetch a page made for people, if robots.txt lets us, and no faster than it says.

        Raises:
            Withheld: robots.txt says no, or the answer does (4xx).
            SourceError: as ``get``; also when robots.txt cannot be read.
        """
        fetched = self.changed_page(url)
        if fetched is None:
            msg = f"{url}: 304 to a question that had no condition"
            raise Unreadable(msg)
        return fetched

    def changed_page(
        self, url: str, *, etag: str | None = None, last_modified: str | None = None
    ) -> Fetched | None:
        """As ``page``; None when it is what ``etag`` or ``last_modified`` stand for."""
        accept = "text/html,application/xhtml+xml;q=0.9,*/*;q=0.1"
        return self._get(url, _asking(accept, etag, last_modified), self._may)

    def _may(self, url: str) -> None:
        """Wait as long as robots.txt says; raise where it says no."""
        self._ready(httpx.URL(url), url)
        with _errors(url):
            robots = self._robots_of(url)
        if robots is None:
            msg = f"{url}: robots.txt cannot be read, so it does not let us"
            raise SourceError(msg)
        if not robots.can_fetch(url, _PRODUCT):
            msg = f"{url}: robots.txt does not let us"
            raise Withheld(msg)
        delay = min(float(robots.crawl_delay(_PRODUCT) or 0), _LONGEST_DELAY)
        if delay:
            turn = self._host(httpx.URL(url)).page_turn(delay)
            time.sleep(max(turn - time.monotonic(), 0))

    def _robots_of(self, url: str) -> Protego | None:
        """The rules of a URL's host; None where they cannot be read: forbidden, says RFC 9309."""
        root = httpx.URL(url).join("/robots.txt")
        key = str(root)
        until, rules = self._robots.get(key, (0.0, None))
        if time.monotonic() < until:
            return rules
        kept_for = _ROBOTS_FOR
        try:
            request = self._client.build_request("GET", root)
            with self._answer(request) as answer, self._ended(answer):
                if answer.is_success:
                    body = self._read(answer, min(_ROBOTS_LIMIT, self.config.max_bytes))
                    rules = Protego.parse(body.decode(errors="replace"))
                elif answer.is_client_error and answer.status_code != _LIMITED:
                    rules = Protego.parse("")
                else:
                    self._check(answer)
        except RateLimited:
            raise  # A wait is no rule, and the host is asked for its rules after it.
        except SourceError:
            rules, kept_for = None, _ROBOTS_AGAIN
        while len(self._robots) >= _ROBOTS_KEPT:
            self._robots.pop(next(iter(self._robots)))
        self._robots[key] = (time.monotonic() + kept_for, rules)
        return rules

    def _host(self, url: httpx.URL) -> _Host:
        name = url.netloc.decode()
        with _hosts_lock:
            host = _hosts.get(name)
            if host is None:
                host = _hosts[name] = _Host()
            if name not in self._mine and len(self._mine) >= _HOSTS_KEPT:
                self._mine = {known: kept for known, kept in self._mine.items() if kept.waits}
            self._mine[name] = host  # kept alive as long as this client, or while it waits
        return host

    def _lane(self, url: httpx.URL) -> Lane:
        """Whose waits a URL has to keep."""
        lane = url.netloc.decode(), self.account
        endpoint = self._endpoint(url.path)
        return (*lane, endpoint) if endpoint else lane

    @contextmanager
    def _slot(self, url: httpx.URL, where: str) -> Iterator[None]:
        """One of the few requests that a host gets at a time."""
        self._ready(url, where)
        host = self._host(url)
        with host.slots:
            most = self._most.get(url.netloc.decode(), self.config.per_second)
            turn = host.request_turn(min(most, self.config.per_second))
            time.sleep(max(turn - time.monotonic(), 0))
            # Meanwhile whoever was before may have been told to wait.
            self._ready(url, where)
            yield

    def _ready(self, url: httpx.URL, where: str) -> None:
        """Raise where nothing may be asked now; else its thread's poll is at the host."""
        if wait := waits.left(self._lane(url)):
            msg = f"{where}: it was asked to wait another {wait:.0f} s"
            raise RateLimited(msg, wait)
        visits.arrive(url.netloc.decode())

    def _check(self, answer: httpx.Response, *, refusals: bool = True, counts: bool = True) -> None:
        """Raise for what is no answer.

        Args:
            answer: has begun.
            refusals: whether 4xx is none.
            counts: whether a wait that it asks for holds for what is asked next.
        """
        status, lane = answer.status_code, self._lane(answer.url)
        asked = answer.headers.get("retry-after")
        where = _bare(str(answer.url))
        limited = status == _LIMITED
        used_up = _used_up(answer.headers)
        if limited or (status == HTTPStatus.SERVICE_UNAVAILABLE and asked):
            seconds = used_up if used_up and not asked else retry_after(asked)
            if counts:
                # Too much is a matter of who asked; that the server cannot is one of the server.
                waits.rest(lane if limited else lane[: Scope.HOST], seconds)
            msg = f"{where}: {status}, asks to wait {seconds:.0f} s"
            raise RateLimited(msg, seconds)
        if used_up and counts:
            # This answer is good, the next one would be a refusal.
            waits.rest(lane, used_up)
        if answer.is_server_error or (refusals and not answer.is_success):
            msg = f"{where}: {status} {answer.reason_phrase}"
            raise (Withheld if answer.is_client_error else SourceError)(msg)

    def _read(self, answer: httpx.Response, limit: int) -> bytes:
        """The body, decompressed by hand so that a small answer cannot become a huge one."""
        where = answer.url.copy_with(query=None)
        encoding = answer.headers.get("content-encoding", "identity").strip().lower()
        if encoding not in {"identity", "", "gzip", "x-gzip"}:
            msg = f"{where}: sent {encoding}, which was not asked for"
            raise Unreadable(msg)
        inflate = zlib.decompressobj(_GZIP) if "gzip" in encoding else None
        deadline = time.monotonic() + self.config.timeout * _WHOLE
        body = bytearray()
        for chunk in answer.iter_raw():
            body += inflate.decompress(chunk, limit + 1 - len(body)) if inflate else chunk
            if len(body) > limit:
                msg = f"{where}: more than {limit} bytes"
                raise Unreadable(msg)
            if time.monotonic() > deadline:
                msg = f"{where}: too slow"
                raise SourceError(msg)
        if inflate and body and not inflate.eof:
            msg = f"{where}: the answer ends early"
            raise Unreadable(msg)
        return bytes(body)


@contextmanager
def _errors(url: str) -> Iterator[None]:
    """Make the client's errors those of a source."""
    try:
        yield
    except zlib.error as error:
        msg = f"{url}: wrongly compressed: {error}"
        raise Unreadable(msg) from error
    except httpx.RemoteProtocolError as error:
        msg = f"{url}: the answer ends early or is not HTTP: {error}"
        raise Unreadable(msg) from error
    except (httpx.HTTPError, httpx.InvalidURL, httpcore.ConnectError, SOCKSError) as error:
        hint = "; allow_private = true permits it" if _forbidden(error) else ""
        msg = f"{url}: {str(error) or type(error).__name__}{hint}"
        raise SourceError(msg) from error


def _bare(url: str) -> str:
    """Without the query, which may hold a key."""
    return url.partition("?")[0]


def _onward(before: httpx.Request, following: httpx.Request) -> httpx.Request:
    """What a redirect asks for; what credentials go with stays with the host they are for.

    Raises:
        SourceError: what is sent would go elsewhere.
    """
    old, new = before.url, following.url
    if old.netloc == new.netloc and new.scheme in {old.scheme, "https"}:
        return following
    if following.method not in {"GET", "HEAD"}:
        msg = f"{_bare(str(old))}: leads to {new.host}, for which what is sent is not meant"
        raise SourceError(msg)
    for name in set(following.headers) - _FOR_ANYONE:
        del following.headers[name]
    return following


def _sent(headers: Mapping[str, str] | None) -> dict[str, str]:
    """Headers of a library; its own words about encodings and itself do not count here."""
    own = {"accept-encoding", "user-agent", "connection", "host"}
    return {name: value for name, value in (headers or {}).items() if name.lower() not in own}


def _forbidden(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, Forbidden):
            return True
        error = error.__cause__ or error.__context__
    return False


def _asking(accept: str, etag: str | None, last_modified: str | None) -> dict[str, str]:
    """The headers of a question, for what has changed only where there is what to ask with."""
    conditions = {"If-None-Match": etag, "If-Modified-Since": last_modified}
    return {"Accept": accept} | {name: value for name, value in conditions.items() if value}


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _used_up(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, where a platform's own headers say that no request is left."""
    for remaining, reset in _RATE:
        with contextlib.suppress(ValueError):
            if float(headers.get(remaining, "1")) < 1 and reset in headers:
                return _until(headers[reset])
    return None


def _until(text: str) -> float:
    """Seconds until a reset that is a wait, seconds since 1970, or an ISO 8601 time."""
    try:
        number = float(text)
    except ValueError:
        moment = datetime.fromisoformat(text)
        number = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    seconds = number - time.time() if number > _EPOCH else number
    return min(max(seconds, 1.0), _LONGEST_WAIT)


def retry_after(text: str | None) -> float:
    """Seconds to wait, from a number or an HTTP date (RFC 9110)."""
    seconds = _WAIT
    if text and text.strip().isdigit():
        seconds = float(text)
    elif text:
        try:
            moment = parsedate_to_datetime(text)
        except ValueError:
            return seconds
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        seconds = (moment - datetime.now(UTC)).total_seconds()
    return min(max(seconds, 1.0), _LONGEST_WAIT)
