"""Reddit, posts and comments of subreddits and searches: ``type = "reddit"``.

Reads the Data API (www.reddit.com/dev/api, November 2026) through praw, read-only, with an app's
credentials: ``/r/<name>/new``, ``/r/<name>/comments``, ``/search`` and ``/api/info``. 100 requests
a minute; ``X-Ratelimit-*`` headers are obeyed. A listing ends after 1,000 things: when more were
said between two polls, the ledger shows a gap.

Edits come with ``edited``; what says ``[deleted]`` or ``[removed]``, or is gone, is deleted.

Id: ``reddit:<fullname>``, such as ``reddit:t1_abc``. Position in a listing: the fullname of the
last thing and how many came before; when that thing is deleted meanwhile, reading begins anew.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Final, Literal

import praw
from prawcore.exceptions import PrawcoreException
from prawcore.sessions import FiniteRetryStrategy
from pydantic import Field, model_validator

from agents.bridge import faults, session
from agents.errors import Expired, Unreadable
from agents.listed import Listed, ListedConfig, Listing, Post, instant, moment
from agents.mention import identify
from agents.secret import Secret

__all__ = ["Reddit", "RedditConfig"]

_PAGE: Final = 100  # the most that a listing gives
_END: Final = 950  # things after which the end of a listing is Reddit's, not the subreddit's
_STUMPS: Final = frozenset({"[deleted]", "[removed]", "[ Removed by Reddit ]"})
_SITE: Final = "https://www.reddit.com"
_NAME = Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{2,21}$")]


class RedditConfig(ListedConfig):
    """Keys of a ``[[sources]]`` table with ``type = "reddit"``."""

    type: Literal["reddit"]
    subreddits: tuple[_NAME, ...] = ()
    """Everything that is posted there; without ``r/``."""
    searches: tuple[str, ...] = ()
    """Posts anywhere; Reddit does not search comments."""
    comments: bool = True
    """Also the comments in ``subreddits``."""
    client_id: str
    """Of an app of the kind "script": www.reddit.com/prefs/apps, after the approval that Reddit's
    Responsible Builder Policy asks for."""
    client_secret: Secret
    """Of the same app: www.reddit.com/prefs/apps."""
    api: Annotated[str, Field(pattern="^https?://")] = "https://oauth.reddit.com"
    site: Annotated[str, Field(pattern="^https?://")] = _SITE
    """Gives tokens."""
    page: Annotated[int, Field(ge=1, le=_PAGE)] = _PAGE
    """Things in one answer."""

    @model_validator(mode="after")
    def _asks_for_something(self) -> "RedditConfig":
        if not self.subreddits and not self.searches:
            msg = "neither subreddits nor searches: there is nothing to read"
            raise ValueError(msg)
        return self


class _AtOnce(FiniteRetryStrategy):
    """A token that has expired is renewed without sleeping; all else is tried at the next poll."""

    def _sleep_seconds(self) -> float | None:
        return None


class Reddit(Listed):
    """Subreddits and searches."""

    kind = "reddit"
    channel = "forum"
    batch = 100  # the most that /api/info takes
    config: RedditConfig

    def __init__(self, config: RedditConfig) -> None:
        super().__init__(config)
        self._client = praw.Reddit(
            client_id=config.client_id,
            client_secret=config.client_secret.get_secret_value(),
            user_agent=self.http.agent,
            oauth_url=config.api,
            reddit_url=config.site,
            check_for_updates=False,
            requestor_kwargs={"session": session(self.http)},
        )
        self._client._core._retry_strategy_class = _AtOnce  # noqa: SLF001 - there is no setting

    def queries(self) -> Sequence[str]:
        """Paths of subreddits, and searches."""
        found = [f"r/{name}/new" for name in self.config.subreddits]
        if self.config.comments:
            found += [f"r/{name}/comments" for name in self.config.subreddits]
        return [*found, *(f"search {words}" for words in self.config.searches)]

    def listing(self, query: str, at: Any, since: datetime) -> Listing:  # noqa: ANN401, ARG002
        """Things after the one in ``at``."""
        path, _, words = query.partition(" ")
        after, count = at or (None, 0)
        params: dict[str, str | int] = {"limit": self.config.page, "count": count}
        if after:
            params["after"] = after
        if words:
            params |= {"q": words, "sort": "new", "type": "link"}
        data = self._ask(f"/{path}", params)
        children = data["children"]
        if after and not children:
            msg = f"{query}: nothing after {after}, which may be deleted"
            raise Expired(msg)
        count += len(children)
        last = data.get("after")
        more = [last, count] if last else None
        return Listing(children, more, cut=more is None and count >= _END)

    def lookup(self, keys: Sequence[str]) -> Mapping[str, Any]:
        """Things by their fullnames.

        What was deleted or removed is a stump; what is left out is gone where anything else is
        shown.
        """
        children = self._ask("/api/info", {"id": ",".join(keys)})["children"]
        return {child["data"]["name"]: child for child in children}

    def post(self, row: Any, query: str) -> Post:  # noqa: ANN401, ARG002 - the base's signature
        """A thing: a comment (t1) or a post (t3)."""
        data = row["data"]
        name, author = data["name"], data.get("author")
        comment = row["kind"] == "t1"
        said = data["body"] if comment else data.get("selftext") or ""
        text = said.strip() or data.get("title", "")
        if not text:
            msg = "neither text nor title"
            raise ValueError(msg)
        score = data.get("score")
        known = author if author and author not in _STUMPS else None
        profile = {
            "id": data.get("author_fullname") or known,
            "handle": known,
            "url": f"{_SITE}/user/{known}",
        }
        return Post(
            native=name,
            published=moment(data["created_utc"]),
            edited=instant(data.get("edited") or None),
            gone=said.strip() in _STUMPS or bool(data.get("removed_by_category")),
            fields={
                "text": text,
                "title": data.get("title") or data.get("link_title"),
                "url": _SITE + data["permalink"],
                "author": profile if known else None,
                "thread": self._thread(data, comment=comment),
                "engagement": {
                    # A score is likes less dislikes; below zero it says nothing about likes.
                    "likes": score if isinstance(score, int) and score >= 0 else None,
                    "replies": data.get("num_comments"),
                },
                "tags": [t for t in (data.get("subreddit"), data.get("link_flair_text")) if t],
                "media": [] if comment else _media(data),
            },
        )

    def _thread(self, data: Mapping[str, Any], *, comment: bool) -> dict[str, Any]:
        if comment:
            return {
                "kind": "reply",
                "root_id": identify(self.kind, data["link_id"]),
                "parent_id": identify(self.kind, data["parent_id"]),
            }
        own = identify(self.kind, data["name"])
        if above := data.get("crosspost_parent"):
            return {"kind": "quote", "root_id": own, "parent_id": identify(self.kind, above)}
        return {"kind": "post", "root_id": own}

    def _ask(self, path: str, params: Mapping[str, str | int]) -> Mapping[str, Any]:
        with faults(f"Reddit {path}", PrawcoreException):
            answer = self._client.request(method="GET", path=path, params=dict(params))
        data = answer.get("data") if isinstance(answer, Mapping) else None
        if not isinstance(data, Mapping) or not isinstance(data.get("children"), list):
            msg = f"Reddit {path}: not a listing, but {str(answer)[:100]!r}"
            raise Unreadable(msg)
        return data


def _media(data: Mapping[str, Any]) -> list[dict[str, str]]:
    link = data.get("url_overridden_by_dest")
    if not link or data.get("is_self"):
        return []
    hint = str(data.get("post_hint") or "")
    kind = "image" if hint == "image" else "video" if "video" in hint else "other"
    return [{"url": str(link), "kind": kind}]
