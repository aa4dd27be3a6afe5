"""YouTube, videos found by search or channel, and comments: ``type = "youtube"``.

Reads the Data API v3 (developers.google.com/youtube/v3, November 2026) through
google-api-python-client: ``search.list`` (100 units), and at 1 unit each ``playlistItems.list``
(the uploads of a channel), ``commentThreads.list``, ``comments.list``, ``videos.list`` and
``channels.list``. A project has 10,000 units a day until midnight Pacific time: a configuration
that would use more is refused with the interval that fits; each call of this process with the key
is counted, so that it rests where no more fits, and ``quotaExceeded`` is waited out.

A comment thread comes with all its replies when it is read. YouTube lists threads by when they
began: replies that are written later are found when the thread is looked at again, within
``recheck_for``.

Edits are seen by ``updatedAt`` and by what changed; deletion is what can no longer be looked up,
where others can.

Id: ``youtube:<video or comment id>``. Position in a listing: a moment for searches, which show 500
hits at most, else YouTube's page token; when that has expired, reading begins anew.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Final, Literal
from zoneinfo import ZoneInfo

from googleapiclient.discovery import build
from googleapiclient.errors import Error, HttpError
from pydantic import Field, model_validator

from agents import units
from agents.bridge import HttplibBridge, faults
from agents.errors import Denied, Expired, Missing, RateLimited, SourceError, Unreadable
from agents.listed import Listed, ListedConfig, Listing, Post, moment, rows
from agents.lookups import each
from agents.mention import identify
from agents.secret import Secret

__all__ = ["YouTube", "YouTubeConfig"]

_UNITS: Final = {
    "search": 100,
    **dict.fromkeys(("playlistItems", "commentThreads", "comments", "videos", "channels"), 1),
}
_A_SEARCH: Final = ("search", "videos", "channels")
_UPLOADS: Final = ("playlistItems", "videos", "channels")
_COMMENTS: Final = ("commentThreads",)
_LOOK_UP: Final = ("videos", "channels", "comments", "commentThreads")
_DAY: Final = 86_400
_PAGE: Final = 50  # the most that searches, playlists and look-ups give
_VIDEOS: Final = "videos"
_THREADS: Final = "threads"
_FIRST: Final = "jNQXAC9IVRw"  # video, of April 2005
_SITE: Final = "https://www.youtube.com"
_RESETS_IN: Final = ZoneInfo("America/Los_Angeles")
_CHANNEL = Annotated[str, Field(pattern=r"^UC[A-Za-z0-9_-]{22}$")]
_VIDEO = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{11}$")]


class YouTubeConfig(ListedConfig):
    """Keys of a ``[[sources]]`` table with ``type = "youtube"``."""

    type: Literal["youtube"]
    every: Annotated[float, Field(gt=0, le=_DAY)] = 1_800.0
    searches: tuple[str, ...] = ()
    """Videos by words."""
    channels: tuple[_CHANNEL, ...] = ()
    """Uploads of channels, and the comments on all their videos; ids, not names."""
    videos: tuple[_VIDEO, ...] = ()
    """Comments on these videos."""
    comments: bool = True
    """Also comments."""
    language: str | None = None
    """Prefer search hits that suit this language (ISO 639-1)."""
    key: Secret
    """An API key: console.cloud.google.com, APIs & Services, enable YouTube Data API v3."""
    units_a_day: Annotated[int, Field(ge=1)] = 10_000
    """What the key's project is granted and nobody else uses."""
    audience: bool = True
    """Ask for the subscribers of channels: 1 unit for 50 of them."""
    api: Annotated[str, Field(pattern="^https?://")] = "https://youtube.googleapis.com"
    page: Annotated[int, Field(ge=1, le=_PAGE)] = _PAGE
    """Items in one answer."""

    @model_validator(mode="after")
    def _within_the_budget(self) -> "YouTubeConfig":
        if not (self.searches or self.channels or self.videos):
            msg = "neither searches nor channels nor videos: there is nothing to read"
            raise ValueError(msg)
        cost = _cost(*_A_SEARCH) * len(self.searches) + _cost(*_UPLOADS) * len(self.channels)
        if self.comments:
            cost += _cost(*_COMMENTS) * (len(self.channels) + len(self.videos))
        if self.recheck_for:
            cost += _cost(*_LOOK_UP)
        needed = cost * _DAY / self.every
        if needed > self.units_a_day:
            fitting = math.ceil(cost * _DAY / self.units_a_day)
            msg = (
                f"one poll costs {cost} units, so every = {self.every:.0f} needs {needed:.0f} of "
                f"{self.units_a_day} units a day; set every to {fitting} or more"
            )
            raise ValueError(msg)
        return self


class YouTube(Listed):
    """Searches, uploads and comments."""

    kind = "youtube"
    channel = "video"
    batch = _PAGE
    config: YouTubeConfig

    def __init__(self, config: YouTubeConfig) -> None:
        super().__init__(config)
        self._client: Any = build(
            "youtube",
            "v3",
            # In a header, since the library shows the address in its errors.
            http=HttplibBridge(self.http, {"X-Goog-Api-Key": config.key.get_secret_value()}),
            developerKey=None,
            cache_discovery=False,
            static_discovery=True,
            client_options={"api_endpoint": config.api},
        )

    def queries(self) -> Sequence[str]:
        """Searches, uploads and comments."""
        found = [f"search {words}" for words in self.config.searches]
        found += [f"uploads {channel}" for channel in self.config.channels]
        if self.config.comments:
            found += [f"comments {it}" for it in (*self.config.channels, *self.config.videos)]
        return found

    def listing(self, query: str, at: Any, since: datetime) -> Listing:  # noqa: ANN401
        """Videos or comments, the newest first."""
        kind, _, what = query.partition(" ")
        if kind == "search":
            return self._search(what, at, since)
        return self._uploads(what, at) if kind == "uploads" else self._comments(what, at)

    def place(self, key: str) -> str:
        """What it is: each is asked for by itself, and may be shown while the others are not."""
        comment, is_one, _ = key.partition("@")
        if not is_one:
            return _VIDEOS
        # A reply's id is <its thread's>.<its own>.
        return "replies" if "." in comment else _THREADS

    def landmark(self, place: str) -> str | None:
        """The first video of all."""
        return _FIRST if place == _VIDEOS else None

    def lookup(self, keys: Sequence[str]) -> Mapping[str, Any]:
        """Videos by their ids, comments by ``<id>@<video>``.

        What is left out is gone where another of its sort is shown.
        """
        if (place := self.place(keys[0])) == _VIDEOS:
            return {video["id"]: video for video in self._videos(keys)}
        # Asked for by itself, a comment does not say which video it is on.
        on = dict(key.split("@", 1) for key in keys)
        asked = {"part": "snippet", "id": ",".join(on), "textFormat": "plainText"}
        if place != _THREADS:
            return _keyed(rows(self._ask("comments", asked), "items"), on)
        answer = self._ask("commentThreads", {**asked, "part": "snippet,replies"})
        threads = {thread["id"]: thread for thread in rows(answer, "items")}

        def with_replies(key: str) -> dict[str, Any]:
            thread = threads.get(key.partition("@")[0])
            if thread is None:
                raise Missing(key)
            return _keyed(self._thread(thread), on)

        return each(keys, with_replies)

    def post(self, row: Any, query: str) -> Post:  # noqa: ANN401, ARG002 - the base's signature
        """A video or a comment."""
        return self._comment(row) if row["kind"] == "youtube#comment" else self._video(row)

    def _search(self, words: str, at: Any, since: datetime) -> Listing:  # noqa: ANN401
        params = {
            "part": "id,snippet",
            "q": words,
            "type": "video",
            "order": "date",
            "publishedAfter": _iso(since),
            "maxResults": self.config.page,
        }
        if at is not None:
            params["publishedBefore"] = at
        if self.config.language:
            params["relevanceLanguage"] = self.config.language
        answer = self._ask("search", params)
        hits = rows(answer, "items")
        videos = self._videos([hit["id"]["videoId"] for hit in hits])
        if not hits or not answer.get("nextPageToken"):
            return Listing(videos)
        last = moment(hits[-1]["snippet"]["publishedAt"])
        before = _iso(last + timedelta(seconds=1))
        stuck = at is not None and before >= at
        return Listing(videos, _iso(last) if stuck else before, cut=stuck)

    def _uploads(self, channel: str, at: Any) -> Listing:  # noqa: ANN401
        # The uploads of UCx are the playlist UUx.
        playlist = "UU" + channel[2:]
        params = {
            "part": "contentDetails",
            "playlistId": playlist,
            "maxResults": self.config.page,
            "pageToken": at,
        }
        answer = self._ask("playlistItems", params)
        ids = [item["contentDetails"]["videoId"] for item in rows(answer, "items")]
        return Listing(self._videos(ids), answer.get("nextPageToken"))

    def _comments(self, what: str, at: Any) -> Listing:  # noqa: ANN401
        on = "allThreadsRelatedToChannelId" if what.startswith("UC") else "videoId"
        params = {
            "part": "snippet,replies",
            on: what,
            "order": "time",
            "textFormat": "plainText",
            "maxResults": self.config.page,
            "pageToken": at,
        }
        answer = self._ask("commentThreads", params)
        found: list[Any] = []
        for thread in rows(answer, "items"):
            video = thread["snippet"].get("videoId")
            found += [{**comment, "_video": video} for comment in self._thread(thread)]
        return Listing(found, answer.get("nextPageToken"))

    def _thread(self, thread: Mapping[str, Any]) -> list[Any]:
        """The comments of a thread: itself last, since its time is what listings are ordered by."""
        about, top = thread["snippet"], thread["snippet"]["topLevelComment"]
        replies = (thread.get("replies") or {}).get("comments") or []
        if about.get("totalReplyCount", 0) > len(replies):
            replies = self._replies(top["id"])
        return [*replies, top]

    def _replies(self, parent: str) -> list[Any]:
        found: list[Any] = []
        token = None
        while True:
            asked = {
                "part": "snippet",
                "parentId": parent,
                "textFormat": "plainText",
                "maxResults": 100,
                "pageToken": token,
            }
            answer = self._ask("comments", asked)
            found += rows(answer, "items")
            token = answer.get("nextPageToken")
            if not token:
                return found

    def _videos(self, ids: Sequence[str]) -> list[Any]:
        """Videos with their figures, in the order asked for; what is gone is left out."""
        if not ids:
            return []
        parts = "snippet,statistics"
        answer = rows(self._ask("videos", {"part": parts, "id": ",".join(ids)}), "items")
        found = {video["id"]: video for video in answer}
        channels: dict[str, Any] = {}
        if self.config.audience and found:
            wanted = sorted({video["snippet"]["channelId"] for video in found.values()})
            asked = {"part": parts, "id": ",".join(wanted)}
            # A channel that is gone may leave nothing at all.
            for channel in self._ask("channels", asked).get("items") or ():
                channels[channel["id"]] = channel
        return [
            {**found[id_], "_channel": channels.get(found[id_]["snippet"]["channelId"])}
            for id_ in ids
            if id_ in found
        ]

    def _ask(self, what: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
        given = {name: value for name, value in params.items() if value is not None}
        self._spend(what)
        with faults(f"YouTube {what}", Error):
            try:
                method: Callable[..., Any] = getattr(self._client, what)().list
                answer = method(**given).execute()
            except HttpError as error:
                meaning = _meaning(what, error)
                if isinstance(meaning, RateLimited):
                    self.http.leave(self.config.api, meaning.seconds or 0)
                if meaning:
                    raise meaning from error
                raise
        if not isinstance(answer, Mapping):
            msg = f"YouTube {what}: not a JSON object"
            raise Unreadable(msg)
        return answer

    def _spend(self, what: str) -> None:
        """Count a call that is going to be made."""
        self.http.ready(self.config.api)  # else it would count, and not be made
        today, seconds = _day()
        if not units.spend(self.http.account, _cost(what), self.config.units_a_day, today):
            msg = f"YouTube {what}: it would be more than {self.config.units_a_day} units a day"
            raise RateLimited(msg, seconds)

    def _video(self, row: Mapping[str, Any]) -> Post:
        about, figures = row["snippet"], row.get("statistics") or {}
        channel = row.get("_channel") or {}
        audience = channel.get("statistics") or {}
        hidden = audience.get("hiddenSubscriberCount")
        url = f"{_SITE}/watch?v={row['id']}"
        text = about.get("description", "").strip() or about["title"]
        if not text:
            msg = "neither title nor description"
            raise ValueError(msg)
        return Post(
            native=row["id"],
            published=moment(about["publishedAt"]),
            fields={
                "text": text,
                "title": about["title"],
                "url": url,
                "author": {
                    "id": about["channelId"],
                    "name": about.get("channelTitle"),
                    "url": f"{_SITE}/channel/{about['channelId']}",
                    "followers": None if hidden else _number(audience.get("subscriberCount")),
                    "posts": _number(audience.get("videoCount")),
                },
                "thread": {"kind": "post", "root_id": identify(self.kind, row["id"])},
                "engagement": {
                    "views": _number(figures.get("viewCount")),
                    "likes": _number(figures.get("likeCount")),
                    "replies": _number(figures.get("commentCount")),
                },
                "language_hint": about.get("defaultAudioLanguage") or about.get("defaultLanguage"),
                "tags": about.get("tags") or [],
                "media": [{"url": url, "kind": "video", "alt": about["title"]}],
            },
        )

    def _comment(self, row: Mapping[str, Any]) -> Post:
        about = row["snippet"]
        video = row.get("_video") or about.get("videoId")
        parent = about.get("parentId") or video
        text = about["textDisplay"].strip()
        if not text:
            msg = "a comment without text"
            raise ValueError(msg)
        published, updated = moment(about["publishedAt"]), moment(about["updatedAt"])
        name = str(about.get("authorDisplayName") or "")
        root = identify(self.kind, video) if video else None
        return Post(
            native=row["id"],
            key=f"{row['id']}@{video or ''}",
            published=published,
            edited=updated if updated > published else None,
            fields={
                "text": text,
                "url": f"{_SITE}/watch?v={video}&lc={row['id']}" if video else None,
                "site": "youtube.com",
                "author": {
                    "id": (about.get("authorChannelId") or {}).get("value"),
                    "handle": name.removeprefix("@") if name.startswith("@") else None,
                    "name": name or None,
                    "url": about.get("authorChannelUrl") or None,
                },
                "thread": {
                    "kind": "reply",
                    "root_id": root,
                    "parent_id": identify(self.kind, parent) if parent else None,
                },
                "engagement": {"likes": about.get("likeCount")},
            },
        )


def _keyed(comments: Sequence[Any], on: Mapping[str, str]) -> dict[str, Any]:
    """Comments by the keys they are looked up by; ``on`` has the videos of those asked for."""
    found = {}
    for comment in comments:
        video = on.get(comment["id"]) or on.get(_thread_of(comment), "")
        found[f"{comment['id']}@{video}"] = {**comment, "_video": video}
    return found


def _thread_of(comment: Mapping[str, Any]) -> str:
    return str(comment["id"]).partition(".")[0]


def _meaning(what: str, error: HttpError) -> SourceError | None:
    """What YouTube's own reasons stand for."""
    details = error.error_details if isinstance(error.error_details, list) else []
    reasons = {detail.get("reason") for detail in details if isinstance(detail, Mapping)}
    if "quotaExceeded" in reasons or "dailyLimitExceeded" in reasons:
        _, seconds = _day()
        return RateLimited(f"YouTube {what}: the units of the day are used up", seconds)
    if "rateLimitExceeded" in reasons:
        return RateLimited(f"YouTube {what}: too fast", 60)
    if "invalidPageToken" in reasons:
        return Expired(f"YouTube {what}: the page token has expired")
    if "badRequest" in reasons and "API key" in str(error.reason):
        return Denied(f"YouTube {what}: {error.reason}")
    return None


def _cost(*calls: str) -> int:
    return sum(_UNITS[call] for call in calls)


def _day() -> tuple[date, float]:
    """The day that units are counted for, and how many seconds are left of it."""
    now = datetime.now(_RESETS_IN)
    midnight = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    return now.date(), (midnight.astimezone(UTC) - now.astimezone(UTC)).total_seconds()


def _number(text: Any) -> int | None:  # noqa: ANN401 - counts come as text
    return int(text) if text is not None else None


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
