"""What the page answers where a server is away, a form is no form, or a word cannot be said."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import msgspec
import pytest
from kafka.errors import KafkaTimeoutError
from prometheus_client import REGISTRY

from pipeline import versions
from pipeline.errors import ConfigError, PipelineError, Retryable
from pipeline.marking import Unsayable
from pipeline.page import app as page
from pipeline.page.guard import Guard
from pipeline.settings import Settings
from schemas.mention import Amended, EnrichedMention
from tests.support.messages import NOW, mention

ADA = "ada-" * 5
MENTION = msgspec.convert(msgspec.to_builtins(mention(1)), EnrichedMention)


@pytest.fixture
def dead() -> Iterator[str]:
    """The address of a port where nobody listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{bound.getsockname()[1]}"


class Analyst:
    """Somebody with a browser."""

    def __init__(self, settings: Settings) -> None:
        made = page.app(settings, {"ada": ADA})
        self._served = httpx.ASGITransport(made, raise_app_exceptions=False)

    def open(self, lang: str = "de") -> httpx.Response:
        return self.send("GET", lang)

    def press(self, *button: str | None, lang: str = "de", **fields: str) -> httpx.Response:
        sign = Guard({"ada": ADA}).sign("ada", "push:1")
        given = {"sign": sign, "say": json.dumps(button), **fields}
        return self.send("POST", lang, data=given)

    def send(self, method: str, lang: str = "de", **request: Any) -> httpx.Response:
        async def send() -> httpx.Response:
            async with httpx.AsyncClient(transport=self._served, auth=("ada", ADA)) as client:
                where = {"id": "push:1", "lang": lang}
                return await client.request(method, "http://here/mention", params=where, **request)

        return asyncio.run(send())


def answers(monkeypatch: pytest.MonkeyPatch, **given: Any) -> Analyst:
    """A page whose servers answer so: a value is returned, an error raised."""
    usual = {"find": MENTION, "say": (MENTION, "Bahn"), "in_force": ()}
    for name, answer in (usual | given).items():

        def call(*_: object, answer: Any = answer) -> Any:
            if isinstance(answer, Exception):
                raise answer
            return answer

        monkeypatch.setattr(versions if name == "in_force" else page, name, call)
    return Analyst(Settings())


@pytest.mark.parametrize(("lang", "expected"), [("de", "Ein Server"), ("en", "A server")])
def test_an_elasticsearch_that_is_away_is_said_without_its_address(
    dead: str, lang: str, expected: str
) -> None:
    settings = Settings.model_validate({"elasticsearch": {"url": f"http://{dead}"}})
    shown = Analyst(settings).open(lang)
    assert shown.status_code == 503
    assert expected in shown.text
    assert "default-src 'none'" in shown.headers["content-security-policy"]
    assert dead not in shown.text
    assert "Elasticsearch" not in shown.text


@pytest.mark.parametrize(
    "error",
    [
        Retryable("Elasticsearch does not answer at http://inside:9200"),
        PipelineError("Elasticsearch at http://inside:9200: no"),
        ConfigError("Kafka at inside:9092 does not answer"),
        KafkaTimeoutError("inside:9092"),
    ],
)
def test_whatever_fails_is_said_in_the_reader_s_words(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    for failing in ("find", "in_force"):
        shown = answers(monkeypatch, **{failing: error}).open()
        assert (shown.status_code, "inside" in shown.text) == (503, False)
    done = answers(monkeypatch, say=error).press("relevant", "Bahn")
    assert (done.status_code, "inside" in done.text) == (503, False)
    assert "content-security-policy" in done.headers


def test_what_cannot_be_said_is_told_in_the_reader_s_words(monkeypatch: pytest.MonkeyPatch) -> None:
    analyst = answers(monkeypatch, say=Unsayable("no such entity, but: --entity", why="no entity"))
    done = analyst.press("no-entity", None, "Fön")
    assert done.status_code == 422
    assert "Dieser Name steht nicht im Text" in done.text
    assert "--entity" not in done.text


def test_nothing_fails_any_more_once_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []

    def say(*_: object) -> tuple[EnrichedMention, str]:
        said.append("it")
        return MENTION, "Bahn"

    analyst = answers(monkeypatch, in_force=ConfigError("Kafka is away"))
    monkeypatch.setattr(page, "say", say)
    assert analyst.press("relevant", "Bahn").status_code == 503
    assert said == []
    analyst = answers(monkeypatch, find=ConfigError("gone since"))
    done = analyst.press("relevant", "Bahn")
    assert done.status_code == 200
    assert "Bahn: gehört dazu" in done.text


def test_a_form_that_is_too_long_or_slow_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    analyst = answers(monkeypatch)
    long = analyst.press("relevant", "Bahn", note="x" * 20_000)
    assert (long.status_code, "Das ist zu lang" in long.text) == (413, True)
    monkeypatch.setattr(page, "_READ_WITHIN", 0.05)

    async def slowly() -> AsyncIterator[bytes]:
        yield b"say="
        await asyncio.sleep(60)

    form = {"content-type": "application/x-www-form-urlencoded"}
    assert analyst.send("POST", content=slowly(), headers=form).status_code == 408


def test_a_newer_version_s_word_is_shown_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    newer = Amended(part="sentiment", value="ironic", before="sad", by="bob", at=NOW)
    shown = answers(monkeypatch, find=msgspec.structs.replace(MENTION, amendments=(newer,))).open()
    assert shown.status_code == 200
    assert "ironic" in shown.text


def test_answers_are_counted_by_their_status(monkeypatch: pytest.MonkeyPatch) -> None:
    def counted(status: str) -> float:
        found = REGISTRY.get_sample_value("mentions_page_answers_total", {"status": status})
        return found or 0.0

    before = {status: counted(status) for status in ("200", "503")}
    answers(monkeypatch).open()
    answers(monkeypatch, find=Retryable("away")).open()
    assert {status: counted(status) - number for status, number in before.items()} == {
        "200": 1,
        "503": 1,
    }
