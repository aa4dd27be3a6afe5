import threading
import time
from collections.abc import Callable

import pytest

from agents import stream as module
from agents.errors import RateLimited, SourceError, Unreadable
from agents.stream import Event, Line, Stream


def reader(*events: Event, then: Callable[[], object] = lambda: None) -> Callable[[Line], None]:
    def read(line: Line) -> None:
        line.opened(lambda: None)
        for event in events:
            line.put(event, position=event.key)
        then()

    return read


def test_what_came_before_the_end_is_taken_before_the_end_is_said() -> None:
    with Stream({"a": reader(Event("1"), Event("2"))}, {}) as stream:
        stream.wait(1)
        deadline = time.monotonic() + 5
        while stream._error is None and time.monotonic() < deadline:
            time.sleep(0.01)
        assert [event.key for event in stream.take(0).events] == ["1", "2"]
        with pytest.raises(SourceError, match="a has ended"):
            stream.take(0)


def test_positions_go_with_the_events_they_follow() -> None:
    go = threading.Event()
    lines = {"a": reader(Event("1"), then=lambda: go.wait(5))}
    with Stream(lines, {"a": "0", "gone": "9"}) as stream:
        assert stream.take(0).positions in ({"a": "0"}, {"a": "1"})
        while (taken := stream.take(0.1)).positions != {"a": "1"}:
            assert taken.positions == {"a": "0"}
        go.set()


def test_a_full_buffer_holds_up_the_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BUFFERED", 10)
    written: list[int] = []

    def read(line: Line) -> None:
        line.opened(lambda: None)
        for number in range(1_000):
            line.put(Event(str(number)))
            written.append(number)

    with Stream({"a": read}, {}) as stream:
        stream.wait(1)
        time.sleep(0.2)
        assert len(written) == 10
        assert len(stream.take(0).events) == 10
        time.sleep(0.1)
        assert len(written) == 20


def test_closing_frees_a_reader_that_is_held_up_and_hangs_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_BUFFERED", 1)
    closed, ended = threading.Event(), threading.Event()

    def read(line: Line) -> None:
        line.opened(closed.set)
        try:
            while True:
                line.put(Event("1"))
        finally:
            ended.set()

    with Stream({"a": read}, {}) as stream:
        stream.wait(1)
    assert closed.is_set()
    assert ended.wait(2)


def test_whoever_connects_too_late_is_hung_up_on() -> None:
    go, closed = threading.Event(), threading.Event()

    def read(line: Line) -> None:
        go.wait(5)
        line.opened(closed.set)

    with Stream({"a": read}, {}):
        pass
    go.set()
    assert closed.wait(2)


def test_all_lines_have_to_open_and_the_first_that_ends_is_the_end() -> None:
    forever = threading.Event()
    lines = {"a": reader(then=lambda: forever.wait(5)), "b": lambda _: None}
    with Stream(lines, {}) as stream:
        stream.wait(1)
        assert not stream.open
        with pytest.raises(SourceError, match="b has ended"):
            stream.take(1)
        forever.set()


def test_a_line_that_does_not_open_is_said() -> None:
    never = threading.Event()

    def wait(_: Line) -> None:
        never.wait(5)

    with Stream({"a": wait}, {}) as stream:
        stream.wait(0.05)
        with pytest.raises(SourceError, match="not open within"):
            stream.take(1)
        never.set()


def test_errors_of_sources_pass_and_others_are_named() -> None:
    def wait(_: Line) -> None:
        msg = "später"
        raise RateLimited(msg, 7)

    with Stream({"a": wait}, {}) as stream, pytest.raises(RateLimited) as limited:
        stream.take(1)
    assert limited.value.seconds == 7

    def broken(_: Line) -> None:
        raise KeyError("id")

    with Stream({"a": broken}, {}) as stream, pytest.raises(Unreadable, match="KeyError: 'id'"):
        stream.take(1)
