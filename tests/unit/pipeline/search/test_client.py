from pathlib import Path

import elasticsearch
import pytest
from pydantic import SecretStr

from pipeline.errors import Retryable
from pipeline.search.client import _arguments, connect_sync, explained
from pipeline.settings import Elasticsearch


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
