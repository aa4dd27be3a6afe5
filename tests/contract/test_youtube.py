"""YouTube as its Data API v3 answers."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from agents import units
from agents.errors import RateLimited
from agents.testing import (
    Answer,
    DeletionContract,
    EditContract,
    KillContract,
    Loopback,
    Platform,
    PositionContract,
    Request,
    Said,
    TokenContract,
    VolumeContract,
    deletions,
    drain,
    drain_until_failure,
    mentions,
)

KEY = "AIza-geheim"
CHANNEL = "UC" + "x" * 22
VIDEO = "dQw4w9WgXcQ"


def iso(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def problem(status: int, reason: str, message: str = "No.") -> Answer:
    errors = [{"message": message, "domain": "youtube.quota", "reason": reason}]
    return Answer.json({"error": {"code": status, "message": message, "errors": errors}}, status)


class DataApi(Platform):
    """developers.google.com/youtube/v3: comments on a channel, or videos by search."""

    kind = "youtube"
    most = 50
    secret = KEY

    def __init__(self, web: Loopback) -> None:
        super().__init__(web)
        self.replies: dict[str, list[dict[str, Any]]] = {}

    def table(self) -> dict[str, Any]:
        return {
            "type": "youtube",
            "videos": [VIDEO],
            "key": "env:YOUTUBE_KEY",
            "api": self.web.url,
            "page": self.page,
        }

    def is_listing(self, request: Request) -> bool:
        listings = ("/commentThreads", "/search", "/playlistItems")
        return request.where.endswith(listings) and "id" not in request.query

    def answer(self, request: Request) -> Answer | None:
        assert request.headers["x-goog-api-key"] == KEY
        assert KEY not in request.path
        what, query = request.where.removeprefix("/youtube/v3/"), request.query
        if what == "channels":
            figures = {
                "subscriberCount": "5300",
                "videoCount": "41",
                "hiddenSubscriberCount": False,
            }
            item = {"kind": "youtube#channel", "id": CHANNEL, "statistics": figures}
            return self.items([item])
        if what == "videos":
            asked = query["id"].split(",")
            return self.items([self.video(s) for s in self.there if self.number(s) in asked])
        if what == "comments":
            if "parentId" in query:
                return self.items(self.replies[query["parentId"]])
            asked = query["id"].split(",")
            assert all("." in id_ for id_ in asked), "a thread comes with its replies"
            there = [reply for replies in self.replies.values() for reply in replies]
            return self.items([reply for reply in there if reply["id"] in asked])
        if what == "commentThreads" and "id" in query:
            asked = query["id"].split(",")
            return self.items([self.thread(s) for s in self.there if f"Ugx{s.number}" in asked])
        found, size = self.there, int(query["maxResults"])
        if what == "search":
            low = datetime.fromisoformat(query["publishedAfter"])
            before = query.get("publishedBefore")
            high = datetime.fromisoformat(before) if before else datetime.max.replace(tzinfo=UTC)
            found = [said for said in found if low <= said.at < high]
            rows = [
                {
                    "kind": "youtube#searchResult",
                    "id": {"kind": "youtube#video", "videoId": self.number(said)},
                    "snippet": {"publishedAt": iso(said.at), "title": "Test"},
                }
                for said in found[:size]
            ]
            return self.items(rows, "CAUQAA" if len(found) > size else None)
        if token := query.get("pageToken"):
            found = [said for said in found if said.number < int(token)]
        last = str(found[size - 1].number) if len(found) > size else None
        if what == "playlistItems":
            assert query["playlistId"] == "UU" + "x" * 22
            rows = [{"contentDetails": {"videoId": self.number(s)}} for s in found[:size]]
            return self.items(rows, last)
        return self.items([self.thread(said) for said in found[:size]], last)

    def newest(self, request: Request) -> int:
        return int(request.query.get("pageToken", self.past + 1)) - 1

    @staticmethod
    def items(rows: list[dict[str, Any]], token: str | None = None) -> Answer:
        more = {"nextPageToken": token} if token else {}
        info = {"totalResults": len(rows), "resultsPerPage": len(rows)}
        return Answer.json({"kind": "youtube#list", "pageInfo": info, "items": rows, **more})

    @staticmethod
    def number(said: Said) -> str:
        return f"v{said.number:010d}"

    def video(self, said: Said) -> dict[str, Any]:
        return {
            "kind": "youtube#video",
            "id": self.number(said),
            "snippet": {
                "publishedAt": iso(said.at),
                "channelId": CHANNEL,
                "title": "Wärmepumpen im Test",
                "description": said.text,
                "channelTitle": "Haus und Technik",
                "tags": ["wärmepumpe"],
                "defaultAudioLanguage": "de",
            },
            "statistics": {"viewCount": "9001", "likeCount": "120", "commentCount": "33"},
        }

    def thread(self, said: Said) -> dict[str, Any]:
        replies = self.replies.get(f"Ugx{said.number}", [])
        return {
            "kind": "youtube#commentThread",
            "id": f"Ugx{said.number}",
            "snippet": {
                "channelId": CHANNEL,
                "videoId": VIDEO,
                "topLevelComment": self.comment(said),
                "totalReplyCount": len(replies),
            },
            **({"replies": {"comments": replies[:1]}} if replies else {}),
        }

    @staticmethod
    def comment(said: Said) -> dict[str, Any]:
        return {
            "kind": "youtube#comment",
            "id": f"Ugx{said.number}",
            "snippet": {
                "textDisplay": None if said.bad else said.text,
                "authorDisplayName": "@ada",
                "authorChannelUrl": "http://www.youtube.com/@ada",
                "authorChannelId": {"value": "UCada"},
                "likeCount": 3,
                "publishedAt": iso(said.at),
                "updatedAt": iso(said.edited or said.at),
            },
        }

    def reply(self, *names: str) -> None:
        """Answer the first comment."""
        for name in names:
            said = self.comment(Said(9, f"Finde ich auch ({name})", self.start))
            said |= {"id": f"Ugx1.{name}"}
            said["snippet"]["parentId"] = "Ugx1"
            self.replies.setdefault("Ugx1", []).append(said)

    def expired(self) -> Answer:
        return problem(400, "invalidPageToken")

    def denied(self) -> Answer:
        return problem(400, "badRequest", "API key not valid. Please pass a valid API key.")


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[DataApi]:
    units.clear()
    monkeypatch.setenv("YOUTUBE_KEY", KEY)
    with Loopback() as web:
        yield DataApi(web)


class TestKilled(KillContract):
    @pytest.fixture
    def described(self, api: DataApi) -> dict[str, Any]:
        return api.reach_back(self.number).described()


class TestPast(VolumeContract):
    number = 30_000

    @pytest.fixture
    def described(self, api: DataApi) -> dict[str, Any]:
        return api.reach_back(self.number).described()


class TestYouTube(EditContract, DeletionContract, PositionContract, TokenContract):
    @pytest.fixture
    def outside(self, api: DataApi) -> Platform:
        return api


def test_a_comment_and_all_its_replies(api: DataApi) -> None:
    api.add(["Klasse Video"])
    api.reply("first", "second")
    by_id = {mention.id: mention for mention in mentions(drain(api))}
    assert sorted(by_id) == ["youtube:Ugx1", "youtube:Ugx1.first", "youtube:Ugx1.second"]
    top, answer = by_id["youtube:Ugx1"], by_id["youtube:Ugx1.first"]
    assert top.url == f"https://www.youtube.com/watch?v={VIDEO}&lc=Ugx1"
    assert top.author is not None
    assert (top.author.id, top.author.handle) == ("UCada", "ada")
    assert top.thread is not None
    assert top.thread.parent_id == top.thread.root_id == f"youtube:{VIDEO}"
    assert answer.thread is not None
    assert (answer.thread.parent_id, answer.thread.root_id) == ("youtube:Ugx1", f"youtube:{VIDEO}")


def test_replies_that_come_later_are_found_and_so_is_their_end(api: DataApi) -> None:
    api.add(["Klasse Video"])
    api.reply("first")
    pages = drain(api)
    api.reply("second", "third")
    api.options["recheck"] = 0
    after = drain(api, pages[-1].cursor)
    assert {m.id for m in mentions(after)} == {"youtube:Ugx1.second", "youtube:Ugx1.third"}
    (late, _) = mentions(after)
    assert late.url
    assert VIDEO in late.url
    assert late.thread is not None
    assert (late.thread.parent_id, late.thread.root_id) == ("youtube:Ugx1", f"youtube:{VIDEO}")
    assert mentions(drain(api, after[-1].cursor)) == []
    del api.replies["Ugx1"][1]
    last = drain(api, after[-1].cursor)
    assert [gone.id for gone in deletions(last)] == ["youtube:Ugx1.second"]


@pytest.mark.parametrize(
    "asked",
    [{"searches": ["Wärmepumpe"]}, {"channels": [CHANNEL], "comments": False}],
    ids=["search", "uploads"],
)
def test_videos_page_by_page_with_all_they_have(api: DataApi, asked: dict[str, Any]) -> None:
    api.options |= {"videos": [], **asked}
    texts = [f"Nummer {number}" for number in range(20)]
    api.add(texts)
    pages = drain(api)
    found = mentions(pages)
    assert sorted(mention.text for mention in found) == sorted(texts)
    mention = found[0]
    assert (mention.title, mention.tags) == ("Wärmepumpen im Test", ("wärmepumpe",))
    assert mention.language_hint == "de"
    assert mention.engagement is not None
    assert (mention.engagement.views, mention.engagement.replies) == (9001, 33)
    assert mention.author is not None
    assert (mention.author.name, mention.author.followers) == ("Haus und Technik", 5300)
    api.add(["neu"])
    assert [m.text for m in mentions(drain(api, pages[-1].cursor))] == ["neu"]


def test_the_units_of_a_day_are_waited_out(api: DataApi) -> None:
    api.add(["eins"])
    api.script.append(problem(403, "quotaExceeded"))
    _, error = drain_until_failure(api)
    assert isinstance(error, RateLimited)
    assert error.seconds is not None
    assert 0 < error.seconds <= 25 * 3_600


def test_a_budget_that_cannot_hold_is_refused_with_one_that_does(api: DataApi) -> None:
    api.options |= {"searches": ["a", "b"], "every": 300}
    with pytest.raises(ValidationError, match=r"209 units.* a day; set every to 1806"):
        api.source()


def test_every_call_is_counted_for_its_key(api: DataApi, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [f"Nummer {number}" for number in range(8)]
    api.options |= {"page": 1, "every": 86_400, "units_a_day": 5}
    api.add(texts)
    pages, error = drain_until_failure(api)
    assert isinstance(error, RateLimited)
    assert error.seconds is not None
    assert 0 < error.seconds <= 25 * 3_600
    assert len(api.web.requests) == 5
    api.options["name"] = "another"
    drain_until_failure(api)
    assert len(api.web.requests) == 5, "it is the same key"
    monkeypatch.setenv("YOUTUBE_KEY", "of another project")
    monkeypatch.setattr("tests.contract.test_youtube.KEY", "of another project")
    rest = drain(api, pages[-1].cursor)
    assert sorted(m.text for m in mentions([*pages, *rest])) == sorted(texts)


def test_a_search_costs_more_than_a_look_up_and_that_is_counted_too(api: DataApi) -> None:
    api.options |= {"videos": [], "searches": ["Wärmepumpe"], "recheck": 0}
    api.options |= {"every": 86_400, "units_a_day": 107}
    api.add([f"Nummer {number}" for number in range(20)])
    _, error = drain_until_failure(api)
    assert isinstance(error, RateLimited)
    asked = [request.where.rpartition("/")[2] for request in api.web.requests]
    # No second search fits. Looking again does: it costs two units, and then one is left.
    assert asked == ["search", "videos", "channels", "videos", "channels"]


def test_a_thread_whose_replies_cannot_be_had_holds_up_no_other(api: DataApi) -> None:
    api.add(["eins", "zwei"])
    api.reply("first", "second")
    cursor = drain(api)[-1].cursor
    api.edit("zwei", "zwei, verbessert")
    api.web.handler = lambda request: (
        Answer(status=500)
        if "parentId" in request.query
        else api.items([])
        if api.is_listing(request)
        else api.answer(request)
    )
    pages, _ = drain_until_failure(api, cursor)
    assert [mention.text for mention in mentions(pages)] == ["zwei, verbessert"]
    assert deletions(pages) == []
