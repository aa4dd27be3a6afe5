import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest

from agents.errors import Busy, RateLimited, SourceError, Unconfirmed
from agents.ledger import Counts, Ledger, instant, stretches
from agents.publisher import Tally
from agents.source import Cursor, Item, Page, Refused, SourceConfig
from agents.task import Task
from agents.visits import AT_ONCE, Visit
from pipeline.search.coverage import Period, Row, chart
from schemas.coverage import GAPS, Coverage
from schemas.cursor import Progress
from schemas.sources import Backfill

ITEM = Refused("a", b"a", "Odd", "odd")


class Kafka:
    """Publisher and cursors in one, noting the order of what is written."""

    def __init__(self) -> None:
        self.written: list[Any] = []
        self.ledger: list[Coverage] = []
        self.progress = Progress()
        self.away = False

    def publish(self, items: Sequence[Item], source: str, *, undated: bool) -> Tally:
        assert not undated
        if self.away:
            msg = "stopping"
            raise Unconfirmed(msg)
        self.written.append((source, len(items)))
        return Tally(published=len(items))

    def write(self, name: str, progress: Progress) -> None:
        self.progress = progress
        if not self.written or self.written[-1] != (name, progress.cursor):
            self.written.append((name, progress.cursor))

    def cover(self, ledger: Sequence[Coverage]) -> None:
        self.ledger += ledger


class Scripted:
    """A source whose polls are scripted: pages, and errors among them."""

    def __init__(self, *polls: Iterable[Page | Exception]) -> None:
        self.config = SourceConfig(type="x", name="it", every=100)
        self.polls = list(polls)
        self.cursors: list[Cursor | None] = []
        self.closed_early = False
        self.given: Cursor = {}

    def poll(self, cursor: Cursor | None) -> Iterator[Page]:
        self.cursors.append(cursor)
        try:
            for page in self.polls.pop(0) if self.polls else []:
                if isinstance(page, Exception):
                    raise page
                self.given = page.cursor
                yield page
        except GeneratorExit:
            self.closed_early = True
            raise

    def close(self) -> None:
        pass


def task(
    source: Scripted, kafka: Kafka, cursor: Cursor | None = None, **more: Any
) -> tuple[Task, Counts]:
    ledger = Ledger("it", "x")
    made: Any = Task
    progress = Progress(cursor, until=1)
    more.setdefault("again", None)
    return made(source, progress, kafka, kafka, ledger, **more), ledger.counts


def of(source: Scripted, progress: Progress, kafka: Kafka, order: Backfill | None = None) -> Task:
    """What goes on from some progress, each of its readings with a message for the ledger."""
    made: Any = Task
    ledger = Ledger("it", "x")
    more = {"again": None, "order": order, "final": True}
    task: Task = made(source, progress, kafka, kafka, ledger, **more)
    return task


def test_a_cursor_follows_its_page() -> None:
    kafka = Kafka()
    pages = [
        Page([ITEM], {"at": 1}),
        Page([ITEM, ITEM], {"at": 2}, unchanged=3),
    ]
    made, counts = task(Scripted(pages), kafka)
    made.run()
    assert kafka.written == [("it", 1), ("it", {"at": 1}), ("it", 2), ("it", {"at": 2})]
    assert counts == Counts(received=6, published=3, unchanged=3)


def test_a_cursor_that_says_nothing_new_is_not_written() -> None:
    kafka = Kafka()
    made, _ = task(Scripted([Page([], {"at": 1})]), kafka, {"at": 1})
    made.run()
    assert kafka.written == [("it", 0)]


def test_a_source_may_change_the_cursor_it_is_given() -> None:
    class Careless(Scripted):
        def poll(self, cursor: Cursor | None) -> Iterator[Page]:
            cursor = {} if cursor is None else cursor
            cursor["at"] = cursor.get("at", 0) + 1
            yield Page([], cursor)

    kafka = Kafka()
    made, _ = task(Careless(), kafka, {"at": 1})
    made.run()
    made.run()
    assert [cursor for _, cursor in kafka.written if cursor] == [{"at": 2}, {"at": 3}]


def test_what_is_not_confirmed_does_not_move_the_cursor() -> None:
    kafka = Kafka()
    source = Scripted([Page([ITEM], {"at": 1})], [Page([ITEM], {"at": 1})])
    made, counts = task(source, kafka)
    kafka.away = True
    made.run()
    assert kafka.written == []
    assert counts.errors == 0
    made.run()
    assert source.cursors == [None, None]


def test_a_stopped_source_finishes_its_page_and_no_more() -> None:
    kafka = Kafka()
    source = Scripted()
    made, _ = task(source, kafka)

    def pages() -> Iterator[Page]:
        yield Page([ITEM], {"at": 1})
        made.stop()
        yield Page([ITEM], {"at": 2})
        yield Page([ITEM], {"at": 3})

    source.polls = [pages()]
    made.queue()
    assert not made.wait(0)
    made.run()
    assert made.wait(0)
    assert kafka.written[-1] == ("it", {"at": 2})
    assert source.closed_early
    made.run()
    assert kafka.written[-1] == ("it", {"at": 2}), "stopped is stopped"


def test_one_line_when_it_fails_and_one_when_it_works_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    failing = [SourceError("gone")]
    made, counts = task(Scripted(failing, list(failing), list(failing), []), Kafka())
    with caplog.at_level(logging.INFO):
        for _ in range(5):
            made.run()
    assert [record.message for record in caplog.records] == [
        "it: dark: SourceError: gone",
        "it: back after 0 s, 3 failures",
    ]
    assert counts.errors == 3
    assert not made.failed


def test_failures_wait_longer_and_longer_but_not_for_ever() -> None:
    made, _ = task(Scripted(*([SourceError("gone")] for _ in range(40))), Kafka())
    waits = []
    for _ in range(40):
        made.run()
        waits.append(made.due - time.monotonic())
    assert 9 < waits[0] < 12
    assert 18 < waits[1] < 23
    assert all(800 < wait < 1_000 for wait in waits[10:])


@pytest.mark.parametrize(
    ("error", "least", "most"),
    [
        (RateLimited("wait", 500), 499, 551),
        (SourceError("partly", 100), 99, 111),
        (RuntimeError("a fault"), 9, 12),
        (None, 99, 111),
    ],
)
def test_when_to_come_back(error: Exception | None, least: float, most: float) -> None:
    made, _ = task(Scripted([error] if error else []), Kafka())
    made.run()
    assert least < made.due - time.monotonic() < most
    assert made.failed == (error is not None)


def test_a_source_whose_host_is_busy_has_not_failed_and_stands_in_line_there() -> None:
    others = [Visit() for _ in range(AT_ONCE)]
    assert all(other.go("a") for other in others)
    called: list[Task] = []
    made, counts = task(Scripted([Busy("enough", "a")], []), Kafka(), again=called.append)
    since = made.due
    made.run()
    assert (made.failed, made.due, counts.errors) == (False, since, 0)
    assert (made.idle, made.free, called) == (True, False, []), "it is called, not asked"
    with others[0].under_way():
        pass
    assert called == [made]
    assert not others[0].go("a"), "the place is taken for it"
    made.run()
    assert made.due > since
    assert others[0].go("a"), "and given back"
    for other in others:
        with other.under_way():
            pass


def test_a_source_that_is_turned_away_again_and_again_fails_and_waits_for_its_interval() -> None:
    called: list[Task] = []
    always: list[list[Page | Exception]] = [[Busy("enough", "a")] for _ in range(4)]
    made, counts = task(Scripted(*always, []), Kafka(), again=called.append)
    for turn in range(1, 4):
        made.run()
        assert len(called) == turn
        assert not counts.errors
    made.run()
    assert (len(called), made.failed, counts.errors) == (3, True, 1)
    assert 99 < made.due - time.monotonic() < 111
    made.run()
    assert not made.failed


def test_a_source_that_is_stopped_in_line_gives_its_place_to_the_next() -> None:
    other = Visit()
    others = [Visit() for _ in range(AT_ONCE - 1)]
    assert all(each.go("a") for each in (other, *others))
    source = Scripted([Busy("enough", "a")], [])
    called: list[str] = []
    made, _ = task(source, Kafka(), again=lambda task: called.append(task.name))
    made.run()
    made.stop()
    following = Visit()
    following.stand_in_line("a", lambda: called.append("the next"))
    with other.under_way():
        pass
    assert called == ["it"]
    made.run()
    assert called == ["it", "the next"]
    assert len(source.cursors) == 1, "it is not read"
    for each in (following, *others):
        with each.under_way():
            pass


def test_a_source_that_has_been_read_is_dark_only_after_two_intervals(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = [SourceError("gone")]
    made, _ = task(Scripted([], list(failing), list(failing), list(failing)), Kafka())
    now = time.time()
    with caplog.at_level(logging.WARNING):
        made.run()
        for later in (100, 199):
            monkeypatch.setattr(time, "time", lambda later=later: now + later)
            made.run()
        assert caplog.records == [], "one poll that fails is nothing to get up for"
        monkeypatch.setattr(time, "time", lambda: now + 201)
        made.run()
    assert [record.message for record in caplog.records] == ["it: dark: SourceError: gone"]


def test_a_quiet_source_is_asked_less_often_until_it_has_something() -> None:
    quiet: list[list[Page]] = [[] for _ in range(9)]
    made, _ = task(Scripted(*quiet, [Page([ITEM], {"at": 1})]), Kafka())
    intervals = []
    for _ in range(10):
        made.run()
        intervals.append(made.interval)
    assert intervals[:2] == [100, 100]
    assert intervals[2:5] == [150, 225, pytest.approx(337.5)]
    assert intervals[8] == 400, "four times at most"
    assert intervals[9] == 100


def test_the_ledger_says_what_is_complete_from_the_last_success_on() -> None:
    kafka = Kafka()
    pages = [Page([ITEM], {"at": 1}, unchanged=2, gap=(5_000, 9_000), filtered={"old": 4})]
    made, _ = task(Scripted([RateLimited("wait", 30)], pages), kafka, final=True)
    made.run()
    made.run()
    failed, read = kafka.ledger
    assert (failed.polls, failed.errors, failed.limited_seconds) == (1, {"RateLimited": 1}, 30)
    assert failed.complete is None
    assert (failed.dark, read.dark) == (True, False), "it was last read in 1970"
    assert (read.items, read.new, read.known, read.filtered) == (7, 1, 2, {"old": 4})
    assert read.complete is not None
    assert read.complete.start.timestamp() == 0.001, "what the process before had read"
    assert time.time() - read.complete.end.timestamp() < 5
    assert read.gap is not None
    assert read.gap.end.timestamp() == 9


def test_an_order_to_read_again_is_begun_once_and_survives_its_agent() -> None:
    class Again(Scripted):
        def rewind(self, cursor: Cursor | None, since: datetime) -> Cursor:
            assert (cursor, since.year) == ({"at": 9}, 2026)
            return {"at": 0}

    kafka = Kafka()
    since = datetime(2026, 1, 1, tzinfo=UTC)
    order = Backfill("order-1", since)
    source = Again([SourceError("gone")])
    read = Progress({"at": 9}, until=int(time.time() * 1000))
    made = of(source, read, kafka, order)
    made.run()
    assert source.cursors == [{"at": 0}]
    assert kafka.progress.backfill == "order-1"

    # Another agent takes over in the middle of it.
    source = Again([Page([ITEM], {"at": 9})], [])
    made = of(source, kafka.progress, kafka, order)
    made.run()
    assert kafka.ledger[-1].complete is not None
    assert kafka.ledger[-1].complete.start == since, "a gap is closed"
    made.run()
    assert source.cursors == [{"at": 0}, {"at": 9}], "once"


class Further(Scripted):
    """A source that reads again."""

    def rewind(self, cursor: Cursor | None, since: datetime) -> Cursor:  # noqa: ARG002
        return {"at": 0}


def test_an_order_covers_what_an_outage_left_to_read() -> None:
    kafka = Kafka()
    order = Backfill("order-1", datetime.now(UTC) - timedelta(hours=1))
    made, _ = task(Further([]), kafka, {"at": 9}, order=order, final=True)
    made.run()
    assert kafka.ledger[-1].complete is not None
    assert kafka.ledger[-1].complete.start == instant(1), "it had been read until then"


def test_an_order_covers_what_the_one_before_it_left_to_read() -> None:
    kafka = Kafka()
    first = Backfill("order-1", datetime(1970, 1, 1, tzinfo=UTC))
    made, _ = task(Further([SourceError("gone")], []), kafka, {"at": 9}, order=first, final=True)
    made.run()
    made.order(Backfill("order-2", datetime.now(UTC) - timedelta(days=1)))
    made.run()
    assert kafka.progress.backfill == "order-2"
    assert kafka.ledger[-1].complete is not None
    assert kafka.ledger[-1].complete.start == first.since


HOUR = 3_600_000


def charted(kafka: Kafka) -> Row:
    now = datetime.now(UTC)
    (row,) = chart(kafka.ledger, Period(now - timedelta(hours=8), now, now, 8))
    return row


@pytest.mark.parametrize("taken_over", [False, True])
def test_a_gap_is_not_closed_by_the_poll_after_one_that_failed(*, taken_over: bool) -> None:
    kafka = Kafka()
    now = int(time.time() * 1000)
    gap = (now - 5 * HOUR, now - 3 * HOUR)
    source = Further([Page([ITEM], {"at": 1}, gap=gap), SourceError("503")], [], [], [])
    started = Progress({"at": 0}, until=now - 6 * HOUR)
    made = of(source, started, kafka)
    made.run()
    assert kafka.ledger[-1].complete is None
    assert kafka.progress.gaps == stretches([gap])
    if taken_over:
        made = of(source, kafka.progress, kafka)
    for _ in range(2):
        made.run()
        assert charted(kafka).gaps == list(stretches([gap]))
    assert kafka.progress.gaps == ()
    assert kafka.ledger[-1].gaps == (), "it is told once"
    made.order(Backfill("order-1", instant(now - 6 * HOUR)))
    made.run()
    assert charted(kafka).gaps == []


def test_an_order_takes_back_what_was_not_shown_since_its_moment() -> None:
    kafka = Kafka()
    now = int(time.time() * 1000)
    gap = (now - 5 * HOUR, now - 3 * HOUR)
    source = Further([Page([ITEM], {"at": 1}, gap=gap), SourceError("503")], [])
    made = of(source, Progress({"at": 0}, until=now - 6 * HOUR), kafka)
    made.run()
    made.order(Backfill("order-1", instant(now - 4 * HOUR)))
    made.run()
    assert kafka.ledger[-1].gaps == stretches([(now - 5 * HOUR, now - 4 * HOUR)])


def test_gaps_that_are_kept_are_bounded() -> None:
    kafka = Kafka()
    pages = [Page([], {"at": n}, gap=(n * 10, n * 10 + 1)) for n in range(GAPS + 5)]
    made = of(Further([*pages, SourceError("503")]), Progress(until=1), kafka)
    made.run()
    assert len(kafka.progress.gaps) == GAPS
    last = (GAPS + 4) * 10
    assert kafka.progress.gaps[-1:] == stretches([(last, last + 1)])


def test_a_source_that_cannot_read_again_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    order = Backfill("order-1", datetime(2026, 1, 1, tzinfo=UTC))
    made, _ = task(Scripted([], []), Kafka(), {"at": 9}, order=order)
    made.run()
    made.run()
    assert [record.message for record in caplog.records] == [
        "it: cannot read again what it has read"
    ]


class Stream(Scripted):
    """A source that listens."""

    streams = True
    ahead: ClassVar[Cursor] = {}
    """What its pages do not say yet."""

    def position(self) -> Cursor:
        return self.given | self.ahead


def test_a_reading_that_goes_on_says_how_far_it_is_and_keeps_its_cursor() -> None:
    kafka = Kafka()
    now = int(time.time() * 1000)
    pages: list[Page | Exception] = [
        Page([ITEM], {"at": 1}),
        Page([], {"at": 1}, until=now),
        Page([ITEM], {"at": 2}, until=now + 1),
        SourceError("broken", 3),
    ]
    made, counts = task(Stream(pages), kafka)
    assert made.streams
    kafka.progress = Progress({"at": 0}, until=5)
    ledger = made._ledger
    ledger._length = 0.0  # every claim is worth a message
    made.run()
    assert [m.complete and m.complete.end for m in kafka.ledger][:2] == [
        datetime.fromtimestamp(now / 1000, UTC),
        datetime.fromtimestamp((now + 1) / 1000, UTC),
    ]
    assert ("it", {"at": 2}) in kafka.written
    assert counts.errors == 1
    assert made.failed
    assert 2 < made.due - time.monotonic() < 4


def test_a_reading_that_goes_on_is_left_when_it_is_stopped() -> None:
    kafka = Kafka()
    source = Stream([Page([], {"at": n}, until=1) for n in range(100)])
    made, _ = task(source, kafka)
    taken = kafka.write

    def write(name: str, progress: Progress) -> None:
        taken(name, progress)
        if progress.cursor == {"at": 3}:
            made.stop()

    kafka.write = write  # type: ignore[method-assign]
    made.run()
    assert kafka.progress.cursor == {"at": 3}
    assert source.closed_early
    assert made.idle


def test_a_reading_that_is_given_up_in_order_leaves_nothing_to_be_repeated() -> None:
    class Lagging(Stream):
        ahead: ClassVar[Cursor] = {"heard": 7}

    kafka = Kafka()
    made, _ = task(Lagging([Page([ITEM], {"at": 1}) for _ in range(100)]), kafka)
    published = kafka.publish

    def publish(items: Sequence[Item], source: str, *, undated: bool) -> Tally:
        if len(kafka.written) > 3:
            made.stop()
        return published(items, source, undated=undated)

    kafka.publish = publish  # type: ignore[method-assign]
    made.run()
    assert kafka.written[-2:] == [("it", 1), ("it", {"at": 1, "heard": 7})]
    assert {"at": 1, "heard": 7} not in [cursor for _, cursor in kafka.written[:-1]]


def test_an_order_interrupts_a_reading_that_goes_on() -> None:
    class Long(Stream):
        def rewind(self, cursor: Cursor | None, since: datetime) -> Cursor:  # noqa: ARG002
            return {"back": 1}

    kafka = Kafka()
    order = Backfill("1", datetime.now(UTC))
    made, _ = task(Long([Page([], {"at": 1}), Page([], {"at": 2})], []), kafka)
    taken = kafka.write

    def write(name: str, progress: Progress) -> None:
        taken(name, progress)
        made.order(order)

    kafka.write = write  # type: ignore[method-assign]
    made.run()
    assert kafka.progress.cursor == {"at": 1}
    assert made.due <= time.monotonic(), "the order is followed at once"
    made.run()
    assert {"back": 1} in [cursor for _, cursor in kafka.written]


def test_read_once_it_ends_when_it_has_caught_up() -> None:
    later = int(time.time() * 1000) + 60_000
    pages = [
        Page([ITEM], {"at": 1}, until=1),
        Page([ITEM], {"at": 2}, until=later),
        Page([ITEM], {"at": 3}, until=later),
    ]
    kafka = Kafka()
    made, _ = task(Stream(pages), kafka, final=True)
    assert not made.streams
    made.run()
    assert kafka.progress.cursor == {"at": 2}
    assert not made.failed
    assert len(kafka.ledger) == 1
