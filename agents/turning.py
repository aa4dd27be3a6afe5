"""Whether a process turns its loop: for its supervisor, and for the watchdog over one that hangs.

* ``/health``: 200 while it catches up, turns, or waits for an outage to end; 503 when it is stuck.
* ``/ready``: 200 once it has caught up; 503 before.
* ``/metrics``: for Prometheus.
"""

import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final
from urllib.parse import urlsplit

from msgspec import Struct

from agents.health import Pages, Reporting

__all__ = ["EX_STUCK", "STOP_WITHIN", "Health", "Turning", "on_signal", "reachable"]

_log = logging.getLogger(__name__)

STOP_WITHIN: Final = 15.0
"""Seconds from SIGTERM to the end, whatever the servers do meanwhile."""
_KAFKA: Final = 9092  # the port where none is said
_LOOK_EVERY: Final = 2.0
_REACH_WITHIN: Final = 2.0
EX_STUCK: Final = 75
"""The exit code of who could not go on, and is to be started again."""


class Health(Struct, frozen=True):
    """How a process is."""

    live: bool
    ready: bool
    seconds_since_turn: float


class Turning:
    """Says how a loop is, that calls ``turn`` each time round.

    Args:
        limit: seconds without a turn after which it is stuck, unless no broker can be reached.
        bootstrap: the brokers.
        die: ends the process at once; tests replace it.
        turned: told of its beginning and of each turn.
    """

    def __init__(
        self,
        limit: float,
        bootstrap: str,
        die: Callable[[int], None] = os._exit,
        turned: Callable[[], None] = lambda: None,
    ) -> None:
        self._limit = limit
        self._bootstrap = bootstrap
        self._die = die
        self._turned = turned
        turned()
        self._at = time.monotonic()
        self._ready = False
        self._over = threading.Event()

    def turn(self) -> None:
        """It has caught up, and goes on."""
        self._turned()
        self._at = time.monotonic()
        self._ready = True

    def health(self) -> Health:
        """How it is now; may be called from another thread."""
        still = time.monotonic() - self._at
        # To catch up takes as long as it takes.
        return Health(still < self._limit or not self._ready, self._ready, round(still, 1))

    @contextmanager
    def watched(
        self, host: str, port: int, health: Callable[[], Reporting] | None = None
    ) -> Iterator["Turning"]:
        """Look after it, and serve what is said of it; on no port where that is 0.

        Args:
            host: where to serve.
            port: same.
            health: says more than ``health`` of this one.

        Raises:
            AgentError: the port is taken.
        """
        pages = Pages(host, port, health or self.health) if port else None
        threading.Thread(target=self._watchdog, name="watchdog", daemon=True).start()
        try:
            yield self
        finally:
            self._over.set()
            if pages:
                pages.close()

    def _watchdog(self) -> None:
        while not self._over.wait(min(_LOOK_EVERY, self._limit / 2)):
            still = time.monotonic() - self._at
            if still <= self._limit:
                continue
            if not self._ready:
                self._at = time.monotonic()
                continue
            if reachable(self._bootstrap):
                _log.critical("no progress for %.0f s: exiting", still)
                self._die(EX_STUCK)
                return
            _log.warning("no broker can be reached: waiting")
            self._at = time.monotonic()


def on_signal(stop: Callable[[], None]) -> None:
    """Have SIGTERM and SIGINT ask for the end, which comes ``STOP_WITHIN`` later in any case.

    Args:
        stop: asks for it; called in the main thread, between any two of its steps.
    """
    asked = threading.Event()

    def handle(*_: object) -> None:
        if not asked.is_set():
            # Nothing is lost by it: what is not confirmed is found, or told, again.
            limit = threading.Timer(STOP_WITHIN, os._exit, (EX_STUCK,))
            limit.daemon = True
            limit.start()
        asked.set()
        stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, handle)


def reachable(bootstrap: str) -> bool:
    """Whether anybody listens at one of these comma-separated addresses."""
    for server in bootstrap.split(","):
        try:
            address = urlsplit(f"//{server.strip()}")
            there = address.hostname or "", address.port or _KAFKA
            socket.create_connection(there, _REACH_WITHIN).close()
        except (OSError, ValueError) as error:
            _log.debug("%s: %s", server, error)
            continue
        return True
    return False
