"""Agents on a real Kafka: killed in mid-page, sharing, taking over, and what the ledger says."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from pathlib import Path

import pytest

from agents.ownership import Ownership
from agents.testing import Answer, Loopback, Request
from schemas import topics
from tests.support.installation import Installation

POSTS = 1_500
SECONDS_TO_TAKE_OVER = 15


class Search:
    """Hacker News' search with a long past; slow, so that an agent can be killed in mid-page."""

    def __init__(self, web: Loopback) -> None:
        self.web = web
        self.pause = 0.15
        self.newest = int((datetime.now(UTC) - timedelta(hours=1)).timestamp())
        self.asked: list[tuple[float, str]] = []
        self.shown: list[list[int]] = []  # the numbers of a page's posts
        self.posts, self.page = POSTS, 50
        web.handler = self.answer

    def answer(self, request: Request) -> Answer | None:
        if request.where.startswith("/items/"):
            return Answer.json(self.hit(int(request.where.rpartition("/")[2])))
        self.asked.append((time.monotonic(), request.query["query"]))
        low, high = self.wanted(request)
        time.sleep(self.pause)
        first = max(self.newest - high, 0)
        last = min(first + self.page, self.posts)
        numbers = [n for n in range(first, last) if self.at(n) >= low]
        self.shown.append(numbers)
        return Answer.json({"hits": [self.hit(n) for n in numbers]})

    def wanted(self, request: Request) -> tuple[int, int]:
        """From and to, in seconds since 1970."""
        low, high = 0, self.newest
        for condition in request.query["numericFilters"].split(","):
            name, _, value = condition.partition("=")
            low, high = (int(value), high) if name.endswith(">") else (low, int(value))
        return low, high

    def at(self, number: int) -> int:
        return self.newest - number

    def hit(self, number: int) -> dict[str, object]:
        text = f"Nummer {number}"
        return {"objectID": str(number), "created_at_i": self.at(number), "comment_text": text}

    def table(self, name: str) -> str:
        return f"""
[[sources]]
type = "hackernews"
name = "{name}"
queries = ["{name}"]
api = "{self.web.url}"
page = {self.page}
every = 1
recheck_for = 0
http = {{ allow_private = true, per_second = 1000 }}
"""


class Flow(Search):
    """The same with a query for each source, to all of which is posted all the time."""

    sources = 8
    a_second = 2  # posts of each

    def __init__(self, web: Loopback) -> None:
        super().__init__(web)
        self.began = int(time.time())
        self.over: int | None = None

    def answer(self, request: Request) -> Answer | None:
        source = int(request.query["query"].removeprefix("s"))
        self.asked.append((time.monotonic(), request.query["query"]))
        low, high = self.wanted(request)
        posts = [n for n in range(source, self.there(), self.sources) if low <= self.at(n) <= high]
        return Answer.json({"hits": [self.hit(n) for n in posts[::-1][: self.page]]})

    def there(self) -> int:
        """How many posts there are by now."""
        seconds = (self.over or int(time.time())) - self.began
        return seconds * self.a_second * self.sources

    def at(self, number: int) -> int:
        return self.began + number // (self.a_second * self.sources)


@pytest.fixture
def search() -> Iterator[Search]:
    with Loopback() as web:
        yield Search(web)


def test_agents_killed_in_mid_page_lose_nothing_and_the_ledger_knows(
    installation: Installation, search: Search
) -> None:
    installation.configure(search.table("it"))
    worker = installation.start("worker", "--stages", "enrich,index,record")
    for pages in (3, 4, 5):
        before = len(search.asked)
        agent = installation.start("agent")
        wanted = before + pages
        installation.wait(lambda wanted=wanted: len(search.asked) >= wanted, "some pages")  # type: ignore[misc]
        installation.kill(agent)
    assert len(search.asked) < POSTS / 50, "everything was read before the last kill"
    agent = installation.start("agent")
    installation.wait(lambda: installation.count() >= POSTS, "every post in the index")
    documents = installation.documents()
    assert sorted(documents) == sorted(f"hackernews:{number}" for number in range(POSTS))
    # Where the killed ones had been was read on from, not from the beginning.
    until_the_oldest = takewhile(lambda page: POSTS - 1 not in page, search.shown)
    assert sum(map(len, until_the_oldest)) < 2 * POSTS
    assert installation.tail("dead") == []

    installation.stop(agent)
    installation.wait(lambda: bool(rows(installation)), "the ledger in the index")
    (row,) = rows(installation)
    assert row["source"] == "it"
    assert not row["gaps"]

    # An order: everything again, on the same topics as data; nothing is there twice after it.
    listed = installation.run("sources", "list", "--json").stdout
    assert json.loads(listed)["origin"] == "file"
    installation.run("sources", "backfill", "it", "--since", "2d")
    agent = installation.start("agent")
    before = len(search.asked)
    installation.wait(lambda: len(search.asked) > before + POSTS / 50, "all pages again")
    installation.stop(agent)
    assert installation.count() == POSTS
    complete = [m["complete"] for m in ledger(installation) if "complete" in m]
    oldest = min(datetime.fromisoformat(stretch["start"]) for stretch in complete)
    assert datetime.now(UTC) - oldest > timedelta(days=1.9)
    assert installation.stop(worker) == 0


@pytest.mark.alone
def test_agents_share_take_over_and_follow_orders(
    installation: Installation, search: Search
) -> None:
    names = [f"s{number}" for number in range(24)]
    search.pause = 0
    search.newest -= 86_400 * 30  # nothing to read: only who asks matters
    installation.configure("".join(search.table(name) for name in names))

    first = installation.start("agent")
    second = installation.start("agent")
    installation.wait(lambda: recently(search, 5) == set(names), "all sources being read")
    time.sleep(3)  # the second has joined: the sources move
    installation.wait(lambda: recently(search, 5) == set(names), "all sources being read by both")

    # kill -9: whatever the first had is read again within 15 s.
    installation.kill(first)
    killed = time.monotonic()
    installation.wait(lambda: since(search, killed + 1) == set(names), "the others' sources")
    taken = time.monotonic() - killed
    assert taken < SECONDS_TO_TAKE_OVER, f"took {taken:.1f} s"

    # Orders reach a running agent.
    installation.run("sources", "pause", "s0")
    time.sleep(3)
    paused = time.monotonic()
    time.sleep(5)
    assert "s0" not in since(search, paused)
    assert "s1" in since(search, paused)
    installation.run("sources", "resume", "s0")
    installation.wait(lambda: "s0" in recently(search, 2), "s0 again")
    lines = search.table("extra").replace("[[sources]]", "")
    installation.run("sources", "add", "-", stdin=lines)
    installation.wait(lambda: "extra" in recently(search, 2), "the source that was added")
    shown = installation.run("sources", "test", "extra", "--json").stdout
    assert shown == ""
    installation.run("sources", "remove", "extra")
    refused = installation.run("sources", "remove", "s1", code=1)
    assert "mentions.toml" in refused.stderr
    assert installation.stop(second) == 0


@pytest.mark.alone
def test_what_is_said_while_one_agent_of_two_dies_is_indexed_once(
    installation: Installation,
) -> None:
    with Loopback() as web:
        flow = Flow(web)
        flow.newest = flow.began + 3_600  # the end of what a question without one asks for
        names = [f"s{number}" for number in range(flow.sources)]
        installation.configure("".join(flow.table(name) for name in names))
        worker = installation.start("worker", "--stages", "enrich,index")
        agents = [installation.start("agent") for _ in range(2)]
        installation.wait(lambda: recently(flow, 5) == set(names), "all sources being read")
        time.sleep(5)  # both have joined, and posts of all sources are under way
        installation.kill(agents[0])
        killed = time.monotonic()
        installation.wait(lambda: since(flow, killed + 1) == set(names), "the other's sources")
        assert time.monotonic() - killed < SECONDS_TO_TAKE_OVER
        flow.over = int(time.time())
        posts = flow.there()
        installation.wait(lambda: installation.count() >= posts, "every post in the index")
        documents = installation.documents()  # which fails where one is there twice
        assert sorted(documents) == sorted(f"hackernews:{number}" for number in range(posts))
        assert installation.tail("dead") == []
        assert installation.stop(agents[1]) == 0
        assert installation.stop(worker) == 0


def test_whoever_is_alone_owns_everything_from_the_first_rebalance(
    installation: Installation, caplog: pytest.LogCaptureFixture
) -> None:
    kafka = installation.settings.kafka
    topic = kafka.topic(topics.CURSORS)
    for number in range(6):
        group = f"{installation.alias}-alone-{number}"
        ownership = Ownership(kafka.kafka_python(), topic, group, lambda _: None)
        deadline = time.monotonic() + 20
        while not (owned := ownership.poll(0.1)) and time.monotonic() < deadline:
            pass
        ownership.close()
        assert owned == set(range(ownership.partitions)) != set()
    # A leader that did not know the topic: whether it ever noticed was a matter of chance.
    assert "No partition metadata" not in caplog.text


def test_a_hundred_thousand_posts_are_published_as_they_are_read(
    installation: Installation, search: Search
) -> None:
    search.posts, search.page, search.pause = 100_000, 1_000, 0
    installation.configure(search.table("it"))
    agent = installation.start("agent", "--once")
    status = Path(f"/proc/{agent.pid}/status")
    settled = grown = 0
    while agent.poll() is None:
        said = status.read_text(encoding="ascii").partition("VmRSS:")[2].split()
        now = int(said[0]) if said else 0
        if len(search.asked) >= 20:
            settled = settled or now
            grown = max(grown, now - settled)
        time.sleep(0.1)
    assert agent.returncode == 0, installation.log(agent)
    lines = installation.run("topics", "describe", "--json").stdout.splitlines()
    topics = {topic["name"]: topic for topic in map(json.loads, lines)}
    assert topics[f"{installation.alias}.mentions.raw"]["messages"] == 100_000
    assert settled
    assert grown < 60_000, f"{grown} kB more than after 20,000 posts"


def test_what_was_read_once_is_in_the_ledger(installation: Installation) -> None:
    row = '{"id": "1", "text": "Der Bus kommt"}\n'
    (installation.folder / "some.jsonl").write_text(row, "utf-8")
    table = ['[[sources]]\ntype = "files"\nname = "some"', 'paths = ["some.jsonl"]']
    installation.configure("\n".join([*table, 'defaults = { channel = "forum" }', ""]))
    installation.run("agent", "--once")
    # Complete since the very moment: what a file held before is not asked by time.
    (said,) = ledger(installation)
    assert said["complete"]["start"] == said["complete"]["end"]
    worker = installation.start("worker", "--stages", "record")
    installation.wait(lambda: bool(rows(installation)), "the ledger in the index")
    assert rows(installation)[0]["complete_until"]
    assert "some" in installation.run("coverage").stdout
    assert installation.stop(worker) == 0


def recently(search: Search, seconds: float) -> set[str]:
    return since(search, time.monotonic() - seconds)


def since(search: Search, moment: float) -> set[str]:
    return {name for at, name in list(search.asked) if at >= moment}


def rows(installation: Installation) -> list[dict[str, object]]:
    return [row for row in installation.look("coverage") if row["polls"]]


def ledger(installation: Installation) -> list[dict[str, dict[str, str]]]:
    return [message["value"] for message in installation.tail("coverage")]
