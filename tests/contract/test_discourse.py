"""A Discourse forum as it answers."""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from agents.errors import Denied, SourceError
from agents.mention import host
from agents.source import Page
from agents.testing import (
    Answer,
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
    drain_until_failure,
    mentions,
    opened,
)

KEY = "c0ffee-geheim"


class Forum(Platform):
    """docs.discourse.org: List latest posts, Retrieve a single post; November 2026."""

    kind = "discourse"
    most = 50
    secret = KEY

    def __init__(self, web: Loopback) -> None:
        super().__init__(web)
        self.extra: dict[int, dict[str, Any]] = {}
        self.open = False
        """Whether it is read without a key."""

    def table(self) -> dict[str, Any]:
        return {"type": "discourse", "forums": [self.web.url], "key": "env:FORUM_KEY"}

    def is_listing(self, request: Request) -> bool:
        return request.where == "/posts.json"

    def answer(self, request: Request) -> Answer | None:
        headers = request.headers
        assert self.open or (headers["api-key"], headers["api-username"]) == (KEY, "system")
        if self.is_listing(request):
            before = int(request.query.get("before", 1 << 40))
            found = [said for said in self.there if said.number < before]
            return Answer.json({"latest_posts": [self.post(said) for said in found[: self.page]]})
        if request.where.startswith("/posts/"):
            number = request.where.removeprefix("/posts/").removesuffix(".json")
            found = [said for said in self.there if str(said.number) == number]
            gone = {"errors": ["The requested URL could not be found."], "error_type": "not_found"}
            return Answer.json(self.post(found[0])) if found else Answer.json(gone, 404)
        return None

    def newest(self, request: Request) -> int:
        return int(request.query.get("before", self.past + 1)) - 1

    def limited(self) -> Answer:
        wait = {"wait_seconds": 120, "time_left": "2 minutes"}
        error = {"errors": ["Slow down"], "error_type": "rate_limit", "extras": wait}
        return Answer.json(error, 429, Retry_After="120")

    def denied(self) -> Answer:
        error = {"errors": ["You are not permitted"], "error_type": "invalid_access"}
        return Answer.json(error, 403)

    def post(self, said: Said) -> dict[str, Any]:
        at = said.at.isoformat().replace("+00:00", "Z")
        return {
            "id": said.number,
            "name": "Ada",
            "username": "ada",
            "user_id": 7,
            "created_at": None if said.bad else at,
            "updated_at": (said.edited or said.at).isoformat(),
            "version": 2 if said.edited else 1,
            "cooked": f"<p>{said.text}</p>",
            "post_number": said.number,
            "post_type": 1,
            "reply_count": 3,
            "reply_to_post_number": None,
            "reads": 40,
            "score": 8.2,
            "topic_id": 12,
            "topic_slug": "erfahrungen",
            "topic_title": "Erfahrungen",
            "actions_summary": [{"id": 2, "count": 6}],
            "hidden": False,
            "deleted_at": None,
            "user_deleted": False,
            **self.extra.get(said.number, {}),
        }


@pytest.fixture
def forum(monkeypatch: pytest.MonkeyPatch) -> Iterator[Forum]:
    monkeypatch.setenv("FORUM_KEY", KEY)
    with Loopback() as web:
        yield Forum(web)


class TestKilled(KillContract):
    @pytest.fixture
    def described(self, forum: Forum) -> dict[str, Any]:
        return forum.reach_back(self.number).described()


class TestPast(VolumeContract):
    number = 30_000

    @pytest.fixture
    def described(self, forum: Forum) -> dict[str, Any]:
        return forum.reach_back(self.number).described()


class TestDiscourse(EditContract, DeletionContract, TokenContract):
    @pytest.fixture
    def outside(self, forum: Forum) -> Platform:
        return forum


def test_posts_stand_in_their_topic(forum: Forum) -> None:
    forum.add(["Frage", "Antwort", "Antwort darauf"])
    forum.extra[3] = {"reply_to_post_number": 2}
    by_text = {mention.text: mention for mention in mentions(drain(forum))}
    first, second, third = by_text["Frage"], by_text["Antwort"], by_text["Antwort darauf"]
    assert first.id == "discourse:127.0.0.1/12/1"
    assert first.url == f"{forum.web.url}/t/erfahrungen/12/1"
    assert first.engagement is not None
    assert (first.engagement.likes, first.engagement.views) == (6, 40)
    assert second.thread is not None
    assert (second.thread.parent_id, second.thread.root_id) == (first.id, first.id)
    assert third.thread is not None
    assert (third.thread.parent_id, third.thread.root_id) == (second.id, first.id)


def test_of_a_forum_that_closes_nothing_is_deleted_and_of_others_what_is(forum: Forum) -> None:
    forum.add(["eins", "zwei"])
    closed = f"{forum.web.url}/closed"
    forum.open = True
    forum.options |= {"forums": [forum.web.url, closed], "key": None}
    shut = False

    def two(request: Request) -> Answer | None:
        if shut and request.where.startswith("/closed"):
            return forum.denied()
        return forum.answer(replace(request, path=request.path.removeprefix("/closed")))

    forum.web.handler = two
    cursor = drain(forum)[-1].cursor
    forum.remove("zwei")
    shut = True
    pages, error = drain_until_failure(forum, cursor)
    assert isinstance(error, Denied)
    assert len(deletions(pages)) == 1
    shut = False
    assert len(deletions(drain(forum, pages[-1].cursor))) == 1


@pytest.mark.parametrize("how", ["waits", "fails"])
def test_posts_of_other_forums_are_looked_at_while_one_waits_or_fails(
    forum: Forum, how: str
) -> None:
    forum.add([f"Nummer {number}" for number in range(25)])
    forum.open = True
    with Loopback() as elsewhere:
        there = Forum(elsewhere)
        there.open = True
        there.add(["dort", "auch dort"])
        forum.options |= {"forums": [forum.web.url, elsewhere.url], "key": None, "recheck": 0}
        cursor = drain(forum)[-1].cursor
        there.remove("dort")
        before = cursor["seen"]
        # Those of the forum that waits are due for longer, and are more than one look-up takes.
        looked = before[f"{elsewhere.url} 1"][3]
        for key, known in before.items():
            known[3] = looked if key.startswith(elsewhere.url) else looked - 1
        ill = forum.limited() if how == "waits" else Answer(status=500)
        forum.web.handler = lambda request: (
            ill if request.where.startswith("/posts/") else forum.answer(request)
        )
        with opened(forum) as source:
            pages: list[Page] = []
            with contextlib.suppress(SourceError):
                pages.extend(source.poll(cursor))
        (gone,) = deletions(pages)
        assert gone.id == f"discourse:{host(elsewhere.url)}/12/1"
        left = pages[-1].cursor["seen"]
        here = [key for key in before if key.startswith(forum.web.url)]
        assert [left[key] for key in here] == [before[key] for key in here], "due as before"


def test_a_post_that_is_hidden_by_its_forum_is_deleted(forum: Forum) -> None:
    forum.add(["eins", "zwei"])
    cursor = drain(forum)[-1].cursor
    forum.options["recheck"] = 0
    forum.extra[2] = {"hidden": True}
    (gone,) = deletions(drain(forum, cursor))
    assert gone.id == "discourse:127.0.0.1/12/2"
