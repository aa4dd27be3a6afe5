import socket
from datetime import UTC, datetime

import feedparser
import httpx
import pytest
import trafilatura

from agents.entries import read
from pipeline.demo import outlets
from pipeline.demo.story import Outlet, tell

STORY = tell(datetime(2026, 11, 24, 5, 30, tzinfo=UTC))


@pytest.mark.parametrize("outlet", STORY.outlets, ids=lambda outlet: outlet.outlet)
def test_a_feed_says_what_its_outlet_said(outlet: Outlet) -> None:
    posts = [p for p in STORY.posts.values() if p.line.outlet == outlet.outlet]
    parsed = feedparser.parse(outlets.feed(outlet, posts, "http://127.0.0.1/x"))
    assert not parsed.bozo
    assert parsed.version == {"rss": "rss20", "atom": "atom10"}[outlet.format]
    entries = [read(raw, "http://127.0.0.1/x/feed.xml", None) for raw in parsed.entries]
    assert [entry.native for entry in entries] == [outlets.guid(post) for post in posts]
    assert [entry.published for entry in entries] == [post.said_at for post in posts]
    assert [entry.fields["title"] for entry in entries] == [post.line.title for post in posts]
    assert [entry.whole for entry in entries] == [post.line.full for post in posts]
    assert [entry.fields["author"]["name"] for entry in entries] == [p.line.by for p in posts]


def test_the_server_has_feeds_and_articles_and_answers_unchanged() -> None:
    with socket.create_server(("127.0.0.1", 0)) as bound, outlets.serve(STORY, bound):
        base = f"http://127.0.0.1:{bound.getsockname()[1]}"
        with httpx.Client(base_url=base) as client:
            first = client.get("/wirtschaftsbote/feed.xml")
            assert first.status_code == 200
            again = client.get(
                "/wirtschaftsbote/feed.xml", headers={"If-None-Match": first.headers["etag"]}
            )
            assert again.status_code == 304
            article = client.get("/wirtschaftsbote/n001.html")
            text = trafilatura.extract(article.text, include_comments=False)
            assert text
            assert STORY.posts["n001"].line.text.split("\n\n")[-1] in text
            assert client.get("/nobody/feed.xml").status_code == 404
            assert client.get("/wirtschaftsbote/m001.html").status_code == 404
            assert client.get("/robots.txt").text.startswith("User-agent")
