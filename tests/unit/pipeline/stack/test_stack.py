"""What can be embedded and what not, without starting anything."""

from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import StackError
from pipeline.settings import Settings
from pipeline.stack import Stack, java
from pipeline.stack.server import Server


def stack(data: Path, kafka: Any = None, elasticsearch: Any = None) -> Stack:
    return Stack(
        Settings.model_validate(
            {
                "kafka": kafka or {"bootstrap": "127.0.0.1:19092"},
                "elasticsearch": elasticsearch or {"url": "http://127.0.0.1:19200"},
                "stack": {"data": data},
            }
        )
    )


def test_addresses_come_from_the_settings(tmp_path: Path) -> None:
    made = stack(tmp_path, {"bootstrap": "localhost:7"}, {"url": "http://[::1]:8/"})
    assert {s.name: s.address for s in made.servers} == {
        "Kafka": "127.0.0.1:7",
        "Elasticsearch": "http://[::1]:8",
    }


@pytest.mark.parametrize(
    "bootstrap", ["kafka.example.org:9092", "10.0.0.1:9092", "127.0.0.1", "127.0.0.1:1,127.0.0.1:2"]
)
def test_kafka_elsewhere_is_not_ours_to_start(tmp_path: Path, bootstrap: str) -> None:
    with pytest.raises(StackError, match=f"^kafka.bootstrap is {bootstrap}: the embedded"):
        stack(tmp_path, kafka={"bootstrap": bootstrap})


@pytest.mark.parametrize(
    "url", ["https://127.0.0.1:9200", "http://search:9200", "http://127.0.0.1:9200/prefix"]
)
def test_elasticsearch_elsewhere_is_not_ours_to_start(tmp_path: Path, url: str) -> None:
    with pytest.raises(StackError, match=f"^elasticsearch.url is {url}: the embedded"):
        stack(tmp_path, elasticsearch={"url": url})


def test_a_secured_kafka_is_not_ours_to_start(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="SASL_SSL"):
        stack(tmp_path, kafka={"security": "SASL_SSL"})


def test_down_where_nothing_ever_ran_does_nothing(tmp_path: Path) -> None:
    made = stack(tmp_path / "none")
    assert made.down() == ()
    assert not made.data.exists()
    assert not any(state.running or state.healthy for state in made.state())


def test_a_server_that_dies_takes_the_other_with_it_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = stack(tmp_path)
    elasticsearch, kafka = made.servers
    stopped: list[str] = []
    monkeypatch.setattr("pipeline.stack.preflight.check", lambda *_: None)
    monkeypatch.setattr("pipeline.stack.java.find", lambda: java.Java(tmp_path, 25, vector=True))
    for server in (elasticsearch, kafka):
        monkeypatch.setattr(server, "fetch", lambda _progress: None)
        monkeypatch.setattr(server, "launch", lambda _java, server=server: server.prepare())
        monkeypatch.setattr(server, "healthy", lambda: False)
        monkeypatch.setattr(server, "terminate", lambda server=server: stopped.append(server.name))
    monkeypatch.setattr(elasticsearch, "starting", lambda: not stopped)

    def die(_java: java.Java) -> None:
        Server.prepare(kafka)
        kafka.log.write_text("java.io.IOException: disk on fire\n")

    monkeypatch.setattr(kafka, "launch", die)
    with pytest.raises(StackError) as error:
        made.up()

    assert str(error.value) == (
        f"Kafka ended while it started: java.io.IOException: disk on fire (see {kafka.log})"
    )
    assert stopped == ["Elasticsearch", "Kafka"]
