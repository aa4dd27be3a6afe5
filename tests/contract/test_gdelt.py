"""GDELT's DOC API as it answers."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from agents.errors import Unreadable
from agents.testing import (
    Answer,
    Loopback,
    Platform,
    PlatformContract,
    Request,
    Said,
    drain,
    mentions,
)

ARTICLE = "Der Brenner der neuen Anlage läuft leise, sagen die Leute, die sie haben. " * 8


class Doc(Platform):
    """api.gdeltproject.org/api/v2/doc/doc, mode artlist; November 2026."""

    kind = "gdelt"

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
def doc() -> Iterator[Doc]:
    with Loopback() as web:
        yield Doc(web)


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
