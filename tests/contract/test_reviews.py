"""Pages that mark up their reviews for search engines."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import escape
from typing import Any, Self

import pytest

from agents.errors import SourceError
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
    drain,
    mentions,
)

PAGES = 3


class Portal(Platform):
    """Three pages of a portal, in JSON-LD or in microdata."""

    kind = "reviews"

    def __init__(self, web: Loopback, *, microdata: bool) -> None:
        super().__init__(web)
        self.microdata = microdata
        self.pages = PAGES
        self.start = datetime.now(UTC).replace(microsecond=0) - timedelta(days=3)

    def table(self) -> dict[str, Any]:
        return {"type": "reviews", "pages": [f"{self.web.url}/p/{n}" for n in range(self.pages)]}

    def is_listing(self, request: Request) -> bool:
        return request.where.startswith("/p/")

    def with_more(self, answer: Answer) -> Answer:
        body = answer.body.replace(b'"@type": "Review"', b'"@type": "Review", "xOdd": {"to": [0]}')
        body = body.replace(b"<p itemprop", b"<p itemprop='xOdd'>odd</p><p itemprop")
        return replace(answer, body=body)

    def answer(self, request: Request) -> Answer | None:
        if not request.where.startswith("/p/"):
            return None
        page = int(request.where.rpartition("/")[2])
        found = self.on(page)
        body = self.marked(found) if self.microdata else self.linked(found)
        return Answer(f"<html><body>{body}</body></html>".encode())

    def on(self, page: int) -> list[Said]:
        if not self.past:
            return [said for said in self.posts if said.number % self.pages == page]
        first = page * self.page + 1
        return [self.said(number) for number in range(first, first + self.page)]

    def reach_back(self, number: int) -> Self:
        super().reach_back(number)
        self.pages = number // self.page
        return self

    def newest(self, request: Request) -> int:  # noqa: ARG002 - it has no order
        return self.past

    def linked(self, found: Sequence[Said]) -> str:
        product = {
            "@context": "https://schema.org",
            "@type": "Product",
            "name": "Nordwind 9",
            "aggregateRating": {"@type": "AggregateRating", "ratingValue": "4,1"},
            "review": [self.review(said) for said in found],
        }
        script = json.dumps(product, ensure_ascii=False)
        return f"<script type='application/ld+json'>{script}</script>"

    @staticmethod
    def review(said: Said) -> dict[str, Any]:
        changed = {"dateModified": said.edited.isoformat()} if said.edited else {}
        return {
            "@type": "Review",
            "author": {"@type": "Person", "name": f"Ada {said.number}"},
            "datePublished": said.at.isoformat(),
            "reviewBody": said.text,
            "reviewRating": {"@type": "Rating", "ratingValue": "4,5", "bestRating": 5},
            **changed,
        }

    @staticmethod
    def marked(found: Sequence[Said]) -> str:
        rows = "".join(
            "<div itemprop='review' itemscope itemtype='https://schema.org/Review'>"
            f"<span itemprop='author'>Ada {said.number}</span>"
            f"<meta itemprop='datePublished' content='{said.at.isoformat()}'>"
            "<div itemprop='reviewRating' itemscope itemtype='https://schema.org/Rating'>"
            "<meta itemprop='ratingValue' content='4.5'></div>"
            f"<p itemprop='reviewBody'>{escape(said.text)}</p></div>"
            for said in found
        )
        return (
            "<div itemscope itemtype='https://schema.org/Product'>"
            f"<h1 itemprop='name'>Nordwind 9</h1>{rows}</div>"
        )


@pytest.fixture(params=["json-ld", "microdata"])
def portal(request: pytest.FixtureRequest) -> Iterator[Portal]:
    with Loopback() as web:
        yield Portal(web, microdata=request.param == "microdata")


@pytest.fixture
def linked() -> Iterator[Portal]:
    with Loopback() as web:
        yield Portal(web, microdata=False)


class TestKilled(KillContract):
    @pytest.fixture
    def described(self, linked: Portal) -> dict[str, Any]:
        return linked.reach_back(self.number).described()


class TestPast(VolumeContract):
    number = 20_000

    @pytest.fixture
    def described(self, linked: Portal) -> dict[str, Any]:
        return linked.reach_back(self.number).described()


class TestReviews(ConditionalContract, EditContract, BackfillContract, WebContract):
    many = 30
    oldest_first = False

    @pytest.fixture
    def web(self, portal: Portal) -> Loopback:
        return portal.web

    @pytest.fixture
    def outside(self, portal: Portal) -> Platform:
        return portal


def test_a_review_with_all_it_has(portal: Portal) -> None:
    portal.add(["Läuft &amp; läuft" if not portal.microdata else "Läuft & läuft"])
    (mention,) = mentions(drain(portal))
    assert mention.text == "Läuft & läuft"
    assert mention.channel == "review"
    assert mention.rating is not None
    assert mention.rating.value == 4.5
    assert mention.author is not None
    assert mention.author.name == "Ada 1"
    assert mention.tags == ("Nordwind 9",)


def test_a_page_may_leave_out_its_last_tags(portal: Portal) -> None:
    portal.add(["eins", "zwei"])
    whole = portal.answer

    def bare(request: Request) -> Answer | None:
        if (answer := whole(request)) is None:
            return None
        return replace(answer, body=answer.body.replace(b"</body></html>", b"\n"))

    portal.web.handler = bare
    assert {mention.text for mention in mentions(drain(portal))} == {"eins", "zwei"}


def test_a_page_that_robots_txt_forbids_is_not_read(portal: Portal) -> None:
    portal.add(["eins"])
    portal.web.answers["/robots.txt"] = Answer(b"User-agent: *\nDisallow: /p/")
    with pytest.raises(SourceError, match=r"robots\.txt"):
        drain(portal)
    assert not any(request.where.startswith("/p/") for request in portal.web.requests)
