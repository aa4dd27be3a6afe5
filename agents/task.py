"""One source being read: page published, confirmed, cursor written, confirmed, next page.

Guarantee: the cursor stands for what the broker has confirmed, at whatever moment the process ends.

A source that has nothing new is asked less and less often, up to ``quiet`` times ``every``. One
whose host is busy with others stands in line there, see ``agents.visits``; one that is turned away
again and again, as it asks one host for what another one has, comes back with its next interval.
"""

import contextlib
import logging
import random
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Final

import msgspec
from kafka.errors import KafkaError
from msgspec import structs

from agents.cursors import Cursors
from agents.errors import Busy, SourceConfigError, SourceError, Unconfirmed
from agents.ledger import Ledger, stretches
from agents.mention import milliseconds
from agents.publisher import Publisher
from agents.source import Rewindable, Source, Streaming
from agents.visits import Visit
from schemas.coverage import Stretch
from schemas.cursor import Progress
from schemas.sources import Backfill

__all__ = ["Task"]

_log = logging.getLogger("agents")

_FIRST_RETRY: Final = 10.0  # seconds after the first failure; then doubled
_LAST_RETRY: Final = 900.0  # seconds between two tries at most, or the source's own interval
_JITTER: Final = 0.1  # share by which an interval varies, so that sources do not poll in step
_TURNS: Final = 3  # times that a source stands in line for one reading
_BORED_AFTER: Final = 3  # polls without anything new, before they become fewer
_SLOWER: Final = 1.5
_DAY_MS: Final = 86_400_000


class Task:
    """A source in this process; ``run`` is called by one thread at a time.

    Args:
        source: what is read.
        progress: how far it was read before; None when never.
        publisher: publishes what is found, and the ledger.
        cursors: keep the progress.
        ledger: counts.
        again: hands this task to a thread, when there is room where it was turned away.
        order: a back-fill that is wanted.
        final: whether this is the only reading, so that its interval of the ledger ends with it.
    """

    def __init__(
        self,
        source: Source,
        progress: Progress | None,
        publisher: Publisher,
        cursors: Cursors,
        ledger: Ledger,
        *,
        again: Callable[["Task"], None],
        order: Backfill | None = None,
        final: bool = False,
    ) -> None:
        self.source = source
        self.name = source.config.name
        self.due = time.monotonic()
        """When to read next, by ``time.monotonic``."""
        self.failed = False
        """Whether the last reading failed."""
        self._progress = progress or Progress()
        # As bytes: what a source does to the object it is given has no effect on what is kept.
        self._cursor = _encoded(self._progress)
        self._publisher = publisher
        self._cursors = cursors
        self._ledger = ledger
        self._again = again
        self._order = order
        self._final = final
        self._until = self._progress.until
        self._read_here = False
        self._failures = 0
        self._quiet = 0
        self._visit = Visit()
        self._in_line = False
        self._turned_away = 0
        self._stopped = threading.Event()
        self._idle = threading.Event()
        self._idle.set()

    @property
    def streams(self) -> bool:
        """Whether reading may go on until it is stopped, and so takes a thread of its own."""
        return not self._final and isinstance(self.source, Streaming) and self.source.streams

    @property
    def stopped(self) -> bool:
        """Whether it will read no further page."""
        return self._stopped.is_set()

    @property
    def idle(self) -> bool:
        """Whether no reading is queued or in progress."""
        return self._idle.is_set()

    @property
    def free(self) -> bool:
        """Whether it may be handed to a thread."""
        # In this order: it leaves the line after it was queued.
        return not self.stopped and not self._in_line and self.idle

    @property
    def doubtful(self) -> bool:
        """Whether it is not known to be read within its time, for the last reading failed.

        Nor is it before the first one here; but who reads once has nothing to be kept free for.
        """
        return not self._final and (self.failed or not self._read_here)

    @property
    def interval(self) -> float:
        """Seconds between two polls as they are planned now."""
        config = self.source.config
        slower = _SLOWER ** max(min(self._quiet - _BORED_AFTER + 1, 20), 0)
        return config.every * min(slower, config.quiet)

    def stop(self) -> None:
        """Read no further page; the one in hand is finished."""
        self._stopped.set()

    def wait(self, seconds: float) -> bool:
        """Wait until it is idle; returns whether it is."""
        return self._idle.wait(seconds)

    def queue(self) -> None:
        """Mark it as handed to a thread that will call ``run``."""
        self._idle.clear()

    def order(self, order: Backfill | None) -> None:
        """Take note of the newest order; it is begun with the next poll, which is now."""
        if order != self._order:
            self._order = order
            self.due = time.monotonic()

    def run(self) -> None:
        """Read all there is to read now."""
        busy = None
        try:
            with self._at_a_host():
                if not self.stopped:
                    busy = self._read()
                    self._report()
        except Unconfirmed as error:
            # The process is stopping; the cursor has not moved.
            _log.debug("%s: %s", self.name, error)
        finally:
            self._in_line = busy is not None
            self._idle.set()
        if busy is not None:
            self._visit.stand_in_line(busy, self._called)

    def _called(self) -> None:
        self._again(self)
        self._in_line = False

    @contextlib.contextmanager
    def _at_a_host(self) -> Iterator[None]:
        if self._final or self.streams:
            yield  # A thread of its own, or all the time that it takes.
        else:
            with self._visit.under_way():
                yield

    def _read(self) -> str | None:
        """Read, and note how it went; returns a host where it stands in line for the rest."""
        started = int(time.time() * 1000)
        try:
            self._begin_backfill()
            if self._pages(started):
                self._succeeded(started)
        except Unconfirmed:
            raise
        except Busy as error:
            if self._turned_away < _TURNS:
                # No failure: it is read as soon as there is room.
                _log.debug("%s: %s", self.name, error)
                self._turned_away += 1
                return error.host
            self._failure(error, self.interval)
        except SourceError as error:
            self._failure(error, error.seconds)
        except (KafkaError, SourceConfigError) as error:
            self._failure(error, None)
        except Exception as error:  # noqa: BLE001 - a plugin must not end the others
            _log.exception("%s: a fault in the source", self.name)
            self._failure(error, None)
        self._turned_away = 0
        return None

    def _pages(self, started: int) -> bool:
        """Read page by page; False when it was stopped, or an order came, before the end."""
        new = 0
        cursor = None if self._cursor is None else msgspec.json.decode(self._cursor)
        with contextlib.ExitStack() as stack:
            pages = self.source.poll(cursor)
            if isinstance(pages, Generator):
                stack.enter_context(contextlib.closing(pages))
            for page in pages:
                tally = self._publisher.publish(page.items, self.name, undated=page.undated)
                new += tally.published
                self._ledger.page(page, tally)
                if msgspec.json.encode(page.cursor) != self._cursor or page.gap:
                    gaps = self._progress.gaps
                    if page.gap:
                        gaps = stretches([*_moments(gaps), page.gap])
                    self._keep(structs.replace(self._progress, cursor=page.cursor, gaps=gaps))
                if self._stopped.is_set() or self._ordered:
                    self._give_up()
                    return False
                if page.until is not None and self._claim(page.until, started):
                    break
        self._quiet = 0 if new else self._quiet + 1
        return True

    def _give_up(self) -> None:
        """Before the end: for who goes on, another process or the order that has come."""
        self.due = time.monotonic()
        if self.streams and isinstance(self.source, Streaming):
            cursor = self.source.position()
            if msgspec.json.encode(cursor) != self._cursor:
                self._keep(structs.replace(self._progress, cursor=cursor))

    def _claim(self, until: int, started: int) -> bool:
        """Of a reading that goes on: say now and then how far it is; whether that is enough."""
        if self._final:
            return until >= started
        if self.failed or self._until is None or self._ledger.due():
            self._succeeded(until)
            self._report()
        return False

    @property
    def _ordered(self) -> bool:
        return self._order is not None and self._order.id != self._progress.backfill

    def _keep(self, progress: Progress) -> None:
        progress = structs.replace(progress, until=self._until)
        self._cursors.write(self.name, progress)
        self._progress = progress
        self._cursor = _encoded(progress)

    def _begin_backfill(self) -> None:
        order = self._order
        if order is None or not self._ordered:
            return
        if not isinstance(self.source, Rewindable):
            _log.warning("%s: cannot read again what it has read", self.name)
            self._keep(structs.replace(self._progress, backfill=order.id))
            return
        cursor = None if self._cursor is None else msgspec.json.decode(self._cursor)
        since = milliseconds(order.since)
        # What an outage or an order before it left to read is read with this one.
        left = [at for at in (self._progress.since, self._until) if at is not None]
        self._keep(
            structs.replace(
                self._progress,
                cursor=self.source.rewind(cursor, order.since),
                backfill=order.id,
                since=min(since, *left),
                # Of what is asked for again it is said anew whether it is shown.
                gaps=tuple(
                    Stretch(gap.start, min(gap.end, order.since))
                    for gap in self._progress.gaps
                    if gap.start < order.since
                ),
            )
        )

    def _succeeded(self, started: int) -> None:
        since = self._progress.since
        if since is None and (since := self._until) is None:
            # Never read before: it goes back as far as its configuration says.
            history = float(getattr(self.source.config, "history", 0.0))
            since = started - int(history * _DAY_MS)
        first, self._until, gaps = self._until is None, started, self._progress.gaps
        if self._progress.since is not None or first or gaps:
            self._keep(structs.replace(self._progress, since=None, gaps=()))
        self._ledger.succeeded((min(since, started), started), _moments(gaps))
        self._failures = 0
        self._read_here = True
        self.failed = False
        self._wait(self.interval)

    def _failure(self, error: Exception, seconds: float | None) -> None:
        self.failed = True
        self._ledger.failed(error, self.interval)
        if seconds is None:
            every = self.source.config.every
            longest = max(every, _LAST_RETRY)
            first = min(every, _FIRST_RETRY)
            seconds = min(first * 2.0 ** min(self._failures, 30), longest)
        self._failures += 1
        self._wait(seconds)

    def _report(self) -> None:
        if self._final or self._ledger.due():
            self._publisher.cover([self._ledger.take(self.interval)])

    def _wait(self, seconds: float) -> None:
        # Never earlier than told: a platform's Retry-After is a lower bound.
        self.due = time.monotonic() + seconds * (1 + random.random() * _JITTER)


def _moments(gaps: Sequence[Stretch]) -> list[tuple[int, int]]:
    """From and to, in ms since 1970."""
    return [(milliseconds(gap.start), milliseconds(gap.end)) for gap in gaps]


def _encoded(progress: Progress) -> bytes | None:
    return None if progress.cursor is None else msgspec.json.encode(progress.cursor)
