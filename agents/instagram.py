"""An Instagram account, comments on it, who tags it, and hashtags: ``type = "instagram"``.

Reads the Instagram API with Facebook Login of the Graph API 26.0
(developers.facebook.com/docs/instagram-platform, November 2026) for a professional account:
``/{account}/media`` with ``comments`` and their ``replies``, ``/{account}/tags`` (posts that tag
it), and ``/{hashtag}/recent_media``: posts of the last 24 hours with a hashtag, without their
authors, in no order; an account may ask for 30 hashtags in seven days. Look-ups by batch.
``agents.graph`` keeps to its limits. Who writes ``@account`` without tagging it is told to webhooks
only, and not listed.

Comments are asked for together with the posts they are on, for ``comments_for`` days; a reply that
comes later to an older comment is found when that is looked at again. What cannot be looked up
any more, or is hidden, is deleted, if the account itself can be read, and others of its sort are
shown; posts of others cannot be looked up.

Id: ``instagram:<media or comment id>``. Position in a listing: Graph's paging cursor, which it may
forget; reading begins anew then.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from agents.errors import Missing
from agents.graph import Graph, GraphConfig, next_page
from agents.listed import Listing, Post, marked, moment
from agents.mention import identify
from agents.secret import Secret

__all__ = ["Instagram", "InstagramConfig"]

_PAGE: Final = 50  # the most comments, and posts with a hashtag, in one answer
_HASHTAGS: Final = 30  # that an account may ask for in seven days
_SITE: Final = "https://www.instagram.com"
_MEDIA: Final = "id,caption,media_type,permalink,timestamp,username,like_count,comments_count"
_HASHTAGGED: Final = "id,caption,media_type,permalink,timestamp,like_count,comments_count"
_COMMENT: Final = "id,text,timestamp,username,from,like_count,hidden,parent_id"
_OTHERS: Final = "others/"
_HASHTAG: Final = "others/#"
# One's own posts are shown best; hashtags show no author.
_BETTER: Final = {"": (), _OTHERS: ("",), _HASHTAG: ("", _OTHERS)}
_KINDS: Final = {"IMAGE": "image", "CAROUSEL_ALBUM": "image", "VIDEO": "video"}


class InstagramConfig(GraphConfig):
    """Keys of a ``[[sources]]`` table with ``type = "instagram"``."""

    type: Literal["instagram"]
    account: Annotated[str, Field(pattern=r"^\d+$")]
    """The id of a professional account: ``/{page}?fields=instagram_business_account`` shows it."""
    tagged: bool = True
    """Also posts of others that tag the account."""
    hashtags: Annotated[
        tuple[Annotated[str, Field(pattern=r"^\w+$")], ...], Field(max_length=_HASHTAGS)
    ] = ()
    """Without ``#``; needs the feature Instagram Public Content Access."""
    token: Secret
    """A token of the page that the account is connected to: developers.facebook.com, an app with
    instagram_basic, instagram_manage_comments and pages_read_engagement."""
    page: Annotated[int, Field(ge=1, le=_PAGE)] = 25
    """Posts, and comments of one post, in one answer."""


class Instagram(Graph):
    """One account, and hashtags."""

    kind = "instagram"
    said_at = "timestamp"
    config: InstagramConfig

    def __init__(self, config: InstagramConfig) -> None:
        super().__init__(config, config.token)
        self._hashtags: dict[str, str] = {}

    def queries(self) -> Sequence[str]:
        """Posts, comments, tags and hashtags."""
        found = ["posts", *["comments"] * self.config.comments, *["tagged"] * self.config.tagged]
        return [*found, *(f"#{hashtag}" for hashtag in self.config.hashtags)]

    def ordered(self, query: str) -> bool:
        """All but hashtags."""
        return not query.startswith("#")

    def poorer(self, query: str) -> bool:
        """Hashtags, which do not show who wrote a post."""
        return query.startswith("#")

    def reach(self, query: str) -> float | None:
        """A day of hashtags."""
        return 1.0 if query.startswith("#") else None

    def listing(self, query: str, at: Any, since: datetime) -> Listing:  # noqa: ANN401
        """Posts or comments."""
        account, limit = self.config.account, self.config.page
        if query == "posts":
            asked = {"fields": _MEDIA, "limit": limit, "since": int(since.timestamp())}
            return _with_text(self.part(f"{account}/media", asked, at))
        if query == "tagged":
            return self._others(f"{account}/tags", {"fields": _MEDIA}, at)
        if query.startswith("#"):
            path, asked = f"{self._hashtag(query[1:])}/recent_media", {"fields": _HASHTAGGED}
            return self._others(path, {**asked, "user_id": account}, at, _HASHTAG)
        inner = f"{_COMMENT},replies.limit({_PAGE}){{{_COMMENT}}}"
        fields = f"id,permalink,timestamp,comments.limit({limit}){{{inner}}}"
        return self.comments(
            (f"{account}/media", {"fields": fields, "limit": limit}),
            {"fields": inner, "limit": limit},
            at,
            since,
        )

    def fields(self, key: str) -> str:
        """A comment's, with the replies to it, or a post's."""
        if "@" not in key:
            return _MEDIA
        return f"{_COMMENT},media{{id,permalink}},replies.limit({_PAGE}){{{_COMMENT}}}"

    def canaries(self) -> Sequence[str]:
        """The account's posts."""
        return [f"{self.config.account}/media?limit=1&fields=id"]

    def can_be_asked_for(self, key: str) -> bool:
        """What is on the account."""
        return not key.startswith(_OTHERS)

    def shown(self, key: str, row: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
        """A post, or a comment and the replies to it."""
        if "@" not in key:
            return [(key, row)]
        post = {"id": key.rpartition("@")[2], "permalink": row["media"].get("permalink")}
        return [(f"{one['id']}@{post['id']}", one) for one in self.flat(post, [row])]

    def flat(self, post: Mapping[str, Any], comments: Sequence[Any]) -> list[Any]:
        """Comments and replies, each with the post it is on."""
        found: list[Any] = []
        for comment in comments:
            if isinstance(comment, Mapping):
                replies = (comment.get("replies") or {}).get("data") or ()
                parent = {"parent_id": comment.get("id")}
                found += [{**parent, **r} if isinstance(r, Mapping) else r for r in replies]
            found.append(comment)
        return [marked(row, _media=dict(post)) for row in found]

    def unread(self, post: Mapping[str, Any], comments: Sequence[Any]) -> list[Any]:
        """Replies beyond those that come with a comment."""
        return [
            [dict(post), f"{comment['id']}/replies", position]
            for comment in comments
            if isinstance(comment, Mapping)
            and (position := next_page(comment.get("replies") or {}))
        ]

    def post(self, row: Any, query: str) -> Post:  # noqa: ANN401, ARG002 - the base's signature
        """A post or a comment."""
        return self._comment(row) if "_media" in row else self._post(row)

    def _post(self, row: Mapping[str, Any]) -> Post:
        name = row.get("username")
        kind = _KINDS.get(str(row.get("media_type")), "other")
        link, shown = row.get("permalink"), row.get("_shown", "")
        return Post(
            native=row["id"],
            key=f"{shown}{row['id']}",
            better=[f"{more}{row['id']}" for more in _BETTER[shown]],
            published=moment(row["timestamp"]),
            fields={
                "text": row["caption"],
                "url": link,
                "site": "instagram.com",
                "author": _author(None, name),
                "thread": {"kind": "post", "root_id": identify(self.kind, row["id"])},
                "engagement": {
                    "likes": row.get("like_count"),
                    "replies": row.get("comments_count"),
                },
                # The address of the file itself changes from hour to hour.
                "media": [{"url": link, "kind": kind}] if link else [],
            },
        )

    def _comment(self, row: Mapping[str, Any]) -> Post:
        on, said_by = row["_media"], row.get("from") or {}
        root = identify(self.kind, on["id"])
        parent = row.get("parent_id")
        return Post(
            native=row["id"],
            key=f"{row['id']}@{on['id']}",
            published=moment(row["timestamp"]),
            gone=bool(row.get("hidden")),
            fields={
                "text": row["text"],
                "url": on.get("permalink"),
                "site": "instagram.com",
                "author": _author(
                    said_by.get("id"), said_by.get("username") or row.get("username")
                ),
                "thread": {
                    "kind": "reply",
                    "root_id": root,
                    "parent_id": identify(self.kind, parent) if parent else root,
                },
                "engagement": {"likes": row.get("like_count")},
            },
        )

    def _others(
        self,
        path: str,
        asked: Mapping[str, Any],
        at: Any,  # noqa: ANN401
        shown: str = _OTHERS,
    ) -> Listing:
        """Posts of others, which cannot be looked up."""
        listing = _with_text(self.part(path, {**asked, "limit": self.config.page}, at))
        found = [marked(row, _shown=shown) for row in listing.rows]
        return Listing(found, listing.more, filtered=listing.filtered)

    def _hashtag(self, name: str) -> str:
        """The id of a hashtag; each counts once among those that may be asked for."""
        if name not in self._hashtags:
            asked = {"user_id": self.config.account, "q": name}
            found = self.part("ig_hashtag_search", asked, None).rows
            if not found:
                msg = f"Instagram knows no hashtag {name!r}"
                raise Missing(msg)
            self._hashtags[name] = str(found[0]["id"])
        return self._hashtags[name]


def _author(id_: str | None, name: str | None) -> dict[str, Any] | None:
    if not (id_ or name):
        return None
    return {"id": id_, "handle": name, "url": f"{_SITE}/{name}/" if name else None}


def _with_text(listing: Listing) -> Listing:
    """Without posts that show a picture only."""
    found = [r for r in listing.rows if not isinstance(r, Mapping) or r.get("caption")]
    without = len(listing.rows) - len(found)
    return Listing(found, listing.more, filtered={"no text": without} if without else {})
