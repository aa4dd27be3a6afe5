"""A process of agents: how it ends, and how it says that its sources are, over changes of them."""

import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import REGISTRY

from agents.errors import SourceError
from agents.publisher import Tally
from agents.runner import Agent, Places
from agents.source import Item, Page
from agents.testing import Answer, Loopback, Request
from agents.threads import ALL, KEPT
from agents.turning import Turning
from agents.visits import AT_ONCE
from schemas.cursor import Progress
from schemas.sources import Backfill, SourceEntry
from tests.support.proxy import Proxy

FEED = Answer(b"<rss version='2.0'><channel><title>t</title></channel></rss>")
NOBODY = "127.0.0.1:1"
AGENT = """
import sys
from agents import runner, turning
turning.STOP_WITHIN = 0.5
sys.exit(runner.run([], {"bootstrap_servers": sys.argv[1]}))
"""


def test_an_agent_ends_in_time_although_kafka_says_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as kafka, Proxy(*kafka.getsockname()) as wire:
        wire.silence()
        command = [sys.executable, "-c", AGENT, f"127.0.0.1:{wire.port}"]
        with subprocess.Popen(command) as process:
            while not wire.connections:
                assert process.poll() is None
                time.sleep(0.05)
            process.send_signal(signal.SIGTERM)
            assert process.wait(5) == 75, "Kafka's own time is ten seconds"


class Group:
    """Membership and cursors, as far as taking over a source needs them."""

    partitions = 1

    def __init__(self) -> None:
        self.known: dict[str, Progress] = {}

    def read(self, partitions: object = None) -> dict[str, Progress]:  # noqa: ARG002
        return self.known

    def write(self, name: str, progress: Progress) -> None:
        self.known[name] = progress


@pytest.fixture
def group() -> Group:
    return Group()


@pytest.fixture
def agent(group: Group, monkeypatch: pytest.MonkeyPatch) -> Agent:
    kafka = {"bootstrap_servers": NOBODY}
    agent = Agent([], kafka, Places(), Turning(60, NOBODY))
    monkeypatch.setattr(agent, "_ownership", group)
    monkeypatch.setattr(agent, "_cursors", group)
    return agent


def entry(folder: Path, **options: Any) -> SourceEntry:
    table = {"type": "files", "paths": [f"{folder}/*.jsonl"], **options}
    return SourceEntry(origin="file", table=table)


def gauge(name: str, source: str) -> float | None:
    return REGISTRY.get_sample_value(f"mentions_source_{name}", {"source": source})


def turn(agent: Agent, entries: dict[str, SourceEntry], owned: set[int]) -> None:
    """What the loop of an agent does once, without reading."""
    agent._change(entries)
    agent._adopt(owned)
    agent._listen()


def test_a_dark_source_stays_dark_over_a_change_of_its_table(agent: Agent, tmp_path: Path) -> None:
    turn(agent, {"gloomy": entry(tmp_path)}, {0})
    assert gauge("dark", "gloomy") == 0
    ledger = agent.ledgers["gloomy"]
    ledger.succeeded((0, 5_000))
    ledger._succeeded_at = time.time() - 1_000
    ledger.failed(SourceError("no"), expected=60)
    assert gauge("dark", "gloomy") == 1

    turn(agent, {"gloomy": entry(tmp_path, every=77)}, {0})
    assert gauge("dark", "gloomy") == 0, "a change may have mended it"
    assert gauge("complete_timestamp_seconds", "gloomy") == 5
    assert agent.health().dark == ()
    ledger.failed(SourceError("no"), expected=60)
    assert gauge("dark", "gloomy") == 1
    assert agent.health().dark == ("gloomy",)


def test_a_source_that_comes_back_is_as_its_cursor_says(
    agent: Agent, group: Group, tmp_path: Path
) -> None:
    entries = {"moved": entry(tmp_path)}
    turn(agent, entries, {0})
    agent.ledgers["moved"].failed(SourceError("no"), expected=60)
    assert gauge("dark", "moved") == 1
    turn(agent, entries, set())
    assert gauge("dark", "moved") is None, "another process says it"
    now = int(time.time())
    group.known["moved"] = Progress(until=now * 1000)
    turn(agent, entries, {0})
    assert gauge("dark", "moved") == 0
    assert gauge("complete_timestamp_seconds", "moved") == now
    agent.ledgers["moved"].failed(SourceError("no"), expected=60)
    assert gauge("dark", "moved") == 0, "the other read it a moment ago"


def test_a_source_whose_polls_do_not_end_is_dark_and_one_that_gives_pages_is_not(
    agent: Agent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    turn(agent, {"hangs": entry(tmp_path), "reads": entry(tmp_path)}, {0})
    start = time.time()
    monkeypatch.setattr(time, "time", lambda: start + 10_000)
    agent.ledgers["reads"].page(Page([], {}), Tally())
    for _ in range(2):
        agent._look_at = 0.0
        agent._look()
    assert agent.health().dark == ("hangs",)
    assert (gauge("dark", "hangs"), gauge("dark", "reads")) == (1, 0)
    assert [record.message.partition(" for")[0] for record in caplog.records] == [
        "hangs: dark: nothing"
    ]


def test_a_listener_that_is_gone_says_nothing_more(
    agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PUSH_TOKEN", "geheim")
    table = {"type": "push", "listen": "127.0.0.1:0", "token": "env:PUSH_TOKEN"}
    agent._change({"heard": SourceEntry(origin="file", table=table)})
    listening = agent._listening["heard"]
    listening.start()
    agent.ledgers["heard"].succeeded((0, 5_000))
    assert gauge("dark", "heard") == 0
    agent._change({})
    assert gauge("dark", "heard") is None
    listening.report()  # was on its way
    assert gauge("dark", "heard") is None


class Taken:
    """A publisher to whom everything is confirmed at once."""

    def adopt(self, names: object) -> None:
        """Nothing to remember."""

    def publish(self, items: Sequence[Item], source: str, *, undated: bool) -> Tally:  # noqa: ARG002
        return Tally(published=len(items))

    def cover(self, ledger: object) -> None:
        """Nothing to write."""


@pytest.fixture
def working(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> Iterator[Agent]:
    """With all its threads, and without Kafka."""
    monkeypatch.setattr(agent, "_publisher", Taken())
    agent._threads.start()
    yield agent
    for task in agent._tasks.values():
        task.stop()
        assert task.wait(5)
        task.source.close()
    agent._threads.close()


def handing_out(agent: Agent, enough: Callable[[], bool]) -> bool:
    """Hand out what is due until it is enough; whether that is in time."""
    deadline = time.monotonic() + 10
    while not enough() and time.monotonic() < deadline:
        agent._hand_out()
        time.sleep(0.02)
    return enough()


def reading(url: str, **options: Any) -> SourceEntry:
    http = {"allow_private": True, "timeout": 20, "per_second": 1_000}
    table = {"type": "feeds", "urls": [url], "http": http, **options}
    return SourceEntry(origin="file", table=table)


def test_a_host_that_hangs_does_not_hold_up_the_sources_of_others(working: Agent) -> None:
    goes_on = threading.Event()

    def hangs(_: Request) -> Answer:
        goes_on.wait(20)
        return FEED

    with Loopback() as slow, Loopback() as quick:
        slow.handler = hangs
        quick.answers["/feed"] = FEED
        entries = {f"slow-{n}": reading(f"{slow.url}/{n}") for n in range(100)}
        entries["quick"] = reading(quick.url + "/feed", every=0.2, quiet=1)
        turn(working, entries, {0})
        # Until all that can be handed out is: those that hang, and those before them in line.
        assert handing_out(working, lambda: len(quick.requests) >= 10)
        assert not goes_on.is_set()
        held = [task for task in working._tasks.values() if not task.idle and task.name != "quick"]
        assert len(held) == AT_ONCE
        assert not [name for name in entries if working.ledgers[name].counts.errors]
        goes_on.set()
        paths = {f"/{n}" for n in range(100)}
        assert handing_out(working, lambda: {r.path for r in slow.requests} >= paths)
        assert not [name for name in entries if working.ledgers[name].counts.errors]


def test_many_host_names_of_one_server_that_hangs_do_not_hold_up_what_works(
    working: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolved = socket.getaddrinfo
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, *args, **more: resolved(
            "127.0.0.1" if str(host).endswith(".test") else host, *args, **more
        ),
    )
    goes_on = threading.Event()

    def hangs(_: Request) -> Answer:
        goes_on.wait(20)
        return FEED

    with Loopback() as dead, Loopback() as quick:
        dead.handler = hangs
        quick.answers["/feed"] = FEED
        port = dead.url.rpartition(":")[2]
        entries = {"quick": reading(quick.url + "/feed", every=0.2, quiet=1)}
        turn(working, entries, {0})
        assert handing_out(working, lambda: bool(quick.requests))
        entries |= {f"dead-{n}": reading(f"http://{n}.test:{port}/") for n in range(50)}
        turn(working, entries, {0})
        assert handing_out(working, lambda: len(dead.requests) >= ALL - KEPT)
        before = len(quick.requests)
        assert handing_out(working, lambda: len(quick.requests) >= before + 10)
        assert not goes_on.is_set()
        assert len(dead.requests) == ALL - KEPT
        # It lives again: what was in line is read, and from then on is as good as any other.
        goes_on.set()
        names = {f"{n}.test:{port}" for n in range(50)}
        assert handing_out(working, lambda: {r.headers["host"] for r in dead.requests} >= names)
        assert handing_out(working, lambda: not any(t.doubtful for t in working._tasks.values()))


def test_a_source_that_cannot_be_made_fails_in_the_ledger_until_it_is_mended(
    agent: Agent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MAIL_PASSWORD", raising=False)
    mail = {"type": "mail", "server": "a", "user": "b", "password": "env:MAIL_PASSWORD"}
    wrong = {
        "keyless": SourceEntry(table=mail),
        "misspelt": SourceEntry(table={"type": "fiels"}),
        "odd": entry(tmp_path, paths=[], every="often"),
        "push": SourceEntry(table={"type": "push", "every": 30}),
    }
    turn(agent, wrong, {0})
    for name in wrong:
        agent._tasks[name].run()
    said = [agent.ledgers[name].take(1) for name in wrong]
    assert [one.errors for one in said] == [{"SourceConfigError": 1}] * 4
    assert [one.kind for one in said] == ["mail", "fiels", "files", "push"]
    assert not any(one.complete for one in said)
    assert agent.health().dark == tuple(wrong)
    assert agent._tasks["push"].interval == 30

    turn(agent, {"misspelt": entry(tmp_path)}, {0})
    assert agent.ledgers["misspelt"].take(1).kind == "files"


def test_an_order_waits_for_a_source_that_cannot_be_made(agent: Agent, group: Group) -> None:
    order = Backfill("o1", datetime(2026, 1, 5, tzinfo=UTC))
    group.known["misspelt"] = Progress({"at": 1}, until=5_000)
    turn(agent, {"misspelt": SourceEntry(table={"type": "fiels"}, backfill=order)}, {0})
    task = agent._tasks["misspelt"]
    task.run()  # which would fail if it wrote a cursor: nobody takes one here
    assert task._ordered
    assert task.failed
