"""The embedded servers, real ones: up twice, killed, down; in a folder only its owner enters."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from elasticsearch import Elasticsearch
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.admin import NewTopic

from pipeline.errors import StackError
from pipeline.settings import Settings
from pipeline.stack import Stack, spare


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Stack]:
    """A stack that the test may kill; its folder's name has what folders' names may have."""
    folder = tmp_path / "Ärger mit Leerzeichen"
    folder.mkdir(mode=0o700)
    stack = Stack(spare(folder / "data"))
    try:
        yield stack
    finally:
        stack.down()


def pids(stack: Stack) -> dict[str, int | None]:
    return {state.name: state.pid for state in stack.state()}


def listening(stack: Stack) -> list[str]:
    found = []
    for server in stack.servers:
        try:
            socket.create_connection((server.host, server.port), timeout=1).close()
        except ConnectionRefusedError:
            continue
        found.append(server.name)
    return found


def processes_of(stack: Stack) -> list[int]:
    """Every process that has the stack's folder in its command line, whatever it is."""
    return [
        process.pid
        for process in psutil.process_iter(["cmdline"])
        if any(str(stack.data) in part for part in process.info["cmdline"] or [])
    ]


def send(settings: Settings, topic: str, value: bytes) -> None:
    producer = KafkaProducer(bootstrap_servers=settings.kafka.bootstrap)
    producer.send(topic, value).get(timeout=60)
    producer.close()


def read(settings: Settings, topic: str, group: str) -> list[bytes]:
    consumer = KafkaConsumer(
        topic,
        bootstrap_servers=settings.kafka.bootstrap,
        group_id=group,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        consumer_timeout_ms=60_000,
    )
    values = []
    for message in consumer:
        values.append(message.value)
        consumer.commit()
        consumer.close()
        break
    return values


def test_up_twice_is_once_and_both_servers_do_their_work(stack: Stack, unique: str) -> None:
    before = pids(stack)
    states = stack.up()
    assert {state.name: state.pid for state in states} == before
    assert all(state.running and state.healthy for state in states)
    assert all(state.memory and state.memory > 100_000_000 for state in states)
    assert processes_of(stack) != []

    with KafkaAdminClient(bootstrap_servers=stack.settings.kafka.bootstrap) as admin:
        admin.create_topics([NewTopic(unique, 1, 1)])
    send(stack.settings, unique, b"Hallo")
    assert read(stack.settings, unique, unique) == [b"Hallo"]

    with Elasticsearch(stack.settings.elasticsearch.url) as client:
        client.index(index=unique, id="1", document={"text": "Hallo"}, refresh=True)
        hits = client.search(index=unique, query={"match": {"text": "hallo"}})["hits"]["hits"]
    assert [hit["_id"] for hit in hits] == ["1"]


def test_topics_are_never_made_by_a_typing_error(stack: Stack, unique: str) -> None:
    consumer = KafkaConsumer(bootstrap_servers=stack.settings.kafka.bootstrap)
    assert not consumer.partitions_for_topic(unique)  # None, or by a newer answer an empty set
    assert unique not in consumer.topics()
    consumer.close()


def test_only_this_machine_reaches_them(stack: Stack) -> None:
    servers = [server.process() for server in stack.servers]
    sockets = [c for process in servers if process for c in process.net_connections("tcp")]
    addresses = {c.laddr.ip for c in sockets if c.status == psutil.CONN_LISTEN and c.laddr}
    assert addresses <= {"127.0.0.1", "::1", "::ffff:127.0.0.1"}
    assert addresses


def test_a_second_stack_on_the_same_ports_is_refused(stack: Stack, tmp_path: Path) -> None:
    settings = stack.settings.model_copy(
        update={"stack": stack.settings.stack.model_copy(update={"data": tmp_path / "second"})}
    )
    pid = pids(stack)["Elasticsearch"]
    with pytest.raises(StackError, match=rf"Elasticsearch cannot listen .* java \(pid {pid}\)"):
        Stack(settings).up()
    assert all(state.healthy for state in stack.state())


def test_killed_servers_come_back_with_their_data_and_down_leaves_nothing(own: Stack) -> None:
    own.up()
    with KafkaAdminClient(bootstrap_servers=own.settings.kafka.bootstrap) as admin:
        admin.create_topics([NewTopic("kept", 1, 1)])
    send(own.settings, "kept", b"before")
    with Elasticsearch(own.settings.elasticsearch.url) as client:
        client.index(index="kept", id="1", document={"text": "before"})

    first = pids(own)
    for pid in first.values():
        assert pid
        os.kill(pid, signal.SIGKILL)
    while any(state.running for state in own.state()):
        time.sleep(0.05)

    own.up()
    second = pids(own)
    assert set(first.values()).isdisjoint(second.values())
    send(own.settings, "kept", b"after")
    assert read(own.settings, "kept", "one") == [b"before"]
    assert read(own.settings, "kept", "one") == [b"after"], "the committed offset was lost"
    with Elasticsearch(own.settings.elasticsearch.url) as client:
        assert client.get(index="kept", id="1")["_source"] == {"text": "before"}

    assert own.down() == ("Elasticsearch", "Kafka")
    assert processes_of(own) == []
    assert listening(own) == []
    assert [state.running for state in own.state()] == [False, False]
    assert own.down() == ()


def test_an_interrupted_up_stops_what_it_had_started(own: Stack) -> None:
    """Ctrl-C in the middle of the start, and the commands' words for machines."""
    settings = own.settings
    env = {
        **os.environ,
        "MENTIONS_KAFKA__BOOTSTRAP": settings.kafka.bootstrap,
        "MENTIONS_ELASTICSEARCH__URL": settings.elasticsearch.url,
        "MENTIONS_STACK__DATA": str(own.data),
        "MENTIONS_STACK__ELASTICSEARCH_HEAP": "512m",
    }
    command = [sys.executable, "-m", "pipeline"]
    with subprocess.Popen([*command, "up"], env=env, stderr=subprocess.DEVNULL) as up:
        while not own.servers[1].process():
            assert up.poll() is None
            time.sleep(0.05)
        up.send_signal(signal.SIGINT)
        assert up.wait(60) != 0

    assert processes_of(own) == []
    assert listening(own) == []

    down = subprocess.run([*command, "down", "--json"], env=env, capture_output=True, check=True)
    assert json.loads(down.stdout) == {"stopped": []}
