"""Public Telegram channels, by their web preview: ``type = "telegram"``.

Reads ``https://t.me/s/<channel>``, the page that Telegram shows to everyone, as it was in November
2026; the Bot API does not show channels that the bot is not in, and an account of one's own is not
meant for this. robots.txt is obeyed. Twenty posts a page, continued by ``before``.

Edits are seen by what changed; a post whose own page no longer shows it is deleted. A channel that
has switched its preview off, or does not exist, is an error.

Id: ``telegram:<channel>/<number>``. Position in a listing: the number of a post.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from lxml import etree, html
from pydantic import Field

from agents.errors import Missing, Unreadable
from agents.listed import Listed, ListedConfig, Listing, Post, moment
from agents.lookups import GONE, each
from agents.mention import identify
from agents.text import to_text

__all__ = ["Telegram", "TelegramConfig"]

_CHANNEL = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{3,31}$")]
_PICTURE: Final = re.compile(r"background-image:url\('([^']+)'\)")
_COUNT: Final = re.compile(r"^([\d.]+)([KM]?)$")
_TIMES: Final = {"": 1, "K": 1_000, "M": 1_000_000}


class TelegramConfig(ListedConfig):
    """Keys of a ``[[sources]]`` table with ``type = "telegram"``."""

    type: Literal["telegram"]
    channels: Annotated[tuple[_CHANNEL, ...], Field(min_length=1)]
    """Their names, without ``@`` and ``t.me/``."""
    site: Annotated[str, Field(pattern="^https?://")] = "https://t.me"


class Telegram(Listed):
    """Some public channels."""

    kind = "telegram"
    channel = "social"
    batch = 5
    config: TelegramConfig

    def queries(self) -> Sequence[str]:
        """The channels."""
        return self.config.channels

    def listing(self, query: str, at: Any, since: datetime) -> Listing:  # noqa: ANN401, ARG002
        """Posts before the number ``at``."""
        where = f"{self.config.site}/s/{query}" + (f"?before={at}" if at else "")
        posts, shown = self._page(where)
        if not shown:
            msg = f"{query}: no preview; the channel does not exist, or has switched it off"
            raise Unreadable(msg)
        numbers = [int(post["post"].rpartition("/")[2]) for post in posts]
        # The page has the oldest first.
        more = min(numbers, default=1)
        return Listing(list(reversed(posts)), more if more > 1 else None)

    def lookup(self, keys: Sequence[str]) -> Mapping[str, Any]:
        """Posts, one page each: the one that ends with it.

        One that is not on it is gone where that page shows those before it, or another page of the
        channel shows any.
        """
        return each(keys, self._by)

    def place(self, key: str) -> str:
        """Its channel."""
        return key.rpartition("/")[0]

    def _by(self, key: str) -> dict[str, Any]:
        name, _, number = key.rpartition("/")
        posts, shown = self._page(f"{self.config.site}/s/{name}?before={int(number) + 1}")
        if not shown:
            return {key: None}  # No preview, as the listing says: nothing is known of the post.
        if posts:
            return {key: next((post for post in posts if post["post"] == key), GONE)}
        msg = f"{key}: nothing up to it is shown"
        raise Missing(msg)

    def post(self, row: Any, query: str) -> Post:  # noqa: ANN401, ARG002 - the base's signature
        """A post."""
        name, _, number = row["post"].rpartition("/")
        text = to_text(row["text"])
        if not text and not row["media"]:
            msg = "neither text nor pictures"
            raise ValueError(msg)
        answered = row["answers"]
        return Post(
            native=row["post"],
            published=moment(row["time"]),
            fields={
                "text": text,
                "url": f"{self.config.site}/{name}/{number}",
                "author": {
                    "id": name,
                    "handle": name,
                    "name": row["author"],
                    "url": f"{self.config.site}/{name}",
                    "kind": "organisation",
                },
                "thread": {
                    "kind": "reply" if answered else "post",
                    "parent_id": identify(self.kind, answered) if answered else None,
                    "root_id": None if answered else identify(self.kind, row["post"]),
                },
                "engagement": {"views": _number(row["views"])},
                "media": row["media"],
            },
        )

    def _page(self, url: str) -> tuple[list[dict[str, Any]], bool]:
        """The posts on a page, and whether it is a preview at all."""
        page = self.http.page(url)
        if not page.body.rstrip().endswith(b"</html>"):
            # Half a page would look like a whole one with fewer posts.
            msg = f"{url}: the page ends early"
            raise Unreadable(msg)
        try:
            root = html.document_fromstring(page.body.decode(errors="replace"))
        except (etree.LxmlError, ValueError) as error:
            msg = f"{url}: not a page: {error}"
            raise Unreadable(msg) from error
        posts = [_row(element) for element in _all(root, "tgme_widget_message")]
        shown = bool(posts) or bool(_all(root, "tgme_channel_info"))
        return [post for post in posts if post["post"]], shown


def _row(element: Any) -> dict[str, Any]:  # noqa: ANN401 - lxml has no types
    texts = _all(element, "tgme_widget_message_text")
    times = _all(element, "tgme_widget_message_date")
    stamps = [found.get("datetime") for part in times for found in part.iter("time")]
    replies = [link.get("href", "") for link in _all(element, "tgme_widget_message_reply")]
    authors = _all(element, "tgme_widget_message_owner_name")
    views = _all(element, "tgme_widget_message_views")
    pictures = [
        {"url": found[1], "kind": "image"}
        for part in _all(element, "tgme_widget_message_photo_wrap")
        if (found := _PICTURE.search(part.get("style", "")))
    ]
    videos = [{"url": v.get("src"), "kind": "video"} for v in element.iter("video") if v.get("src")]
    return {
        "post": element.get("data-post", ""),
        # The last: what is answered stands before it, with a text of its own.
        "text": etree.tostring(texts[-1], encoding="unicode", with_tail=False) if texts else "",
        "time": stamps[-1] if stamps else None,
        "answers": "/".join(replies[0].split("?")[0].split("/")[-2:]) if replies else None,
        "author": authors[0].text_content().strip() if authors else None,
        "views": views[0].text_content().strip() if views else None,
        "media": [*pictures, *videos],
    }


def _all(root: Any, name: str) -> list[Any]:  # noqa: ANN401
    """Elements that have a class."""
    found: list[Any] = root.xpath(
        "descendant-or-self::*[contains(concat(' ', normalize-space(@class), ' '), $name)]",
        name=f" {name} ",
    )
    return found


def _number(text: str | None) -> int | None:
    """``1.2K`` as Telegram rounds it."""
    found = _COUNT.match(text or "")
    return round(float(found[1]) * _TIMES[found[2]]) if found else None
