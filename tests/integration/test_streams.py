"""Agents that listen, on a real Kafka: a stand-by that doubles nothing, and takes over."""

import json
import time
from collections.abc import Iterator

import pytest

from agents.testing import Answer, Loopback, Request, Said, StreamPlatform
from tests.support.installation import Installation

SECONDS_TO_TAKE_OVER = 15


class Server(StreamPlatform):
    """A Mastodon server; each agent has a token of its own, so that we know who asks."""

    kind = "mastodon"

    def table(self) -> dict[str, object]:
        raise NotImplementedError

    def is_stream(self, request: Request) -> bool:
        return request.where == "/api/v1/streaming/hashtag"

    def is_listing(self, request: Request) -> bool:
        return request.where.startswith("/api/v1/timelines/tag/")

    def answer(self, request: Request) -> Answer | None:
        if request.where.rstrip("/") == "/api/v2/instance":
            urls = {"urls": {"streaming": self.web.url.replace("http", "ws")}}
            return Answer.json({"domain": "social.example", "configuration": urls})
        if not self.is_listing(request):
            return None
        before = int(request.query.get("max_id", 1 << 40))
        return Answer.json([self.status(s) for s in self.there if s.number < before][:40])

    def event(self, said: Said) -> bytes:
        return f"event: update\ndata: {json.dumps(self.status(said))}\n\n".encode()

    def sign(self) -> bytes:
        return b":thump\n"

    def status(self, said: Said) -> dict[str, object]:
        return {
            "id": str(said.number),
            "created_at": said.at.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
            "uri": f"https://social.example/{said.number}",
            "content": f"<p>{said.text}</p>",
            "account": {"acct": "ada@social.example", "url": "https://social.example/@ada"},
        }

    def listeners(self) -> list[str]:
        """Who has asked for the stream, in order."""
        return [r.headers["authorization"] for r in self.web.requests if self.is_stream(r)]


@pytest.fixture
def server() -> Iterator[Server]:
    with Loopback() as web:
        yield Server(web)


@pytest.mark.alone
def test_a_stand_by_doubles_nothing_and_takes_over(
    installation: Installation, server: Server
) -> None:
    installation.configure(
        f"""
[[sources]]
type = "mastodon"
name = "it"
server = "{server.web.url}"
hashtags = ["Nordwind"]
token = "env:LISTENER"
stream = true
every = 600
recheck_for = 0
http = {{ allow_private = true, per_second = 1000 }}
"""
    )
    worker = installation.start("worker", "--stages", "enrich,index,record")
    agents = {}
    for name in ("one", "two"):
        installation.env["LISTENER"] = name
        agents[f"Bearer {name}"] = installation.start("agent")
        installation.wait(lambda: len(server.heard_by) == 1, "somebody who listens")
    time.sleep(4)  # the second has joined, and the source may have moved
    installation.wait(lambda: len(server.heard_by) == 1, "one who listens")
    server.say([f"Nummer {number}" for number in range(50)])
    installation.wait(lambda: installation.count() == 50, "what was said in the index")
    said = {(message["key"], message["value"]["revision"]) for message in installation.tail("raw")}
    assert len(said) == 50
    assert len(installation.documents()) == 50

    # The one that listens dies; what is said until the other listens is there all the same.
    listener = server.listeners()[-1]
    installation.kill(agents.pop(listener))
    died = time.monotonic()
    installation.wait(lambda: not server.heard_by, "the end of its connection")
    server.say(["im Dunkeln 1", "im Dunkeln 2"])
    installation.wait(lambda: server.listeners()[-1] != listener, "the other to listen")
    taken = time.monotonic() - died
    assert taken < SECONDS_TO_TAKE_OVER, f"took {taken:.1f} s"
    server.say(["wieder da"])
    installation.wait(lambda: installation.count() == 53, "everything in the index")
    assert len(installation.documents()) == 53

    # What is said arrives while it is said.
    for number in range(5):
        began = time.monotonic()
        server.say([f"gleich {number}"])
        installation.wait(lambda n=number: installation.count() == 54 + n, "it in the index")  # type: ignore[misc]
        assert time.monotonic() - began < 5
    (agent,) = agents.values()
    assert installation.stop(agent) == 0
    installation.wait(lambda: not server.heard_by, "the end of the connection")

    # It ended in order, sooner than a cursor is due: who comes after it repeats nothing.
    before = len(installation.tail("raw"))
    server.say(["dazwischen"])
    agent = installation.start("agent")
    installation.wait(lambda: installation.count() == 59, "what was said meanwhile")
    assert len(installation.tail("raw")) == before + 1
    assert installation.stop(agent) == 0
    assert installation.stop(worker) == 0
