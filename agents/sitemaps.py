"""News by sitemap, for sites without a useful feed: ``type = "sitemaps"``.

Reads sitemaps.org 0.9 with Google's news extension 0.9 (``news:news``) and sitemap indexes. Entries
without the extension are left alone: they are pages, not news. Articles are fetched, if robots.txt
lets us, and their text extracted; else the title stands for it. From a site's address alone the
sitemaps that its robots.txt names are read.

An entry whose title changes is a newer revision. A sitemap holds two days: what it no longer has is
not gone. Id: ``sitemaps:<address of the article>``. Position in a listing: sitemaps still to read.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Annotated, Any, Final, Literal

import trafilatura
from lxml import etree
from pydantic import Field

from agents.errors import SourceError, Unreadable
from agents.listed import Listed, ListedConfig, Listing, Post, moment
from schemas.mention import Channel

__all__ = ["Sitemaps", "SitemapsConfig"]

_SITEMAP: Final = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
_NEWS: Final = "{http://www.google.com/schemas/sitemap-news/0.9}"
_IMAGE: Final = "{http://www.google.com/schemas/sitemap-image/1.1}"
_DEEPEST: Final = 200  # sitemaps that an index may lead to
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


class Sitemaps(Listed):
    """The news in some sitemaps."""

    kind = "sitemaps"
    channel = "news"
    batch = 0
    config: SitemapsConfig

    def queries(self) -> Sequence[str]:
        """The sitemaps."""
        return self.config.urls

    def ordered(self, query: str) -> bool:  # noqa: ARG002 - the base's signature
        """No: what is new may stand anywhere."""
        return False

    def listing(self, query: str, at: Any, since: datetime) -> Listing:  # noqa: ANN401
        """One sitemap; those that it leads to are the next pages."""
        left = list(at) if at else list(self._first(query))
        url, left = left[0], left[1:]
        root = self._fetch(url)
        if root.tag == f"{_SITEMAP}sitemapindex":
            for child in root.iterfind(f"{_SITEMAP}sitemap"):
                changed = child.findtext(f"{_SITEMAP}lastmod")
                if not changed or moment(changed.strip()) >= since:
                    left.append((child.findtext(f"{_SITEMAP}loc") or "").strip())
        if len(left) > _DEEPEST:
            msg = f"{query}: leads to more than {_DEEPEST} sitemaps; name the news sitemap itself"
            raise Unreadable(msg)
        entries = [_row(entry) for entry in root.iterfind(f"{_SITEMAP}url")]
        news = [row for row in entries if row["news"]]
        other = {"no news": len(entries) - len(news)} if len(news) < len(entries) else {}
        return Listing(news, left or None, filtered=other)

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

    def more(self, post: Post) -> dict[str, Any]:
        """The text of the article, where it can be had."""
        if not self.config.full_text:
            return {}
        try:
            page = self.http.page(post.fields["url"])
        except SourceError:
            return {}
        text = trafilatura.extract(page.body, url=page.url, include_comments=False)
        return {"text": text} if text else {}

    def _first(self, query: str) -> Iterator[str]:
        """The sitemaps to begin with."""
        if not query.endswith("/"):
            yield query
            return
        robots = self.http.get(query + "robots.txt")
        named = []
        for line in (robots.body if robots else b"").decode(errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip().lower() == "sitemap" and value.strip():
                named.append(value.strip())
        if not named:
            msg = f"{query}: robots.txt names no sitemap; set its address instead"
            raise Unreadable(msg)
        yield from named

    def _fetch(self, url: str) -> Any:  # noqa: ANN401 - lxml has no types
        fetched = self.http.get(url, accept="application/xml,text/xml;q=0.9,*/*;q=0.1")
        parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False)
        try:
            root = etree.fromstring(fetched.body if fetched else b"", parser)
        except etree.XMLSyntaxError as error:
            msg = f"{url}: not a sitemap: {error}"
            raise Unreadable(msg) from error
        if root.tag not in {f"{_SITEMAP}urlset", f"{_SITEMAP}sitemapindex"}:
            msg = f"{url}: not a sitemap, but {root.tag}"
            raise Unreadable(msg)
        return root


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
