"""Bluesky, by search, and as it is said: ``type = "bluesky"``.

Reads the lexicons ``app.bsky.feed.searchPosts``, ``app.bsky.feed.getPosts`` and
``app.bsky.actor.getProfiles`` (github.com/bluesky-social/atproto, November 2026) through atproto,
which keeps the session; its models are not used, as one odd post would refuse the whole page.
3,000 requests in five minutes and address; ``RateLimit-*`` headers are obeyed. Links that the
network shows shortened are written out in the text.

Search stops after some pages, so a listing is continued by time (``until``). Deletion is a post
that ``getPosts`` no longer has; posts cannot be edited in the app, but a changed record is seen.

With ``stream`` the whole network is listened to besides, and what the searches ask for is taken
(``agents.jetstream``). Posts are then looked up, so that they have what a listing shows. A listing
fills gaps; without it (``search = false``, where there is no account) the position in the stream
does, and what the server no longer has is a gap in the ledger.

Id: ``bluesky:<at-uri>``. Position in a listing: milliseconds since 1970.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

from atproto_client import Client, models
from atproto_client.exceptions import AtProtocolError, BadRequestError
from atproto_client.request import Request
from msgspec import structs
from pydantic import Field, model_validator

from agents.bridge import HttpxBridge, faults
from agents.errors import RateLimited, Unreadable
from agents.jetstream import SUBPROTOCOL, address, hear
from agents.listed import Listing, Post, instant, moment, rows
from agents.mention import identify, milliseconds
from agents.secret import Secret
from agents.source import Cursor
from agents.stream import Event, Line
from agents.streamed import Completed, Streamed, StreamedConfig
from agents.websocket import messages, opened
from agents.words import Words

__all__ = ["Bluesky", "BlueskyConfig"]

_PAGE: Final = 100  # the most that search gives
_ACTORS: Final = 25  # the most profiles at once
_SHOWN_WITHIN: Final = 30.0  # seconds until a post that was sent can be looked up
_LINE: Final = "jetstream"
_EXPIRED: Final = "ExpiredToken"
_SITE: Final = "https://bsky.app"
_SEARCH: Final = "app.bsky.feed.searchPosts"
_POSTS: Final = "app.bsky.feed.getPosts"
_PROFILES: Final = "app.bsky.actor.getProfiles"
_PARAMS: Final = {
    _SEARCH: models.AppBskyFeedSearchPosts.Params,
    _POSTS: models.AppBskyFeedGetPosts.Params,
    _PROFILES: models.AppBskyActorGetProfiles.Params,
}


class BlueskyConfig(StreamedConfig):
    """Keys of a ``[[sources]]`` table with ``type = "bluesky"``."""

    type: Literal["bluesky"]
    searches: Annotated[tuple[str, ...], Field(min_length=1)]
    """Words, ``"phrases"``, ``#tags``, ``from:handle``, ``domain:example.org``."""
    language: str | None = None
    """Only posts whose author states this language (BCP 47)."""
    handle: str | None = None
    """The account to read with; some services let nobody search without one."""
    password: Secret | None = None
    """An app password of that account: Settings > Privacy and security > App passwords."""
    service: Annotated[str, Field(pattern="^https?://")] | None = None
    """By default bsky.social with an account, and the public API without."""
    search: bool = True
    """Search too; without, ``stream`` goes on where it was, as far back as the server keeps it."""
    jetstream: Annotated[str, Field(pattern="^wss?://")] = "wss://jetstream.us-east.bsky.network"
    """Where ``stream`` listens."""
    audience: bool = True
    """Ask for the followers of authors: one more request for 25 of them."""
    page: Annotated[int, Field(ge=1, le=_PAGE)] = _PAGE
    """Posts in one answer."""

    @model_validator(mode="after")
    def _both_or_none(self) -> "BlueskyConfig":
        if (self.handle is None) != (self.password is None):
            msg = "handle and password belong together"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _can_be_heard(self) -> "BlueskyConfig":
        if not self.stream and not self.search:
            msg = "neither search nor stream: there is nothing to read"
            raise ValueError(msg)
        for search in self.searches if self.stream else ():
            Words(search)
        return self


class Bluesky(Streamed):
    """Searches on Bluesky."""

    kind = "bluesky"
    channel = "microblog"
    batch = 25  # the most that getPosts takes
    config: BlueskyConfig

    def __init__(self, config: BlueskyConfig) -> None:
        super().__init__(config)
        public = "https://public.api.bsky.app"
        service = config.service or ("https://bsky.social" if config.handle else public)
        self._client = Client(service, request=Request(transport=HttpxBridge(self.http)))
        self._late: dict[str, tuple[Event, float]] = {}
        self._in = False  # logging in is rationed: atproto keeps and renews the session

    def queries(self) -> Sequence[str]:
        """The searches, where they are searched for."""
        return self.config.searches if self.config.search else ()

    def rewind(self, cursor: Cursor | None, since: datetime) -> Cursor:
        """A cursor that reads everything since a moment again, and what was still to be read."""
        state = self.state(super().rewind(cursor, since))
        if not self.queries():
            at = milliseconds(since) * 1_000
            state.stream = {_LINE: min(at, state.stream.get(_LINE, at))}
        return state.cursor()

    def listing(self, query: str, at: Any, since: datetime) -> Listing:  # noqa: ANN401
        """Posts up to a moment, the newest first."""
        params: dict[str, Any] = {
            "q": query,
            "sort": "latest",
            "since": _iso(milliseconds(since)),
            "limit": self.config.page,
        }
        if at is not None:
            params["until"] = _iso(at)
        if self.config.language:
            params["lang"] = self.config.language
        answer = self._ask(_SEARCH, params)
        posts = rows(answer, "posts")
        found = self._with_profiles(posts)
        if not answer.get("cursor") or not posts:
            return Listing(found)
        # ``until`` excludes; posts of the same millisecond are read twice and told by their ids.
        last = milliseconds(_said(posts[-1])) + 1
        stuck = at is not None and last >= at
        return Listing(found, last - 1 if stuck else last, cut=stuck)

    def lookup(self, keys: Sequence[str]) -> Mapping[str, Any]:
        """Posts by their at-uris; what is left out is gone where any other is shown."""
        posts = rows(self._ask(_POSTS, {"uris": list(keys)}), "posts")
        return {row["_post"]["uri"]: row for row in self._with_profiles(posts)}

    def lines(self, positions: Mapping[str, Any]) -> Mapping[str, Callable[[Line], None]]:
        """One connection, whatever is searched for."""
        self._late = {}
        words = [Words(search) for search in self.config.searches]
        at: int | None = positions.get(_LINE)

        def listen(line: Line) -> None:
            with opened(self.http, address(self.config.jetstream, at), SUBPROTOCOL) as connection:
                line.opened(connection.close, at and at // 1_000)
                hear(messages(connection, self.config.silence), line, words, at)

        return {_LINE: listen}

    def complete(self, events: Sequence[Event]) -> Completed:
        """Look posts up, again where the network is not as far as its stream."""
        ready = [event for event in events if event.row is None]
        filtered: dict[str, int] = {}
        until = time.monotonic() + _SHOWN_WITHIN
        for event in events:
            self._late.pop(event.key, None)
            if event.row is None:
                continue
            if self._foreign(event.row):
                filtered["language"] = filtered.get("language", 0) + 1
            else:
                self._late[event.key] = event, until
        waiting = list(self._late)
        for start in range(0, len(waiting), self.batch):
            keys = waiting[start : start + self.batch]
            found = self.lookup(keys)
            for key in keys:
                event, until = self._late[key]
                if key in found:
                    ready.append(structs.replace(event, row=found[key]))
                elif time.monotonic() > until:
                    # Deleted meanwhile, or of somebody whom the network hides.
                    filtered["not shown"] = filtered.get("not shown", 0) + 1
                else:
                    continue
                del self._late[key]
        return Completed(ready, bool(self._late), filtered)

    def _foreign(self, record: Mapping[str, Any]) -> bool:
        """Whether its author states other languages than the one that is wanted."""
        wanted, stated = self.config.language, record.get("langs")
        if wanted is None:
            return False
        spoken = {str(tag).partition("-")[0] for tag in stated} if isinstance(stated, list) else ()
        return wanted.partition("-")[0] not in spoken

    def post(self, row: Any, query: str) -> Post:  # noqa: ANN401, ARG002 - the base's signature
        """A post view and its author's profile."""
        view, profile = row["_post"], row["_author"]
        record, author = view["record"], view["author"]
        media, quoted = _embedded(view.get("embed") or {})
        text = _text(record)
        if not text and not media:
            msg = "neither text nor pictures"
            raise ValueError(msg)
        name = author["handle"]
        return Post(
            native=view["uri"],
            published=_said(view),
            fields={
                "text": text,
                "url": f"{_SITE}/profile/{name}/post/{view['uri'].rpartition('/')[2]}",
                "author": {
                    "id": author["did"],
                    "handle": name,
                    "name": author.get("displayName") or None,
                    "url": f"{_SITE}/profile/{name}",
                    "verified": (author.get("verification") or {}).get("verifiedStatus") == "valid",
                    "followers": profile.get("followersCount"),
                    "following": profile.get("followsCount"),
                    "posts": profile.get("postsCount"),
                    "created_at": instant(author.get("createdAt")),
                },
                "thread": self._thread(view["uri"], record.get("reply"), quoted),
                "engagement": {
                    "likes": view.get("likeCount"),
                    "replies": view.get("replyCount"),
                    "reposts": view.get("repostCount"),
                    "quotes": view.get("quoteCount"),
                },
                "language_hint": next(iter(record.get("langs") or ()), None),
                "tags": record.get("tags") or [],
                "media": media,
            },
        )

    def _thread(
        self, own: str, reply: Mapping[str, Any] | None, quoted: str | None
    ) -> dict[str, Any]:
        if reply:
            root, parent = reply["root"]["uri"], reply["parent"]["uri"]
            return {
                "kind": "reply",
                "root_id": identify(self.kind, root),
                "parent_id": identify(self.kind, parent),
            }
        root = identify(self.kind, own)
        if quoted:
            return {"kind": "quote", "root_id": root, "parent_id": identify(self.kind, quoted)}
        return {"kind": "post", "root_id": root}

    def _with_profiles(self, posts: Sequence[Any]) -> list[dict[str, Any]]:
        """Posts with what their authors' profiles say, which a post does not."""
        found: dict[str, Any] = {}
        if self.config.audience:
            authors = sorted({_author(post) for post in posts} - {""})
            for start in range(0, len(authors), _ACTORS):
                some = {"actors": authors[start : start + _ACTORS]}
                try:
                    answer = self._ask(_PROFILES, some)
                except RateLimited:
                    break  # rather posts without these figures than none
                found |= {profile["did"]: profile for profile in rows(answer, "profiles")}
        return [{"_post": post, "_author": found.get(_author(post), {})} for post in posts]

    def _ask(self, method: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
        with faults(f"Bluesky {method}", AtProtocolError):
            if self.config.handle and self.config.password and not self._in:
                secret = self.config.password.get_secret_value()
                self._client.login(self.config.handle, secret, fetch_bsky_profile=False)
                self._in = True
            try:
                answer = self._client.invoke_query(method, params=_PARAMS[method](**params))
            except BadRequestError as error:
                if _EXPIRED not in str(error) or not self._in:
                    raise
                self._in = False
                return self._ask(method, params)
        if not isinstance(answer.content, Mapping):
            msg = f"Bluesky {method}: not a JSON object"
            raise Unreadable(msg)
        return answer.content


def _said(view: Mapping[str, Any]) -> datetime:
    """When: what the author's clock says, but not later than the network saw it."""
    return min(moment(view["record"]["createdAt"]), moment(view["indexedAt"]))


def _author(post: Any) -> str:  # noqa: ANN401 - whatever came
    author = post.get("author") if isinstance(post, Mapping) else None
    return str(author.get("did") or "") if isinstance(author, Mapping) else ""


def _iso(at: int) -> str:
    moment_ = datetime.fromtimestamp(at / 1000, UTC)
    return moment_.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _text(record: Mapping[str, Any]) -> str:
    """The text with its links written out; facets count bytes of UTF-8."""
    raw = str(record["text"]).encode()
    links = []
    for facet in record.get("facets") or ():
        for feature in facet.get("features") or ():
            if feature.get("$type") == "app.bsky.richtext.facet#link":
                index = facet["index"]
                links.append((index["byteStart"], index["byteEnd"], feature["uri"].encode()))
    for start, end, uri in sorted(links, reverse=True):
        raw = raw[:start] + uri + raw[end:]
    return raw.decode(errors="replace").strip()


def _embedded(embed: Mapping[str, Any]) -> tuple[list[dict[str, Any]], str | None]:
    """Media in an embed view, and the at-uri of the post it quotes."""
    kind = str(embed.get("$type", "")).removesuffix("#view")
    quoted = None
    if kind == "app.bsky.embed.recordWithMedia":
        quoted = embed["record"]["record"].get("uri")
        media, _ = _embedded(embed["media"])
        return media, quoted
    if kind == "app.bsky.embed.record":
        return [], embed["record"].get("uri")
    if kind == "app.bsky.embed.images":
        pictures = embed.get("images") or ()
        return [
            {"url": picture["fullsize"], "kind": "image", "alt": picture.get("alt") or None}
            for picture in pictures
        ], None
    if kind == "app.bsky.embed.video":
        return [{"url": embed["playlist"], "kind": "video", "alt": embed.get("alt")}], None
    if kind == "app.bsky.embed.external":
        return [{"url": embed["external"]["uri"], "alt": embed["external"].get("title")}], None
    return [], None
