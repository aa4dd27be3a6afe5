"""Reddit as its Data API answers."""

import base64
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Self

import pytest

from agents.errors import Denied
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
    TokenContract,
    VolumeContract,
    deletions,
    drain,
    mentions,
    opened,
)

SECRET = "s3cr3t-of-the-app"  # noqa: S105 - of this test


class DataApi(Platform):
    """www.reddit.com/dev/api: Listing, t1, t3; November 2026."""

    kind = "reddit"
    secret = SECRET

    def __init__(self, web: Loopback) -> None:
        super().__init__(web)
        self.tokens = 0
        self.stumps = False
        self.good: set[str] | None = None
        self.posts_too = False

    def table(self) -> dict[str, Any]:
        return {
            "type": "reddit",
            "subreddits": ["waermepumpe"],
            "comments": False,
            "client_id": "an-app",
            "client_secret": "env:REDDIT_SECRET",
            "api": self.web.url,
            "site": self.web.url,
            "page": self.page,
        }

    def is_listing(self, request: Request) -> bool:
        return request.where.startswith(("/r/", "/search"))

    def answer(self, request: Request) -> Answer | None:
        if request.where == "/api/v1/access_token":
            known = base64.b64encode(f"an-app:{SECRET}".encode()).decode()
            assert request.headers["authorization"] == f"Basic {known}"
            assert b"grant_type=client_credentials" in request.body
            self.tokens += 1
            token = f"token-{self.tokens}"
            about = {"token_type": "bearer", "expires_in": 86_400, "scope": "*"}
            return Answer.json({"access_token": token, **about})
        token = request.headers["authorization"].removeprefix("bearer ")
        if self.good is not None and token not in self.good:
            return Answer.json({"message": "Unauthorized", "error": 401}, 401)
        if request.where == "/api/info":
            wanted = request.query["id"].split(",")
            said = self.posts if self.stumps else self.there
            return self.listing([s for s in said if f"t3_{s.number}" in wanted], None)
        if not self.is_listing(request):
            return None
        found = self.there
        if after := request.query.get("after"):
            places = [n for n, s in enumerate(found) if f"t3_{s.number}" == after]
            found = found[places[0] + 1 :] if places else []
        size = int(request.query["limit"])
        last = f"t3_{found[size - 1].number}" if len(found) > size else None
        return self.listing(found[:size], last)

    def reach_back(self, number: int) -> Self:
        self.each = min(1_000, number // 3)  # a listing shows no more
        self.options["subreddits"] = [f"warm{n}" for n in range(1, number // self.each + 1)]
        return super().reach_back(number)

    def newest(self, request: Request) -> int:
        if after := request.query.get("after"):
            return int(after.removeprefix("t3_"))
        number = request.where.removeprefix("/r/warm").removesuffix("/new")
        return int(number) * (self.each or 0) if number.isdigit() else 0

    def listing(self, found: list[Said], after: str | None) -> Answer:
        children = [{"kind": "t3", "data": self.thing(said)} for said in found]
        data = {"after": after, "dist": len(children), "modhash": None, "before": None}
        return Answer.json({"kind": "Listing", "data": {**data, "children": children}})

    def limited(self) -> Answer:
        return Answer.json(
            {"message": "Too Many Requests", "error": 429},
            429,
            X_Ratelimit_Used="100",
            X_Ratelimit_Remaining="0.0",
            X_Ratelimit_Reset="120",
        )

    def none_left(self, answer: Answer) -> Answer:
        left = {k: v for k, v in self.limited().headers.items() if k.startswith("X-")}
        return replace(answer, headers={**answer.headers, **left})

    def denied(self) -> Answer:
        return Answer.json({"message": "Forbidden", "error": 403}, 403)

    def thing(self, said: Said) -> dict[str, Any]:
        gone = {"selftext": "[deleted]", "author": "[deleted]"} if said.gone else {}
        return {
            "id": str(said.number),
            "name": f"t3_{said.number}",
            "title": "Nordwind",
            "selftext": None if said.bad else said.text,
            "author": "ada",
            "author_fullname": "t2_4x",
            "created_utc": said.at.timestamp(),
            "edited": said.edited.timestamp() if said.edited else False,
            "permalink": None if said.bad else f"/r/waermepumpe/comments/{said.number}/nordwind/",
            "url": "https://www.reddit.com/r/waermepumpe/",
            "subreddit": "waermepumpe",
            "score": 12,
            "ups": 12,
            "num_comments": 4,
            "is_self": True,
            "over_18": False,
            "link_flair_text": "Erfahrung",
            "removed_by_category": None,
            **gone,
        }


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[DataApi]:
    monkeypatch.setenv("REDDIT_SECRET", SECRET)
    with Loopback() as web:
        yield DataApi(web)


class TestKilled(KillContract):
    @pytest.fixture
    def described(self, api: DataApi) -> dict[str, Any]:
        return api.reach_back(self.number).described()


class TestPast(VolumeContract):
    number = 20_000

    @pytest.fixture
    def described(self, api: DataApi) -> dict[str, Any]:
        return api.reach_back(self.number).described()


class TestReddit(EditContract, DeletionContract, BudgetContract, TokenContract):
    @pytest.fixture
    def outside(self, api: DataApi) -> Platform:
        return api


def test_a_post_and_a_comment_with_all_they_have(api: DataApi) -> None:
    api.add(["Läuft **leise**"])
    (mention,) = mentions(drain(api))
    assert (mention.id, mention.text) == ("reddit:t3_1", "Läuft **leise**")
    assert mention.title == "Nordwind"
    assert mention.url == "https://www.reddit.com/r/waermepumpe/comments/1/nordwind/"
    assert mention.tags == ("waermepumpe", "Erfahrung")
    assert mention.author is not None
    assert (mention.author.id, mention.author.handle) == ("t2_4x", "ada")
    assert mention.engagement is not None
    assert (mention.engagement.likes, mention.engagement.replies) == (12, 4)

    comment = {
        "name": "t1_c9",
        "body": "Bei mir nicht",
        "author": "[deleted]",
        "created_utc": api.start.timestamp(),
        "edited": False,
        "permalink": "/r/waermepumpe/comments/1/nordwind/c9/",
        "link_id": "t3_1",
        "link_title": "Nordwind",
        "parent_id": "t1_c8",
        "subreddit": "waermepumpe",
        "score": -3,
    }
    data = {"after": None, "children": [{"kind": "t1", "data": comment}]}
    api.options["subreddits"] = ()
    api.options["searches"] = ["Nordwind"]
    api.script.append(Answer.json({"kind": "Listing", "data": data}))
    (reply,) = mentions(drain(api))
    assert reply.thread is not None
    assert (reply.thread.kind, reply.thread.parent_id) == ("reply", "reddit:t1_c8")
    assert reply.thread.root_id == "reddit:t3_1"
    assert reply.author is None
    assert reply.engagement is not None
    assert reply.engagement.likes is None, "a score below zero is not a number of likes"


def test_a_token_that_ends_is_renewed(api: DataApi) -> None:
    api.add(["eins"])
    with opened(api) as source:
        list(source.poll(None))
        api.good = {"token-2"}
        assert len(mentions(list(source.poll(None)))) == 1
    assert api.tokens == 2
    api.good = set()
    with pytest.raises(Denied):
        drain(api)


def test_a_stump_is_a_deletion(api: DataApi) -> None:
    api.add(["eins", "zwei"])
    cursor = drain(api)[-1].cursor
    api.stumps = True
    api.remove("zwei")
    (gone,) = deletions(drain(api, cursor))
    assert gone.id == "reddit:t3_2"


def test_an_anchor_that_was_deleted_means_beginning_anew(api: DataApi) -> None:
    api.add([f"Nummer {number}" for number in range(30)])
    with opened(api) as source:
        page = next(iter(source.poll(None)))
    anchor = page.cursor["queries"]["r/waermepumpe/new"]["at"][0]
    api.remove(next(s.text for s in api.posts if f"t3_{s.number}" == anchor))
    found = mentions([page, *drain(api, page.cursor)])
    assert len({mention.id for mention in found}) == 30
    assert len(found) == 30
