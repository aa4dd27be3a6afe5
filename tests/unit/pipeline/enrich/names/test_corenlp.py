"""The sidecar's client: what it does not answer, the built-in model does."""

import json
import logging
import threading
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from pipeline.enrich.names import corenlp
from pipeline.enrich.names.corenlp import CoreNLP
from pipeline.enrich.parts import Named
from pipeline.enrich.text import View, view
from schemas.mention import Producer

BUILTIN = Producer(name="builtin", version="1")


class Fallback:
    def find(self, texts: Sequence[tuple[View, str]]) -> list[list[Named]]:
        return [[Named("other", 0, 1, BUILTIN)] for _ in texts]


class Sidecar(BaseHTTPRequestHandler):
    answer = (200, "[]")
    asked: list[tuple[str, list[str]]] = []  # noqa: RUF012 - reset by the fixture

    def do_POST(self) -> None:
        texts = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.append((self.path, texts))
        status, content = self.answer
        body = content or json.dumps([[[0, 3, "person"]] for _ in texts])
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Say nothing."""


@pytest.fixture
def client() -> Iterator[CoreNLP]:
    Sidecar.answer = 200, ""
    Sidecar.asked = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Sidecar) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield CoreNLP(f"http://127.0.0.1:{server.server_address[1]}", ("de", "en"), Fallback())
        server.shutdown()


def makers(client: CoreNLP, *texts: tuple[str, str]) -> list[str]:
    found = client.find([(view(text), language) for text, language in texts])
    return [names[0].by.name for names in found]


def test_each_language_is_asked_about_in_turn_and_others_fall_back(client: CoreNLP) -> None:
    texts = (("Ada kam", "de"), ("Eva came", "en"), ("Zoé vint", "fr"), ("Udo ging", "de"))
    assert makers(client, *texts) == ["corenlp", "corenlp", "builtin", "corenlp"]
    assert Sidecar.asked == [("/de", ["Ada kam", "Udo ging"]), ("/en", ["Eva came"])]


def test_a_large_batch_is_asked_in_parts(client: CoreNLP) -> None:
    assert makers(client, *[("Ada kam", "de")] * 120) == ["corenlp"] * 120
    assert [len(texts) for _, texts in Sidecar.asked] == [50, 50, 20]


@pytest.mark.parametrize(
    "answer", [(503, ""), (200, "nope"), (200, "[]"), (200, '[[[0, 3, "robot"]]]')]
)
def test_a_bad_answer_falls_back_and_lets_it_rest(
    client: CoreNLP, answer: tuple[int, str], caplog: pytest.LogCaptureFixture
) -> None:
    Sidecar.answer = answer
    with caplog.at_level(logging.WARNING):
        assert makers(client, ("Ada kam", "de")) == ["builtin"]
        assert makers(client, ("Ada kam", "de")) == ["builtin"]
    assert len(Sidecar.asked) == len(caplog.records) == 1
    client._rests_until = 0
    Sidecar.answer = 200, ""
    assert makers(client, ("Ada kam", "de")) == ["corenlp"]


def test_one_that_is_away_or_slow_costs_no_mention(monkeypatch: pytest.MonkeyPatch) -> None:
    away = CoreNLP("http://127.0.0.1:1", ("de",), Fallback())
    assert makers(away, ("Ada kam", "de")) == ["builtin"]
    monkeypatch.setattr(corenlp, "PATIENCE", 0.0)
    slow = CoreNLP("http://127.0.0.1:1", ("de",), Fallback())
    assert makers(slow, ("Ada kam", "de")) == ["builtin"]


def test_places_outside_of_the_text_are_left_out(client: CoreNLP) -> None:
    Sidecar.answer = 200, '[[[0, 99, "person"], [2, 2, "person"], [0, 3, "place"]]]'
    (found,) = client.find([(view("Ada kam"), "de")])
    assert [(name.start, name.end) for name in found] == [(0, 3)]
