"""WebSockets that keep to what ``agents.http`` keeps to, through the library websockets.

Public addresses only, unless the configuration permits others; its proxy, its honest User-Agent,
its bounds of time and size; a refusal's status means what it means there.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Final

import httpx
from websockets.exceptions import InvalidStatus, WebSocketException
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from agents.errors import Denied, RateLimited, SourceError
from agents.http import Http, retry_after
from agents.network import PublicOnly

__all__ = ["messages", "opened"]

_CLOSE_WITHIN: Final = 1.0  # seconds for the other side to say goodbye
_DENIED: Final = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
_PORTS: Final = {"ws": 80, "wss": 443}


@contextmanager
def opened(http: Http, url: str, subprotocol: str) -> Iterator[ClientConnection]:
    """A connection, closed at the end.

    Raises:
        RateLimited: the server asks to wait.
        Denied: it wants other credentials.
        SourceError: no connection.
    """
    config, where = http.config, httpx.URL(url)
    bare = str(where.copy_with(query=None))
    try:
        socket = None
        if not config.allow_private and not config.proxy:
            port = where.port or _PORTS[where.scheme]
            stream = PublicOnly().connect_tcp(where.host, port, config.timeout)
            socket = stream.get_extra_info("socket")
        with connect(
            url,
            sock=socket,
            subprotocols=[Subprotocol(subprotocol)],
            compression=None,
            user_agent_header=http.agent,
            proxy=config.proxy,
            open_timeout=config.timeout,
            close_timeout=_CLOSE_WITHIN,
            max_size=config.max_bytes,
        ) as connection:
            yield connection
    except InvalidStatus as error:
        raise _refusal(bare, error) from error
    except (WebSocketException, OSError, httpx.HTTPError, EOFError) as error:
        msg = f"{bare}: {error or type(error).__name__}"
        raise SourceError(msg) from error


def messages(connection: ClientConnection, silence: float) -> Iterator[str | bytes]:
    """What comes; ends with an error.

    Raises:
        TimeoutError: nothing came for so many seconds.
        websockets.exceptions.ConnectionClosed: the other side hung up, or we did.
    """
    while True:
        yield connection.recv(silence)


def _refusal(where: str, error: InvalidStatus) -> SourceError:
    answer = error.response
    said = (answer.body or b"")[:200].decode(errors="replace")
    msg = f"{where}: {answer.status_code} {said}".rstrip()
    if answer.status_code == HTTPStatus.TOO_MANY_REQUESTS:
        return RateLimited(msg, retry_after(answer.headers.get("Retry-After")))
    return Denied(msg) if answer.status_code in _DENIED else SourceError(msg)
