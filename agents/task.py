"""One source being read: page published, confirmed, cursor written, confirmed, next page.

Guarantee: the cursor stands for what the broker has confirmed, at whatever moment the process ends.
"""

import contextlib
import logging
import random
import threading
import time
from collections.abc import Generator
from typing import Final

import msgspec
from kafka.errors import KafkaError
from msgspec import Struct

from agents.cursors import Cursors
from agents.errors import SourceError, Unconfirmed
from agents.publisher import Publisher
from agents.source import Cursor, Source

__all__ = ["Counts", "Task"]

_log = logging.getLogger("agents")

_FIRST_RETRY: Final = 10.0  # seconds after the first failure; then doubled
_LAST_RETRY: Final = 900.0  # seconds between two tries at most, or the source's own interval
_JITTER: Final = 0.1  # share by which an interval varies, so that sources do not poll in step


class Counts(Struct):
    """What one source did since the process started."""

    received: int = 0
    """Items read, unchanged ones included."""
    published: int = 0
    unchanged: int = 0
    rejected: int = 0
    errors: int = 0


class Task:
    """A source in this process; ``run`` is called by one thread at a time."""

    def __init__(
        self,
        source: Source,
        cursor: Cursor | None,
        publisher: Publisher,
        cursors: Cursors,
        counts: Counts,
    ) -> None:
        self.source = source
        self.name = source.config.name
        self.due = time.monotonic()
        """When to read next, by ``time.monotonic``."""
        self.failed = False
        """Whether the last reading failed."""
        # As bytes: what a source does to the object it is given has no effect on what is kept.
        self._cursor = None if cursor is None else msgspec.json.encode(cursor)
        self._publisher = publisher
        self._cursors = cursors
        self._counts = counts
        self._failures = 0
        self._stopped = threading.Event()
        self._idle = threading.Event()
        self._idle.set()

    @property
    def stopped(self) -> bool:
        """Whether it will read no further page."""
        return self._stopped.is_set()

    @property
    def idle(self) -> bool:
        """Whether no reading is queued or in progress."""
        return self._idle.is_set()

    def stop(self) -> None:
        """Read no further page; the one in hand is finished."""
        self._stopped.set()

    def wait(self, seconds: float) -> bool:
        """Wait until it is idle; returns whether it is."""
        return self._idle.wait(seconds)

    def queue(self) -> None:
        """Mark it as handed to a thread that will call ``run``."""
        self._idle.clear()

    def run(self) -> None:
        """Read all there is to read now."""
        try:
            if not self._stopped.is_set():
                self._read()
                self._succeeded()
        except Unconfirmed as error:
            # The process is stopping; the cursor has not moved.
            _log.debug("%s: %s", self.name, error)
        except SourceError as error:
            self._failure(error, error.seconds)
        except KafkaError as error:
            self._failure(error, None)
        except Exception as error:  # noqa: BLE001 - a plugin must not end the others
            _log.exception("%s: a fault in the source", self.name)
            self._failure(error, None)
        finally:
            self._idle.set()

    def _read(self) -> None:
        cursor = None if self._cursor is None else msgspec.json.decode(self._cursor)
        with contextlib.ExitStack() as stack:
            pages = self.source.poll(cursor)
            if isinstance(pages, Generator):
                stack.enter_context(contextlib.closing(pages))
            for page in pages:
                tally = self._publisher.publish(page.items, self.name)
                self._counts.received += len(page.items) + page.unchanged
                self._counts.published += tally.published
                self._counts.rejected += tally.rejected
                self._counts.unchanged += page.unchanged + tally.unchanged
                encoded = msgspec.json.encode(page.cursor)
                if encoded != self._cursor:
                    self._cursors.write(self.name, page.cursor)
                    self._cursor = encoded
                if self._stopped.is_set():
                    return

    def _succeeded(self) -> None:
        if self._failures:
            _log.info("%s: works again after %d failures", self.name, self._failures)
        self._failures = 0
        self.failed = False
        self._wait(self.source.config.every)

    def _failure(self, error: Exception, seconds: float | None) -> None:
        self._counts.errors += 1
        self.failed = True
        if not self._failures:
            _log.warning("%s: %s: %s", self.name, type(error).__name__, error)
        if seconds is None:
            every = self.source.config.every
            longest = max(every, _LAST_RETRY)
            first = min(every, _FIRST_RETRY)
            seconds = min(first * 2.0 ** min(self._failures, 30), longest)
        self._failures += 1
        self._wait(seconds)

    def _wait(self, seconds: float) -> None:
        # Never earlier than told: a platform's Retry-After is a lower bound.
        self.due = time.monotonic() + seconds * (1 + random.random() * _JITTER)
