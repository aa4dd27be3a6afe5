"""Hacker News, stories and comments by search: ``type = "hackernews"``.

Reads the HN Search API v1 of Algolia (hn.algolia.com/api, shapes of November 2026): no key, 10,000
requests an hour and address. Search shows at most 1,000 hits, so a listing is continued by time,
not by page. Points and comment counts are those at the time of collection.

Edits and deletion: ``/items/<id>``; what it no longer has is deleted, as long as it still has
others, such as the first item of all.

Id: ``hackernews:<item id>``. Position in a listing: seconds since 1970.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from agents.listed import Listed, ListedConfig, Listing, Post, moment, rows, table
from agents.lookups import each
from agents.mention import identify
from agents.text import to_text

__all__ = ["HackerNews", "HackerNewsConfig"]

_PAGE: Final = 100
_SITE: Final = "https://news.ycombinator.com"
_FIRST: Final = "1"  # item, of October 2006


class HackerNewsConfig(ListedConfig):
    """Keys of a ``[[sources]]`` table with ``type = "hackernews"``."""

    type: Literal["hackernews"]
    queries: Annotated[tuple[str, ...], Field(min_length=1)]
    """What to search for; quotes keep words together."""
    what: Annotated[tuple[Literal["story", "comment", "poll"], ...], Field(min_length=1)] = (
        "story",
        "comment",
    )
    api: Annotated[str, Field(pattern="^https?://")] = "https://hn.algolia.com/api/v1"
    page: Annotated[int, Field(ge=1, le=1_000)] = _PAGE
    """Hits in one answer."""


class HackerNews(Listed):
    """Searches on Hacker News."""

    kind = "hackernews"
    channel = "forum"
    batch = 20
    config: HackerNewsConfig

    def queries(self) -> Sequence[str]:
        """The searches."""
        return self.config.queries

    def listing(self, query: str, at: Any, since: datetime) -> Listing:  # noqa: ANN401
        """Hits up to a moment, the newest first."""
        filters = [f"created_at_i>={int(since.timestamp())}"]
        if at is not None:
            filters.append(f"created_at_i<={at}")
        answer = table(
            self.ask(
                f"{self.config.api}/search_by_date",
                {
                    "query": query,
                    "tags": f"({','.join(self.config.what)})",
                    "numericFilters": ",".join(filters),
                    "hitsPerPage": self.config.page,
                },
            )
        )
        hits = rows(answer, "hits")
        if len(hits) < self.config.page:
            return Listing(hits)
        last = int(hits[-1]["created_at_i"])
        # More in one second than fit a page: go on, and say that something may be missing.
        stuck = at is not None and last >= at
        return Listing(hits, last - 1 if stuck else last, cut=stuck)

    def lookup(self, keys: Sequence[str]) -> Mapping[str, Any]:
        """Items, one request each; what is answered 404 is gone where any other is not."""
        return each(keys, lambda key: {key: table(self.ask(f"{self.config.api}/items/{key}"))})

    def landmark(self, place: str) -> str:  # noqa: ARG002 - the base's signature
        """The first item of all."""
        return _FIRST

    def post(self, row: Any, query: str) -> Post:  # noqa: ANN401, ARG002 - the base's signature
        """A hit of a search, or an item."""
        native = str(row.get("objectID") or row["id"])
        markup = row.get("comment_text") or row.get("story_text") or row.get("text") or ""
        title = row.get("title")
        text = to_text(markup) or title
        if not text:
            msg = "neither text nor title"
            raise ValueError(msg)
        story, parent = row.get("story_id"), row.get("parent_id")
        author = row.get("author")
        link = row.get("url")
        return Post(
            native=native,
            published=moment(row["created_at_i"]),
            fields={
                "text": text,
                "title": title,
                "url": f"{_SITE}/item?id={native}",
                "author": author
                and {"id": author, "handle": author, "url": f"{_SITE}/user?id={author}"},
                "thread": {
                    "kind": "reply" if parent else "post",
                    "root_id": identify(self.kind, str(story or native)),
                    "parent_id": identify(self.kind, str(parent)) if parent else None,
                },
                "engagement": {"likes": row.get("points"), "replies": row.get("num_comments")},
                "media": [{"url": link}] if link else [],
            },
        )
