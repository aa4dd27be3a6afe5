"""Mastodon, by hashtag and by search, and as it is said: ``type = "mastodon"``.

Reads the API of Mastodon 4.3 to 4.5 (docs.joinmastodon.org, November 2026) through Mastodon.py:
``/api/v1/timelines/tag/<tag>``, ``/api/v2/search`` (needs a token with ``read:search``; finds what
authors let be found) and ``/api/v1/statuses?id[]=``. 300 requests in five minutes; the server's
``X-RateLimit-*`` headers are obeyed. A server shows the posts that have reached it: those of others
come late and take the place of their own time, which is what ``overlap`` is for.

Edits come with ``edited_at``, deletion is a post that is no longer there, where others are.

With ``stream`` hashtags are listened to besides, a connection each (server-sent events at
``/api/v1/streaming/hashtag``: ``update``, ``status.update``, ``delete``; a sign of life every 15
seconds; a token since 4.2). There is no position in it: the listing fills gaps.

Id: ``mastodon:<the post's ActivityPub URI>``, the same on whichever server it is found. Position in
a listing: the id of a post, which does not expire.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from mastodon import Mastodon as Client
from mastodon import MastodonError, MastodonNotFoundError, StreamListener
from msgspec import structs
from pydantic import Field, model_validator

from agents.bridge import faults, session
from agents.errors import Missing, Unreadable
from agents.listed import Listing, Post, instant, moment
from agents.lookups import each
from agents.mention import identify
from agents.secret import Secret
from agents.stream import Event, Line
from agents.streamed import Completed, Streamed, StreamedConfig
from agents.text import to_text

__all__ = ["Mastodon", "MastodonConfig"]

_PAGE: Final = 40  # the most that a server gives
_KINDS: Final = {"image": "image", "gifv": "video", "video": "video", "audio": "audio"}


class MastodonConfig(StreamedConfig):
    """Keys of a ``[[sources]]`` table with ``type = "mastodon"``."""

    type: Literal["mastodon"]
    server: Annotated[str, Field(pattern="^https?://")] = "https://mastodon.social"
    """The server to ask; what it has not heard of is not found."""
    hashtags: tuple[Annotated[str, Field(pattern=r"^[^#\s/?]+$")], ...] = ()
    """Without ``#``."""
    searches: tuple[str, ...] = ()
    """Words; needs ``token``."""
    token: Secret | None = None
    """Settings > Development > New application, scopes ``read:search`` and ``read:statuses``."""
    page: Annotated[int, Field(ge=1, le=_PAGE)] = _PAGE
    """Posts in one answer."""

    @model_validator(mode="after")
    def _asks_for_something(self) -> "MastodonConfig":
        if not self.hashtags and not self.searches:
            msg = "neither hashtags nor searches: there is nothing to read"
            raise ValueError(msg)
        if self.searches and self.token is None:
            msg = "searches need a token: Settings > Development on the server, scope read:search"
            raise ValueError(msg)
        if self.stream and (not self.hashtags or self.token is None):
            msg = "stream needs hashtags, and a token with the scope read:statuses"
            raise ValueError(msg)
        return self


class Mastodon(Streamed):
    """Hashtags and searches on one server."""

    kind = "mastodon"
    channel = "microblog"
    batch = 20  # the most that the server looks up at once
    config: MastodonConfig

    def __init__(self, config: MastodonConfig) -> None:
        super().__init__(config)
        self._client = self._connected(session(self.http))

    def _connected(self, through: Any) -> Client:  # noqa: ANN401 - requests has its own types
        token = self.config.token
        return Client(
            api_base_url=self.config.server.rstrip("/"),
            access_token=token.get_secret_value() if token else None,
            session=through,
            user_agent=self.http.agent,
            ratelimit_method="throw",
            # Said, not asked for: some calls would not do without an answer.
            version_check_mode="created",
            mastodon_version="4.5.0",
        )

    def queries(self) -> Sequence[str]:
        """Hashtags with ``#``, searches without."""
        return [*(f"#{tag}" for tag in self.config.hashtags), *self.config.searches]

    def listing(self, query: str, at: Any, since: datetime) -> Listing:  # noqa: ANN401, ARG002
        """Posts before the id ``at``."""
        with faults(f"{self.config.server} {query}", MastodonError):
            posts = self._page(query, at)
            parents = self._parents(posts)
        rows = [{**post, "_parent": parents.get(post.get("in_reply_to_id"))} for post in posts]
        return Listing(rows, str(posts[-1]["id"]) if posts else None)

    def _page(self, query: str, at: Any) -> list[Mapping[str, Any]]:  # noqa: ANN401 - an id
        limit = self.config.page
        if query.startswith("#"):
            found: Any = self._client.timeline_hashtag(query[1:], max_id=at, limit=limit)
        else:
            found = self._client.search_v2(
                query, result_type="statuses", max_id=at, resolve=False, limit=limit
            )["statuses"]
        return _posts(found)

    def lookup(self, keys: Sequence[str]) -> Mapping[str, Any]:
        """Posts by the server's ids; what is left out is gone where any other is shown."""
        with faults(self.config.server, MastodonError):
            try:
                return self._completed(_posts(self._client.statuses(list(keys))))
            except MastodonNotFoundError:
                # Before 4.3 there is no such question.
                return each(keys, self._by)

    def _by(self, key: str) -> Mapping[str, Any]:
        with faults(f"{self.config.server} {key}", MastodonError):
            try:
                return self._completed([self._client.status(key)])
            except MastodonNotFoundError as error:
                raise Missing(str(error)) from error

    def _completed(self, posts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Posts with those that they answer, by id."""
        parents = self._parents(posts)
        return {
            str(post["id"]): {**post, "_parent": parents.get(post.get("in_reply_to_id"))}
            for post in posts
        }

    def lines(self, positions: Mapping[str, object]) -> Mapping[str, Callable[[Line], None]]:  # noqa: ARG002
        """A connection for each hashtag."""
        return {f"#{tag}": self._hear for tag in self.config.hashtags}

    def _hear(self, line: Line) -> None:
        through = session(self.http, line=line, silence=self.config.silence)
        with faults(f"{self.config.server} stream {line.name}", MastodonError):
            self._connected(through).stream_hashtag(line.name[1:], _Listener(line))

    def complete(self, events: Sequence[Event]) -> Completed:
        """Posts with those that they answer."""
        posts = [event.row for event in events if event.row is not None]
        with faults(self.config.server, MastodonError):
            parents = self._parents(posts)
        return Completed(
            [
                event
                if event.row is None
                else structs.replace(
                    event,
                    row={**event.row, "_parent": parents.get(event.row.get("in_reply_to_id"))},
                )
                for event in events
            ]
        )

    def post(self, row: Any, query: str) -> Post:  # noqa: ANN401, ARG002 - the base's signature
        """A status."""
        account = row["account"]
        poll = [option["title"] for option in (row.get("poll") or {}).get("options", ())]
        text = "\n".join(filter(None, [to_text(row["content"]), *poll]))
        media = [
            {
                "url": part.get("url") or part.get("remote_url"),
                "kind": _KINDS.get(part.get("type"), "other"),
                "alt": part.get("description"),
            }
            for part in row.get("media_attachments") or ()
        ]
        if not text and not media:
            msg = "neither text nor pictures"
            raise ValueError(msg)
        return Post(
            native=str(row["uri"]),
            key=str(row["id"]),
            published=moment(row["created_at"]),
            edited=instant(row.get("edited_at")),
            fields={
                "text": text,
                "title": row.get("spoiler_text") or None,
                "url": row.get("url") or row["uri"],
                "author": {
                    "id": account.get("uri") or account["url"],
                    "handle": _handle(account),
                    "name": account.get("display_name") or None,
                    "url": account.get("url"),
                    "kind": "bot" if account.get("bot") else None,
                    "followers": _count(account, "followers_count"),
                    "following": _count(account, "following_count"),
                    "posts": _count(account, "statuses_count"),
                    "created_at": instant(account.get("created_at")),
                },
                "thread": self._thread(row),
                "engagement": {
                    "likes": _count(row, "favourites_count"),
                    "replies": _count(row, "replies_count"),
                    "reposts": _count(row, "reblogs_count"),
                    "quotes": _count(row, "quotes_count"),
                },
                "language_hint": row.get("language"),
                "tags": [tag["name"] for tag in row.get("tags") or ()],
                "media": media,
            },
        )

    def _thread(self, row: Mapping[str, Any]) -> dict[str, Any]:
        parent, quoted = row.get("_parent"), (row.get("quote") or {}).get("quoted_status")
        if parent:
            above = identify(self.kind, str(parent["uri"]))
            opened = parent.get("in_reply_to_id") is None
            return {"kind": "reply", "parent_id": above, "root_id": above if opened else None}
        if row.get("in_reply_to_id"):
            return {"kind": "reply"}
        own = identify(self.kind, str(row["uri"]))
        if quoted:
            above = identify(self.kind, str(quoted["uri"]))
            return {"kind": "quote", "parent_id": above, "root_id": own}
        return {"kind": "post", "root_id": own}

    def _parents(self, posts: Sequence[Mapping[str, Any]]) -> dict[Any, Mapping[str, Any]]:
        """The posts that are answered, by id: a reply itself has no more than their id here."""
        known = {post["id"]: post for post in posts}
        wanted: set[Any] = {post.get("in_reply_to_id") for post in posts} - {None}
        missing = sorted(wanted - set(known))
        for start in range(0, len(missing), self.batch):
            batch = missing[start : start + self.batch]
            known |= {post["id"]: post for post in self._statuses(batch)}
        return {key: known[key] for key in wanted if key in known}

    def _statuses(self, keys: Sequence[Any]) -> list[Mapping[str, Any]]:
        try:
            return _posts(self._client.statuses(list(keys)))
        except MastodonNotFoundError:
            # Before 4.3 there is no such question.
            return self._one_by_one(keys)

    def _one_by_one(self, keys: Sequence[Any]) -> list[Mapping[str, Any]]:
        found = []
        for key in keys:
            try:
                found.append(self._client.status(key))
            except MastodonNotFoundError:
                continue
        return found


class _Listener(StreamListener):
    """What the server says of a hashtag."""

    def __init__(self, line: Line) -> None:
        self._line = line

    def on_update(self, status: Mapping[str, Any]) -> None:
        self._line.put(Event(str(status["id"]), status, self._line.name))

    def on_status_update(self, status: Mapping[str, Any]) -> None:
        self.on_update(status)

    def on_delete(self, status_id: object) -> None:
        self._line.put(Event(str(status_id)))

    def on_unknown_event(self, name: str, unknown_event: object = None) -> None:
        """What a newer server says besides is not about posts."""


def _posts(found: Any) -> list[Mapping[str, Any]]:  # noqa: ANN401 - whatever came
    if not isinstance(found, list) or not all(
        isinstance(post, Mapping) and "id" in post for post in found
    ):
        msg = f"not a list of posts, but {str(found)[:100]!r}"
        raise Unreadable(msg)
    return found


def _handle(account: Mapping[str, Any]) -> str:
    """With the server, also for those of the server that was asked."""
    handle = str(account["acct"])
    return handle if "@" in handle else f"{handle}@{urlsplit(account['url']).hostname}"


def _count(holder: Mapping[str, Any], name: str) -> int | None:
    """A count; servers say -1 where they hide one."""
    value = holder.get(name)
    return value if isinstance(value, int) and value >= 0 else None
