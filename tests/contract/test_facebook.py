"""Facebook as the Graph API 26.0 answers."""

import hashlib
import hmac
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from agents.errors import Missing, RateLimited, SourceError, Unreadable
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
    drain_until_failure,
    items,
    mentions,
    opened,
)
from tests.support.graph_api import TOKEN, GraphApi, Problem, iso

PAGE = "4711"
POST = f"{PAGE}_900"


class Api(GraphApi):
    """developers.facebook.com/docs/graph-api/reference/page: what is said are posts in a feed."""

    kind = "facebook"

    def __init__(self, web: Loopback) -> None:
        super().__init__(web)
        self.extra: dict[int, dict[str, Any]] = {}
        self.tags: list[Said] = []

    def table(self) -> dict[str, Any]:
        return {
            "type": "facebook",
            "pages": [PAGE],
            "tagged": False,
            "comments": False,
            "token": "env:FACEBOOK_TOKEN",
            "api": self.web.url,
            "page": self.page,
        }

    def is_listing(self, request: Request) -> bool:
        return request.where == f"/v26.0/{PAGE}/feed"

    def read(self, path: str, query: Mapping[str, str]) -> dict[str, Any]:
        if path == f"{PAGE}/feed":
            there = self.since(self.there, query)
            return self.edge(path, [self.post(said) for said in there], query)
        if path == f"{PAGE}/tagged":
            tags = [{**self.post(said), "id": f"99_{said.number}"} for said in self.tags]
            return self.edge(path, tags, query)
        return self.node(path, [self.post(said) for said in self.there])

    @staticmethod
    def number(id_: str) -> int:
        return int(id_.rpartition("_")[2])

    @staticmethod
    def node(path: str, there: list[dict[str, Any]]) -> dict[str, Any]:
        for row in there:
            if row["id"] == path:
                return row
        raise Problem(100, 33, f"Unsupported get request. Object with ID '{path}' does not exist")

    def post(self, said: Said) -> dict[str, Any]:
        id_ = f"{PAGE}_{said.number}"
        return {
            "id": id_,
            "message": said.text or "?",
            "created_time": None if said.bad else iso(said.at),
            "permalink_url": f"https://www.facebook.com/{PAGE}/posts/{said.number}",
            "from": {"id": PAGE, "name": "Nordwind"},
            "is_hidden": False,
            "shares": {"count": 2},
            "reactions": {"data": [], "summary": {"total_count": 5}},
            "comments": {"data": [], "summary": {"total_count": 3}},
            **self.extra.get(said.number, {}),
        }


class Comments(Api):
    """/{object-id}/comments: what is said are comments, all of them on one post."""

    def table(self) -> dict[str, Any]:
        return {**super().table(), "comments": True, "comments_for": 60}

    def is_listing(self, request: Request) -> bool:
        where = request.where.removeprefix("/v26.0/")
        expanded = where == f"{PAGE}/feed" and "message" not in request.query["fields"][:20]
        return expanded or where == f"{POST}/comments"

    def read(self, path: str, query: Mapping[str, str]) -> dict[str, Any]:
        there = [self.comment(said) for said in self.there]
        if path == f"{POST}/comments":
            assert (query["filter"], query["order"]) == ("stream", "reverse_chronological")
            new = self.since(self.there, query)
            return self.edge(path, [self.comment(said) for said in new], query)
        if path == f"{PAGE}/feed":
            if "comments.filter" not in query["fields"]:
                return {"data": []}
            asked = re.search(r"since\((\d+)\)\.limit\((\d+)\)", query["fields"])
            assert asked
            new = self.since(self.there, {"since": asked[1]})
            rows = [self.comment(said) for said in new]
            inner = self.edge(f"{POST}/comments", rows, {}, int(asked[2]))
            at = iso(self.start - timedelta(days=50))
            return {"data": [{"id": POST, "created_time": at, "comments": inner}]}
        return self.node(path, there)

    def comment(self, said: Said) -> dict[str, Any]:
        id_ = f"900_{said.number}"
        return {
            "id": id_,
            "message": said.text or "?",
            "created_time": None if said.bad else iso(said.at),
            "permalink_url": f"https://www.facebook.com/{PAGE}/posts/900?comment_id={said.number}",
            "from": {"id": "77", "name": "Ada"},
            "is_hidden": False,
            "like_count": 4,
            "comment_count": 1,
            **self.extra.get(said.number, {}),
        }


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Loopback]:
    monkeypatch.setenv("FACEBOOK_TOKEN", TOKEN)
    with Loopback() as web:
        yield web


@pytest.fixture
def api(web: Loopback) -> Api:
    return Api(web)


@pytest.fixture
def comments(web: Loopback) -> Comments:
    return Comments(web)


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


def test_a_post_with_all_it_has(api: Api) -> None:
    api.add(["Unsere neue Wärmepumpe"])
    link = "https://nordwind.example.org/neu"
    shown = {"media_type": "photo", "title": "Leise", "url": "https://l.facebook.com/l.php?u=x"}
    api.extra[1] = {"attachments": {"data": [{**shown, "unshimmed_url": link}]}}
    (mention,) = mentions(drain(api))
    assert mention.id == f"facebook:{PAGE}_1"
    assert (mention.channel, mention.site) == ("social", "facebook.com")
    assert mention.url == f"https://www.facebook.com/{PAGE}/posts/1"
    assert mention.author is not None
    assert (mention.author.id, mention.author.name) == (PAGE, "Nordwind")
    assert mention.author.kind == "organisation"
    assert mention.thread is not None
    assert (mention.thread.kind, mention.thread.root_id) == ("post", mention.id)
    assert mention.engagement is not None
    engagement = mention.engagement
    assert (engagement.likes, engagement.replies, engagement.reposts) == (5, 3, 2)
    (media,) = mention.media
    assert (media.url, media.kind, media.alt) == (link, "image", "Leise")


def test_a_comment_and_a_reply_to_it(comments: Comments) -> None:
    comments.add(["Wie laut?", "42 dB"])
    comments.extra[2] = {"parent": {"id": "900_1"}, "from": None}
    by_id = {mention.id: mention for mention in mentions(drain(comments))}
    asked, answer = by_id["facebook:900_1"], by_id["facebook:900_2"]
    assert asked.author is not None
    assert (asked.author.id, asked.author.kind) == ("77", None)
    assert asked.thread is not None
    assert (asked.thread.kind, asked.thread.root_id) == ("reply", f"facebook:{POST}")
    assert asked.thread.parent_id == f"facebook:{POST}"
    assert asked.engagement is not None
    assert (asked.engagement.likes, asked.engagement.replies) == (4, 1)
    assert answer.author is None, "who does not let the app see it is not named"
    assert answer.thread is not None
    assert answer.thread.parent_id == asked.id


def test_posts_of_others_that_tag_the_page_are_found_and_not_taken_for_deleted(api: Api) -> None:
    api.options |= {"tagged": True, "recheck": 0}
    api.tags = [Said(5, "Danke, Nordwind", api.start)]
    pages = drain(api)
    assert [(m.id, m.collector.feed) for m in mentions(pages)] == [
        ("facebook:99_5", f"tagged {PAGE}")
    ]
    api.tags = []
    assert items(drain(api, pages[-1].cursor)) == [], "whether it is gone nobody says"


def test_what_shows_no_words_is_left_out_and_counted(comments: Comments) -> None:
    comments.add(["eins", "zwei", "drei"])
    comments.extra = {1: {"message": ""}, 2: {"id": None}}
    pages = drain(comments)
    assert [mention.text for mention in mentions(pages)] == ["drei"]
    counted = [dict(page.filtered) for page in pages if page.filtered]
    assert {"no text": 1, "no id": 1} in counted


def test_rows_that_are_no_objects_are_refused_and_hold_up_nothing(api: Api) -> None:
    api.add(["eins"])
    odd = {"id": "1", "attachments": ["odd"]}
    api.script.append(Answer.json({"data": [7, *map(api.post, api.there), odd, None]}))
    pages = drain(api)
    assert [mention.text for mention in mentions(pages)] == ["eins"]
    assert len([item for item in items(pages) if isinstance(item, Refused)]) == 3


def test_so_are_comments(comments: Comments) -> None:
    comments.add(["eins"])
    below = {"data": [7, *map(comments.comment, comments.there)]}
    comments.script.append(Answer.json({"data": [{"id": POST, "comments": below}, None]}))
    pages = drain(comments)
    assert [mention.text for mention in mentions(pages)] == ["eins"]
    assert len([item for item in items(pages) if isinstance(item, Refused)]) == 2


def test_what_a_page_hides_is_deleted(comments: Comments) -> None:
    comments.add(["Werbung!"])
    pages = drain(comments)
    comments.extra[1] = {"is_hidden": True}
    comments.options["recheck"] = 0
    assert [gone.id for gone in deletions(drain(comments, pages[-1].cursor))] == ["facebook:900_1"]


def test_a_token_that_lost_its_rights_deletes_nothing(api: Api) -> None:
    api.add(["eins", "zwei"])
    pages = drain(api)
    api.options["recheck"] = 0
    api.blind = True
    after, error = drain_until_failure(api, pages[-1].cursor)
    assert isinstance(error, Missing)
    assert items(after) == []
    api.blind = False
    assert items(drain(api, after[-1].cursor)) == []


@pytest.mark.parametrize(
    "problem", [Problem(10), Problem(200), Problem(100), Problem(1), Problem(2), None]
)
def test_what_the_api_does_not_say_of_one_post_holds_up_none_of_the_others(
    api: Api, problem: Problem | None
) -> None:
    api.add(["eins", "zwei", "drei"])
    pages = drain(api)
    api.refused[f"{PAGE}_2"] = problem
    api.remove("eins")
    later = drain(api, pages[-1].cursor)
    assert [gone.id for gone in deletions(later)] == [f"facebook:{PAGE}_1"]
    assert set(later[-1].cursor["seen"]) == {f"{PAGE}_2", f"{PAGE}_3"}


def test_a_look_up_that_is_too_much_is_a_wait(api: Api) -> None:
    api.add(["eins"])
    pages = drain(api)
    api.options["recheck"] = 0
    api.refused[f"{PAGE}_1"] = Problem(32)
    later = drain(api, pages[-1].cursor)
    assert not deletions(later), "and its feed was read all the same"
    asked = len(api.web.requests)
    _, error = drain_until_failure(api, later[-1].cursor)
    assert isinstance(error, RateLimited)
    assert len(api.web.requests) == asked


def test_a_page_whose_feed_is_not_answered_deletes_nothing(api: Api) -> None:
    api.add(["eins"])
    pages = drain(api)
    api.options["recheck"] = 0
    api.refused[f"{PAGE}/feed"] = None
    api.posts.clear()
    later, error = drain_until_failure(api, pages[-1].cursor)
    assert isinstance(error, SourceError)
    assert not deletions(later)


@pytest.mark.parametrize("address", ["https://graph.test/x?cursor=1", 7])
def test_a_next_page_that_is_not_said_as_documented_is_not_taken_for_the_end(
    api: Api, address: object
) -> None:
    api.add(["eins"])
    answer = {"data": [api.post(api.there[0])], "paging": {"next": address}}
    api.script.append(Answer.json(answer))
    _, error = drain_until_failure(api)
    assert isinstance(error, Unreadable)


@pytest.mark.parametrize("code", [4, 17, 32, 613, 80_001])
def test_each_code_for_too_much_is_a_wait(api: Api, code: int) -> None:
    api.add(["eins"])
    api.script.append(Problem(code, message="limit reached").answer(403))
    with opened(api) as source:
        with pytest.raises(RateLimited) as limited:
            list(source.poll(None))
        assert limited.value.seconds == pytest.approx(600)
        asked = len(api.web.requests)
        with pytest.raises(RateLimited):
            list(source.poll(None))
        assert len(api.web.requests) == asked


def test_an_app_that_has_all_but_used_what_it_is_granted_rests(api: Api) -> None:
    api.add([f"Nummer {number}" for number in range(20)])
    used = json.dumps({"call_count": 96, "total_time": 3, "total_cputime": 1})

    def headed(answer: Answer) -> Answer:
        return replace(answer, headers={**answer.headers, "X-App-Usage": used})

    api.script.append(headed)
    pages, error = drain_until_failure(api)
    assert isinstance(error, RateLimited)
    assert len(api.listings()) == 1
    assert len(mentions(pages)) == api.page


def test_odd_rate_headers_do_no_harm(api: Api) -> None:
    api.add(["eins"])
    api.script.append(lambda answer: replace(answer, headers={"X-App-Usage": "[1"}))
    assert [mention.text for mention in mentions(drain(api))] == ["eins"]


def test_an_app_that_demands_proof_gets_it(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACEBOOK_SECRET", "auch-geheim")
    api.options["app_secret"] = "env:FACEBOOK_SECRET"  # noqa: S105 - where it is, not what
    api.add(["eins"])
    drain(api)
    proof = hmac.new(b"auch-geheim", TOKEN.encode(), hashlib.sha256).hexdigest()
    assert {request.query["appsecret_proof"] for request in api.listings()} == {proof}
