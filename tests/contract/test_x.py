"""X as its API v2 answers."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Self

import pytest

from agents.errors import RateLimited, SourceError
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
    StreamEditContract,
    StreamPlatform,
    TokenContract,
    VolumeContract,
    Wire,
    deletions,
    drain,
    drain_until_failure,
    heard,
    items,
    listening,
    mentions,
)

TOKEN = "AAAA-bearer"  # noqa: S105 - of this test


def versions(said: Said) -> list[str]:
    """The ids of a post's versions: each begins with its time."""
    times = [at for at in (said.at, said.edited) if at is not None]
    return [
        str((int(at.timestamp() * 1000) - 1_288_834_974_657 << 22) | said.number) for at in times
    ]


def newest(said: Said) -> int:
    return int(versions(said)[-1])


class Api(StreamPlatform):
    """docs.x.com/x-api: recent search, post look-up, expansions; November 2026."""

    kind = "x"
    reach = 5
    secret = TOKEN

    def __init__(self, web: Loopback) -> None:
        super().__init__(web)
        self.options["stream"] = False
        # Of another program with the same app.
        self.rules = [{"id": "900", "value": "katzen", "tag": "cats"}]
        self.extra: dict[int, dict[str, Any]] = {}
        self.media: list[dict[str, Any]] = []
        self.at_first: dict[int, str] = {}
        self.speaks = True
        """Whether it says of a post that is looked up and not there that it is not."""
        self.why = "resource-not-found"

    def table(self) -> dict[str, Any]:
        base = {"type": "x", "searches": ["Nordwind"], "token": "env:X_TOKEN"}
        return {**base, "api": self.web.url, "page": self.page}

    def is_listing(self, request: Request) -> bool:
        return request.where == "/2/tweets/search/recent"

    def answer(self, request: Request) -> Answer | None:
        assert request.headers["authorization"] == f"Bearer {TOKEN}"
        query, found = request.query, sorted(self.there, key=newest, reverse=True)
        if request.where == "/2/tweets/search/stream/rules":
            return self.ruled(json.loads(request.body) if request.body else {})
        if request.where == "/2/tweets":
            ids = query["ids"].split(",")
            shown = [(said, id_) for said in found for id_ in versions(said) if id_ in ids]
            missing = [id_ for id_ in ids if id_ not in {shown_id for _, shown_id in shown}]
            return self.with_errors(self.tweets(shown, more=False), missing)
        if not self.is_listing(request):
            return None
        if "start_time" in query:
            low = datetime.fromisoformat(query["start_time"])
            assert datetime.now(UTC) - low < timedelta(days=7), "X refuses what is earlier"
            assert "until_id" not in query
            found = [said for said in found if (said.edited or said.at) >= low]
        else:
            found = [said for said in found if newest(said) < int(query["until_id"])]
        size = int(query["max_results"])
        # Search knows the newest version only.
        shown = [(said, versions(said)[-1]) for said in found[:size]]
        return self.tweets(shown, more=len(found) > size)

    def with_errors(self, answer: Answer, missing: list[str]) -> Answer:
        """What X says of each post that it does not have, or not for us."""
        if not self.speaks or not missing:
            return answer
        about = {"parameter": "ids", "resource_type": "tweet", "section": "data"}
        about |= {"type": f"https://api.twitter.com/2/problems/{self.why}", "title": "No."}
        errors = [{**about, "value": id_, "resource_id": id_, "detail": "No."} for id_ in missing]
        return replace(
            answer, body=json.dumps({**json.loads(answer.body), "errors": errors}).encode()
        )

    def unseen(self, request: Request) -> Answer | None:
        self.speaks = False
        try:
            return super().unseen(request)
        finally:
            self.speaks = True

    def newest(self, request: Request) -> int:
        before = request.query.get("until_id")
        return (int(before) & 0x3FFFFF) - 1 if before else self.past

    def edit(self, before: str, after: str) -> None:
        self.at_first |= {said.number: before for said in self.posts if said.text == before}
        super().edit(before, after)

    def ruled(self, order: dict[str, Any]) -> Answer:
        if not order:
            return Answer.json({"data": self.rules, "meta": {"result_count": len(self.rules)}})
        if "delete" in order:
            gone = order["delete"]["ids"]
            self.rules = [rule for rule in self.rules if rule["id"] not in gone]
            return Answer.json({"meta": {"summary": {"deleted": len(gone), "not_deleted": 0}}})
        made = [{**rule, "id": str(1_000 + len(self.rules))} for rule in order["add"]]
        if any("((" in rule["value"] for rule in made):
            wrong = {"title": "UnprocessableEntity", "details": ["no viable alternative"]}
            return Answer.json({"errors": [wrong], "meta": {"summary": {"invalid": 1}}})
        self.rules += made
        summary = {"created": len(made), "not_created": 0, "valid": len(made), "invalid": 0}
        return Answer.json({"data": made, "meta": {"summary": summary}}, 201)

    def is_stream(self, request: Request) -> bool:
        if request.where != "/2/tweets/search/stream":
            return False
        assert request.headers["authorization"] == f"Bearer {TOKEN}"
        assert "note_tweet" in request.query["tweet.fields"]
        return True

    def event(self, said: Said) -> bytes:
        whole = json.loads(self.tweets([(said, versions(said)[-1])], more=False).body)
        matching = [r for r in self.rules if r["value"] == "Nordwind"]
        whole |= {"data": whole["data"][0], "matching_rules": matching}
        del whole["meta"]
        return json.dumps(whole).encode() + b"\r\n"

    def sign(self) -> bytes:
        return b"\r\n"

    def tweets(self, found: list[tuple[Said, str]], *, more: bool) -> Answer:
        meta: dict[str, Any] = {"result_count": len(found)}
        if more:
            meta |= {"next_token": "b26v89c19zqg8o3f"}
        if not found:
            return Answer.json({"meta": meta})
        user = {
            "id": "2244994945",
            "name": "Ada",
            "username": "ada",
            "verified": True,
            "created_at": "2013-12-14T04:35:55.000Z",
            "public_metrics": {"followers_count": 513, "following_count": 20, "tweet_count": 41},
        }
        includes = {"users": [user], "media": self.media}
        data = [self.tweet(said, id_) for said, id_ in found]
        return Answer.json({"data": data, "includes": includes, "meta": meta})

    def limited(self) -> Answer:
        reset = int((datetime.now(UTC) + timedelta(seconds=120)).timestamp())
        return Answer.json(
            {"title": "Too Many Requests", "detail": "Too Many Requests", "status": 429},
            429,
            x_rate_limit_limit="450",
            x_rate_limit_remaining="0",
            x_rate_limit_reset=str(reset),
        )

    def none_left(self, answer: Answer) -> Answer:
        left = {k: v for k, v in self.limited().headers.items() if k.startswith("x-")}
        return replace(answer, headers={**answer.headers, **left})

    def denied(self) -> Answer:
        return Answer.json({"title": "Unauthorized", "status": 401, "detail": "Unauthorized"}, 401)

    def expired(self) -> Answer:
        why = "Invalid 'until_id':'1'. 'until_id' must be a tweet id created after [2026-11-23]"
        error = {"parameters": {"until_id": ["1"]}, "message": why}
        return Answer.json({"errors": [error], "title": "Invalid Request"}, 400)

    def tweet(self, said: Said, id_: str) -> dict[str, Any]:
        """A version of a post, which says how it was, but has the history as it is."""
        first = id_ == versions(said)[0]
        text = self.at_first.get(said.number, said.text) if first else said.text
        at = said.at if first else said.edited
        assert at is not None
        return {
            "id": id_,
            "text": None if said.bad else text,
            "author_id": "2244994945",
            "conversation_id": versions(said)[0],
            "created_at": at.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
            "edit_history_tweet_ids": versions(said),
            "lang": "de",
            "public_metrics": {
                "retweet_count": 1,
                "reply_count": 2,
                "like_count": 3,
                "quote_count": 4,
                "bookmark_count": 0,
                "impression_count": 900,
            },
            **self.extra.get(said.number, {}),
        }


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    monkeypatch.setenv("X_TOKEN", TOKEN)
    with Loopback() as web:
        yield Api(web)


class Flood(Api):
    """All of it at once, to who listens, as fast as it is taken."""

    def reach_back(self, number: int) -> Self:
        self.options |= {"stream": True, "silence": 30}
        return super().reach_back(number)

    @property
    def there(self) -> list[Said]:
        return []

    def wire(self) -> Wire:
        made = super().wire()
        made.parts = self.parts  # type: ignore[method-assign]
        return made

    def parts(self) -> Iterator[bytes]:
        """What the stream says."""
        for first in range(1, self.past + 1, 20):
            yield b"".join(self.event(self.said(n)) for n in range(first, first + 20))
        while True:
            time.sleep(0.1)
            yield self.sign()


class Live(Flood):
    """A search whose posts are said one after the other: some to who listens, some before that."""

    def reach_back(self, number: int) -> Self:
        super().reach_back(number)
        self.options["overlap"] = 1
        self.start = datetime.now(UTC) - timedelta(seconds=30)
        self.past, self.number = 0, number
        return self

    @property
    def there(self) -> list[Said]:
        return [self.said(number) for number in range(self.past, 0, -1)]

    def said(self, number: int) -> Said:
        return Said(number, f"Nummer {number - 1}", self.start + timedelta(seconds=number / 50))

    def wire(self) -> Wire:
        self.say_more(20)
        return super().wire()

    def say_more(self, many: int) -> range:
        before, self.past = self.past, min(self.past + many, self.number)
        return range(before + 1, self.past + 1)

    def parts(self) -> Iterator[bytes]:
        while True:
            yield b"".join([*(self.event(self.said(n)) for n in self.say_more(5)), self.sign()])
            time.sleep(0.05)


class TestKilledWhileItReads(KillContract):
    @pytest.fixture
    def described(self, api: Api) -> dict[str, Any]:
        return api.reach_back(self.number).described()


class TestKilledWhileItListens(KillContract):
    @pytest.fixture
    def described(self, api: Api) -> dict[str, Any]:
        return Live(api.web).reach_back(self.number).described()


class TestPast(VolumeContract):
    @pytest.fixture
    def described(self, api: Api) -> dict[str, Any]:
        return api.reach_back(self.number).described()


class TestFlood(VolumeContract):
    @pytest.fixture
    def described(self, api: Api) -> dict[str, Any]:
        return Flood(api.web).reach_back(self.number).described()


class TestX(EditContract, DeletionContract, BudgetContract, PositionContract, TokenContract):
    @pytest.fixture
    def outside(self, api: Api) -> Platform:
        return api


class TestXStream(StreamEditContract):
    @pytest.fixture
    def outside(self, api: Api) -> StreamPlatform:
        api.options["stream"] = True
        return api


def test_a_post_with_all_it_has(api: Api) -> None:
    api.add(["Kurz https://t.co/a"])
    long = {"text": "Lang und mehr https://t.co/a"}
    api.media = [{"media_key": "3_1", "type": "photo", "url": "https://p.example", "alt_text": "P"}]
    api.extra[1] = {
        "note_tweet": long,
        "entities": {"urls": [{"url": "https://t.co/a", "expanded_url": "https://a.example/b"}]},
        "attachments": {"media_keys": ["3_1"]},
        "referenced_tweets": [{"type": "replied_to", "id": "77"}],
        "conversation_id": "70",
    }
    (mention,) = mentions(drain(api))
    assert mention.text == "Lang und mehr https://a.example/b"
    assert mention.url == f"https://x.com/ada/status/{newest(api.posts[0])}"
    assert mention.language_hint == "de"
    assert (mention.media[0].kind, mention.media[0].alt) == ("image", "P")
    assert mention.thread is not None
    assert (mention.thread.kind, mention.thread.parent_id) == ("reply", "x:77")
    assert mention.thread.root_id == "x:70"
    assert mention.author is not None
    assert (mention.author.handle, mention.author.followers) == ("ada", 513)
    assert mention.engagement is not None
    assert (mention.engagement.likes, mention.engagement.views) == (3, 900)


def test_a_post_that_was_edited_before_it_was_read_is_as_old_as_its_first_version(api: Api) -> None:
    api.add(["eins"])
    api.edit("eins", "eins, verbessert")
    (mention,) = mentions(drain(api))
    first, second = versions(api.posts[0])
    assert mention.id == f"x:{first}"
    assert mention.url == f"https://x.com/ada/status/{second}"
    assert mention.published_at == api.posts[0].at
    assert mention.edited_at is not None
    assert mention.edited_at > mention.published_at


def test_an_edit_that_no_search_shows_is_found_by_looking_again(api: Api) -> None:
    api.add(["eins"])
    pages = drain(api)
    api.edit("eins", "eins, verbessert")
    api.script.append(Answer.json({"meta": {"result_count": 0}}))
    (first,), (second,) = mentions(pages), mentions(after := drain(api, pages[-1].cursor))
    assert (second.id, second.text) == (first.id, "eins, verbessert")
    assert second.published_at == first.published_at
    assert items(drain(api, after[-1].cursor)) == [], "its first version says something else"


def test_rules_of_others_are_left_alone_and_old_ones_of_ours_removed(api: Api) -> None:
    old = {"id": "901", "value": "Südwind", "tag": "mention-pipeline/it"}
    api.rules.append(old)
    api.options["stream"] = True
    with listening(api) as pages:
        heard(pages, lambda found: found[-1].until is not None)
        assert [rule["value"] for rule in api.rules] == ["katzen", "Nordwind"]
        assert api.rules[1]["tag"] == "mention-pipeline/it"
        # What only their rules match is theirs.
        theirs = json.loads(api.event(Said(7, "Katze", api.start)))
        theirs["matching_rules"] = [{"id": "900", "tag": "cats"}]
        (wire,) = api.wires
        wire.send(json.dumps(theirs).encode() + b"\r\n")
        api.say(["eins"])
        assert [m.text for m in mentions(heard(pages, items))] == ["eins"]


def test_a_rule_that_x_does_not_take_is_said_and_the_search_goes_on(api: Api) -> None:
    api.options |= {"stream": True, "searches": ["((Nordwind"]}
    api.add(["eins"])
    pages, error = drain_until_failure(api)
    assert "no viable alternative" in str(error)
    assert [m.text for m in mentions(pages)] == ["eins"]


def test_why_x_ends_a_stream_is_said(api: Api) -> None:
    api.options["stream"] = True
    with listening(api) as pages:
        heard(pages, lambda found: found[-1].until is not None)
        why = {
            "title": "operational-disconnect",
            "disconnect_type": "UpstreamOperationalDisconnect",
        }
        api.wires[0].send(json.dumps({"errors": [why]}).encode() + b"\r\n")
        with pytest.raises(SourceError, match="operational-disconnect"):
            list(pages)


def test_more_than_seven_days_without_reading_are_a_gap_once(api: Api) -> None:
    api.options["stream"] = False
    api.add(["neu"])
    cursor = drain(api)[-1].cursor
    (query,) = cursor["queries"]
    now = datetime.now(UTC).timestamp()
    read = int((now - 10 * 86_400) * 1000)
    cursor["queries"][query]["read"] = read
    pages = drain(api, cursor)
    (gap,) = [page.gap for page in pages if page.gap]
    assert gap[0] == read
    assert gap[1] == pytest.approx((now - 7 * 86_400) * 1000, abs=600_000)
    assert not any(page.gap for page in drain(api, pages[-1].cursor))


def test_each_endpoint_has_a_limit_of_its_own(api: Api) -> None:
    api.add(["eins"])
    cursor = drain(api)[-1].cursor
    api.remove("eins")
    api.script.append(api.limited())
    asked = len(api.listings())
    for _ in range(2):
        pages, error = drain_until_failure(api, cursor)
        assert isinstance(error, RateLimited)
        assert len(deletions(pages)) == 1, "which X demands to be followed"
    assert len(api.listings()) == asked + 1


@pytest.mark.parametrize(
    ("why", "deleted"), [("resource-not-found", 2), ("not-authorized-for-resource", 0)]
)
def test_what_x_says_of_a_post_needs_no_other_to_be_shown(api: Api, why: str, deleted: int) -> None:
    api.why = why
    api.add(["eins", "zwei"])
    cursor = drain(api)[-1].cursor
    api.remove("eins")
    api.remove("zwei")
    assert len(deletions(drain(api, cursor))) == deleted
    api.add(["drei"])
    pages = drain(api, cursor)
    assert len(deletions(pages)) == 2, "it shows others, so that it is not for us"


def test_a_wait_before_the_last_versions_are_asked_for_keeps_what_else_was_found(api: Api) -> None:
    api.add(["eins", "zwei", "drei"])
    cursor = drain(api)[-1].cursor
    api.edit("eins", "eins, verbessert")
    api.remove("zwei")
    api.script.append(Answer.json({"meta": {"result_count": 0}}))
    looked: list[Request] = []

    def once(request: Request) -> Answer | None:
        if request.where == "/2/tweets":
            looked.append(request)
            if len(looked) == 2:
                return api.limited()
        return api.answer(request) if request.where == "/2/tweets" else api._serve(request)

    api.web.handler = once
    pages = drain(api, cursor)
    assert len(deletions(pages)) == 1
    api.waited()
    api.options["recheck"] = 3_600
    later = pages[-1].cursor
    (edited,) = (
        known for known in later["seen"].values() if known[4] == f"x:{versions(api.posts[0])[0]}"
    )
    assert edited[3] == cursor["seen"][versions(api.posts[0])[0]][3], "due as before"
