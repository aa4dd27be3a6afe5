"""One entry of an RSS or Atom feed as fields of a mention. Pure: feedparser's dictionary in."""

import calendar
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

from agents.mention import digest, host
from agents.text import looks_like_html, to_text

__all__ = ["Entry", "read"]

_ABSOLUTE: Final = re.compile(r"^(https?://|tag:|urn:)", re.IGNORECASE)
_TEASER_ENDS: Final = re.compile(
    r"(…|\.\.\.|\[…\]|\[\.\.\.\]|weiterlesen|mehr lesen|read more|continue reading)\W*$",
    re.IGNORECASE,
)
_TEASER_LENGTH: Final = 400  # code points; a summary this short stands for a longer article
_KINDS: Final = ("image", "video", "audio")


class Entry:
    """What an entry says, before it is compared with what was known of it."""

    def __init__(self, entry: Mapping[str, Any], feed: str, language: str | None) -> None:
        self.link = _first_link(entry)
        self.published = _moment(entry, "published_parsed") or _moment(entry, "created_parsed")
        self.updated = _moment(entry, "updated_parsed")
        self.whole = bool(entry.get("content"))
        """Whether the feed carries the text itself, not a summary of it."""
        title = _plain(entry.get("title_detail") or {"value": entry.get("title", "")})
        parts = entry.get("content") or [entry.get("summary_detail") or {}]
        text = "\n".join(filter(None, (_plain(part) for part in parts)))
        self.native = _native(entry, feed, self.link) or digest(feed, title, text)
        self.fields: dict[str, Any] = {
            "title": title or None,
            "text": text or title,
            "url": self.link,
            "author": _author(entry),
            "language_hint": _language(entry, language),
            "tags": [term for tag in entry.get("tags", ()) if (term := tag.get("term"))],
            "media": _media(entry),
        }
        if (replies := str(entry.get("slash_comments", ""))).isdecimal():
            self.fields["engagement"] = {"replies": int(replies)}
        # Counts change all the time without anything having been said.
        self.fingerprint = digest(title, text, self.link or "", str(self.fields["author"]))[:12]

    @property
    def teaser(self) -> bool:
        """Whether the text looks like the beginning of an article that stands elsewhere."""
        text = self.fields["text"]
        return not self.whole and (len(text) < _TEASER_LENGTH or bool(_TEASER_ENDS.search(text)))


def read(entry: Mapping[str, Any], feed: str, language: str | None) -> Entry:
    """Read an entry.

    Args:
        entry: as feedparser gives it.
        feed: the feed's URL.
        language: what the feed or the configuration says its language is.

    Raises:
        ValueError: it has neither text nor title.
    """
    found = Entry(entry, feed, language)
    if not found.fields["text"]:
        msg = "the entry has neither text nor title"
        raise ValueError(msg)
    return found


def _plain(detail: Mapping[str, Any]) -> str:
    value = str(detail.get("value") or "")
    # Many feeds declare HTML as plain text.
    if detail.get("type") != "text/plain" or looks_like_html(value):
        return to_text(value)
    return value.strip()


def _first_link(entry: Mapping[str, Any]) -> str | None:
    links = [entry.get("link"), *(link.get("href") for link in entry.get("links", ()))]
    return next((str(link) for link in links if link and _ABSOLUTE.match(str(link))), None)


def _native(entry: Mapping[str, Any], feed: str, link: str | None) -> str | None:
    """The entry's own name: its guid, made unique by the host where it is only a number or word."""
    guid = str(entry.get("id") or "").strip()
    if guid:
        return _normal(guid) if _ABSOLUTE.match(guid) else f"{host(link or feed)}/{guid}"
    return _normal(link) if link else None


def _normal(url: str) -> str:
    """The same URL however its host is written, and without a fragment."""
    if not url.lower().startswith("http"):
        return url
    try:
        parts = urlsplit(url)
        return urlunsplit((parts.scheme.lower(), parts.netloc.lower(), *parts[2:4], ""))
    except ValueError:
        return url


def _moment(entry: Mapping[str, Any], name: str) -> datetime | None:
    # Only what is there: feedparser answers one time with another, and warns of it.
    parsed = dict.get(entry, name) if isinstance(entry, dict) else entry.get(name)
    if parsed is None:
        return None
    try:
        return datetime.fromtimestamp(calendar.timegm(parsed), UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _author(entry: Mapping[str, Any]) -> dict[str, str] | None:
    detail = entry.get("author_detail") or {}
    name = detail.get("name") or entry.get("author")
    if not name:
        return None
    url = detail.get("href")
    return {"name": str(name)} | ({"url": str(url)} if url else {})


def _language(entry: Mapping[str, Any], language: str | None) -> str | None:
    details = entry.get("content") or [entry.get("summary_detail") or {}]
    return details[0].get("language") or language


def _media(entry: Mapping[str, Any]) -> list[dict[str, str]]:
    """Enclosures and Media RSS, each link once."""
    found: dict[str, dict[str, str]] = {}
    for name in ("enclosures", "media_content", "media_thumbnail"):
        for part in entry.get(name, ()):
            url = str(part.get("href") or part.get("url") or "")
            if not url or url in found:
                continue
            kind = str(part.get("medium") or str(part.get("type", "")).partition("/")[0])
            fallback = "image" if name == "media_thumbnail" else "other"
            found[url] = {"url": url, "kind": kind if kind in _KINDS else fallback}
    return list(found.values())
