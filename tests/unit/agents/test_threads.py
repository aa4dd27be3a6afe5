"""The threads that sources share: in the order of coming, and some for what is not doubtful."""

import threading
import time
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from agents.threads import ALL, KEPT, Threads


@pytest.fixture
def threads() -> Iterator[Threads]:
    made = Threads()
    yield made
    made.close()


def within(seconds: float, enough: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while not enough() and time.monotonic() < deadline:
        time.sleep(0.01)
    return enough()


def test_what_is_doubtful_cannot_hold_all_threads(threads: Threads) -> None:
    goes_on, held = threading.Event(), threading.Semaphore(0)
    begun: list[str] = []

    def hang(name: str) -> Callable[[], None]:
        def job() -> None:
            begun.append(name)
            held.release()
            goes_on.wait(20)

        return job

    for number in range(50):
        threads.put(hang(f"doubtful {number}"), doubtful=True)
    threads.start()
    for _ in range(ALL - KEPT):
        assert held.acquire(timeout=5)
    done = threading.Event()
    threads.put(done.set)
    assert done.wait(5)
    assert len(begun) == ALL - KEPT
    for _ in range(KEPT):
        threads.put(hang("sure"))
        assert held.acquire(timeout=5), "all threads are for what is sure"
    goes_on.set()
    assert within(5, lambda: len(begun) == 50 + KEPT)


def test_who_comes_first_is_first_whether_or_not_it_is_doubtful(
    threads: Threads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agents.threads.ALL", 1)
    monkeypatch.setattr("agents.threads.KEPT", 0)
    done: list[int] = []
    for number in range(20):
        threads.put(partial(done.append, number), doubtful=number % 3 == 0)
    threads.start()
    assert within(5, lambda: len(done) == 20)
    assert done == list(range(20))


def test_who_is_called_comes_first_and_a_fault_ends_no_thread(
    threads: Threads, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("agents.threads.ALL", 1)
    monkeypatch.setattr("agents.threads.KEPT", 0)
    done: list[str] = []

    def broken() -> None:
        msg = "a plugin's"
        raise RuntimeError(msg)

    threads.put(broken)
    threads.put(lambda: done.append("due"))
    threads.put(lambda: done.append("called, and doubtful"), doubtful=True, at_once=True)
    threads.put(lambda: done.append("called"), at_once=True)
    threads.start()
    assert within(5, lambda: len(done) == 3)
    assert done == ["called", "called, and doubtful", "due"]
    assert [record.message for record in caplog.records] == ["a fault in a source"]


def test_after_the_end_nothing_more_is_done(threads: Threads) -> None:
    before = threading.active_count()
    threads.start()
    threads.close()
    assert within(5, lambda: threading.active_count() <= before)
    done: list[bool] = []
    threads.put(lambda: done.append(True))
    time.sleep(0.05)
    assert not done
