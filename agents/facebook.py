"""Facebook pages, their posts, comments and who tags them: ``type = "facebook"``.

Reads the Graph API 26.0 (developers.facebook.com/docs/pages-api, November 2026): ``/{page}/feed``
(posts of the page and of visitors), ``/{page}/tagged`` (public posts that tag it), and the
``comments`` of the feed's posts with all replies; look-ups by batch. ``agents.graph`` keeps to its
limits. ``/feed`` shows some 600 posts of a year. Posts by anyone else cannot be searched.

Comments are asked for together with the posts they are on, for ``comments_for`` days; what comes
later to an older post is not found. What is changed is seen when it is looked at again, since
``updated_time`` is also the time of the last comment. What cannot be looked up any more, or is
hidden by the page, is deleted, if the page's feed itself can be read, and others of its sort are
shown; posts of others that tag the page cannot be looked up.

Id: ``facebook:<post or comment id>``. Position in a listing: Graph's paging cursor, which it may
forget; reading begins anew then.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import Field, model_validator

from agents.graph import Graph, GraphConfig
from agents.listed import Listing, Post, marked, moment
from agents.mention import identify
from agents.secret import Secret

__all__ = ["Facebook", "FacebookConfig"]

_PAGE: Final = 100  # the most that a feed gives
_SITE: Final = "https://www.facebook.com"
_POST: Final = (
    "id,message,created_time,permalink_url,from,is_hidden,shares,"
    "attachments{media_type,title,description,url,unshimmed_url},"
    "reactions.limit(0).summary(total_count),comments.limit(0).summary(total_count)"
)
_COMMENT: Final = (
    "id,message,created_time,permalink_url,from,parent{id},is_hidden,like_count,comment_count"
)
_KINDS: Final = {"photo": "image", "album": "image", "video": "video"}


class FacebookConfig(GraphConfig):
    """Keys of a ``[[sources]]`` table with ``type = "facebook"``."""

    type: Literal["facebook"]
    pages: Annotated[
        tuple[Annotated[str, Field(pattern=r"^\d+$")], ...], Field(min_length=1, max_length=10)
    ]
    """Ids of pages, not their names: About > Page transparency shows them."""
    tagged: bool = True
    """Also public posts that tag the page."""
    token: Secret
    """A page's access token: developers.facebook.com, an app with pages_read_engagement and
    pages_read_user_content; or a system user's, with the feature Page Public Content Access."""
    page: Annotated[int, Field(ge=1, le=_PAGE)] = 25
    """Posts, and comments of one post, in one answer."""

    @model_validator(mode="after")
    def _once(self) -> "FacebookConfig":
        if len(set(self.pages)) < len(self.pages):
            msg = "pages: one of them stands there twice"
            raise ValueError(msg)
        return self


class Facebook(Graph):
    """Some pages."""

    kind = "facebook"
    said_at = "created_time"
    config: FacebookConfig

    def __init__(self, config: FacebookConfig) -> None:
        super().__init__(config, config.token)

    def queries(self) -> Sequence[str]:
        """Posts, tags and comments, page by page."""
        kinds = ["posts", *["tagged"] * self.config.tagged, *["comments"] * self.config.comments]
        return [f"{kind} {page}" for page in self.config.pages for kind in kinds]

    def listing(self, query: str, at: Any, since: datetime) -> Listing:  # noqa: ANN401
        """Posts or comments, the newest first."""
        kind, _, page = query.partition(" ")
        limit, begin = self.config.page, int(since.timestamp())
        if kind == "comments":
            inner = f"comments.filter(stream).order(reverse_chronological).since({begin})"
            fields = f"id,created_time,{inner}.limit({limit}){{{_COMMENT}}}"
            asked = {"filter": "stream", "order": "reverse_chronological", "since": begin}
            return _readable(
                self.comments(
                    (f"{page}/feed", {"fields": fields, "limit": limit}),
                    {**asked, "fields": _COMMENT, "limit": limit},
                    at,
                    since,
                )
            )
        path = f"{page}/{'feed' if kind == 'posts' else 'tagged'}"
        return _readable(self.part(path, {"fields": _POST, "limit": limit, "since": begin}, at))

    def fields(self, key: str) -> str:
        """A comment's or a post's."""
        return _COMMENT if "@" in key else _POST

    def canaries(self) -> Sequence[str]:
        """The feeds."""
        return [f"{page}/feed?limit=1&fields=id" for page in self.config.pages]

    def can_be_asked_for(self, key: str) -> bool:
        """What is on our pages; whether a post elsewhere is gone or not for us, nobody says."""
        return key.rpartition("@")[2].partition("_")[0] in self.config.pages

    def shown(self, key: str, row: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
        """A post, or a comment with the post it is on."""
        post = key.rpartition("@")[2]
        return [(key, {**row, "_post": post} if "@" in key else row)]

    def flat(self, post: Mapping[str, Any], comments: Sequence[Any]) -> list[Any]:
        """Comments; the API has flattened them."""
        return [marked(comment, _post=post["id"]) for comment in comments]

    def post(self, row: Any, query: str) -> Post:  # noqa: ANN401, ARG002 - the base's signature
        """A post or a comment."""
        on, said_by = row.get("_post"), row.get("from") or {}
        root = identify(self.kind, on or row["id"])
        parent = (row.get("parent") or {}).get("id") or on
        return Post(
            native=row["id"],
            key=f"{row['id']}@{on}" if on else row["id"],
            published=moment(row["created_time"]),
            gone=bool(row.get("is_hidden")),
            fields={
                "text": _text(row),
                "url": row.get("permalink_url"),
                "site": "facebook.com",
                "author": {
                    "id": said_by["id"],
                    "name": said_by.get("name"),
                    "url": f"{_SITE}/{said_by['id']}",
                    "kind": "organisation" if said_by["id"] in self.config.pages else None,
                }
                if said_by.get("id")
                else None,
                "thread": {
                    "kind": "reply",
                    "root_id": root,
                    "parent_id": identify(self.kind, parent),
                }
                if on
                else {"kind": "post", "root_id": root},
                "engagement": {
                    "likes": row.get("like_count", _total(row, "reactions")),
                    "replies": row.get("comment_count", _total(row, "comments")),
                    "reposts": (row.get("shares") or {}).get("count"),
                },
                "media": list(_media(row)),
            },
        )


def _readable(listing: Listing) -> Listing:
    """Without what shows a picture only, and comments that the API does not name."""
    reasons = Counter[str]()
    found = []
    for row in listing.rows:
        reason = _missing(row)
        if reason is None:
            found.append(row)
        else:
            reasons[reason] += 1
    return Listing(found, listing.more, filtered=reasons)


def _missing(row: Any) -> str | None:  # noqa: ANN401 - as the API sends it
    """Why there is nothing to read; None where there is, or where it is refused later."""
    try:
        if not row.get("id"):
            return "no id"
        return None if _text(row) else "no text"
    except (AttributeError, TypeError):
        return None


def _attachments(row: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    return (row.get("attachments") or {}).get("data") or ()


def _text(row: Mapping[str, Any]) -> Any:  # noqa: ANN401 - what is no text is refused later
    """What was said, else what the link or picture that is shown says."""
    if text := row.get("message"):
        return text
    said = (part.get("description") or part.get("title") for part in _attachments(row))
    return next((text for text in said if text), None)


def _total(row: Mapping[str, Any], name: str) -> int | None:
    total: int | None = ((row.get(name) or {}).get("summary") or {}).get("total_count")
    return total


def _media(row: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    """Links to what is shown; those to the files themselves change from hour to hour."""
    for part in _attachments(row):
        if url := part.get("unshimmed_url") or part.get("url"):
            kind = _KINDS.get(str(part.get("media_type")), "other")
            yield {"url": url, "kind": kind, "alt": part.get("title")}
