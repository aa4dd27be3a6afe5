"""Feeds keep the contract, and are polite to a server that answers in every way it may."""

import gzip
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from xml.sax.saxutils import escape

import pytest

from agents.articles import TRIES
from agents.errors import Busy, RateLimited, SourceError, Unreadable
from agents.mention import milliseconds
from agents.source import Cursor, Page
from agents.testing import (
    Answer,
    ConditionalContract,
    EditContract,
    Host,
    KillContract,
    Loopback,
    Platform,
    Request,
    VolumeContract,
    WebContract,
    crowded,
    drain,
    drain_until_failure,
    mentions,
    opened,
)

START = datetime(2026, 1, 5, 8, tzinfo=UTC)
ALLOWED = Answer(b"User-agent: *\nDisallow: /geheim")


class Feed(Host):
    """An RSS feed whose server knows about conditional requests."""

    kind = "feeds"

    def __init__(self, web: Loopback) -> None:
        super().__init__(web)
        self.entries: list[tuple[str, str]] = []
        self.options |= {"full_text": "never"}
        self.path = "/rss"
        web.answers["/robots.txt"] = ALLOWED

    def table(self) -> dict[str, Any]:
        return {"type": "feeds", "urls": [self.web.url + self.path]}

    def is_listing(self, request: Request) -> bool:
        return request.where == self.path

    def add(self, texts: Sequence[str]) -> None:
        for text in texts:
            number = len(self.entries)
            when = format_datetime(START + timedelta(minutes=number))
            fixed = f"<guid isPermaLink='false'>n{number}</guid><pubDate>{when}</pubDate>"
            self.entries.append((text, fixed))

    def edit(self, before: str, after: str) -> None:
        self.entries = [(after if t == before else t, fixed) for t, fixed in self.entries]

    def spoil(self) -> None:
        self.entries.append(("", "<guid isPermaLink='false'>leer</guid>"))

    def answer(self, request: Request) -> Answer | None:
        return self.served(request) if request.where == self.path else None

    def served(self, request: Request) -> Answer:
        body = self.body()
        etag = f'"{hash(body)}"'
        if request.headers.get("if-none-match") == etag:
            return Answer(status=304)
        return Answer(body, headers={"ETag": etag, "Content-Type": "application/rss+xml"})

    def with_more(self, answer: Answer) -> Answer:
        odd = b"<item><x:odd xmlns:x='urn:x' to='us'><x:y/></x:odd>"
        return replace(answer, body=answer.body.replace(b"<item>", odd))

    def waited_for(self, cursor: Cursor) -> Cursor:
        feeds = cursor["feeds"].items()
        return {**cursor, "feeds": {url: {**about, "not_before": 0} for url, about in feeds}}

    def body(self) -> bytes:
        rows = "".join(
            f"<item>{fixed}<description>{escape(text)}</description></item>"
            for text, fixed in reversed(self.entries)
        )
        return f"<rss version='2.0'><channel><title>F</title>{rows}</channel></rss>".encode()


@pytest.fixture
def web() -> Iterator[Loopback]:
    with Loopback() as server:
        yield server


@pytest.fixture
def feed(web: Loopback) -> Feed:
    return Feed(web)


def several(web: Loopback, number: int, *, each: int) -> Feed:
    """Feeds with so many entries in all."""

    def answer(request: Request) -> Answer:
        first = int(request.where.removeprefix("/rss/")) * each
        rows = "".join(
            f"<item><guid isPermaLink='false'>n{n}</guid><title>Nummer {n}</title>"
            f"<pubDate>{format_datetime(START)}</pubDate></item>"
            for n in reversed(range(first, first + each))
        )
        return Answer(f"<rss version='2.0'><channel>{rows}</channel></rss>".encode())

    feed = Feed(web)
    feed.options["urls"] = [f"{web.url}/rss/{n}" for n in range(number // each)]
    web.handler = answer
    return feed


class TestManyFeeds(VolumeContract):
    number = 30_000  # to take them apart costs several times what it costs elsewhere

    @pytest.fixture
    def described(self, web: Loopback) -> dict[str, Any]:
        return several(web, self.number, each=1_000).described()


class TestKilledWhileItReads(KillContract):
    @pytest.fixture
    def described(self, web: Loopback) -> dict[str, Any]:
        return several(web, self.number, each=30).described()


class TestFeeds(ConditionalContract, EditContract, WebContract):
    many = 100

    @pytest.fixture
    def outside(self, feed: Feed) -> Host:
        return feed


def test_an_unchanged_feed_is_asked_for_with_its_etag(feed: Feed) -> None:
    feed.add(["eins"])
    cursor = drain(feed)[-1].cursor
    assert mentions(drain(feed, cursor)) == []
    first, second = feed.web.asked("/rss")
    assert "if-none-match" not in first.headers
    assert second.headers["if-none-match"]


def test_a_feed_is_read_again_after_it_was_left_in_the_middle(feed: Feed) -> None:
    feed.add([f"Nummer {number}" for number in range(50)])
    page = next(iter(drain(feed)))
    drain(feed, page.cursor)
    assert "if-none-match" not in feed.web.asked("/rss")[-1].headers


def test_the_host_that_asks_to_wait_is_left_alone(feed: Feed) -> None:
    feed.add(["eins"])
    feed.web.answers["/rss"] = Answer(status=429, headers={"Retry-After": "120"})
    with opened(feed) as source:
        with pytest.raises(RateLimited) as limited:
            list(source.poll(None))
        assert limited.value.seconds is not None
        assert 100 < limited.value.seconds <= 120
        # Asked again too early, it does not ask the host.
        with pytest.raises(RateLimited):
            list(source.poll(None))
    assert len(feed.web.asked("/rss")) == 1


def test_a_wait_is_in_the_cursor_for_the_process_that_comes_after(feed: Feed) -> None:
    feed.add(["eins"])
    feed.web.answers["/rss"] = Answer(status=503, headers={"Retry-After": "120"})
    pages, error = drain_until_failure(feed)
    assert isinstance(error, RateLimited)
    (about,) = pages[-1].cursor["feeds"].values()
    assert 100 < about["not_before"] - time.time() <= 120


def test_the_cursor_keeps_the_wait_over_a_restart(feed: Feed) -> None:
    feed.add(["eins"])
    with_wait = {"feeds": {feed.web.url + "/rss": {"not_before": time.time() + 60}}, "seen": {}}
    with pytest.raises(RateLimited) as limited:
        drain(feed, with_wait)
    assert limited.value.seconds is not None
    assert 50 < limited.value.seconds <= 60
    assert feed.web.asked("/rss") == []


def test_a_feed_that_waits_on_is_not_read_and_holds_up_no_other(feed: Feed) -> None:
    feed.add(["eins"])
    waits, goes_on = feed.web.url + "/waits", feed.web.url + "/rss"
    feed.options["urls"] = [waits, goes_on]
    before = {"feeds": {waits: {"not_before": time.time() + 3_000}}, "seen": {}}
    pages, error = drain_until_failure(feed, before)
    assert [mention.text for mention in mentions(pages)] == ["eins"]
    assert isinstance(error, RateLimited), "what the ledger counts"
    assert error.seconds == 300, "those that work are asked as often as ever"
    assert pages[-1].cursor["feeds"][waits] == before["feeds"][waits]
    assert feed.web.asked("/waits") == []


@pytest.mark.parametrize("asked", ["Wed, 21 Oct 2015 07:28:00 GMT", "bald", "-1", ""])
def test_an_odd_retry_after_is_a_short_wait(feed: Feed, asked: str) -> None:
    feed.add(["eins"])
    feed.web.answers["/rss"] = Answer(status=429, headers={"Retry-After": asked})
    with pytest.raises(RateLimited) as limited:
        drain(feed)
    assert limited.value.seconds is not None
    assert 1 <= limited.value.seconds <= 60


@pytest.mark.parametrize("status", [403, 404, 410, 500, 502, 503])
def test_a_refusal_is_an_error_and_loses_nothing(feed: Feed, status: int) -> None:
    feed.add(["eins"])
    cursor = drain(feed)[-1].cursor
    feed.add(["zwei"])
    feed.web.answers["/rss"] = Answer(status=status)
    with pytest.raises(SourceError, match=str(status)):
        drain(feed, cursor)
    feed.web.answers["/rss"] = feed.served
    assert [mention.text for mention in mentions(drain(feed, cursor))] == ["zwei"]


def test_a_body_that_ends_early_is_an_error(feed: Feed) -> None:
    feed.add(["eins", "zwei"])
    body = feed.body()
    feed.web.answers["/rss"] = Answer(body[:-60], length=len(body))
    with pytest.raises(Unreadable):
        drain(feed)


def test_half_an_entry_is_not_published(feed: Feed) -> None:
    feed.add(["eins", "zwei"])
    feed.web.answers["/rss"] = Answer(feed.body()[:-60])
    pages, error = drain_until_failure(feed)
    assert "ends early" in str(error)
    assert [mention.text for mention in mentions(pages)] == ["zwei"]
    feed.web.answers["/rss"] = feed.served
    (mention,) = mentions(drain(feed, pages[-1].cursor))
    assert (mention.text, mention.edited_at) == ("eins", None)


def test_a_feed_that_is_only_badly_written_is_read_whole(feed: Feed) -> None:
    feed.add(["eins", "zwei"])
    feed.web.answers["/rss"] = Answer(feed.body().replace(b"</title>", b"&nbsp;&</title>"))
    assert [mention.text for mention in mentions(drain(feed))] == ["eins", "zwei"]


def test_a_feed_cut_short_by_its_server_is_read_whole_next_time(feed: Feed) -> None:
    feed.add(["eins", "zwei"])
    feed.web.answers["/rss"] = Answer(feed.body()[:-40], headers={"ETag": '"1"'})
    pages, _ = drain_until_failure(feed)
    feed.web.answers["/rss"] = feed.served
    drain(feed, pages[-1].cursor)
    assert "if-none-match" not in feed.web.asked("/rss")[-1].headers


def test_compressed_truncated_and_exploding_bodies(feed: Feed) -> None:
    feed.add(["eins"])
    packed = gzip.compress(feed.body())
    feed.web.answers["/rss"] = Answer(packed, headers={"Content-Encoding": "gzip"})
    assert len(mentions(drain(feed))) == 1
    feed.web.answers["/rss"] = Answer(packed[:-20], headers={"Content-Encoding": "gzip"})
    with pytest.raises(Unreadable, match="ends early"):
        drain(feed)
    bomb = gzip.compress(b"\0" * 50_000_000)
    feed.web.answers["/rss"] = Answer(bomb, headers={"Content-Encoding": "gzip"})
    with pytest.raises(Unreadable, match="more than"):
        drain(feed)


@pytest.mark.parametrize("body", [b"", b"nothing of the kind", b"<html><body>Oops</body></html>"])
def test_what_is_no_feed_is_unreadable(feed: Feed, body: bytes) -> None:
    feed.add(["eins"])
    feed.web.answers["/rss"] = Answer(body)
    with pytest.raises(Unreadable):
        drain(feed)


def test_entities_do_not_expand_without_bound(feed: Feed) -> None:
    levels = "".join(
        f'<!ENTITY l{n} "{"&l" + str(n - 1) + ";" if n else "ha"}{"&l" + str(n - 1) + ";" * 9}">'
        for n in range(12)
    )
    body = f"<!DOCTYPE rss [{levels}]><rss version='2.0'><channel><title>x</title><item>"
    body += "<guid>a</guid><description>&l11;</description></item></channel></rss>"
    feed.add([])
    feed.web.answers["/rss"] = Answer(body.encode())
    started = time.monotonic()
    for mention in mentions(drain(feed)):
        assert len(mention.text) < 1_000
    assert time.monotonic() - started < 5


def test_redirects_are_followed_and_bounded(feed: Feed) -> None:
    feed.add(["eins"])
    feed.web.answers["/new"] = feed.served
    feed.web.answers["/rss"] = Answer(status=301, headers={"Location": "/new"})
    assert len(mentions(drain(feed))) == 1
    feed.web.answers["/rss"] = Answer(status=302, headers={"Location": "/rss"})
    with pytest.raises(SourceError, match="redirects"):
        drain(feed)


def test_private_addresses_are_refused_unless_allowed(feed: Feed) -> None:
    feed.add(["eins"])
    feed.options["http"] = {}
    with pytest.raises(SourceError, match="allow_private"):
        drain(feed)
    assert feed.web.requests == []


def test_one_dead_feed_does_not_hold_up_the_others(feed: Feed) -> None:
    feed.add(["eins"])
    feed.options["urls"] = [feed.web.url + "/dead", feed.web.url + "/rss"]
    pages, error = drain_until_failure(feed)
    assert [mention.text for mention in mentions(pages)] == ["eins"]
    assert "1 of 2 feeds" in str(error)
    assert error.seconds == 300, "those that work are asked as often as ever"


ARTICLE = (
    "<html><body><article><h1>Titel</h1>"
    + "".join(f"<p>Absatz {n} des ganzen Textes, der viel mehr sagt.</p>" for n in range(9))
    + "</article></body></html>"
).encode()


def linked(feed: Feed, path: str) -> None:
    feed.add([])
    feed.entries.append(("Ein Anreißer …", f"<link>{feed.web.url}{path}</link><guid>{path}</guid>"))
    feed.options["full_text"] = "auto"


def test_a_teaser_is_replaced_by_the_article(feed: Feed) -> None:
    linked(feed, "/artikel")
    feed.web.answers["/artikel"] = Answer(ARTICLE, headers={"Content-Type": "text/html"})
    pages = drain(feed)
    (mention,) = mentions(pages)
    assert "Absatz 8" in mention.text
    assert mentions(drain(feed, pages[-1].cursor)) == []
    assert len(feed.web.asked("/artikel")) == 1
    assert feed.web.asked("/artikel")[0].headers["user-agent"].startswith("mention-pipeline/")


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/artikel", Answer(status=503)),
        ("/artikel", Answer(status=429, headers={"Retry-After": "1"})),
        ("/artikel", Answer(ARTICLE[:100], length=len(ARTICLE))),
        ("/robots.txt", Answer(status=429, headers={"Retry-After": "1"})),
    ],
)
def test_an_article_that_cannot_be_read_now_is_read_later(
    feed: Feed, path: str, answer: Answer
) -> None:
    linked(feed, "/artikel")
    feed.web.answers |= {"/artikel": Answer(ARTICLE, headers={"Content-Type": "text/html"})}
    well, feed.web.answers[path] = feed.web.answers[path], answer
    pages = drain(feed)
    (teaser,) = mentions(pages)
    assert teaser.text == "Ein Anreißer …"
    Platform.waited()
    again = drain(feed, pages[-1].cursor)
    assert mentions(again) == [], "the same would be said twice"
    feed.web.answers[path] = well
    Platform.waited()
    after = drain(feed, again[-1].cursor)
    (mention,) = mentions(after)
    assert "Absatz 8" in mention.text
    assert mention.id == teaser.id
    assert milliseconds(mention.published_at) == milliseconds(teaser.published_at)
    assert mention.revision > teaser.revision
    assert mentions(drain(feed, after[-1].cursor)) == []


PAGE = Answer(ARTICLE, headers={"Content-Type": "text/html"})


def test_an_article_whose_host_is_busy_is_read_when_there_is_room(feed: Feed) -> None:
    with Loopback() as elsewhere:
        elsewhere.answers |= {"/robots.txt": ALLOWED, "/there": PAGE}
        feed.web.answers |= {"/a": PAGE, "/b": PAGE}
        linked(feed, "/a")
        there = f"<link>{elsewhere.url}/there</link><guid>there</guid>"
        feed.entries.append(("Ein Anreißer …", there))
        linked(feed, "/b")
        with crowded(elsewhere.url):
            pages, error = drain_until_failure(feed)
            again, _ = drain_until_failure(feed, pages[-1].cursor)
        assert isinstance(error, Busy)
        assert f"http://{error.host}" == elsewhere.url
        found = mentions(pages)
        assert [mention.url for mention in found] == [f"{feed.web.url}/{n}" for n in "ab"]
        assert all("Absatz 8" in mention.text for mention in found)
        assert mentions(again) == []
        assert elsewhere.requests == []
        after = drain(feed, again[-1].cursor)
        (mention,) = mentions(after)
        assert (mention.url, "Absatz 8" in mention.text) == (f"{elsewhere.url}/there", True)
        assert mentions(drain(feed, after[-1].cursor)) == []
    for path in ("/a", "/b"):
        assert len(feed.web.asked(path)) == 1, "what was fetched is kept"


def test_an_article_that_is_owed_stays_known_while_its_host_is_busy(feed: Feed) -> None:
    with Loopback() as elsewhere:
        elsewhere.answers |= {"/robots.txt": ALLOWED, "/there": Answer(status=503)}
        feed.options["full_text"] = "auto"
        there = f"<link>{elsewhere.url}/there</link><guid>there</guid>"
        feed.entries.append(("Ein Anreißer …", there))
        pages = drain(feed)
        with crowded(elsewhere.url):
            busy, error = drain_until_failure(feed, pages[-1].cursor)
        assert isinstance(error, Busy)
        elsewhere.answers["/there"] = PAGE
        (teaser,), (mention,) = mentions(pages), mentions(drain(feed, busy[-1].cursor))
    assert (mention.id, "Absatz 8" in mention.text) == (teaser.id, True)
    assert mention.revision > teaser.revision


def test_feeds_on_other_hosts_are_read_while_one_is_busy_which_then_is_the_first(
    feed: Feed,
) -> None:
    feed.add(["eins"])
    order: list[str] = []

    def answer(request: Request) -> Answer:
        order.append(f"http://{request.headers['host']}")
        return feed.served(request)

    with Loopback() as elsewhere:
        feed.web.handler = elsewhere.handler = answer
        feed.options["urls"] = [feed.web.url + "/rss", elsewhere.url + "/rss"]
        with opened(feed) as source:
            pages: list[Page] = []
            with crowded(elsewhere.url), pytest.raises(Busy):
                pages.extend(source.poll(None))
            assert [mention.text for mention in mentions(pages)] == ["eins"]
            assert "not_before" not in str(pages[-1].cursor)
            list(source.poll(pages[-1].cursor))
            list(source.poll(pages[-1].cursor))
    here, there = feed.web.url, elsewhere.url
    assert order == [here, there, here, here, there]


def test_an_article_that_is_never_there_is_given_up(feed: Feed) -> None:
    linked(feed, "/artikel")
    feed.web.answers["/artikel"] = Answer(status=500)
    cursor = None
    for _ in range(TRIES + 2):
        cursor = drain(feed, cursor)[-1].cursor
    assert len(feed.web.asked("/artikel")) == TRIES


@pytest.mark.parametrize("path", ["/geheim/artikel", "/fehlt"])
def test_an_article_that_must_not_or_cannot_be_read_leaves_the_teaser(
    feed: Feed, path: str
) -> None:
    linked(feed, path)
    feed.web.answers["/geheim/artikel"] = Answer(ARTICLE)
    (mention,) = mentions(drain(feed))
    assert mention.text == "Ein Anreißer …"
    assert feed.web.asked("/geheim/artikel") == []


def test_unreadable_robots_forbid(feed: Feed) -> None:
    linked(feed, "/artikel")
    feed.web.answers["/artikel"] = Answer(ARTICLE)
    feed.web.answers["/robots.txt"] = Answer(status=500)
    (mention,) = mentions(drain(feed))
    assert mention.text == "Ein Anreißer …"


def test_an_update_that_says_when_keeps_that_time(feed: Feed) -> None:
    atom = """<feed xmlns='http://www.w3.org/2005/Atom'><title>A</title><entry>
        <id>tag:example.org,2026:1</id><title>T</title><published>2026-01-05T08:00:00Z</published>
        <updated>{}</updated><content>{}</content></entry></feed>"""
    feed.add([])
    feed.web.answers["/rss"] = Answer(atom.format("2026-01-05T08:00:00Z", "eins").encode())
    pages = drain(feed)
    feed.web.answers["/rss"] = Answer(atom.format("2026-01-06T09:00:00+01:00", "zwei").encode())
    (mention,) = mentions(drain(feed, pages[-1].cursor))
    assert mention.id == "feeds:tag:example.org,2026:1"
    assert mention.edited_at == datetime(2026, 1, 6, 8, tzinfo=UTC)
    assert mention.revision == int(mention.edited_at.timestamp() * 1000)
    assert mention.published_at == START


def test_the_address_of_a_site_is_enough(feed: Feed) -> None:
    feed.add(["eins"])
    feed.options |= {"urls": [], "sites": [feed.web.url + "/"]}
    feed.web.answers["/"] = Answer(
        b"<html><head><link rel='alternate' type='application/rss+xml' title='Kommentare' "
        b"href='/comments/feed'><link rel='alternate' type='application/rss+xml' href='/rss'>"
    )
    pages = drain(feed)
    assert [mention.text for mention in mentions(pages)] == ["eins"]
    feed.add(["zwei"])
    pages = drain(feed, pages[-1].cursor)
    assert [mention.text for mention in mentions(pages)] == ["zwei"]
    assert len(feed.web.asked("/")) == 1, "looked up once a day"


def test_a_site_that_asks_to_wait_is_not_one_without_a_feed(feed: Feed) -> None:
    feed.options |= {"urls": [], "sites": [feed.web.url + "/"]}
    feed.web.answers |= {
        "/": Answer(b"<html><head></head></html>"),
        "/feed": Answer(status=429, headers={"Retry-After": "120"}),
    }
    _, error = drain_until_failure(feed)
    assert isinstance(error, RateLimited)
    assert error.seconds is not None
    assert 100 < error.seconds <= 120


def test_a_feed_that_no_page_names_is_found_where_feeds_are(feed: Feed) -> None:
    feed.path = "/blog/feed"
    feed.add(["eins"])
    feed.options |= {"urls": [], "sites": [feed.web.url + "/blog"]}
    feed.web.answers["/blog"] = Answer(b"<html><body>Ein Blog</body></html>")
    assert [mention.text for mention in mentions(drain(feed))] == ["eins"]


def test_a_site_without_a_feed_says_so_and_one_with_is_read(feed: Feed) -> None:
    feed.add(["eins"])
    feed.options["sites"] = [feed.web.url + "/leer"]
    feed.web.answers["/leer"] = Answer(b"<html></html>")
    pages, error = drain_until_failure(feed)
    assert [mention.text for mention in mentions(pages)] == ["eins"]
    assert "set urls instead" in str(error)


def test_entries_that_may_have_come_and_gone_are_a_gap(feed: Feed) -> None:
    feed.add(["eins", "zwei"])
    pages = drain(feed)
    assert pages[0].gap is None
    feed.add(["drei"])
    pages = drain(feed, pages[-1].cursor)
    assert pages[0].gap is None
    # Meanwhile so much was published that the feed begins after what is known.
    feed.add([f"Nummer {number}" for number in range(10)])
    del feed.entries[:8]
    gap = drain(feed, pages[-1].cursor)[0].gap
    assert gap is not None
    minutes = [(at / 1000 - START.timestamp()) / 60 for at in gap]
    assert minutes == [2, 8]


def test_a_gap_of_one_feed_is_not_hidden_by_another(feed: Feed) -> None:
    feed.add(["eins", "zwei"])
    feed.options["urls"] = [feed.web.url + "/rss", feed.web.url + "/other"]
    now = format_datetime(datetime.now(UTC))
    feed.web.answers["/other"] = Answer(
        f"<rss version='2.0'><channel><title>O</title><item><guid>o</guid><pubDate>{now}</pubDate>"
        "<description>jetzt</description></item></channel></rss>".encode()
    )
    pages = drain(feed)
    feed.add([f"Nummer {number}" for number in range(10)])
    del feed.entries[:8]
    (gap,) = [page.gap for page in drain(feed, pages[-1].cursor) if page.gap]
    assert [(at / 1000 - START.timestamp()) / 60 for at in gap] == [1, 8]


def test_a_feed_that_nothing_here_can_read_is_not_chosen(feed: Feed) -> None:
    feed.add(["eins"])
    feed.options |= {"urls": [], "sites": [feed.web.url + "/"]}
    feed.web.answers["/"] = Answer(
        b"<html><head><link rel='alternate' type='application/feed+json' href='/feed.json'>"
        b"<link rel='alternate' type='application/rss+xml' href='/rss'>"
    )
    assert [mention.text for mention in mentions(drain(feed))] == ["eins"]
