"""Bluesky as its AppView answers."""

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from agents.testing import (
    Answer,
    BudgetContract,
    DeletionContract,
    EditContract,
    Loopback,
    Platform,
    Request,
    Said,
    TokenContract,
    drain,
    mentions,
    opened,
)

PASSWORD = "abcd-efgh-ijkl-mnop"  # noqa: S105 - of this test
DID = "did:plc:z72i7hdynmk6r22z27h6tvur"


def token(name: str, seconds: float = 7_200) -> str:
    """A JWT as the service makes them; nobody here checks its signature."""
    until = int(datetime.now(UTC).timestamp() + seconds)
    parts = [{"typ": "at+jwt", "alg": "ES256K"}, {"scope": name, "sub": DID, "exp": until}]
    coded = [base64.urlsafe_b64encode(json.dumps(p).encode()).rstrip(b"=") for p in parts]
    return b".".join([*coded, b"c2lnbmF0dXJl"]).decode()


class AppView(Platform):
    """Lexicons app.bsky.feed.searchPosts, getPosts, app.bsky.actor.getProfiles."""

    kind = "bluesky"
    secret = PASSWORD

    def __init__(self, web: Loopback) -> None:
        super().__init__(web)
        self.logins = 0
        self.extra: dict[int, dict[str, Any]] = {}
        self.record: dict[int, dict[str, Any]] = {}

    def table(self) -> dict[str, Any]:
        return {
            "type": "bluesky",
            "searches": ["Nordwind"],
            "service": self.web.url,
            "handle": "listener.example",
            "password": "env:BLUESKY_PASSWORD",
            "page": self.page,
        }

    def is_listing(self, request: Request) -> bool:
        return request.where == "/xrpc/app.bsky.feed.searchPosts"

    def answer(self, request: Request) -> Answer | None:
        method = request.where.removeprefix("/xrpc/")
        if method == "com.atproto.server.createSession":
            assert json.loads(request.body)["password"] == PASSWORD
            self.logins += 1
            return Answer.json(self.session())
        assert request.headers["authorization"].startswith("Bearer ey")
        if method == "app.bsky.actor.getProfiles":
            counts = {"followersCount": 321, "followsCount": 7, "postsCount": 99}
            ids = request.queries["actors"]
            return Answer.json({"profiles": [{**self.author(), "did": d, **counts} for d in ids]})
        if method == "app.bsky.feed.getPosts":
            uris = request.queries["uris"]
            assert len(uris) <= 25
            return Answer.json({"posts": [self.view(s) for s in self.there if self.uri(s) in uris]})
        if method != "app.bsky.feed.searchPosts":
            return None
        low = datetime.fromisoformat(request.query["since"])
        until = request.query.get("until")
        high = datetime.fromisoformat(until) if until else datetime.max.replace(tzinfo=UTC)
        found = [s for s in self.there if low <= min(s.at, datetime.now(UTC)) < high]
        size = int(request.query["limit"])
        page = {"posts": [self.view(s) for s in found[:size]], "hitsTotal": len(found)}
        return Answer.json({**page, **({"cursor": str(size)} if len(found) > size else {})})

    def session(self) -> dict[str, Any]:
        return {
            "did": DID,
            "handle": "listener.example",
            "accessJwt": token("com.atproto.access"),
            "refreshJwt": token("com.atproto.refresh"),
            "active": True,
        }

    def limited(self) -> Answer:
        reset = int((datetime.now(UTC) + timedelta(seconds=120)).timestamp())
        return Answer.json(
            {"error": "RateLimitExceeded", "message": "Rate Limit Exceeded"},
            429,
            RateLimit_Limit="3000",
            RateLimit_Remaining="0",
            RateLimit_Reset=str(reset),
            RateLimit_Policy="3000;w=300",
        )

    def none_left(self, answer: Answer) -> Answer:
        left = {k: v for k, v in self.limited().headers.items() if k.startswith("RateLimit")}
        return replace(answer, headers={**answer.headers, **left})

    def denied(self) -> Answer:
        wrong = {"error": "AuthMissing", "message": "Authentication Required"}
        return Answer.json(wrong, 401)

    @staticmethod
    def uri(said: Said) -> str:
        return f"at://{DID}/app.bsky.feed.post/3l{said.number:011d}"

    @staticmethod
    def author() -> dict[str, Any]:
        return {
            "did": DID,
            "handle": "ada.bsky.example",
            "displayName": "Ada",
            "createdAt": "2023-04-12T04:53:57.057Z",
            "labels": [],
            "verification": {"verifications": [], "verifiedStatus": "valid"},
        }

    def view(self, said: Said) -> dict[str, Any]:
        at = said.at.isoformat().replace("+00:00", "Z")
        seen = min(said.at, datetime.now(UTC)).isoformat().replace("+00:00", "Z")
        return {
            "uri": self.uri(said),
            "cid": "bafyreibjifzpqj6o6wcq3hejh7y4z4z2vmiklkvykc57tw3pcbx3kxifpm",
            "author": self.author(),
            "record": {
                "$type": "app.bsky.feed.post",
                "createdAt": None if said.bad else at,
                "langs": ["de"],
                "text": said.text,
                **self.record.get(said.number, {}),
            },
            "replyCount": 1,
            "repostCount": 2,
            "likeCount": 3,
            "quoteCount": 4,
            "indexedAt": seen,
            "labels": [],
            **self.extra.get(said.number, {}),
        }


@pytest.fixture
def view(monkeypatch: pytest.MonkeyPatch) -> Iterator[AppView]:
    monkeypatch.setenv("BLUESKY_PASSWORD", PASSWORD)
    with Loopback() as web:
        yield AppView(web)


class TestBluesky(EditContract, DeletionContract, BudgetContract, TokenContract):
    @pytest.fixture
    def outside(self, view: AppView) -> Platform:
        return view


def test_a_post_with_all_it_has(view: AppView) -> None:
    view.add(["Größe: exa.mple/…", "Ja", "Siehe"])
    view.record[1] = {
        "facets": [
            {
                # The index counts bytes: ö and ß have two.
                "index": {"byteStart": 9, "byteEnd": 21},
                "features": [
                    {"$type": "app.bsky.richtext.facet#link", "uri": "https://exa.mple/lang"}
                ],
            }
        ]
    }
    view.extra[1] = {
        "embed": {
            "$type": "app.bsky.embed.images#view",
            "images": [{"thumb": "t", "fullsize": "https://cdn.example/a", "alt": "Pumpe"}],
        }
    }
    above = {"uri": view.uri(view.posts[0]), "cid": "c"}
    view.record[2] = {"reply": {"root": above, "parent": above}}
    view.extra[3] = {"embed": {"$type": "app.bsky.embed.record#view", "record": above}}
    found = {mention.text: mention for mention in mentions(drain(view))}
    first, reply, quote = found["Größe: https://exa.mple/lang"], found["Ja"], found["Siehe"]
    assert first.id == f"bluesky:{above['uri']}"
    assert first.url == "https://bsky.app/profile/ada.bsky.example/post/3l00000000001"
    assert first.language_hint == "de"
    assert first.media[0].alt == "Pumpe"
    assert first.author is not None
    assert (first.author.id, first.author.followers) == (DID, 321)
    assert first.author.verified
    assert first.engagement is not None
    assert (first.engagement.likes, first.engagement.quotes) == (3, 4)
    assert reply.thread is not None
    assert (reply.thread.kind, reply.thread.parent_id) == ("reply", first.id)
    assert reply.thread.root_id == first.id
    assert quote.thread is not None
    assert (quote.thread.kind, quote.thread.parent_id) == ("quote", first.id)


def test_a_session_is_kept_and_renewed_when_it_ends(view: AppView) -> None:
    view.add(["eins"])
    with opened(view) as source:
        list(source.poll(None))
        list(source.poll(None))
        assert view.logins == 1, "logging in is rationed"
        ended = {"error": "ExpiredToken", "message": "Token has expired"}
        view.script.append(Answer.json(ended, 400))
        assert len(mentions(list(source.poll(None)))) == 1
        assert view.logins == 2
