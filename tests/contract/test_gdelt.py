"""GDELT's DOC API as it answers."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from agents.errors import Unreadable
from agents.gdelt import Gdelt
from agents.testing import (
    Answer,
    KillContract,
    Loopback,
    Platform,
    PlatformContract,
    Request,
    Said,
    VolumeContract,
    drain,
    mentions,
    opened,
)

ARTICLE = "Der Brenner der neuen Anlage läuft leise, sagen die Leute, die sie haben. " * 8


class Doc(Platform):
    """api.gdeltproject.org/api/v2/doc/doc, mode artlist; November 2026."""

    kind = "gdelt"
    most = 250

    def table(self) -> dict[str, Any]:
        base = {"type": "gdelt", "queries": ["Nordwind"], "api": f"{self.web.url}/doc"}
        return {**base, "page": self.page, "full_text": False}

    def is_listing(self, request: Request) -> bool:
        return request.where == "/doc"

    def answer(self, request: Request) -> Answer | None:
        if not self.is_listing(request):
            return None
        query = request.query
        assert (query["mode"], query["format"], query["sort"]) == ("artlist", "json", "datedesc")
        low, high = query["startdatetime"], query["enddatetime"]
        # Seen is seen: GDELT knows nothing of the clocks of others.
        seen = [(min(said.at, datetime.now(UTC)), said) for said in self.there]
        found = [said for at, said in seen if low <= at.strftime("%Y%m%d%H%M%S") <= high]
        if not found:
            return Answer.json({})
        page = [self.article(said) for said in found[: int(query["maxrecords"])]]
        return Answer.json({"articles": page})

    def newest(self, request: Request) -> int:
        before = request.query["enddatetime"]
        moment = datetime.strptime(before, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
        return self.until(moment.timestamp())

    def article(self, said: Said) -> dict[str, Any]:
        return {
            "url": f"{self.web.url}/artikel/{said.number}",
            "url_mobile": "",
            "title": "" if said.bad else said.text,
            "seendate": min(said.at, datetime.now(UTC)).strftime("%Y%m%dT%H%M%SZ"),
            "socialimage": "https://news.example/a.jpg",
            "domain": "news.example",
            "language": "German",
            "sourcecountry": "Germany",
        }


@pytest.fixture
def doc(monkeypatch: pytest.MonkeyPatch) -> Iterator[Doc]:
    monkeypatch.setattr(Gdelt, "per_second", 1_000)
    with Loopback() as web:
        yield Doc(web)


class AtOnce:
    @staticmethod
    def prepare() -> None:
        Gdelt.per_second = 1_000


class TestKilled(AtOnce, KillContract):
    @pytest.fixture
    def described(self, doc: Doc) -> dict[str, Any]:
        return doc.reach_back(self.number).described()


class TestPast(AtOnce, VolumeContract):
    number = 30_000

    @pytest.fixture
    def described(self, doc: Doc) -> dict[str, Any]:
        return doc.reach_back(self.number).described()


class TestGdelt(PlatformContract):
    @pytest.fixture
    def outside(self, doc: Doc) -> Platform:
        return doc


def test_an_article_with_its_text_if_robots_txt_lets_us(doc: Doc) -> None:
    doc.options["full_text"] = True
    doc.add(["Leise , aber teuer"])
    doc.web.answers["/artikel/1"] = Answer(
        f"<html><body><article><p>{ARTICLE}</p></article></body></html>".encode(),
        headers={"Content-Type": "text/html"},
    )
    (mention,) = mentions(drain(doc))
    assert mention.text == ARTICLE.strip()
    assert (mention.title, mention.language_hint) == ("Leise , aber teuer", "de")
    assert mention.collector.published_estimated
    assert mention.media[0].kind == "image"
    doc.web.answers["/robots.txt"] = Answer(b"User-agent: *\nDisallow: /artikel")
    (mention,) = mentions(drain(doc))
    assert mention.text == mention.title


def test_what_is_wrong_with_a_query_is_said_in_its_words(doc: Doc) -> None:
    doc.script.append(Answer(b"The specified phrase is too short."))
    with pytest.raises(Unreadable, match="too short"):
        drain(doc)


def test_the_limit_of_the_api_holds_whatever_the_table_says(
    doc: Doc, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Gdelt, "per_second", 4)
    doc.add([f"Nummer {number}" for number in range(20)])
    started = time.monotonic()
    drain(doc)
    asked = len(doc.listings())
    assert asked > 2
    assert time.monotonic() - started >= (asked - 1) / 4


def test_no_more_is_asked_for_than_the_api_shows(doc: Doc) -> None:
    doc.options["history"] = 400
    doc.add(["eins"])
    drain(doc)
    (asked,) = doc.listings()
    start = datetime.strptime(asked.query["startdatetime"], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    assert datetime.now(UTC) - start < timedelta(days=90, minutes=1)


def test_an_answer_is_published_while_its_articles_are_read(doc: Doc) -> None:
    doc.page = 250
    doc.options["full_text"] = True
    doc.add([f"Nummer {number}" for number in range(100)])
    with opened(doc) as source:
        page = next(page for page in source.poll(None) if page.items)
    assert len(page.items) == 20
    assert len([r for r in doc.web.requests if r.where.startswith("/artikel/")]) == 20
    rest = mentions(drain(doc, page.cursor))
    assert len({mention.id for mention in [*mentions([page]), *rest]}) == 100
    assert len(rest) == 80
