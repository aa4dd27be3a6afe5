"""X as its API v2 answers."""

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
    Loopback,
    Platform,
    Request,
    Said,
    StreamEditContract,
    StreamPlatform,
    TokenContract,
    drain,
    drain_until_failure,
    heard,
    items,
    listening,
    mentions,
)

TOKEN = "AAAA-bearer"  # noqa: S105 - of this test


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

    def table(self) -> dict[str, Any]:
        base = {"type": "x", "searches": ["Nordwind"], "token": "env:X_TOKEN"}
        return {**base, "api": self.web.url, "page": self.page}

    def is_listing(self, request: Request) -> bool:
        return request.where == "/2/tweets/search/recent"

    def answer(self, request: Request) -> Answer | None:
        assert request.headers["authorization"] == f"Bearer {TOKEN}"
        query, found = request.query, self.there
        if request.where == "/2/tweets/search/stream/rules":
            return self.ruled(json.loads(request.body) if request.body else {})
        if request.where == "/2/tweets":
            ids = query["ids"].split(",")
            return self.tweets([said for said in found if str(said.number) in ids], more=False)
        if not self.is_listing(request):
            return None
        if "start_time" in query:
            low = datetime.fromisoformat(query["start_time"])
            assert datetime.now(UTC) - low < timedelta(days=7), "X refuses what is earlier"
            assert "until_id" not in query
            found = [said for said in found if said.at >= low]
        else:
            found = [said for said in found if said.number < int(query["until_id"])]
        size = int(query["max_results"])
        return self.tweets(found[:size], more=len(found) > size)

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
        whole = json.loads(self.tweets([said], more=False).body)
        matching = [r for r in self.rules if r["value"] == "Nordwind"]
        whole |= {"data": whole["data"][0], "matching_rules": matching}
        del whole["meta"]
        return json.dumps(whole).encode() + b"\r\n"

    def sign(self) -> bytes:
        return b"\r\n"

    def tweets(self, found: list[Said], *, more: bool) -> Answer:
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
        data = [self.tweet(said) for said in found]
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

    def tweet(self, said: Said) -> dict[str, Any]:
        return {
            "id": str(said.number),
            "text": None if said.bad else said.text,
            "author_id": "2244994945",
            "conversation_id": str(said.number),
            "created_at": said.at.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
            "edit_history_tweet_ids": [str(said.number)],
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


class TestX(EditContract, DeletionContract, BudgetContract, TokenContract):
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
    assert mention.url == "https://x.com/ada/status/1"
    assert mention.language_hint == "de"
    assert (mention.media[0].kind, mention.media[0].alt) == ("image", "P")
    assert mention.thread is not None
    assert (mention.thread.kind, mention.thread.parent_id) == ("reply", "x:77")
    assert mention.thread.root_id == "x:70"
    assert mention.author is not None
    assert (mention.author.handle, mention.author.followers) == ("ada", 513)
    assert mention.engagement is not None
    assert (mention.engagement.likes, mention.engagement.views) == (3, 900)


def test_an_edited_post_keeps_the_id_of_its_first_version(api: Api) -> None:
    api.add(["eins"])
    api.extra[1] = {"edit_history_tweet_ids": ["0", "1"]}
    (mention,) = mentions(drain(api))
    assert mention.id == "x:0"
    assert mention.edited_at is not None


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
