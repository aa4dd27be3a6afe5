import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import elasticsearch
import pytest
from pydantic import SecretStr

from pipeline.errors import ConfigError, Retryable
from pipeline.search.client import _arguments, connect_sync, explained
from pipeline.settings import Elasticsearch
from tests.support.certificates import Certificates


def test_several_nodes_and_no_tries_of_its_own() -> None:
    arguments = _arguments(Elasticsearch(url="http://a:9200, http://b:9200"))
    assert arguments["hosts"] == ["http://a:9200", "http://b:9200"]
    assert arguments["max_retries"] == 0
    assert "basic_auth" not in arguments


def test_a_key_goes_before_a_name_and_password() -> None:
    named = Elasticsearch(username="u", password=SecretStr("p"), ca_file=Path("/ca.pem"))
    assert _arguments(named)["basic_auth"] == ("u", "p")
    assert _arguments(named)["ca_certs"] == "/ca.pem"
    keyed = named.model_copy(update={"api_key": SecretStr("k")})
    assert _arguments(keyed)["api_key"] == "k"
    assert "basic_auth" not in _arguments(keyed)


def test_an_address_where_nothing_listens_is_explained() -> None:
    settings = Elasticsearch(url="http://127.0.0.1:1")
    with (
        connect_sync(settings) as client,
        pytest.raises(Retryable, match="mentions up") as raised,
        explained(settings),
    ):
        client.cluster.health()
    assert isinstance(raised.value.__cause__, elasticsearch.ConnectionError)
    assert "\n" not in str(raised.value)


class Keyed(BaseHTTPRequestHandler):
    """An Elasticsearch that takes one API key."""

    def do_GET(self) -> None:
        known = self.headers.get("authorization") == "ApiKey c2VjcmV0"
        body = b'{"status": "green"}' if known else b'{"error": {"type": "security_exception"}}'
        self.send_response(200 if known else 401)
        self.send_header("X-Elastic-Product", "Elasticsearch")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Say nothing."""


@pytest.fixture
def keyed(tmp_path: Path) -> Iterator[Elasticsearch]:
    certificates = Certificates(tmp_path)
    server = HTTPServer(("127.0.0.1", 0), Keyed)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.ca, certificates.key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    url = f"https://127.0.0.1:{server.server_address[1]}"
    yield Elasticsearch(url=url, api_key=SecretStr("c2VjcmV0"), ca_file=certificates.ca)
    server.shutdown()
    server.server_close()


def test_an_api_key_opens_over_tls(keyed: Elasticsearch) -> None:
    with connect_sync(keyed) as client, explained(keyed):
        assert client.cluster.health()["status"] == "green"


def test_a_wrong_api_key_is_refused_and_not_in_the_error(keyed: Elasticsearch) -> None:
    wrong = keyed.model_copy(update={"api_key": SecretStr("planted")})
    with (
        connect_sync(wrong) as client,
        pytest.raises(ConfigError, match="MENTIONS_ELASTICSEARCH__API_KEY") as raised,
        explained(wrong),
    ):
        client.cluster.health()
    assert "planted" not in str(raised.value)


def test_a_certificate_that_nobody_vouches_for_is_refused(keyed: Elasticsearch) -> None:
    strange = keyed.model_copy(update={"ca_file": None})
    with (
        connect_sync(strange) as client,
        pytest.raises(Retryable, match="certificate"),
        explained(strange),
    ):
        client.cluster.health()
