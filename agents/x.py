"""X, recent posts by search, and as they are said: ``type = "x"``.

Reads the API v2 (docs.x.com/x-api, November 2026) through tweepy: ``/2/tweets/search/recent``,
which goes back seven days, and ``/2/tweets``. Needs a paid plan, which counts every post that is
read; ``x-rate-limit-*`` headers are obeyed, of each endpoint for itself.

An edit is a new post on X with the history of the first: here a newer revision of the same mention,
said when the first was. Deletion is a post of which ``/2/tweets`` says "resource-not-found"; X
demands that it is followed, and deletes all versions with one.

With ``stream`` the filtered stream is listened to besides (``agents.x_stream``). It tells of edits
as new posts, and of no deletions; there is no position in it: the search fills gaps.

Id: ``x:<id of the first version>``. Position in a listing: the id of a post.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, Literal

import tweepy
from pydantic import Field

from agents.bridge import faults, session
from agents.errors import Expired, Halfway, SourceError, Unreadable
from agents.listed import Listing, Post, instant, moment
from agents.lookups import GONE
from agents.mention import identify
from agents.secret import Secret
from agents.stream import Event, Line
from agents.streamed import Streamed, StreamedConfig
from agents.x_stream import FilteredStream

__all__ = ["X", "XConfig"]

_PAGE: Final = 100  # the most that search gives
_SITE: Final = "https://x.com"
_LIBRARY: Final = "https://api.twitter.com"  # tweepy knows no other
_DAY: Final = 86_400
_IDS_BEGIN: Final = 1_288_834_974_657  # ms since 1970
_AFTER_TIME: Final = 22  # bits of an id that are not its time
_SHOWS: Final = timedelta(days=7) - timedelta(minutes=5)
_KINDS: Final = {"photo": "image", "video": "video", "animated_gif": "video"}
_NOT_FOUND: Final = "/resource-not-found"  # ends the type of X's error
_RELATIONS: Final = {"replied_to": "reply", "quoted": "quote", "retweeted": "repost"}
_FIELDS: Final = {
    "expansions": ["author_id", "attachments.media_keys"],
    "tweet_fields": [
        "attachments", "author_id", "conversation_id", "created_at", "edit_history_tweet_ids",
        "entities", "lang", "note_tweet", "public_metrics", "referenced_tweets",
    ],
    "user_fields": ["created_at", "name", "public_metrics", "username", "verified"],
    "media_fields": ["alt_text", "preview_image_url", "type", "url"],
}  # fmt: skip

# At this level it would write the token.
logging.getLogger("tweepy").setLevel(logging.INFO)


class XConfig(StreamedConfig):
    """Keys of a ``[[sources]]`` table with ``type = "x"``."""

    type: Literal["x"]
    every: Annotated[float, Field(gt=0, le=86_400)] = 900.0
    history: Annotated[float, Field(ge=0, le=7)] = 7.0
    searches: Annotated[tuple[str, ...], Field(min_length=1)]
    """In X's language; ``-is:retweet`` leaves out what only repeats."""
    token: Secret
    """The bearer token of an app: developer.x.com, a project on a paid plan."""
    api: Annotated[str, Field(pattern="^https?://")] = "https://api.x.com"
    page: Annotated[int, Field(ge=1, le=_PAGE)] = _PAGE
    """Posts in one answer; X takes 10 or more."""


class X(Streamed):
    """Searches on X."""

    kind = "x"
    channel = "microblog"
    batch = 100  # the most ids at once
    config: XConfig

    def __init__(self, config: XConfig) -> None:
        super().__init__(config)
        self._elsewhere = {_LIBRARY: config.api.rstrip("/")}
        token = config.token.get_secret_value()
        self._client = tweepy.Client(bearer_token=token, return_type=dict)
        self._client.session = session(self.http, self._elsewhere)

    def queries(self) -> Sequence[str]:
        """The searches."""
        return self.config.searches

    def reach(self, query: str) -> float:  # noqa: ARG002 - the base's signature
        """What recent search shows."""
        return _SHOWS.total_seconds() / _DAY

    def endpoint(self, path: str) -> str:
        """Each has limits of its own."""
        return path

    def listing(self, query: str, at: Any, since: datetime) -> Listing:  # noqa: ANN401
        """Posts before the id ``at``."""
        # Earlier than seven days ago is refused, not answered with nothing.
        earliest = max(since, datetime.now(since.tzinfo) - _SHOWS)
        asked: dict[str, Any] = {"max_results": self.config.page, "sort_order": "recency"}
        if at is None:
            asked["start_time"] = earliest.strftime("%Y-%m-%dT%H:%M:%SZ")
        else:
            # X takes an id or a time as the end, and not both.
            asked["until_id"] = at
        with faults(f"X {query}", tweepy.TweepyException):
            try:
                answer = self._client.search_recent_tweets(query, **asked, **_FIELDS)
            except tweepy.BadRequest as error:
                if at is None:
                    raise
                # The same search was taken without the id: it is one that X no longer goes back to.
                msg = f"X {query}: the position {at}: {error}"
                raise Expired(msg) from error
        posts = _rows(answer)
        meta = answer.get("meta") or {}
        more = min((int(post["id"]) for post in posts), default=None)
        return Listing(posts, str(more) if more and meta.get("next_token") else None)

    def lookup(self, keys: Sequence[str]) -> Mapping[str, Any]:
        """Posts by the ids of their first versions, each as its last version says it.

        X says of each post that it does not know that it is gone. What it says nothing of, or shows
        to others only, is gone where the answer shows other posts.
        """
        found = self._versions(keys)
        # Asked for by its id, a version is shown as it was.
        edited = {
            key: last
            for key, post in found.items()
            if post is not GONE and (last := _history(post)[-1]) != key
        }
        try:
            newest = self._versions(list(edited.values())) if edited else {}
        except SourceError as error:
            asked = [key for key in keys if key not in edited]
            if not asked:
                raise
            had = {key: found[key] for key in asked if key in found}
            raise Halfway(asked, had, error) from error
        return found | {key: newest.get(last) for key, last in edited.items()}

    def _versions(self, numbers: Sequence[str]) -> dict[str, Any]:
        with faults("X look-up", tweepy.TweepyException):
            answer = self._client.get_tweets(list(numbers), **_FIELDS)
            found = {str(post["id"]): post for post in _rows(answer)}
            return dict.fromkeys(_not_found(answer), GONE) | found

    def lines(self, positions: Mapping[str, object]) -> Mapping[str, Callable[[Line], None]]:  # noqa: ARG002
        """One connection for all searches: X gives an app no second one."""
        return {"filtered": self._hear}

    def _hear(self, line: Line) -> None:
        def put(found: Mapping[str, Any], queries: Sequence[str]) -> None:
            for post in _rows({**found, "data": [found["data"]]}):
                line.put(*(Event(str(post["id"]), post, query) for query in queries[:1]))

        with faults("X stream", tweepy.TweepyException):
            stream = FilteredStream(self.config.token.get_secret_value(), put)
            stream.session = session(self.http, self._elsewhere, line, self.config.silence)
            stream.listen(self.config.name, self.config.searches, _FIELDS)

    def post(self, row: Any, query: str) -> Post:  # noqa: ANN401, ARG002 - the base's signature
        """A post with its author and media."""
        number, first = str(row["id"]), _history(row)[0]
        author, figures = row["_author"], row.get("public_metrics") or {}
        text = _text(row)
        if not text:
            msg = "a post without text"
            raise ValueError(msg)
        said = moment(row["created_at"])
        audience = author.get("public_metrics") or {}
        name = author.get("username")
        return Post(
            native=first,
            listed=said,
            published=said if first == number else _moment_of(first),
            edited=None if first == number else said,
            fields={
                "text": text,
                "url": f"{_SITE}/{name or 'i'}/status/{number}",
                "author": {
                    "id": row["author_id"],
                    "handle": name,
                    "name": author.get("name"),
                    "url": f"{_SITE}/{name}" if name else None,
                    "verified": author.get("verified"),
                    "followers": audience.get("followers_count"),
                    "following": audience.get("following_count"),
                    "posts": audience.get("tweet_count"),
                    "created_at": instant(author.get("created_at")),
                },
                "thread": self._thread(row),
                "engagement": {
                    "likes": figures.get("like_count"),
                    "replies": figures.get("reply_count"),
                    "reposts": figures.get("retweet_count"),
                    "quotes": figures.get("quote_count"),
                    "views": figures.get("impression_count"),
                },
                "language_hint": row.get("lang"),
                "media": row["_media"],
            },
        )

    def _thread(self, row: Mapping[str, Any]) -> dict[str, Any]:
        talk = row.get("conversation_id")
        root = identify(self.kind, str(talk)) if talk else None
        for relation in row.get("referenced_tweets") or ():
            if kind := _RELATIONS.get(relation["type"]):
                return {
                    "kind": kind,
                    "root_id": root,
                    "parent_id": identify(self.kind, str(relation["id"])),
                }
        return {"kind": "post", "root_id": root}


def _rows(answer: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - whatever came
    """Posts, each with its author and media, which an answer has beside them."""
    if not isinstance(answer, Mapping) or not {"data", "meta", "errors"} & set(answer):
        msg = f"X: not an answer that is documented: {str(answer)[:100]}"
        raise Unreadable(msg)
    includes = answer.get("includes") or {}
    authors = {user["id"]: user for user in includes.get("users") or ()}
    media = {part["media_key"]: part for part in includes.get("media") or ()}
    found = []
    for post in answer.get("data") or ():
        keys = (post.get("attachments") or {}).get("media_keys") or ()
        shown = _media(media[key] for key in keys if key in media)
        found.append({**post, "_author": authors.get(post.get("author_id"), {}), "_media": shown})
    return found


def _not_found(answer: Mapping[str, Any]) -> list[str]:
    """Posts of which an answer says that there are none of this id."""
    return [
        str(error["value"])
        for error in answer.get("errors") or ()
        if error.get("parameter") == "ids" and str(error.get("type")).endswith(_NOT_FOUND)
    ]


def _history(row: Mapping[str, Any]) -> list[str]:
    """The ids of a post's versions, the first one first."""
    return [str(number) for number in row.get("edit_history_tweet_ids") or (row["id"],)]


def _moment_of(number: str) -> datetime:
    """When a post was made, which X writes into its id."""
    return datetime.fromtimestamp(((int(number) >> _AFTER_TIME) + _IDS_BEGIN) / 1000, UTC)


def _media(parts: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    found = []
    for part in parts:
        if url := part.get("url") or part.get("preview_image_url"):
            kind = _KINDS.get(part.get("type", ""), "other")
            found.append({"url": url, "kind": kind, "alt": part.get("alt_text")})
    return found


def _text(row: Mapping[str, Any]) -> str:
    """The whole text, with links as they lead, not as t.co."""
    note = row.get("note_tweet") or {}
    text: str = note.get("text") or row["text"]
    links = ((note.get("entities") or row.get("entities")) or {}).get("urls") or ()
    for link in links:
        if link.get("expanded_url"):
            text = text.replace(link["url"], link["expanded_url"])
    return text.strip()
