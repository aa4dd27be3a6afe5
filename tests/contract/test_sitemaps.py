"""News sitemaps as sites publish them for search engines."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from xml.sax.saxutils import escape

import pytest

from agents.errors import SourceError, Unreadable
from agents.source import Source, build
from agents.testing import (
    Answer,
    EditContract,
    Loopback,
    Outside,
    Request,
    Said,
    drain,
    mentions,
)

HEAD = (
    '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'
    ' xmlns:news="http://www.google.com/schemas/sitemap-news/0.9"'
    ' xmlns:image="http://www.google.com/schemas/sitemap-image/1.1">'
)
INDEX = '<sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">'
ARTICLE = "Die neue Anlage läuft leise, sagen die Leute, die sie seit dem Herbst haben. " * 8


class Site(Outside):
    """A site with an index of sitemaps, each with a few entries."""

    kind = "sitemaps"

    def __init__(self, web: Loopback) -> None:
        self.web = web
        self.start = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=20)
        self.posts: list[Said] = []
        self.options: dict[str, object] = {}
        web.handler = self.answer

    def source(self) -> Source:
        table = {
            "type": "sitemaps",
            "name": "it",
            "urls": [f"{self.web.url}/index.xml"],
            "full_text": False,
            "http": {"allow_private": True, "timeout": 2, "per_second": 1_000},
            **self.options,
        }
        made = build(table)
        assert isinstance(made, Source)
        return made

    def add(self, texts: Sequence[str]) -> None:
        for text in texts:
            number = len(self.posts) + 1
            self.posts.append(Said(number, text, self.start + timedelta(minutes=number)))

    def edit(self, before: str, after: str) -> None:
        self.posts = [replace(s, text=after) if s.text == before else s for s in self.posts]

    def spoil(self) -> None:
        self.add([" "])

    def vanish(self) -> None:
        self.web.handler = lambda _: None

    def answer(self, request: Request) -> Answer | None:
        if request.where == "/robots.txt":
            return Answer(f"User-agent: *\nSitemap: {self.web.url}/index.xml\n".encode())
        if request.where == "/index.xml":
            parts = range(len(self.posts) // 10 + 1)
            rows = [f"<sitemap><loc>{self.web.url}/news-{n}.xml</loc></sitemap>" for n in parts]
            old = "<sitemap><loc>x</loc><lastmod>2001-01-01</lastmod></sitemap>"
            return Answer(f"{INDEX}{old}{''.join(rows)}</sitemapindex>".encode())
        if request.where.startswith("/news-"):
            part = int(request.where.removeprefix("/news-").removesuffix(".xml"))
            found = reversed(self.posts[part * 10 : part * 10 + 10])
            return Answer(f"{HEAD}{''.join(map(self.entry, found))}</urlset>".encode())
        return None

    def entry(self, said: Said) -> str:
        return (
            f"<url><loc>{self.web.url}/a/{said.number}</loc><news:news><news:publication>"
            "<news:name>Blatt</news:name><news:language>de</news:language></news:publication>"
            f"<news:publication_date>{said.at.isoformat()}</news:publication_date>"
            f"<news:title>{escape(said.text)}</news:title>"
            "<news:keywords>Heizung, Strom</news:keywords></news:news>"
            "<image:image><image:loc>https://news.example/a.jpg</image:loc></image:image></url>"
            f"<url><loc>{self.web.url}/impressum</loc></url>"
        )


@pytest.fixture
def site() -> Iterator[Site]:
    with Loopback() as web:
        yield Site(web)


class TestSitemaps(EditContract):
    many = 45
    oldest_first = False

    @pytest.fixture
    def outside(self, site: Site) -> Outside:
        return site


def test_an_article_from_the_address_of_a_site_alone(site: Site) -> None:
    site.options = {"urls": [f"{site.web.url}/"], "full_text": True}
    site.add(["Leise & gut"])
    page = f"<html><body><article><p>{ARTICLE}</p></article></body></html>"
    site.web.answers["/a/1"] = Answer(page.encode(), headers={"Content-Type": "text/html"})
    (mention,) = mentions(drain(site))
    assert (mention.title, mention.text) == ("Leise & gut", ARTICLE.strip())
    assert mention.language_hint == "de"
    assert mention.tags == ("Heizung", "Strom")
    assert mention.media[0].kind == "image"


@pytest.mark.parametrize("body", [b"", b"<html></html>", b"<urlset", b"<a>&b;</a>"])
def test_what_is_no_sitemap_is_unreadable(site: Site, body: bytes) -> None:
    site.web.answers["/index.xml"] = Answer(body)
    with pytest.raises(Unreadable):
        drain(site)


def test_a_site_whose_robots_txt_names_none_says_so(site: Site) -> None:
    site.options["urls"] = [f"{site.web.url}/"]
    site.web.answers["/robots.txt"] = Answer(b"User-agent: *\n")
    with pytest.raises(SourceError, match="names no sitemap"):
        drain(site)
