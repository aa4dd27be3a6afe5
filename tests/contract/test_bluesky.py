"""Bluesky as its AppView answers."""

import base64
import itertools
import json
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Response
from websockets.sync.server import ServerConnection, serve
from websockets.typing import Subprotocol

from agents.source import Page, Rewindable
from agents.testing import (
    Answer,
    BudgetContract,
    Cut,
    DeletionContract,
    EditContract,
    KillContract,
    Loopback,
    Platform,
    Request,
    Said,
    StreamContract,
    StreamDeletionContract,
    StreamEditContract,
    StreamPlatform,
    TokenContract,
    VolumeContract,
    Wire,
    drain,
    heard,
    items,
    listening,
    mentions,
    opened,
    until_failure,
)

PASSWORD = "abcd-efgh-ijkl-mnop"  # noqa: S105 - of this test
DID = "did:plc:z72i7hdynmk6r22z27h6tvur"
POST = "app.bsky.feed.post"
JETSTREAM = "network.bsky.jetstream.subscribeEvents"
SEQUENCE = itertools.count(1)


def framed(payload: dict[str, Any]) -> bytes:
    """A message of the subprotocol xrpc.v1.json."""
    return json.dumps({"$type": "message", "payload": payload}).encode()


def microseconds(message: bytes) -> int:
    at = datetime.fromisoformat(json.loads(message)["payload"]["witnessedAt"])
    return int(at.replace(microsecond=0).timestamp()) * 1_000_000 + at.microsecond


def token(name: str, seconds: float = 7_200) -> str:
    """A JWT as the service makes them; nobody here checks its signature."""
    until = int(datetime.now(UTC).timestamp() + seconds)
    parts = [{"typ": "at+jwt", "alg": "ES256K"}, {"scope": name, "sub": DID, "exp": until}]
    coded = [base64.urlsafe_b64encode(json.dumps(p).encode()).rstrip(b"=") for p in parts]
    return b".".join([*coded, b"c2lnbmF0dXJl"]).decode()


class AppView(StreamPlatform):
    """Lexicons app.bsky.feed.searchPosts, getPosts, app.bsky.actor.getProfiles; and a Jetstream."""

    kind = "bluesky"
    secret = PASSWORD

    def __init__(self, web: Loopback) -> None:
        super().__init__(web)
        self.options["stream"] = False
        self.jetstream = ""
        self.anonymous = False
        self.behind = 0
        """How many times a post is asked for until the network shows it."""
        self.log: list[tuple[int, bytes]] = []
        """What the Jetstream keeps: microseconds since 1970, message."""
        self.lost = False
        """Whether it no longer has what was said before its log."""
        self.cursors: list[int | None] = []
        self.opening: dict[UUID, Wire] = {}
        self.logins = 0
        self.extra: dict[int, dict[str, Any]] = {}
        self.record: dict[int, dict[str, Any]] = {}

    def table(self) -> dict[str, Any]:
        account = {"handle": "listener.example", "password": "env:BLUESKY_PASSWORD"}
        return {
            "type": "bluesky",
            "searches": ["Nordwind"],
            "service": self.web.url,
            "page": self.page,
            "jetstream": self.jetstream,
            **({} if self.anonymous else account),
        }

    def is_listing(self, request: Request) -> bool:
        return request.where == "/xrpc/app.bsky.feed.searchPosts"

    def answer(self, request: Request) -> Answer | None:
        method = request.where.removeprefix("/xrpc/")
        if method == "com.atproto.server.createSession":
            assert json.loads(request.body)["password"] == PASSWORD
            self.logins += 1
            return Answer.json(self.session())
        if not self.anonymous:
            assert request.headers["authorization"].startswith("Bearer ey")
        if method == "app.bsky.actor.getProfiles":
            counts = {"followersCount": 321, "followsCount": 7, "postsCount": 99}
            ids = request.queries["actors"]
            return Answer.json({"profiles": [{**self.author(), "did": d, **counts} for d in ids]})
        if method == "app.bsky.feed.getPosts":
            uris = request.queries["uris"]
            assert len(uris) <= 25
            if self.behind:
                self.behind -= 1
                return Answer.json({"posts": []})
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

    def newest(self, request: Request) -> int:
        before = request.query.get("until")
        return self.until(datetime.fromisoformat(before).timestamp()) if before else self.past

    def is_stream(self, request: Request) -> bool:  # noqa: ARG002 - it is at another address
        return False

    def listen(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        asked = parse_qs(urlsplit(connection.request.path).query)
        assert asked["collections"] == ["app.bsky.feed.post"]
        cursor = int(asked["cursor"][0]) if "cursor" in asked else None
        self.cursors.append(cursor)
        wire = self.opening.pop(connection.id)
        if cursor is not None:
            if self.lost:
                info = {"$type": f"{JETSTREAM}#info", "name": "OutdatedCursor", "message": "7"}
                connection.send(framed(info).decode())
            for at, message in list(self.log):
                if at >= cursor:
                    connection.send(message.decode())
        with suppress(ConnectionClosed, Cut):
            for part in wire.parts():
                connection.send(part.decode())

    def refuse(self, connection: ServerConnection, _: object) -> Response | None:
        if self.refusal is None:
            # Before it is answered: who is told that it is open hears all from then on.
            self.opening[connection.id] = self.wire()
            return None
        refused, headers = self.refusal, Headers(self.refusal.headers)
        return Response(refused.status, "No", headers, refused.body)

    def _tell(self, said: Said) -> None:
        if not self.deaf:
            message = self.event(said)
            self.log.append((microseconds(message), message))
            for wire in self.heard_by:
                wire.send(message)

    def event(self, said: Said) -> bytes:
        return self.commit(
            f"3l{said.number:011d}", None if said.gone else self.record_of(said), said
        )

    def sign(self) -> bytes:
        """Somebody is always saying something."""
        return self.commit("3lother", {"$type": POST, "text": "Kaffee", "createdAt": "2026-01-01"})

    @staticmethod
    def commit(rkey: str, record: dict[str, Any] | None, said: Said | None = None) -> bytes:
        operation = "delete" if record is None else "update" if said and said.edited else "create"
        now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        body = {"operation": operation, "collection": POST, "rkey": rkey, "rev": "3l3qo2vutsw2b"}
        made = {"cid": "bafyreibjifzpqj6o6wcq3hejh7y4z4z2vmiklkvykc57tw3pcbx3kxifpm"}
        whole = {"seq": next(SEQUENCE), "did": DID, "time": now, "witnessedAt": now, **body}
        whole |= {"record": record, **made} if record else {}
        return framed({"$type": f"{JETSTREAM}#commit", **whole})

    def record_of(self, said: Said) -> dict[str, Any]:
        at = said.at.isoformat().replace("+00:00", "Z")
        return {
            "$type": POST,
            "createdAt": None if said.bad else at,
            "langs": ["de"],
            "text": f"Nordwind: {said.text}" if self.options["stream"] else said.text,
            **self.record.get(said.number, {}),
        }

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
        seen = min(said.at, datetime.now(UTC)).isoformat().replace("+00:00", "Z")
        return {
            "uri": self.uri(said),
            "cid": "bafyreibjifzpqj6o6wcq3hejh7y4z4z2vmiklkvykc57tw3pcbx3kxifpm",
            "author": self.author(),
            "record": self.record_of(said),
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
        view = AppView(web)
        with serve(
            view.listen,
            "127.0.0.1",
            0,
            subprotocols=[Subprotocol("xrpc.v1.json")],
            process_request=view.refuse,
            close_timeout=0.2,
        ) as jetstream:
            threading.Thread(target=jetstream.serve_forever, daemon=True).start()
            view.jetstream = f"ws://127.0.0.1:{jetstream.socket.getsockname()[1]}"
            yield view
            for wire in view.heard_by:
                wire.cut()
            jetstream.shutdown()


class TestKilled(KillContract):
    @pytest.fixture
    def described(self, view: AppView) -> dict[str, Any]:
        return view.reach_back(self.number).described()


class TestPast(VolumeContract):
    number = 30_000

    @pytest.fixture
    def described(self, view: AppView) -> dict[str, Any]:
        return view.reach_back(self.number).described()


class TestBluesky(EditContract, DeletionContract, BudgetContract, TokenContract):
    @pytest.fixture
    def outside(self, view: AppView) -> Platform:
        return view


class TestBlueskyStream(StreamEditContract, StreamDeletionContract):
    @pytest.fixture
    def outside(self, view: AppView) -> StreamPlatform:
        view.options["stream"] = True
        return view

    @staticmethod
    def texts(pages: Sequence[Page]) -> list[str]:
        """Without the word that they were found by."""
        return [text.removeprefix("Nordwind: ") for text in StreamContract.texts(pages)]


@pytest.fixture
def heard_only(view: AppView) -> AppView:
    """Nobody may search."""
    view.options |= {"stream": True, "search": False}
    view.anonymous = True
    return view


def said(pages: Sequence[Page]) -> list[str]:
    return TestBlueskyStream.texts(pages)


def test_without_search_the_stream_goes_on_where_it_was(heard_only: AppView) -> None:
    view = heard_only
    view.options["history"] = 1
    started = time.time() * 1000
    with listening(view) as pages:
        found = heard(pages, lambda found: found[-1].until is not None)
        # What was said before is not there to be read: the ledger says so.
        assert found[0].gap is not None
        assert abs(found[0].gap[0] - (started - 86_400_000)) < 5_000
        view.say(["eins"])
        found += heard(pages, items)
        view.wires[-1].cut()
        rest, _ = until_failure(pages)
        found += rest
    view.say(["im Dunkeln"])
    with listening(view, found[-1].cursor) as pages:
        found += heard(pages, items)
    assert said(found) == ["eins", "im Dunkeln"]
    assert [cursor is None for cursor in view.cursors] == [True, False]
    assert not view.listings()
    assert sum(page.gap is not None for page in found) == 1


def test_what_the_stream_no_longer_has_is_a_gap(heard_only: AppView) -> None:
    view = heard_only
    with listening(view) as pages:
        found = heard(pages, lambda found: found[-1].until is not None)
        view.wires[-1].cut()
        rest, _ = until_failure(pages)
        cursor = [*found, *rest][-1].cursor
    view.lost = True
    left = time.time() * 1000
    with listening(view, cursor) as pages:
        after = heard(pages, lambda found: any(page.gap for page in found))
    (gap,) = [page.gap for page in after if page.gap]
    assert gap[0] <= left <= gap[1] + 1
    assert gap[0] >= started_of(found)


def started_of(pages: Sequence[Page]) -> int:
    return min(page.until for page in pages if page.until) - 5_000


def test_a_backfill_without_search_asks_the_stream_for_it(heard_only: AppView) -> None:
    since = datetime.now(UTC) - timedelta(hours=3)
    with opened(heard_only) as source:
        assert isinstance(source, Rewindable)
        cursor = source.rewind(None, since)
    with listening(heard_only, cursor) as pages:
        heard(pages, lambda found: found[-1].until is not None)
    at = int(since.timestamp() * 1000) * 1_000
    assert heard_only.cursors == [at]
    with opened(heard_only) as source:
        assert isinstance(source, Rewindable)
        later = source.rewind(cursor, since + timedelta(hours=2))
    assert later["stream"] == cursor["stream"] == {"jetstream": at}, "an outage is not jumped over"


def test_a_post_that_the_network_does_not_show_yet_is_waited_for(heard_only: AppView) -> None:
    view = heard_only
    with listening(view) as pages:
        heard(pages, lambda found: found[-1].until is not None)
        view.behind = 2
        view.say(["eins"])
        found = heard(pages, items)
        assert said(found) == ["eins"]
        # Meanwhile nothing is claimed to be complete, and the position stays before it.
        waiting = [page for page in found[:-1] if page.until is None]
        assert len(waiting) >= 2


def test_other_languages_are_left_out_and_counted(heard_only: AppView) -> None:
    view = heard_only
    view.options["language"] = "en"
    view.record[2] = {"langs": ["en-GB", "fr"]}
    with listening(view) as pages:
        heard(pages, lambda found: found[-1].until is not None)
        view.say(["deutsch", "english"])
        found = heard(pages, items)
    assert said(found) == ["english"]
    assert sum(page.filtered.get("language", 0) for page in found) == 1


def test_what_cannot_be_listened_to_is_said_at_once(view: AppView) -> None:
    view.options |= {"stream": True, "searches": ["from:ada.example"]}
    with pytest.raises(ValueError, match=r"'from:ada\.example' can be searched for"):
        view.source()


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
