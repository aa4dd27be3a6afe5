"""News by sitemap, for sites without a useful feed: ``type = "sitemaps"``.

Reads sitemaps.org 0.9 with Google's news extension 0.9 (``news:news``) and sitemap indexes. Entries
without the extension are left alone: they are pages, not news. Articles are fetched, if robots.txt
lets us, and their text extracted; else the title stands for it. From a site's address alone the
sitemaps that its robots.txt names are read.

An entry whose title changes is a newer revision. A sitemap holds two days: what it no longer has is
not gone. Id: ``sitemaps:<address of the article>``. Position in a listing: sitemaps still to read.
Besides, the cursor has ``waiting``: by query, sitemaps whose host asks to wait.
"""

import contextlib
import zlib
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal

import httpx
from lxml import etree
from msgspec import structs
from pydantic import Field

from agents.articles import Articles
from agents.conditions import Conditions
from agents.errors import Busy, RateLimited, SourceError, Unreadable
from agents.listed import ListedConfig, Listing, Post, instant, moment
from agents.places import failed
from agents.source import Cursor, Page
from schemas.mention import Channel

__all__ = ["Sitemaps", "SitemapsConfig"]

_SITEMAP: Final = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
_NEWS: Final = "{http://www.google.com/schemas/sitemap-news/0.9}"
_IMAGE: Final = "{http://www.google.com/schemas/sitemap-image/1.1}"
_DEEPEST: Final = 200  # sitemaps that an index may lead to
_GZIP: Final = b"\x1f\x8b"
_DAY: Final = timedelta(days=1)  # that a lastmod without a time stands for
_URL = Annotated[str, Field(pattern="^https?://")]


class SitemapsConfig(ListedConfig):
    """Keys of a ``[[sources]]`` table with ``type = "sitemaps"``."""

    type: Literal["sitemaps"]
    urls: Annotated[tuple[_URL, ...], Field(min_length=1)]
    """Sitemaps, sitemap indexes, or addresses of sites (ending in ``/``)."""
    channel: Channel = "news"
    full_text: bool = True
    """Fetch the articles."""
    remember: Annotated[int, Field(ge=10, le=20_000)] = 5_000
    """How many articles to know again; should exceed what the sitemaps hold."""


class Sitemaps(Articles):
    """The news in some sitemaps."""

    kind = "sitemaps"
    channel = "news"
    batch = 0
    config: SitemapsConfig
    _asked: set[str]
    """Sitemaps of this poll, and below how those failed that could not be read."""
    _failures: list[SourceError]
    _again: dict[str, list[str]]
    """By query, what had to wait in the last poll; below, in this one."""
    _waiting: dict[str, list[str]]

    def __init__(self, config: SitemapsConfig) -> None:
        super().__init__(config)
        self._conditions = Conditions()

    def queries(self) -> Sequence[str]:
        """The sitemaps."""
        return self.config.urls

    def ordered(self, query: str) -> bool:  # noqa: ARG002 - the base's signature
        """No: what is new may stand anywhere."""
        return False

    def poll(self, cursor: Cursor | None) -> Iterator[Page]:
        """Read what is new; a sitemap that cannot be read holds up none of the others.

        One whose host asks to wait comes first in the next poll, whether or not the index still has
        it; asking for it any earlier is refused by ``agents.http``.

        Raises:
            SourceError: at the end, when some sitemaps could not be read.
        """
        self._asked, self._failures = set(), []
        self._again, self._waiting = dict((cursor or {}).get("waiting", {})), {}
        pages = map(self._with_waiting, super().poll(cursor))
        try:
            yield from self._conditions.over(cursor, pages, self._published)
        except Busy:
            if not self._failures:
                raise
        if self._failures:
            raise failed(self._failures, len(self._asked), "sitemaps", self.config.every)

    def _with_waiting(self, page: Page) -> Page:
        """The page, its cursor with what has to wait."""
        waiting = self._again | self._waiting
        return (
            structs.replace(page, cursor={**page.cursor, "waiting": waiting}) if waiting else page
        )

    def whole(self, query: str, at: Any, since: datetime) -> tuple[Any, Listing]:  # noqa: ANN401
        """One sitemap; those that it leads to are the next pages."""
        here = list(at or self._first(query))
        again = self._again.pop(query, [])
        here = [*again, *(url for url in here if url not in again)]
        url, *left = here
        self._asked.add(url)
        try:
            root = self._fetch(url)
            if root is None:
                return here, Listing([], left or None)
            left += (child for child in _children(root, since) if child not in self._asked)
            # Both: an index may name many, and each of them another one, without end.
            if max(len(left), len(self._asked) - len(self.config.urls)) > _DEEPEST:
                msg = f"{query}: leads to more than {_DEEPEST} sitemaps; name the news one itself"
                left.clear()
                raise Unreadable(msg)
        except SourceError as error:
            # A position that begins with it would be asked for at every poll, and nothing else.
            self._failures.append(error)
            if isinstance(error, RateLimited):
                self._waiting.setdefault(query, []).append(url)
            return here, Listing([], left or None)
        entries = [_row(entry) for entry in root.iterfind(f"{_SITEMAP}url")]
        news = [row for row in entries if row["news"]]
        other = {"no news": len(entries) - len(news)} if len(news) < len(entries) else {}
        return here, Listing(news, left or None, filtered=other)

    def post(self, row: Any, query: str) -> Post:  # noqa: ANN401, ARG002 - the base's signature
        """An entry."""
        title = " ".join(row["title"].split())
        if not title:
            msg = "an article without a title"
            raise ValueError(msg)
        return Post(
            native=row["loc"],
            published=moment(row["published"]),
            fields={
                "channel": self.config.channel,
                "title": title,
                "text": title,
                "url": row["loc"],
                "language_hint": row["language"],
                "tags": row["keywords"],
                "media": [{"url": url, "kind": "image"} for url in row["images"]],
            },
        )

    def _published(self) -> bool:
        """Whether everything in the sitemaps of this poll was, with its text."""
        return not self._left and not self._owing

    def wants_text(self) -> bool:
        """As configured."""
        return self.config.full_text

    def _first(self, query: str) -> Iterator[str]:
        """The sitemaps to begin with."""
        if not query.endswith("/"):
            yield query
            return
        robots = self.http.get(str(httpx.URL(query).join("/robots.txt")))
        named = []
        for line in (robots.body if robots else b"").decode(errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip().lower() == "sitemap" and value.strip():
                named.append(value.strip())
        if not named:
            msg = f"{query}: robots.txt names no sitemap; set its address instead"
            raise Unreadable(msg)
        yield from named

    def _inflated(self, url: str, body: bytes) -> bytes:
        """A file that is compressed itself, as ``.xml.gz`` is, within the bound of an answer."""
        if not body.startswith(_GZIP):
            return body
        inflate = zlib.decompressobj(zlib.MAX_WBITS | 16)  # 16: a gzip header
        try:
            body = inflate.decompress(body, self.config.http.max_bytes)
        except zlib.error as error:
            msg = f"{url}: wrongly compressed: {error}"
            raise Unreadable(msg) from error
        if not inflate.eof:
            msg = f"{url}: ends early, or more than {self.config.http.max_bytes} bytes"
            raise Unreadable(msg)
        return body

    def _fetch(self, url: str) -> Any:  # noqa: ANN401 - lxml has no types
        """A sitemap; None where it is what it was."""
        etag, modified = self._conditions.of(url)
        fetched = self.http.get(
            url,
            etag=etag,
            last_modified=modified,
            accept="application/xml,text/xml;q=0.9,*/*;q=0.1",
        )
        if fetched is None:
            self._conditions.note(url, None)
            return None
        body = self._inflated(url, fetched.body)
        parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False)
        try:
            root = etree.fromstring(body, parser)
        except etree.XMLSyntaxError as error:
            msg = f"{url}: not a sitemap: {error}"
            raise Unreadable(msg) from error
        if root.tag not in {f"{_SITEMAP}urlset", f"{_SITEMAP}sitemapindex"}:
            msg = f"{url}: not a sitemap, but {root.tag}"
            raise Unreadable(msg)
        if root.tag == f"{_SITEMAP}urlset":  # not an index: what that leads to changes without it
            self._conditions.note(url, fetched)
        return root


def _children(root: Any, since: datetime) -> Iterator[str]:  # noqa: ANN401
    """The sitemaps of an index, without those that say that they are older."""
    for child in root.iterfind(f"{_SITEMAP}sitemap"):
        changed = None
        # Forms of W3C's that name only a month or a year, and what is wrong: may be of today.
        with contextlib.suppress(ValueError, OverflowError):
            changed = instant((child.findtext(f"{_SITEMAP}lastmod") or "").strip())
        if changed is None or changed + _DAY > since:
            yield (child.findtext(f"{_SITEMAP}loc") or "").strip()


def _row(entry: Any) -> dict[str, Any]:  # noqa: ANN401
    news = entry.find(f"{_NEWS}news")
    about = news if news is not None else entry
    keywords = about.findtext(f"{_NEWS}keywords") or ""
    return {
        "loc": (entry.findtext(f"{_SITEMAP}loc") or "").strip(),
        "news": news is not None,
        "title": about.findtext(f"{_NEWS}title") or "",
        "published": (about.findtext(f"{_NEWS}publication_date") or "").strip(),
        "language": about.findtext(f"{_NEWS}publication/{_NEWS}language"),
        "keywords": [word.strip() for word in keywords.split(",") if word.strip()],
        "images": [found.text for found in entry.iterfind(f"{_IMAGE}image/{_IMAGE}loc")],
    }
