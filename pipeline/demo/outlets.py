"""The invented newspapers and blogs: a web server on loopback with feeds and articles.

/robots.txt
/<outlet>/feed.xml        RSS or Atom, with ETag
/<outlet>/<post>.html     the article
"""

import hashlib
import html
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from email.utils import format_datetime
from typing import Final
from xml.etree import ElementTree as ET

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from pipeline.demo.story import Outlet, Post, Story

__all__ = ["feed", "guid", "serve"]

_ATOM: Final = "http://www.w3.org/2005/Atom"
_CONTENT: Final = "http://purl.org/rss/1.0/modules/content/"
_DUBLIN_CORE: Final = "http://purl.org/dc/elements/1.1/"
ET.register_namespace("", _ATOM)
ET.register_namespace("dc", _DUBLIN_CORE)
ET.register_namespace("content", _CONTENT)


def guid(post: Post) -> str:
    """The entry's own, stable name."""
    return f"tag:{post.line.outlet}.example,2026:{post.line.id}"


@contextmanager
def serve(story: Story, bound: socket.socket) -> Iterator[None]:
    """Serve all outlets on a listening socket, in a thread."""
    base = "http://{}:{}".format(*bound.getsockname())
    server = uvicorn.Server(
        uvicorn.Config(_app(story, base), log_config=None, log_level="error", lifespan="off")
    )
    thread = threading.Thread(target=server.run, args=([bound],), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()


def _app(story: Story, base: str) -> Starlette:
    outlets = {outlet.outlet: outlet for outlet in story.outlets}
    # The newest entry first, as feeds have it.
    posts = sorted(
        (post for post in story.posts.values() if post.from_feed),
        key=lambda post: post.said_at,
        reverse=True,
    )

    async def show_feed(request: Request) -> Response:
        outlet = outlets.get(request.path_params["outlet"])
        if outlet is None:
            return PlainTextResponse("no such outlet", 404)
        entries = [post for post in posts if post.line.outlet == outlet.outlet]
        body = feed(outlet, entries, f"{base}/{outlet.outlet}")
        etag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
        if request.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers={"ETag": etag})
        kind = f"application/{outlet.format}+xml"
        return Response(body, media_type=kind, headers={"ETag": etag})

    async def show_article(request: Request) -> Response:
        post = story.posts.get(request.path_params["post"])
        if post is None or post.line.outlet not in outlets:
            return PlainTextResponse("no such article", 404)
        return HTMLResponse(_article(outlets[post.line.outlet], post))

    async def robots(_: Request) -> Response:
        return PlainTextResponse("User-agent: *\nAllow: /\n")

    return Starlette(
        routes=[
            Route("/robots.txt", robots),
            Route("/{outlet}/feed.xml", show_feed),
            Route("/{outlet}/{post}.html", show_article),
        ]
    )


def feed(outlet: Outlet, entries: Sequence[Post], base: str) -> bytes:
    """The feed of an outlet.

    Args:
        outlet: whose feed.
        entries: its posts, the newest first.
        base: the address that the articles stand under, without a slash at the end.
    """
    root = (_rss if outlet.format == "rss" else _atom)(outlet, entries, base)
    return ET.tostring(root, encoding="utf-8", xml_declaration=True)


def _add(parent: ET.Element, tag: str, text: str | None = None, **attributes: str) -> ET.Element:
    child = ET.SubElement(parent, tag, attributes)
    child.text = text
    return child


def _rss(outlet: Outlet, entries: Sequence[Post], base: str) -> ET.Element:
    root = ET.Element("rss", version="2.0")
    channel = _add(root, "channel")
    _add(channel, "title", outlet.name)
    _add(channel, "link", base)
    _add(channel, "language", outlet.lang)
    for post in entries:
        item = _add(channel, "item")
        _add(item, "title", post.line.title)
        _add(item, "link", f"{base}/{post.line.id}.html")
        _add(item, "guid", guid(post), isPermaLink="false")
        _add(item, "pubDate", format_datetime(post.said_at))
        _add(item, f"{{{_DUBLIN_CORE}}}creator", post.line.by)
        _add(item, "description", post.line.teaser)
        if post.line.full:
            _add(item, f"{{{_CONTENT}}}encoded", _paragraphs(post.line.text))
    return root


def _atom(outlet: Outlet, entries: Sequence[Post], base: str) -> ET.Element:
    root = ET.Element(f"{{{_ATOM}}}feed", {"xml:lang": outlet.lang})
    _add(root, f"{{{_ATOM}}}title", outlet.name)
    _add(root, f"{{{_ATOM}}}id", f"tag:{outlet.outlet}.example,2026:feed")
    for post in entries:
        entry = _add(root, f"{{{_ATOM}}}entry")
        _add(entry, f"{{{_ATOM}}}title", post.line.title)
        _add(entry, f"{{{_ATOM}}}link", href=f"{base}/{post.line.id}.html")
        _add(entry, f"{{{_ATOM}}}id", guid(post))
        _add(entry, f"{{{_ATOM}}}published", post.said_at.isoformat())
        _add(entry, f"{{{_ATOM}}}updated", post.said_at.isoformat())
        _add(_add(entry, f"{{{_ATOM}}}author"), f"{{{_ATOM}}}name", post.line.by)
        _add(entry, f"{{{_ATOM}}}summary", post.line.teaser)
        if post.line.full:
            _add(entry, f"{{{_ATOM}}}content", _paragraphs(post.line.text), type="html")
    return root


def _paragraphs(text: str) -> str:
    return "".join(f"<p>{html.escape(part)}</p>" for part in text.split("\n\n"))


def _article(outlet: Outlet, post: Post) -> str:
    title = html.escape(post.line.title or "")
    return (
        f'<!doctype html><html lang="{outlet.lang}"><head><meta charset="utf-8">'
        f"<title>{title} | {html.escape(outlet.name)}</title></head><body>"
        f"<nav><a href='/'>{html.escape(outlet.name)}</a></nav>"
        f"<article><h1>{title}</h1>{_paragraphs(post.line.text)}</article>"
        "<footer>Impressum, Datenschutz, Abo</footer></body></html>"
    )
