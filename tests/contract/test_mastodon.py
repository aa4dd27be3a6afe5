"""Mastodon as a server of version 4.5 answers."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from agents.errors import SourceError
from agents.testing import (
    Answer,
    BudgetContract,
    DeletionContract,
    EditContract,
    KillContract,
    Loopback,
    Platform,
    Request,
    Said,
    StreamDeletionContract,
    StreamEditContract,
    StreamPlatform,
    TokenContract,
    VolumeContract,
    drain,
    mentions,
)

TOKEN = "tok-geheim-1"  # noqa: S105 - of this test


def stamp(moment: datetime | None) -> str | None:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z") if moment else None


class Server(StreamPlatform):
    """docs.joinmastodon.org, entities Status and Account, November 2026."""

    kind = "mastodon"
    most = 40
    secret = TOKEN

    def __init__(self, web: Loopback, *, search: bool) -> None:
        super().__init__(web)
        self.options["stream"] = False
        self.search = search
        self.old = False
        self.extra: dict[int, dict[str, Any]] = {}

    def table(self) -> dict[str, Any]:
        asked = {"searches": ["Nordwind"]} if self.search else {"hashtags": ["Nordwind"]}
        base = {"type": "mastodon", "server": self.web.url, "page": self.page}
        return {**base, **asked, "token": "env:MASTODON_TOKEN"}

    def is_listing(self, request: Request) -> bool:
        return request.where.startswith(("/api/v1/timelines/tag/", "/api/v2/search"))

    def answer(self, request: Request) -> Answer | None:
        assert request.headers["authorization"] == f"Bearer {TOKEN}"
        if request.where == "/api/v1/statuses":
            if self.old:
                return Answer.json({"error": "Record not found"}, 404)
            ids = request.queries["id[]"]
            assert len(ids) <= 20
            return Answer.json([self.status(s) for s in self.there if self.id(s) in ids])
        if request.where.startswith("/api/v1/statuses/"):
            found = [s for s in self.there if self.id(s) == request.where.rpartition("/")[2]]
            missing = Answer.json({"error": "Record not found"}, 404)
            return Answer.json(self.status(found[0])) if found else missing
        if request.where.rstrip("/") == "/api/v2/instance":
            urls = {"urls": {"streaming": self.web.url.replace("http", "ws")}}
            about = {"domain": "social.example", "version": "4.5.1", "configuration": urls}
            return Answer.json({**about, "api_versions": {"mastodon": 7}})
        if not self.is_listing(request):
            return None
        before = int(request.query.get("max_id", 1 << 60))
        found = [said for said in self.there if int(self.id(said)) < before]
        page = [self.status(said) for said in found[: int(request.query["limit"])]]
        if request.where == "/api/v2/search":
            assert request.query["type"] == "statuses"
            return Answer.json({"accounts": [], "statuses": page, "hashtags": []})
        link = (
            f'<{self.web.url}{request.where}?max_id={page[-1]["id"]}>; rel="next"' if page else ""
        )
        return Answer.json(page, Link=link)

    def newest(self, request: Request) -> int:
        before = request.query.get("max_id")
        return self.until((int(before) >> 16) / 1_000) if before else self.past

    def is_stream(self, request: Request) -> bool:
        if request.where != "/api/v1/streaming/hashtag":
            return False
        assert request.headers["authorization"] == f"Bearer {TOKEN}"
        assert request.query == {"tag": "Nordwind"}
        return True

    def event(self, said: Said) -> bytes:
        name, payload = "update", json.dumps(self.status(said))
        if said.edited:
            name = "status.update"
        if said.gone:
            name, payload = "delete", self.id(said)
        return f"event: {name}\ndata: {payload}\n\n".encode()

    def sign(self) -> bytes:
        return b":thump\n"

    def limited(self) -> Answer:
        return Answer.json(
            {"error": "Too many requests"},
            429,
            X_RateLimit_Limit="300",
            X_RateLimit_Remaining="0",
            X_RateLimit_Reset=str(stamp(datetime.now(UTC) + timedelta(seconds=120))),
        )

    def none_left(self, answer: Answer) -> Answer:
        left = {k: v for k, v in self.limited().headers.items() if k.startswith("X-")}
        return replace(answer, headers={**answer.headers, **left})

    def denied(self) -> Answer:
        return Answer.json({"error": "The access token is invalid"}, 401)

    @staticmethod
    def id(said: Said) -> str:
        """A snowflake: milliseconds, then a sequence."""
        return str((int(said.at.timestamp() * 1000) << 16) + said.number)

    def status(self, said: Said) -> dict[str, Any]:
        where = f"https://social.example/users/ada/statuses/{said.number}"
        return {
            "id": self.id(said),
            "created_at": "gestern" if said.bad else stamp(said.at),
            "edited_at": stamp(said.edited),
            "in_reply_to_id": None,
            "in_reply_to_account_id": None,
            "sensitive": False,
            "spoiler_text": "",
            "visibility": "public",
            "language": "de",
            "uri": where,
            "url": f"https://social.example/@ada/{said.number}",
            "content": f"<p>{said.text}</p>",
            "replies_count": 2,
            "reblogs_count": 3,
            "favourites_count": 5,
            "quotes_count": 1,
            "reblog": None,
            "media_attachments": [],
            "mentions": [],
            "tags": [{"name": "nordwind", "url": f"{self.web.url}/tags/nordwind"}],
            "emojis": [],
            "card": None,
            "poll": None,
            "account": {
                "id": "23634",
                "username": "ada",
                "acct": "ada@social.example",
                "display_name": "Ada",
                "uri": "https://social.example/users/ada",
                "url": "https://social.example/@ada",
                "bot": False,
                "created_at": "2017-04-06T00:00:00.000Z",
                "followers_count": 190,
                "following_count": -1,
                "statuses_count": 712,
            },
            **self.extra.get(said.number, {}),
        }


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("MASTODON_TOKEN", TOKEN)
    with Loopback() as web:
        yield Server(web, search=False)


class TestKilled(KillContract):
    @pytest.fixture
    def described(self, server: Server) -> dict[str, Any]:
        return server.reach_back(self.number).described()


class TestPast(VolumeContract):
    number = 5_000

    @pytest.fixture
    def described(self, server: Server) -> dict[str, Any]:
        return server.reach_back(self.number).described()


class TestMastodon(EditContract, DeletionContract, BudgetContract, TokenContract):
    @pytest.fixture
    def outside(self, server: Server) -> Platform:
        return server


class TestMastodonStream(StreamEditContract, StreamDeletionContract):
    @pytest.fixture
    def outside(self, server: Server) -> StreamPlatform:
        server.options["stream"] = True
        return server


def test_a_search_reads_the_same_posts_page_by_page(server: Server) -> None:
    server.search = True
    texts = [f"Nummer {number}" for number in range(20)]
    server.add(texts)
    pages = drain(server)
    assert sorted(m.text for m in mentions(pages)) == sorted(texts)
    assert len(server.web.asked("/api/v2/search")) > 2
    server.add(["neu"])
    assert [m.text for m in mentions(drain(server, pages[-1].cursor))] == ["neu"]


def test_a_post_with_all_it_has(server: Server) -> None:
    server.add(["Der <b>Brenner</b> brummt"])
    server.extra[1] = {
        "spoiler_text": "Heizung",
        "media_attachments": [
            {"type": "gifv", "url": "https://social.example/a.mp4", "description": "brummt"}
        ],
    }
    (mention,) = mentions(drain(server))
    assert mention.id == "mastodon:https://social.example/users/ada/statuses/1"
    assert mention.text == "Der Brenner brummt"
    assert (mention.title, mention.site) == ("Heizung", "social.example")
    assert mention.language_hint == "de"
    assert mention.tags == ("nordwind",)
    author, engagement = mention.author, mention.engagement
    assert author is not None
    assert (author.handle, author.followers, author.posts) == ("ada@social.example", 190, 712)
    assert author.following is None, "-1 is a count that is hidden"
    assert author.created_at is not None
    assert engagement is not None
    assert (engagement.likes, engagement.replies, engagement.reposts) == (5, 2, 3)
    assert [(m.kind, m.alt) for m in mention.media] == [("video", "brummt")]


def test_a_reply_names_what_it_answers_though_only_its_id_is_given(server: Server) -> None:
    server.add(["Frage", "Antwort", "Zitat"])
    first = server.posts[0]
    server.extra[2] = {"in_reply_to_id": server.id(first)}
    server.extra[3] = {"quote": {"state": "accepted", "quoted_status": server.status(first)}}
    by_text = {mention.text: mention for mention in mentions(drain(server))}
    above = by_text["Frage"].id
    reply, quote = by_text["Antwort"].thread, by_text["Zitat"].thread
    assert reply is not None
    assert (reply.kind, reply.parent_id, reply.root_id) == ("reply", above, above)
    assert quote is not None
    assert (quote.kind, quote.parent_id) == ("quote", above)


def test_a_server_before_4_3_is_asked_one_by_one(server: Server) -> None:
    server.old = True
    server.add(["eins", "zwei"])
    cursor = drain(server)[-1].cursor
    server.remove("zwei")
    server.edit("eins", "eins!")
    after = drain(server, cursor)
    assert [mention.text for mention in mentions(after)] == ["eins!"]
    assert mentions(after)[0].edited_at is not None


def test_a_post_that_reaches_the_server_late_is_found(server: Server) -> None:
    server.add(["eins", "zwei"])
    cursor = drain(server)[-1].cursor
    late = Said(9, "spät", server.posts[0].at + timedelta(seconds=5))
    server.posts.insert(1, late)
    assert [mention.text for mention in mentions(drain(server, cursor))] == ["spät"]


def test_one_of_two_hashtags_may_fail(server: Server) -> None:
    server.options = {"hashtags": ["Nordwind", "Brenner"]}
    server.add(["eins"])
    server.script.append(Answer(status=500))
    with pytest.raises(SourceError, match="1 of 2 queries failed"):
        drain(server)
