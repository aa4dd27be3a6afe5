"""How many polls may be at one host at a time; the others wait for it without a thread.

Sources share the threads of their process, and a host that hangs would soon hold all of them, if
every poll waited there for its turn. So a poll is at one host at a time, from its first request
there until it goes on to another or ends, and a host that has ``AT_ONCE`` of them takes no more.
One that is turned away stands in line, and who leaves gives its place to the first, so that none
rests. What no ``Visit`` is under way for, a stream or a command, waits in its own thread.
"""

import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from agents.errors import Busy

__all__ = ["AT_ONCE", "Visit", "arrive"]

AT_ONCE: Final = 4
"""Polls at one host: those that ask, and as many again, so that none of its slots rests."""

_there: Final[Counter[str]] = Counter()
_lines: Final[dict[str, deque[tuple["Visit", Callable[[], None]]]]] = {}
_lock: Final = threading.Lock()
_mine = threading.local()


class Visit:
    """Where the poll of one source is; one thread at a time has to do with it."""

    def __init__(self) -> None:
        self._at: str | None = None

    def go(self, host: str) -> bool:
        """Go on to a host, if there is room; else it stays where it is."""
        with _lock:
            return self._enter(host)

    def stand_in_line(self, host: str, call: Callable[[], None]) -> None:
        """Have a place at a host as soon as there is one; ``call`` says so, and must not wait."""
        with _lock:
            if self._enter(host):
                call()
            else:
                _lines.setdefault(host, deque()).append((self, call))

    @contextmanager
    def under_way(self) -> Iterator[None]:
        """While this thread polls; at the end it is nowhere."""
        _mine.visit = self
        try:
            yield
        finally:
            _mine.visit = None
            with _lock:
                self._leave()

    def _enter(self, host: str) -> bool:
        if host == self._at:
            return True
        if _there[host] >= AT_ONCE:
            return False
        self._leave()
        _there[host] += 1
        self._at = host
        return True

    def _leave(self) -> None:
        host, self._at = self._at, None
        if host is None:
            return
        if line := _lines.get(host):
            following, call = line.popleft()
            following._at = host  # noqa: SLF001 - one of ours, and the place is its own now
            call()
            return
        _lines.pop(host, None)
        _there[host] -= 1
        if not _there[host]:
            del _there[host]


def arrive(host: str) -> None:
    """Ask a host from this thread.

    Raises:
        Busy: as many polls as may are there already.
    """
    visit: Visit | None = getattr(_mine, "visit", None)
    if visit is not None and not visit.go(host):
        msg = f"{host}: {AT_ONCE} sources are being read there; this one comes after them"
        raise Busy(msg, host)
