"""What this process does about one source: for the coverage ledger, for Prometheus and the log.

An interval ends with the first poll that ends a minute or more after it began, so an interval's
message never waits for a timer, and a source that is not polled says nothing, which is how a dark
source looks.
"""

import logging
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from msgspec import Struct, structs

from agents import metrics
from agents.errors import RateLimited
from agents.mention import AGENT
from agents.publisher import Tally
from agents.source import Item, Page
from schemas.coverage import GAPS, Coverage, Stretch
from schemas.mention import RawMention

__all__ = ["Counts", "Ledger", "instant", "stretches"]

_log = logging.getLogger("agents")

INTERVAL: Final = 60.0
"""Seconds that an interval of the ledger lasts at least."""
_DARK_AFTER: Final = 2.0  # expected intervals without a success


class Counts(Struct):
    """What one source did since the process started."""

    received: int = 0
    """Items read, unchanged ones included."""
    published: int = 0
    unchanged: int = 0
    rejected: int = 0
    errors: int = 0


class _Interval(Struct):
    start: float
    polls: int = 0
    errors: dict[str, int] = {}
    filtered: dict[str, int] = {}
    limited: float = 0.0
    oldest: datetime | None = None
    newest: datetime | None = None
    complete: tuple[int, int] | None = None
    gaps: list[tuple[int, int]] = []


class Ledger:
    """Counts for one source; safe to use from many threads.

    Args:
        source: the configured name.
        kind: the source type.
        interval: seconds that an interval lasts at least.
    """

    def __init__(self, source: str, kind: str, interval: float = INTERVAL) -> None:
        self.counts = Counts()
        """Since the process started."""
        self.dark = False
        self._was_dark = False  # before this process had it
        self.kind = kind
        self._source = source
        self._length = interval
        self._lock = threading.Lock()
        self._now = _Interval(time.time())
        self._reported = Counts()
        self._succeeded_at: float | None = None
        self._heard_at = time.time()
        self._complete: int | None = None
        self._failures = 0

    def adopted(self, until: int | None, expected: float) -> None:
        """This process reads it from now on; another may have read it meanwhile.

        Args:
            until: what is published of it, in ms since 1970, as its cursor says; None: nothing.
            expected: seconds between two polls.
        """
        with self._lock:
            known = [moment for moment in (self._complete, until) if moment is not None]
            self._complete = max(known, default=None)
            self._succeeded_at = None if self._complete is None else self._complete / 1000
            self._failures = 0
            self._heard_at = time.time()
            self.dark = False  # until a poll fails, or does not come
            self._was_dark = self._succeeded_at is not None and (
                self._heard_at - self._succeeded_at > _DARK_AFTER * max(expected, INTERVAL)
            )
            self._show()

    def page(self, page: Page, tally: Tally) -> None:
        """A page was published and confirmed."""
        with self._lock:
            self._heard_at = time.time()
            self._count(len(page.items) + page.unchanged + sum(page.filtered.values()), tally)
            self._known(page.unchanged + tally.unchanged)
            for reason, number in page.filtered.items():
                self._now.filtered[reason] = self._now.filtered.get(reason, 0) + number
            self._times(page.items)
            if page.gap:
                self._now.gaps = _apart([*self._now.gaps, page.gap])

    def items(self, items: Sequence[Item], tally: Tally) -> None:
        """Items that came by themselves were published and confirmed."""
        with self._lock:
            self._count(len(items), tally)
            self._known(tally.unchanged)
            self._times(items)

    def succeeded(self, complete: tuple[int, int], gaps: Sequence[tuple[int, int]] = ()) -> None:
        """All that was shown of a stretch is published; times in ms since 1970.

        Args:
            complete: from and to.
            gaps: what was not shown since the last success, whichever interval said so: else this
                one would claim it.
        """
        with self._lock:
            self._now.polls += 1
            self._now.complete = _wider(self._now.complete, complete)
            self._now.gaps = _apart([*self._now.gaps, *gaps])
            if self.dark or self._was_dark:
                seconds = time.time() - (self._succeeded_at or self._now.start)
                _log.info(
                    "%s: back after %.0f s, %d failures", self._source, seconds, self._failures
                )
            self._failures = 0
            self._succeeded_at = self._heard_at = time.time()
            self._complete = complete[1]
            self.dark = self._was_dark = False
            metrics.POLLS.labels(self._source).inc()
            self._show()

    def failed(self, error: Exception, expected: float) -> None:
        """A poll failed; says so once, when the source is dark."""
        kind = type(error).__name__
        with self._lock:
            self._now.polls += 1
            self._failures += 1
            self.counts.errors += 1
            self._now.errors[kind] = self._now.errors.get(kind, 0) + 1
            metrics.POLLS.labels(self._source).inc()
            metrics.ERRORS.labels(self._source, kind).inc()
            if isinstance(error, RateLimited) and error.seconds:
                self._now.limited += error.seconds
                metrics.LIMITED.labels(self._source).inc(error.seconds)
            since = self._succeeded_at
            if not self.dark and (since is None or time.time() - since > _DARK_AFTER * expected):
                self.dark = True
                _log.warning("%s: dark: %s: %s", self._source, kind, error)
            else:
                _log.debug("%s: %s: %s", self._source, kind, error)
            self._show()

    def look(self, expected: float) -> None:
        """Say once that it is dark where no poll ends at all: it hangs, or waits for its turn."""
        with self._lock:
            silent = time.time() - self._heard_at
            # A short interval is no promise that a poll is as short.
            if not self.dark and silent > _DARK_AFTER * max(expected, INTERVAL):
                self.dark = True
                _log.warning(
                    "%s: dark: nothing for %.0f s: it hangs or waits", self._source, silent
                )
                self._show()

    def unconfirmed(self) -> None:
        """Kafka did not confirm in time what came by itself; its sender was told so."""
        with self._lock:
            self.counts.errors += 1
            self._now.errors["Unconfirmed"] = self._now.errors.get("Unconfirmed", 0) + 1
            metrics.ERRORS.labels(self._source, "Unconfirmed").inc()

    def due(self) -> bool:
        """Whether the interval may end."""
        return time.time() - self._now.start >= self._length

    def take(self, expected: float) -> Coverage:
        """End the interval; its message.

        Args:
            expected: seconds between two polls as planned.
        """
        with self._lock:
            interval, self._now = self._now, _Interval(time.time())
            before, after = self._reported, structs.replace(self.counts)
            self._reported = after
            return Coverage(
                source=self._source,
                kind=self.kind,
                agent=AGENT,
                start=instant(interval.start * 1000),
                end=instant(self._now.start * 1000),
                expected=expected,
                polls=interval.polls,
                items=after.received - before.received,
                new=after.published - before.published,
                known=after.unchanged - before.unchanged,
                rejected=after.rejected - before.rejected,
                filtered=interval.filtered,
                errors=interval.errors,
                limited_seconds=interval.limited,
                oldest=interval.oldest,
                newest=interval.newest,
                complete=_stretch(interval.complete),
                gap=_stretch(_all_of(interval.gaps)),
                gaps=stretches(interval.gaps),
                dark=self.dark,
            )

    def _show(self) -> None:
        metrics.DARK.labels(self._source).set(self.dark)
        if self._complete is not None:
            metrics.COMPLETE.labels(self._source).set(self._complete / 1000)

    def _count(self, received: int, tally: Tally) -> None:
        self.counts.received += received
        self.counts.published += tally.published
        self.counts.rejected += tally.rejected
        metrics.RECEIVED.labels(self._source).inc(received)
        metrics.PUBLISHED.labels(self._source).inc(tally.published)
        metrics.REJECTED.labels(self._source).inc(tally.rejected)

    def _known(self, number: int) -> None:
        self.counts.unchanged += number
        metrics.UNCHANGED.labels(self._source).inc(number)

    def _times(self, items: Sequence[Item]) -> None:
        times = [item.published_at for item in items if isinstance(item, RawMention)]
        if times:
            oldest, newest = self._now.oldest, self._now.newest
            self._now.oldest = min(times) if oldest is None else min(oldest, *times)
            self._now.newest = max(times) if newest is None else max(newest, *times)


def instant(milliseconds: float) -> datetime:
    """The moment of milliseconds since 1970."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def stretches(gaps: Sequence[tuple[int, int]]) -> tuple[Stretch, ...]:
    """Gaps (ms since 1970) as messages tell of them: in order, apart and few enough."""
    return tuple(Stretch(instant(start), instant(end)) for start, end in _apart(gaps))


def _wider(one: tuple[int, int] | None, other: tuple[int, int]) -> tuple[int, int]:
    return other if one is None else (min(one[0], other[0]), max(one[1], other[1]))


def _apart(stretches: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The same in order, with what overlaps as one, and the nearest where they are too many."""
    apart: list[tuple[int, int]] = []
    for start, end in sorted(stretches):
        if apart and start <= apart[-1][1]:
            apart[-1] = _wider(apart[-1], (start, end))
        else:
            apart.append((start, end))
    while len(apart) > GAPS:
        place = min(range(1, len(apart)), key=lambda at: apart[at][0] - apart[at - 1][1])
        apart[place - 1 : place + 1] = [_wider(apart[place - 1], apart[place])]
    return apart


def _all_of(apart: Sequence[tuple[int, int]]) -> tuple[int, int] | None:
    return (apart[0][0], apart[-1][1]) if apart else None


def _stretch(pair: tuple[int, int] | None) -> Stretch | None:
    return pair and Stretch(instant(pair[0]), instant(pair[1]))
