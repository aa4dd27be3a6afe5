import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pytest

from agents.errors import RateLimited, SourceError, Unconfirmed
from agents.publisher import Tally
from agents.source import Cursor, Item, Page, Refused, SourceConfig
from agents.task import Counts, Task

ITEM = Refused("a", b"a", "Odd", "odd")


class Kafka:
    """Publisher and cursors in one, noting the order of what is written."""

    def __init__(self) -> None:
        self.written: list[Any] = []
        self.away = False

    def publish(self, items: Sequence[Item], source: str) -> Tally:
        if self.away:
            msg = "stopping"
            raise Unconfirmed(msg)
        self.written.append((source, len(items)))
        return Tally(published=len(items))

    def write(self, name: str, cursor: Cursor) -> None:
        self.written.append((name, cursor))


class Scripted:
    """A source whose polls are scripted: pages, and errors among them."""

    def __init__(self, *polls: Iterable[Page | Exception]) -> None:
        self.config = SourceConfig(type="x", name="it", every=100)
        self.polls = list(polls)
        self.cursors: list[Cursor | None] = []
        self.closed_early = False

    def poll(self, cursor: Cursor | None) -> Iterator[Page]:
        self.cursors.append(cursor)
        try:
            for page in self.polls.pop(0) if self.polls else []:
                if isinstance(page, Exception):
                    raise page
                yield page
        except GeneratorExit:
            self.closed_early = True
            raise

    def close(self) -> None:
        pass


def task(source: Scripted, kafka: Kafka, cursor: Cursor | None = None) -> tuple[Task, Counts]:
    counts = Counts()
    made: Any = Task
    return made(source, cursor, kafka, kafka, counts), counts


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
        "it: SourceError: gone",
        "it: works again after 3 failures",
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
