"""News sitemaps as sites publish them for search engines."""

import gzip
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.sax.saxutils import escape

import pytest

from agents.articles import TRIES
from agents.errors import Busy, RateLimited, SourceError, Unreadable, Withheld
from agents.source import Page, Rewindable
from agents.testing import (
    Answer,
    BackfillContract,
    ConditionalContract,
    EditContract,
    KillContract,
    Loopback,
    Platform,
    Request,
    Said,
    VolumeContract,
    WebContract,
    crowded,
    drain,
    drain_until_failure,
    mentions,
    opened,
)
from agents.testing.suite import polled

HEAD = (
    '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'
    ' xmlns:news="http://www.google.com/schemas/sitemap-news/0.9"'
    ' xmlns:image="http://www.google.com/schemas/sitemap-image/1.1">'
)
INDEX = '<sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">'
ARTICLE = "Die neue Anlage läuft leise, sagen die Leute, die sie seit dem Herbst haben. " * 8


class Site(Platform):
    """A site with an index of sitemaps, each with a few entries."""

    kind = "sitemaps"
    page = 10
    most = 1_000

    def __init__(self, web: Loopback) -> None:
        super().__init__(web)
        self.start = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=20)
        self.first: list[str] = []
        """Of the index, before the sitemaps that there are."""

    def table(self) -> dict[str, Any]:
        return {"type": "sitemaps", "urls": [f"{self.web.url}/index.xml"], "full_text": False}

    def is_listing(self, request: Request) -> bool:
        return request.where.startswith("/news-")

    def with_more(self, answer: Answer) -> Answer:
        body = answer.body.replace(b"<url>", b"<url><x:odd xmlns:x='urn:x'>1</x:odd>")
        return replace(answer, body=body)

    def answer(self, request: Request) -> Answer | None:
        if request.where == "/robots.txt":
            return Answer(f"User-agent: *\nSitemap: {self.web.url}/index.xml\n".encode())
        if request.where == "/index.xml":
            parts = range((self.past or len(self.posts)) // self.page + 1)
            rows = [f"<sitemap><loc>{self.web.url}/news-{n}.xml</loc></sitemap>" for n in parts]
            old = "<sitemap><loc>x</loc><lastmod>2001-01-01</lastmod></sitemap>"
            found = "".join([*self.first, old, *rows])
            return Answer(f"{INDEX}{found}</sitemapindex>".encode())
        if request.where.startswith("/news-"):
            part = int(request.where.removeprefix("/news-").removesuffix(".xml"))
            said = reversed(self.on(part))
            return Answer(f"{HEAD}{''.join(map(self.entry, said))}</urlset>".encode())
        return None

    def on(self, part: int) -> list[Said]:
        first = part * self.page
        if not self.past:
            return self.posts[first : first + self.page]
        last = min(first + self.page, self.past)
        return [self.said(number) for number in range(first + 1, last + 1)]

    def newest(self, request: Request) -> int:  # noqa: ARG002 - it has no order
        return self.past

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


class TestKilled(KillContract):
    @pytest.fixture
    def described(self, site: Site) -> dict[str, Any]:
        return site.reach_back(self.number).described()


class TestPast(VolumeContract):
    number = 30_000

    @pytest.fixture
    def described(self, site: Site) -> dict[str, Any]:
        return site.reach_back(self.number).described()


class TestSitemaps(ConditionalContract, EditContract, BackfillContract, WebContract):
    many = 45
    oldest_first = False

    @pytest.fixture
    def web(self, site: Site) -> Loopback:
        return site.web

    @pytest.fixture
    def outside(self, site: Site) -> Platform:
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


def test_the_robots_txt_of_a_part_of_a_site_is_the_sites(site: Site) -> None:
    site.add(["Nummer 0"])
    site.options["urls"] = [f"{site.web.url}/nachrichten/"]
    assert len(mentions(drain(site))) == 1


def test_indexes_that_lead_from_one_to_the_next_without_end_are_left(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agents.sitemaps._DEEPEST", 5)
    plain = site.web.handler

    def endless(request: Request) -> Answer | None:
        if not request.where.startswith("/index"):
            return plain(request)
        following = f"{site.web.url}/index-{len(site.web.requests)}.xml"
        return Answer(f"{INDEX}<sitemap><loc>{following}</loc></sitemap></sitemapindex>".encode())

    site.web.handler = endless
    _, error = drain_until_failure(site)
    assert "leads to more than 5 sitemaps" in str(error)
    assert len(site.web.requests) < 10


def test_a_site_whose_robots_txt_names_none_says_so(site: Site) -> None:
    site.options["urls"] = [f"{site.web.url}/"]
    site.web.answers["/robots.txt"] = Answer(b"User-agent: *\n")
    with pytest.raises(SourceError, match="names no sitemap"):
        drain(site)


def test_a_dead_sitemap_darkens_no_other_and_is_asked_once_a_poll(site: Site) -> None:
    site.add([f"Nummer {number}" for number in range(25)])
    site.web.answers["/news-1.xml"] = Answer(status=404)
    pages, error = drain_until_failure(site)
    assert len(mentions(pages)) == 15
    assert "1 of 4 sitemaps failed" in str(error)
    assert error.seconds == 300, "those that work are asked as often as ever"
    site.add(["neu"])
    after, _ = drain_until_failure(site, pages[-1].cursor)
    assert [mention.text for mention in mentions(after)] == ["neu"]
    del site.web.answers["/news-1.xml"]
    assert len(mentions(drain(site, after[-1].cursor))) == 10


@pytest.mark.parametrize("still_there", [True, False])
def test_a_sitemap_that_has_to_wait_darkens_none_of_other_hosts_and_is_asked_first_afterwards(
    site: Site, *, still_there: bool
) -> None:
    site.add(["hier"])
    with Loopback() as elsewhere:
        there = Site(elsewhere)
        there.add(["dort"])
        order: list[str] = []
        body = f"{HEAD}{there.entry(there.posts[0])}</urlset>"

        def here(request: Request) -> Answer | None:
            order.append(request.where)
            return site.answer(request)

        def late(request: Request) -> Answer:
            order.append(request.where)
            return Answer(body.encode())

        site.web.handler = here
        row = f"<sitemap><loc>{elsewhere.url}/dort.xml</loc></sitemap>"
        site.first = [row, row.replace("dort.xml", "auch-dort.xml")]
        elsewhere.answers["/dort.xml"] = site.limited()
        with opened(site) as source:
            pages, error = polled(source, None)
            assert [mention.text for mention in mentions(pages)] == ["hier"]
            assert isinstance(error, RateLimited)
            assert error.seconds is not None
            assert 100 < error.seconds <= 120
            pages, _ = polled(source, pages[-1].cursor)
            assert len(elsewhere.requests) == 1, "its host was left alone"
            site.waited()
            site.first = site.first if still_there else []
            elsewhere.answers["/dort.xml"] = late
            elsewhere.answers["/auch-dort.xml"] = Answer(f"{HEAD}</urlset>".encode())
            order.clear()
        with opened(site) as source:  # another process
            after, error = polled(source, pages[-1].cursor)
            assert error is None
            assert [mention.text for mention in mentions(after)] == ["dort"]
            assert order[0] == "/dort.xml"
            assert order.count("/dort.xml") == 1
            assert "waiting" not in after[-1].cursor


def test_a_sitemap_whose_host_is_busy_is_read_when_there_is_room(site: Site) -> None:
    site.add(["hier"])
    with Loopback() as elsewhere:
        there = Site(elsewhere)
        there.add(["dort"])
        site.first = [f"<sitemap><loc>{elsewhere.url}/news-0.xml</loc></sitemap>"]
        with opened(site) as source:
            with crowded(elsewhere.url):
                pages, error = polled(source, None)
            assert [mention.text for mention in mentions(pages)] == ["hier"]
            assert isinstance(error, Busy)
            assert not elsewhere.requests
            after, error = polled(source, pages[-1].cursor)
            assert error is None
            assert [mention.text for mention in mentions(after)] == ["dort"]


def test_a_process_that_dies_after_a_dead_sitemap_does_not_begin_with_it(site: Site) -> None:
    site.add([f"Nummer {number}" for number in range(25)])
    site.web.answers["/news-1.xml"] = Answer(status=404)
    with opened(site) as source:
        page = next(page for page in source.poll(None) if page.items)
    pages, _ = drain_until_failure(site, page.cursor)
    site.add(["neu"])
    again, _ = drain_until_failure(site, pages[-1].cursor)
    assert "neu" in [mention.text for mention in mentions([*pages, *again])]


@pytest.mark.parametrize("said", ["2001", "2001-01", "gestern", "2001-13-41", " "])
def test_a_lastmod_that_says_no_moment_hides_nothing(site: Site, said: str) -> None:
    site.add(["eins"])
    site.first = [
        f"<sitemap><loc>{site.web.url}/news-0.xml</loc><lastmod>{said}</lastmod></sitemap>"
    ]
    assert [mention.text for mention in mentions(drain(site))] == ["eins"]


def test_a_lastmod_that_is_a_day_is_the_whole_day(site: Site) -> None:
    site.add(["eins"])
    site.options["history"] = 0.9
    day = (datetime.now(UTC) - timedelta(days=0.9)).date()
    row = f"<sitemap><loc>{site.web.url}/tag.xml</loc><lastmod>{day}</lastmod></sitemap>"
    site.first = [row]
    site.web.answers["/tag.xml"] = Answer(f"{HEAD}</urlset>".encode())
    drain(site)
    assert len(site.web.asked("/tag.xml")) == 1


def test_a_sitemap_that_is_a_compressed_file_is_read_within_bounds(site: Site) -> None:
    site.add(["eins"])
    packed = gzip.compress(f"{HEAD}{site.entry(site.posts[0])}</urlset>".encode())
    site.options = {"urls": [f"{site.web.url}/news.xml.gz"]}
    site.web.answers["/news.xml.gz"] = Answer(packed, headers={"Content-Type": "application/gzip"})
    assert [mention.text for mention in mentions(drain(site))] == ["eins"]
    bomb = gzip.compress(b" " * 20_000_000)
    for body in (packed[:-20], bomb, b"\x1f\x8bnothing"):
        site.web.answers["/news.xml.gz"] = Answer(body)
        with pytest.raises(Unreadable):
            drain(site)


def test_a_back_fill_asks_for_everything(site: Site) -> None:
    site.web.etags = True
    site.add(["eins"])
    with opened(site) as source:
        cursor = list(source.poll(None))[-1].cursor
        cursor = list(source.poll(cursor))[-1].cursor
        assert (before := site.web.conditions) > 0
        assert isinstance(source, Rewindable)
        list(source.poll(source.rewind(cursor, datetime.now(UTC) - timedelta(days=1))))
        assert site.web.conditions == before


def test_a_sitemap_is_asked_for_whole_while_an_article_of_it_is_missing(site: Site) -> None:
    site.web.etags = True
    site.options["full_text"] = True
    site.add(["Titel"])
    site.web.answers["/a/1"] = Answer(status=503)
    with opened(site) as source:
        cursor = list(source.poll(None))[-1].cursor
        page = f"<html><body><article><p>{ARTICLE}</p></article></body></html>"
        site.web.answers["/a/1"] = Answer(page.encode(), headers={"Content-Type": "text/html"})
        (mention,) = mentions(list(source.poll(cursor)))
    assert mention.text == ARTICLE.strip()


def test_an_article_that_cannot_be_read_now_is_read_later(site: Site) -> None:
    site.options["full_text"] = True
    site.add(["Titel"])
    site.web.answers["/a/1"] = Answer(status=503)
    pages = drain(site)
    (title,) = mentions(pages)
    assert title.text == "Titel"
    again = drain(site, pages[-1].cursor)
    assert mentions(again) == [], "the same would be said twice"
    page = f"<html><body><article><p>{ARTICLE}</p></article></body></html>"
    site.web.answers["/a/1"] = Answer(page.encode(), headers={"Content-Type": "text/html"})
    after = drain(site, again[-1].cursor)
    (mention,) = mentions(after)
    assert mention.text == ARTICLE.strip()
    assert (mention.id, mention.published_at) == (title.id, title.published_at)
    assert mention.revision > title.revision
    assert mentions(drain(site, after[-1].cursor)) == []


def test_an_article_whose_host_is_busy_is_read_when_there_is_room(site: Site) -> None:
    site.web.etags = True
    site.add(["eins", "zwei", "drei"])
    page = f"<html><body><article><p>{ARTICLE}</p></article></body></html>"
    read = Answer(page.encode(), headers={"Content-Type": "text/html"})
    with Loopback() as elsewhere:
        site.options = {"urls": [f"{site.web.url}/all.xml"], "full_text": True}
        body = f"{HEAD}{''.join(map(site.entry, site.posts))}</urlset>"
        body = body.replace(f"{site.web.url}/a/2", f"{elsewhere.url}/a/2")
        site.web.answers |= {"/all.xml": Answer(body.encode()), "/a/1": read, "/a/3": read}
        elsewhere.answers["/a/2"] = read
        with opened(site) as source:
            pages: list[Page] = []
            for _ in range(2):
                with crowded(elsewhere.url), pytest.raises(Busy):
                    pages.extend(source.poll(pages[-1].cursor if pages else None))
            assert sorted(str(mention.title) for mention in mentions(pages)) == ["drei", "eins"]
            assert all(mention.text == ARTICLE.strip() for mention in mentions(pages))
            after = list(source.poll(pages[-1].cursor))
            (mention,) = mentions(after)
            assert (mention.title, mention.text) == ("zwei", ARTICLE.strip())
            assert mentions(list(source.poll(after[-1].cursor))) == []
    for number in (1, 3):
        assert len(site.web.asked(f"/a/{number}")) == 1, "what was fetched is kept"


def test_a_sitemap_that_failed_counts_where_an_article_has_to_wait_for_its_turn(
    site: Site,
) -> None:
    site.options = {"urls": [f"{site.web.url}/{name}.xml" for name in ("gone", "all")]}
    site.options["full_text"] = True
    site.add(["eins"])
    with Loopback() as elsewhere:
        body = f"{HEAD}{site.entry(site.posts[0])}</urlset>"
        body = body.replace(f"{site.web.url}/a/1", f"{elsewhere.url}/a/1")
        site.web.answers["/all.xml"] = Answer(body.encode())
        with crowded(elsewhere.url):
            pages, error = drain_until_failure(site)
    assert mentions(pages) == []
    assert isinstance(error, Withheld)
    assert "1 of 2 sitemaps failed" in str(error)


def test_an_article_that_is_never_there_is_given_up(site: Site) -> None:
    site.options["full_text"] = True
    site.add(["Titel"])
    site.web.answers["/a/1"] = Answer(status=500)
    cursor = None
    for _ in range(TRIES + 2):
        cursor = drain(site, cursor)[-1].cursor
    assert len(site.web.asked("/a/1")) == TRIES


def test_a_sitemap_is_published_while_its_articles_are_read(site: Site) -> None:
    site.options = {"urls": [f"{site.web.url}/all.xml"], "full_text": True}
    site.add([f"Nummer {number}" for number in range(50)])
    whole = f"{HEAD}{''.join(map(site.entry, site.posts))}</urlset>"
    site.web.answers["/all.xml"] = Answer(whole.encode())
    with opened(site) as source:
        page = next(page for page in source.poll(None) if page.items)
    assert len(page.items) == 20
    assert len([r for r in site.web.requests if r.where.startswith("/a/")]) == 20
    assert len(mentions(drain(site, page.cursor))) == 30
