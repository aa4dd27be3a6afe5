"""Hacker News as Algolia's search API shows it."""

from collections.abc import Iterator
from typing import Any

import pytest

from agents.testing import (
    Answer,
    DeletionContract,
    EditContract,
    KillContract,
    Loopback,
    Platform,
    Request,
    Said,
    VolumeContract,
    deletions,
    drain,
    mentions,
)

BEFORE = 8_000  # items that are older than ours, the first of all among them


class Algolia(Platform):
    """https://hn.algolia.com/api, November 2026."""

    kind = "hackernews"
    most = 1_000

    def table(self) -> dict[str, Any]:
        return {
            "type": "hackernews",
            "queries": ["Nordwind"],
            "api": f"{self.web.url}/api/v1",
            "page": self.page,
        }

    def is_listing(self, request: Request) -> bool:
        return request.where == "/api/v1/search_by_date"

    def answer(self, request: Request) -> Answer | None:
        if request.where.startswith("/api/v1/items/"):
            number = int(request.where.rpartition("/")[2])
            if number == 1:
                return Answer.json({"id": 1, "type": "story", "title": "Y Combinator"})
            found = [said for said in self.there if said.number == number - BEFORE]
            return Answer.json(self.item(found[0])) if found else Answer(status=404)
        low, high = 0, 1 << 40
        for condition in request.query["numericFilters"].split(","):
            name, _, value = condition.partition("=")
            if name == "created_at_i>":
                low = int(value)
            else:
                assert name == "created_at_i<"
                high = int(value)
        hits = [said for said in self.there if low <= said.at.timestamp() <= high]
        size = int(request.query["hitsPerPage"])
        return Answer.json(
            {
                "hits": [self.hit(said) for said in hits[:size]],
                "nbHits": len(hits),
                "page": 0,
                "nbPages": len(hits) // size + 1,
                "hitsPerPage": size,
                "exhaustiveNbHits": False,
                "query": request.query["query"],
                "processingTimeMS": 3,
            }
        )

    def newest(self, request: Request) -> int:
        _, _, before = request.path.partition("created_at_i%3C%3D")
        return self.until(int(before.partition("&")[0])) if before else self.past

    @staticmethod
    def hit(said: Said) -> dict[str, Any]:
        return {
            "objectID": str(BEFORE + said.number),
            "created_at": said.at.isoformat(),
            "created_at_i": int(said.at.timestamp()),
            "author": "pg",
            "comment_text": None if said.bad else f"<p>{said.text}",
            "parent_id": 4_000,
            "story_id": 3_999,
            "story_title": "Show HN",
            "story_url": "https://example.org/",
            "points": None,
            "_tags": ["comment", "author_pg", "story_3999"],
            "_highlightResult": {"comment_text": {"value": said.text, "matchLevel": "full"}},
        }

    def unseen(self, request: Request) -> Answer | None:  # noqa: ARG002 - the base's signature
        return Answer(status=404)

    @staticmethod
    def item(said: Said) -> dict[str, Any]:
        return {
            "id": BEFORE + said.number,
            "created_at": said.at.isoformat(),
            "created_at_i": int(said.at.timestamp()),
            "type": "comment",
            "author": "pg",
            "title": None,
            "url": None,
            "text": f"<p>{said.text}",
            "points": None,
            "parent_id": 4_000,
            "story_id": 3_999,
            "children": [],
            "options": [],
        }


@pytest.fixture
def platform() -> Iterator[Algolia]:
    with Loopback() as web:
        yield Algolia(web)


class TestKilled(KillContract):
    @pytest.fixture
    def described(self, platform: Algolia) -> dict[str, Any]:
        return platform.reach_back(self.number).described()


class TestPast(VolumeContract):
    @pytest.fixture
    def described(self, platform: Algolia) -> dict[str, Any]:
        return platform.reach_back(self.number).described()


class TestHackerNews(EditContract, DeletionContract):
    @pytest.fixture
    def outside(self, platform: Algolia) -> Platform:
        return platform


def test_the_first_item_of_all_tells_whether_everything_is_gone(platform: Algolia) -> None:
    platform.add(["eins"])
    cursor = drain(platform)[-1].cursor
    platform.remove("eins")
    platform.web.answers["/api/v1/items/1"] = Answer(status=404)
    pages = drain(platform, cursor)
    assert deletions(pages) == []
    del platform.web.answers["/api/v1/items/1"]
    after = drain(platform, pages[-1].cursor)
    assert len(deletions(after)) == 1
    assert mentions(after) == [], "it is asked, not published"
    assert len(platform.web.asked("/api/v1/items/1")) == 2, "once a look-up"


def test_a_comment_and_a_story_with_all_they_have(platform: Algolia) -> None:
    platform.add(["Der <i>Brenner</i> ist leise &amp; gut"])
    (comment,) = mentions(drain(platform))
    assert comment.text == "Der Brenner ist leise & gut"
    assert comment.url == "https://news.ycombinator.com/item?id=8001"
    assert comment.thread is not None
    assert (comment.thread.kind, comment.thread.root_id) == ("reply", "hackernews:3999")
    assert comment.thread.parent_id == "hackernews:4000"
    assert comment.author is not None
    assert comment.author.handle == "pg"

    story = {
        "objectID": "77",
        "created_at_i": int(platform.start.timestamp()),
        "author": "pg",
        "title": "Show HN: Nordwind",
        "url": "https://example.org/a",
        "points": 57,
        "num_comments": 3,
    }
    platform.script.append(Answer.json({"hits": [story]}))
    (mention,) = mentions(drain(platform))
    assert mention.text == mention.title == "Show HN: Nordwind"
    assert mention.engagement is not None
    assert (mention.engagement.likes, mention.engagement.replies) == (57, 3)
    assert mention.media[0].url == "https://example.org/a"
    assert mention.thread is not None
    assert mention.thread.root_id == mention.id


def test_more_posts_in_a_second_than_fit_a_page_do_not_hold_it_up(platform: Algolia) -> None:
    platform.add(["davor"])
    platform.posts += [Said(n, f"n{n}", platform.start) for n in range(2, 60)]
    platform.posts.sort(key=lambda said: said.at)
    pages = drain(platform)
    assert "davor" in {mention.text for mention in mentions(pages)}
    assert any(page.gap for page in pages), "what may be missing is said"


def test_a_wait_among_look_ups_is_gone_on_from(platform: Algolia) -> None:
    platform.add([f"Nummer {number}" for number in range(12)])
    pages = drain(platform)
    looked: list[str] = []

    def some(request: Request) -> Answer | None:
        if request.where.startswith("/api/v1/items/"):
            if len(looked) % 6 == 5:
                looked.append("wait")
                return platform.limited()
            looked.append(request.where.rpartition("/")[2])
        return platform.answer(request)

    platform.remove("Nummer 0")
    for known in pages[-1].cursor["seen"].values():
        known[3] -= 10
    platform.web.handler = some
    for _ in range(3):
        pages += drain(platform, pages[-1].cursor)
        platform.waited()
    assert len(deletions(pages)) == 1
    asked = [key for key in looked if key != "wait"]
    assert len(set(asked[:12])) == 12, "none twice before all others"
