"""The App Store's customer-reviews feed as it answers."""

import re
from collections.abc import Iterator
from typing import Any, Self

import pytest

from agents.testing import (
    Answer,
    EditContract,
    KillContract,
    Loopback,
    Platform,
    PlatformContract,
    Request,
    Said,
    VolumeContract,
    drain,
    mentions,
)


class Store(Platform):
    """itunes.apple.com/de/rss/customerreviews, JSON; November 2026."""

    kind = "appstore"
    most = 50

    def table(self) -> dict[str, Any]:
        self.options.pop("recheck", None)
        return {"type": "appstore", "apps": [4711], "countries": ["de"], "api": self.web.url}

    def is_listing(self, request: Request) -> bool:
        return "/rss/customerreviews/" in request.path

    def answer(self, request: Request) -> Answer | None:
        if not self.is_listing(request):
            return None
        assert "/de/rss/customerreviews/" in request.path
        app, page = self.asked(request)
        assert app in self.described()["apps"]
        newest = sorted(self.there, key=lambda said: said.edited or said.at, reverse=True)
        first = (page - 1) * self.page - self.skipped
        found = [self.entry(said) for said in newest[first : first + self.page]]
        feed: dict[str, Any] = {"author": {"name": {"label": "iTunes Store"}}}
        if found:
            feed["entry"] = found if len(found) > 1 else found[0]
        return Answer.json({"feed": feed})

    @staticmethod
    def asked(request: Request) -> tuple[int, int]:
        """App and page."""
        found = re.search(r"/page=(\d+)/id=(\d+)/sortby=mostrecent/json$", request.path)
        assert found
        return int(found[2]), int(found[1])

    def reach_back(self, number: int) -> Self:
        self.each = min(500, number // 3)  # the feed shows no more of an app
        self.options["apps"] = list(range(1, number // self.each + 1))
        return super().reach_back(number)

    def newest(self, request: Request) -> int:
        app, page = self.asked(request)
        return app * (self.each or 0) - (page - 1) * self.page

    @staticmethod
    def entry(said: Said) -> dict[str, Any]:
        at = (said.edited or said.at).isoformat()
        return {
            "id": {"label": str(said.number)},
            "author": {
                "uri": {"label": "https://itunes.apple.com/de/reviews/id99"},
                "name": {"label": "ada"},
                "label": "",
            },
            "updated": {"label": "gestern" if said.bad else at},
            "im:rating": {"label": "2"},
            "im:version": {"label": "3.1.0"},
            "title": {"label": "Na ja"},
            "content": {"label": said.text, "attributes": {"type": "text"}},
            "im:voteSum": {"label": "1"},
            "im:voteCount": {"label": "4"},
        }


@pytest.fixture
def store() -> Iterator[Store]:
    with Loopback() as web:
        yield Store(web)


class TestKilled(KillContract):
    @pytest.fixture
    def described(self, store: Store) -> dict[str, Any]:
        return store.reach_back(self.number).described()


class TestPast(VolumeContract):
    number = 30_000

    @pytest.fixture
    def described(self, store: Store) -> dict[str, Any]:
        return store.reach_back(self.number).described()


class TestAppStore(EditContract, PlatformContract):
    @pytest.fixture
    def outside(self, store: Store) -> Platform:
        return store


def test_a_review_with_all_it_has(store: Store) -> None:
    store.add(["Stürzt ab"])
    (mention,) = mentions(drain(store))
    assert (mention.channel, mention.text, mention.title) == ("review", "Stürzt ab", "Na ja")
    assert mention.rating is not None
    assert (mention.rating.value, mention.rating.best) == (2, 5)
    assert mention.place is not None
    assert mention.place.country == "DE"
    assert mention.author is not None
    assert (mention.author.id, mention.author.name) == ("99", "ada")
    assert "version 3.1.0" in mention.tags


def test_the_end_of_what_the_feed_shows_is_a_gap(store: Store) -> None:
    store.page = 1
    store.add([f"Nummer {number}" for number in range(12)])
    pages = drain(store)
    assert len(mentions(pages)) == 10
    assert pages[-1].gap is not None
