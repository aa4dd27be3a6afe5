"""Which feed a site has, from its address alone."""

from collections.abc import Iterator
from typing import Final
from urllib.parse import urljoin

import feedparser
from lxml import etree, html

from agents.errors import RateLimited, SourceError, Unreadable
from agents.http import Fetched, Http

__all__ = ["feeds_of"]

_TYPES: Final = ("application/rss+xml", "application/atom+xml")
_USUAL: Final = ("feed", "rss.xml", "feed.xml", "atom.xml", "rss", "index.xml")
_COMMENTS: Final = ("comment", "kommentar")


def feeds_of(http: Http, site: str) -> list[str]:
    """The main feed of a site: what its page names first, else where feeds usually are.

    Raises:
        Unreadable: there is none.
        SourceError: the site cannot be read, or robots.txt does not let us.
    """
    page = http.page(site)
    if _is_feed(page):
        return [page.url]
    for url in _named(page):
        return [url]
    root = page.url if page.url.endswith("/") else page.url + "/"
    for name in _USUAL:
        try:
            found = http.get(urljoin(root, name))
        except RateLimited:
            raise  # Whether there is one is known after the wait.
        except SourceError:
            continue
        if found is not None and _is_feed(found):
            return [found.url]
    msg = f"{site}: names no feed, and has none where feeds usually are; set urls instead"
    raise Unreadable(msg)


def _named(page: Fetched) -> Iterator[str]:
    """Feeds that a page links to in its head, those of comments left out."""
    try:
        root = html.document_fromstring(page.body)
    except (etree.LxmlError, ValueError):
        return
    for link in root.iter("link"):
        about = f"{link.get('title', '')} {link.get('href', '')}".lower()
        if (
            "alternate" in (link.get("rel") or "").lower().split()
            and (link.get("type") or "").lower() in _TYPES
            and link.get("href")
            and not any(word in about for word in _COMMENTS)
        ):
            yield urljoin(page.url, link.get("href").strip())


def _is_feed(fetched: Fetched) -> bool:
    parsed = feedparser.parse(fetched.body, response_headers={"content-location": fetched.url})
    return bool(parsed.get("version"))
