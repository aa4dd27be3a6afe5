"""Discourse, the newest posts of a forum: ``type = "discourse"``.

Reads the API that every Discourse of version 3 has (docs.discourse.org, November 2026):
``/posts.json?before=<id>`` and ``/posts/<id>.json``, without a key what everyone can see. A forum
allows 200 requests a minute by default; 429 says in ``Retry-After`` how long to wait.

Edits are seen by ``version`` and ``updated_at``; a post that is no longer there is deleted.

Id: ``discourse:<host>/<topic>/<number in the topic>``, as in its address; a post that moderators
move to another topic becomes another mention. Position in a listing: the id of a post.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from agents.errors import Denied, Missing
from agents.listed import Listed, ListedConfig, Listing, Post, moment, rows, table
from agents.lookups import each
from agents.mention import host, identify
from agents.secret import Secret
from agents.text import to_text

__all__ = ["Discourse", "DiscourseConfig"]

_LIKE = 2  # Discourse's number of the action
_WRITTEN = 1  # the type of posts that people write


class DiscourseConfig(ListedConfig):
    """Keys of a ``[[sources]]`` table with ``type = "discourse"``."""

    type: Literal["discourse"]
    forums: Annotated[tuple[Annotated[str, Field(pattern="^https?://")], ...], Field(min_length=1)]
    """Addresses of forums."""
    key: Secret | None = None
    """For a forum that only members read: Admin > API, a read-only key."""
    user: str = "system"
    """Whose key it is."""

    @model_validator(mode="after")
    def _one_forum_a_key(self) -> "DiscourseConfig":
        if self.key and len(self.forums) > 1:
            msg = "a key belongs to one forum: make a source of each"
            raise ValueError(msg)
        return self


class Discourse(Listed):
    """Some forums."""

    kind = "discourse"
    channel = "forum"
    batch = 20
    config: DiscourseConfig

    def queries(self) -> Sequence[str]:
        """The forums."""
        return [forum.rstrip("/") for forum in self.config.forums]

    def listing(self, query: str, at: Any, since: datetime) -> Listing:  # noqa: ANN401, ARG002
        """Posts before the id ``at``."""
        params = {"before": at} if at is not None else {}
        answer = table(self.ask(f"{query}/posts.json", params, self._headers()))
        posts = rows(answer, "latest_posts")
        last = int(posts[-1]["id"]) if posts else None
        # ``before`` includes the id itself on some versions.
        more = last if last is not None and last > 1 and last != at else None
        return Listing([{**post, "_forum": query} for post in posts], more)

    def place(self, key: str) -> str:
        """Its forum."""
        return key.rpartition(" ")[0]

    def lookup(self, keys: Sequence[str]) -> Mapping[str, Any]:
        """Posts of a forum, one request each.

        What is missing or refused (deleted, or moved to where not everyone can read) is gone where
        another post is shown.
        """
        return each(keys, self._by)

    def _by(self, key: str) -> dict[str, Any]:
        forum, _, number = key.rpartition(" ")
        try:
            post = table(self.ask(f"{forum}/posts/{number}.json", (), self._headers()))
        except Denied as error:
            raise Missing(str(error)) from error
        return {key: {**post, "_forum": forum}}

    def post(self, row: Any, query: str) -> Post:  # noqa: ANN401, ARG002 - the base's signature
        """A post."""
        forum, topic, number = row["_forum"], row["topic_id"], int(row["post_number"])
        text = to_text(row["cooked"])
        if not text:
            msg = "a post without text"
            raise ValueError(msg)
        published, updated = moment(row["created_at"]), moment(row["updated_at"])
        answered = row.get("reply_to_post_number")
        likes = [a.get("count", 0) for a in row.get("actions_summary") or () if a["id"] == _LIKE]
        return Post(
            native=self._native(forum, topic, number),
            key=f"{forum} {row['id']}",
            published=published,
            edited=updated if row.get("version", 1) > 1 and updated > published else None,
            gone=bool(
                row.get("deleted_at")
                or row.get("user_deleted")
                or row.get("hidden")
                or row.get("post_type", _WRITTEN) != _WRITTEN
            ),
            fields={
                "text": text,
                "title": row.get("topic_title"),
                "url": f"{forum}/t/{row['topic_slug']}/{topic}/{number}",
                "author": {
                    "id": str(row["user_id"]) if row.get("user_id") else None,
                    "handle": row["username"],
                    "name": row.get("name") or None,
                    "url": f"{forum}/u/{row['username']}",
                    "kind": "bot" if row.get("bot") else None,
                },
                "thread": {
                    "kind": "post" if number == 1 else "reply",
                    "root_id": identify(self.kind, self._native(forum, topic, 1)),
                    "parent_id": None
                    if number == 1
                    else identify(self.kind, self._native(forum, topic, answered or 1)),
                },
                "engagement": {
                    "likes": sum(likes),
                    "replies": row.get("reply_count"),
                    "views": row.get("reads"),
                },
            },
        )

    @staticmethod
    def _native(forum: str, topic: int, number: int) -> str:
        return f"{host(forum)}/{topic}/{number}"

    def _headers(self) -> dict[str, str]:
        if self.config.key is None:
            return {}
        return {"Api-Key": self.config.key.get_secret_value(), "Api-Username": self.config.user}
