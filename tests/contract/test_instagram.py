"""Instagram as the Graph API 26.0 answers."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from agents.source import Refused
from agents.testing import (
    Answer,
    BudgetContract,
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
    items,
    mentions,
)
from tests.support.graph_api import TOKEN, GraphApi, Problem, iso

ACCOUNT = "17841400000000001"
LINK = "https://www.instagram.com/p/Cx1/"


class Api(GraphApi):
    """developers.facebook.com/docs/instagram-platform: what is said are posts of the account."""

    kind = "instagram"
    most = 50
    posts_at = f"{ACCOUNT}/media"

    def __init__(self, web: Loopback) -> None:
        super().__init__(web)
        self.extra: dict[int, dict[str, Any]] = {}

    def table(self) -> dict[str, Any]:
        return {
            "type": "instagram",
            "account": ACCOUNT,
            "comments": False,
            "tagged": False,
            "token": "env:INSTAGRAM_TOKEN",
            "api": self.web.url,
            "page": self.page,
        }

    def is_listing(self, request: Request) -> bool:
        return request.where == f"/v26.0/{self.posts_at}"

    def read(self, path: str, query: Mapping[str, str]) -> dict[str, Any]:
        if path == f"{ACCOUNT}/media":
            there = self.since(self.there, query)
            return self.edge(path, [self.media(said) for said in there], query)
        return self.node(path, [self.media(said) for said in self.there])

    @staticmethod
    def number(id_: str) -> int:
        return int(id_[3:])

    @staticmethod
    def node(path: str, there: list[dict[str, Any]]) -> dict[str, Any]:
        for row in there:
            if row["id"] == path:
                return row
        raise Problem(100, 33, f"Unsupported get request. Object with ID '{path}' does not exist")

    def media(self, said: Said) -> dict[str, Any]:
        return {
            "id": f"180{said.number:04d}",
            "caption": said.text or "?",
            "media_type": "IMAGE",
            "permalink": LINK,
            "timestamp": None if said.bad else iso(said.at),
            "username": "nordwind",
            "like_count": 12,
            "comments_count": 3,
            **self.extra.get(said.number, {}),
        }


class Comments(Api):
    """/{ig-media-id}/comments: what is said are comments, all of them on one post."""

    def __init__(self, web: Loopback) -> None:
        super().__init__(web)
        self.replies: list[Said] = []

    def table(self) -> dict[str, Any]:
        return {**super().table(), "comments": True, "comments_for": 60}

    def is_listing(self, request: Request) -> bool:
        where = request.where.removeprefix("/v26.0/")
        expanded = where == f"{ACCOUNT}/media" and "comments.limit" in request.query["fields"]
        return expanded or where == "900/comments"

    def read(self, path: str, query: Mapping[str, str]) -> dict[str, Any]:
        rows = [self.comment(said) for said in self.there]
        if path == "900/comments":
            return self.edge(path, rows, query)
        if path.endswith("/replies"):
            return self.edge(path, [self.reply(said) for said in self.replies], query)
        if path == f"{ACCOUNT}/media":
            asked = re.search(r"comments\.limit\((\d+)\)", query["fields"])
            if asked is None:
                return {"data": []}
            inner = self.edge("900/comments", rows, {}, int(asked[1]))
            at = iso(self.start - timedelta(days=50))
            return {"data": [{"id": "900", "permalink": LINK, "timestamp": at, "comments": inner}]}
        post = {"media": {"id": "900", "permalink": LINK}}
        replies = [self.reply(said) for said in self.replies]
        return {**self.node(path, rows + replies), **post}

    def comment(self, said: Said) -> dict[str, Any]:
        found = {
            "id": f"179{said.number:04d}",
            "text": said.text or "?",
            "timestamp": None if said.bad else iso(said.at),
            "username": "ada",
            "from": {"id": "55", "username": "ada"},
            "like_count": 4,
            "hidden": False,
            **self.extra.get(said.number, {}),
        }
        if said.number == 1 and self.replies:
            replies = [self.reply(reply) for reply in self.replies]
            found["replies"] = self.edge(f"{found['id']}/replies", replies, {}, 2)
        return found

    def reply(self, said: Said) -> dict[str, Any]:
        about = {"username": "nordwind", "like_count": 0, "hidden": False}
        return {
            "id": f"178{said.number:04d}",
            "text": said.text,
            "timestamp": iso(said.at),
            "parent_id": "1790001",
            **about,
        }

    def answered(self, *texts: str) -> None:
        """Replies to the first comment, the oldest first."""
        for text in texts:
            at = datetime.now(UTC).replace(microsecond=0)
            self.replies.append(Said(len(self.replies) + 1, text, at))


class Hashtag(Api):
    """/{ig-hashtag-id}/recent_media: in no order, and only of the last day."""

    reach = 0
    posts_at = "17843/recent_media"

    def table(self) -> dict[str, Any]:
        return {**super().table(), "hashtags": ["wärmepumpe"]}

    def read(self, path: str, query: Mapping[str, str]) -> dict[str, Any]:
        if path == "ig_hashtag_search":
            assert query == {"user_id": ACCOUNT, "q": "wärmepumpe"}
            return {"data": [{"id": "17843"}]}
        if path == self.posts_at:
            assert query["user_id"] == ACCOUNT
            assert "username" not in query["fields"], "which is refused"
            rows = [self.media(said) for said in sorted(self.there, key=lambda s: s.number % 7)]
            for row in rows:
                del row["username"]
            return self.edge(path, rows, query)
        assert path == f"{ACCOUNT}/media", "posts of others cannot be looked up"
        return {"data": []}


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Loopback]:
    monkeypatch.setenv("INSTAGRAM_TOKEN", TOKEN)
    with Loopback() as web:
        yield web


@pytest.fixture
def api(web: Loopback) -> Api:
    return Api(web)


@pytest.fixture
def comments(web: Loopback) -> Comments:
    return Comments(web)


@pytest.fixture
def hashtag(web: Loopback) -> Hashtag:
    return Hashtag(web)


class TestKilled(KillContract):
    @pytest.fixture
    def described(self, api: Api) -> dict[str, Any]:
        return api.reach_back(self.number).described()


class TestPast(VolumeContract):
    number = 30_000

    @pytest.fixture
    def described(self, api: Api) -> dict[str, Any]:
        return api.reach_back(self.number).described()


class TestCommentsKilled(KillContract):
    @pytest.fixture
    def described(self, comments: Comments) -> dict[str, Any]:
        return comments.reach_back(self.number).described()


class TestCommentsPast(VolumeContract):
    number = 30_000

    @pytest.fixture
    def described(self, comments: Comments) -> dict[str, Any]:
        return comments.reach_back(self.number).described()


class TestPosts(EditContract, DeletionContract, BudgetContract, PositionContract, TokenContract):
    @pytest.fixture
    def outside(self, api: Api) -> Platform:
        return api


class TestComments(EditContract, DeletionContract, BudgetContract, PositionContract, TokenContract):
    @pytest.fixture
    def outside(self, comments: Comments) -> Platform:
        return comments


class TestHashtag(PositionContract):
    @pytest.fixture
    def outside(self, hashtag: Hashtag) -> Platform:
        return hashtag

    # What has no order is read to its end every time, and there is no more than a day of it.
    test_what_is_known_is_not_read_again_page_by_page = None  # type: ignore[assignment]
    test_a_backfill_reads_again_from_a_moment_on = None  # type: ignore[assignment]


def test_a_post_with_all_it_has(api: Api) -> None:
    api.add(["Leise Wärmepumpen #wärmepumpe"])
    (mention,) = mentions(drain(api))
    assert mention.id == "instagram:1800001"
    assert (mention.channel, mention.site, mention.url) == ("social", "instagram.com", LINK)
    assert mention.author is not None
    assert (mention.author.handle, mention.author.url) == (
        "nordwind",
        "https://www.instagram.com/nordwind/",
    )
    assert mention.engagement is not None
    assert (mention.engagement.likes, mention.engagement.replies) == (12, 3)
    (media,) = mention.media
    assert (media.url, media.kind) == (LINK, "image")


def test_a_comment_and_all_replies_though_only_the_first_come_with_it(comments: Comments) -> None:
    comments.add(["Wie laut?"])
    comments.answered("42 dB", "Nachts 35 dB", "Und im Garten?", "28 dB")
    by_id = {mention.id: mention for mention in mentions(drain(comments))}
    assert sorted(by_id) == [f"instagram:{178 * 10_000 + n}" for n in (1, 2, 3, 4)] + [
        "instagram:1790001"
    ]
    asked, answer = by_id["instagram:1790001"], by_id["instagram:1780004"]
    assert asked.author is not None
    assert (asked.author.id, asked.author.handle) == ("55", "ada")
    assert asked.thread is not None
    assert asked.thread.parent_id == asked.thread.root_id == "instagram:900"
    assert answer.thread is not None
    assert (answer.thread.parent_id, answer.thread.root_id) == (asked.id, "instagram:900")
    assert answer.url == LINK


def test_a_reply_that_comes_later_is_found_when_the_comment_is_looked_at(
    comments: Comments,
) -> None:
    comments.add(["Wie laut?"])
    pages = drain(comments)
    comments.options |= {"recheck": 0, "comments": False}
    comments.answered("42 dB")
    after = drain(comments, pages[-1].cursor)
    assert [mention.id for mention in mentions(after)] == ["instagram:1780001"]
    comments.replies.clear()
    last = drain(comments, after[-1].cursor)
    assert [gone.id for gone in deletions(last)] == ["instagram:1780001"]


def test_a_hashtag_shows_posts_without_their_authors(hashtag: Hashtag) -> None:
    hashtag.options["recheck"] = 0
    hashtag.add(["eins", "zwei"])
    pages = drain(hashtag)
    found = mentions(pages)
    assert {mention.collector.feed for mention in found} == {"#wärmepumpe"}
    assert {mention.author for mention in found} == {None}
    hashtag.posts.clear()
    assert items(drain(hashtag, pages[-1].cursor)) == [], "it shows a day: nothing was deleted"


def test_a_day_without_reading_is_a_gap_in_a_hashtag(hashtag: Hashtag) -> None:
    hashtag.add(["eins"])
    cursor = drain(hashtag)[-1].cursor
    read = int((datetime.now(UTC) - timedelta(days=3)).timestamp() * 1000)
    cursor["queries"]["#wärmepumpe"]["read"] = read
    (gap,) = [page.gap for page in drain(hashtag, cursor) if page.gap]
    assert gap[0] == read
    assert gap[1] == pytest.approx((datetime.now(UTC).timestamp() - 86_400) * 1000, abs=60_000)
    assert not any(page.gap for page in drain(hashtag, drain(hashtag, cursor)[-1].cursor))


def test_more_hashtags_than_are_allowed_are_refused(api: Api) -> None:
    api.options["hashtags"] = [f"tag{number}" for number in range(31)]
    with pytest.raises(ValidationError, match="at most 30"):
        api.source()


def test_posts_without_a_caption_are_left_out_and_counted(api: Api) -> None:
    api.add(["eins", "zwei"])
    api.extra[2] = {"caption": None}
    pages = drain(api)
    assert [mention.text for mention in mentions(pages)] == ["eins"]
    assert {"no text": 1} in [dict(page.filtered) for page in pages]


def test_a_video_that_tags_the_account(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    api.options["tagged"] = True
    tagged = Said(7, "Danke @nordwind", api.start)
    row = {**api.media(tagged), "username": "ada", "media_type": "VIDEO"}
    read = api.read

    def also_tags(path: str, query: Mapping[str, str]) -> dict[str, Any]:
        return api.edge(path, [row], query) if path == f"{ACCOUNT}/tags" else read(path, query)

    monkeypatch.setattr(api, "read", also_tags)
    (mention,) = mentions(drain(api))
    assert (mention.id, mention.collector.feed) == ("instagram:1800007", "tagged")
    assert mention.author is not None
    assert mention.author.handle == "ada"
    assert mention.media[0].kind == "video"


def test_who_is_tagged_in_a_post_with_a_hashtag_knows_who_wrote_it(hashtag: Hashtag) -> None:
    hashtag.add(["Danke @nordwind #wärmepumpe", "Eigenes #wärmepumpe", "Nur #wärmepumpe"])
    tagged, own, _ = hashtag.posts
    shown: dict[str, list[Said]] = {"tags": [], "media": []}
    read = hashtag.read

    def also(path: str, query: Mapping[str, str]) -> dict[str, Any]:
        edge = path.removeprefix(f"{ACCOUNT}/")
        if edge in shown:
            return hashtag.edge(path, [hashtag.media(said) for said in shown[edge]], query)
        return read(path, query)

    hashtag.read = also  # type: ignore[method-assign]
    hashtag.options |= {"tagged": True, "recheck_for": 0}
    first = drain(hashtag)
    assert {mention.author for mention in mentions(first)} == {None}
    shown |= {"tags": [tagged], "media": [own]}
    hashtag.options["overlap"] = 86_400
    second = drain(hashtag, first[-1].cursor)
    for pages in (second, drain(hashtag)):
        named = {m.text: m.author.handle for m in mentions(pages) if m.author}
        assert named == {tagged.text: "nordwind", own.text: "nordwind"}
        assert items(drain(hashtag, pages[-1].cursor)) == [], "and it stays so"


def test_rows_that_are_no_objects_are_refused_and_hold_up_nothing(comments: Comments) -> None:
    comments.add(["eins"])
    good = comments.read(f"{ACCOUNT}/media", {"fields": "comments.limit(9)"})
    good["data"][0]["comments"]["data"][0]["replies"] = {"data": [8]}
    good["data"][0]["comments"]["data"].insert(0, 7)
    comments.script.append(Answer.json({"data": [*good["data"], None]}))
    comments.options["recheck_for"] = 0
    pages = drain(comments)
    assert [mention.text for mention in mentions(pages)] == ["eins"]
    assert len([item for item in items(pages) if isinstance(item, Refused)]) == 3
