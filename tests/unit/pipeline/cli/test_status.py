import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pipeline import admin
from pipeline.cli import mentions
from pipeline.errors import ConfigError

BEHIND = admin.Lag("enrich", "mentions.raw", 3, 10)


class Answering(BaseHTTPRequestHandler):
    """An Elasticsearch that says its name, or that one may not ask for it."""

    status = 200

    def do_GET(self) -> None:
        body = b'{"version": {"number": "9.0.0"}}'
        self.send_response(self.status)
        self.send_header("X-Elastic-Product", "Elasticsearch")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Say nothing."""


@pytest.fixture
def search(monkeypatch: pytest.MonkeyPatch) -> Iterator[HTTPServer]:
    server = HTTPServer(("127.0.0.1", 0), Answering)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    monkeypatch.setenv("MENTIONS_ELASTICSEARCH__URL", url)
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def _kafka(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MENTIONS_KAFKA__SECURITY", "SSL")  # no embedded server has that
    monkeypatch.setattr(admin, "lag", lambda _: [BEHIND])


def status() -> Result:
    return CliRunner().invoke(mentions, ["status", "--json"])


@pytest.mark.usefixtures("search")
@pytest.mark.parametrize("code", [200, 403])
def test_servers_that_are_not_embedded_and_answer(
    code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Answering, "status", code)
    answer = status()
    assert (answer.exit_code, answer.stderr) == (0, "")
    assert [json.loads(line)["lag"] for line in answer.stdout.splitlines()] == [3]


def test_elasticsearch_is_down(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MENTIONS_ELASTICSEARCH__URL", "http://127.0.0.1:1")
    answer = status()
    assert answer.exit_code == 1
    assert "Elasticsearch does not answer at http://127.0.0.1:1" in answer.stderr
    assert json.loads(answer.stdout)["stage"] == "enrich"  # what is known is shown all the same


@pytest.mark.usefixtures("search")
@pytest.mark.parametrize("code", [401, 503])
def test_elasticsearch_refuses_or_is_not_ready(code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Answering, "status", code)
    assert status().exit_code == 1


@pytest.mark.usefixtures("search")
def test_kafka_is_down(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(_: object) -> None:
        msg = "no broker answers at x:1"
        raise ConfigError(msg)

    monkeypatch.setattr(admin, "lag", away)
    answer = status()
    assert answer.exit_code == 1
    assert "no broker answers at x:1" in answer.stderr
