"""The procedures of docs/operations.md, run as they stand there: what was lost comes back."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import tenacity
from kafka import TopicPartition
from kafka.structs import OffsetAndMetadata
from rich.progress import Progress

from pipeline import admin, growth
from pipeline.errors import ConfigError
from pipeline.reader import records
from pipeline.settings import Settings
from pipeline.stack import spare
from pipeline.stack.java import find
from schemas.headers import tombstone_headers
from tests.support.installation import Installation
from tests.support.messages import Message, mention, message, publish
from tests.support.procedures import environment, procedure, run, tools
from tests.support.quick import QuickKafka


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tools(tmp_path_factory.mktemp("programs"))


@pytest.fixture
def backup(tmp_path: Path) -> Iterator[Settings]:
    """Another Kafka, empty."""
    settings = spare(tmp_path / "backup", kafka_heap="256m")
    port = int(settings.kafka.bootstrap.rpartition(":")[2])
    server = QuickKafka(settings.stack.data / "kafka", "127.0.0.1", port, "256m")
    with Progress(disable=True) as progress:
        server.fetch(progress)
    server.launch(find())
    waiting = tenacity.Retrying(
        stop=tenacity.stop_after_delay(60), wait=tenacity.wait_fixed(0.3), reraise=True
    )
    try:
        for attempt in waiting:
            with attempt:
                assert server.healthy()
        yield settings
    finally:
        server.kill()
        shutil.rmtree(tmp_path / "backup", ignore_errors=True)


def revisions(installation: Installation) -> dict[str, int]:
    return {name: document["revision"] for name, document in installation.documents().items()}


def worked_off(installation: Installation) -> bool:
    lags = {row.stage: row.lag for row in admin.lag(installation.settings)}
    return lags["enrich"] == lags["index"] == 0


def test_a_snapshot_and_the_topic_bring_a_lost_index_back(
    installation: Installation, programs: Path
) -> None:
    workers = [installation.start("worker", "--stages", stage) for stage in ("enrich", "index")]
    publish(installation, "mentions.raw", [message(mention(n)) for n in range(300)])
    installation.wait(lambda: installation.count() == 300, "300 mentions in the index")
    since = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}.000"
    snapshot = run(installation, programs, procedure("Snapshot")).split()[-1]

    # What comes after it: new ones, a change, a deletion.
    later: list[Message] = [message(mention(n)) for n in range(300, 400)]
    later += [message(mention(7, revision=2, text="Geändert.")), *ended(8, revision=2)]
    publish(installation, "mentions.raw", later)
    installation.wait(lambda: installation.count() == 399, "what came later")
    installation.wait(lambda: worked_off(installation), "the rest")
    before = revisions(installation)
    for worker in workers:
        installation.stop(worker)

    client, alias = installation.client, installation.alias
    for found in client.indices.resolve_index(name=f"{alias}-*")["indices"]:
        client.indices.delete(index=found["name"])
    client.indices.delete_index_template(name=f"{alias}-*")
    client.cluster.delete_component_template(name=f"{alias}-*")
    assert installation.count() == 0

    run(installation, programs, procedure("Restore"), SNAPSHOT=snapshot)
    assert installation.count() == 300
    run(installation, programs, procedure("Fill up"), SINCE=since)
    installation.start("worker", "--stages", "index")
    installation.wait(lambda: worked_off(installation), "what the snapshot does not have")
    installation.wait(lambda: installation.count() == 399, "what the snapshot does not have")
    assert revisions(installation) == before
    assert "No difference" in installation.run("topics", "diff").stdout


def ended(number: int, *, revision: int) -> list[Message]:
    name = f"push:{number}"
    return [(name.encode(), None, tombstone_headers(name, revision, "test"))]


def test_history_is_enriched_again_and_nothing_is_there_twice(
    installation: Installation, programs: Path
) -> None:
    worker = installation.start("worker", "--stages", "enrich")
    installation.start("worker", "--stages", "index")
    since = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}.000"
    publish(installation, "mentions.raw", [message(mention(n)) for n in range(200)])
    installation.wait(lambda: installation.count() == 200, "200 mentions in the index")
    installation.wait(lambda: worked_off(installation), "the rest")
    before = revisions(installation)
    made = {name: each["processed_at"] for name, each in installation.documents().items()}
    installation.stop(worker)
    run(installation, programs, procedure("Enrich again"), SINCE=since)
    installation.start("worker", "--stages", "enrich")
    installation.wait(
        lambda: all(
            each["processed_at"] > made[name] for name, each in installation.documents().items()
        ),
        "all of them anew",
    )
    assert revisions(installation) == before


# kafka-python drops the socket of a broker that is still starting.
@pytest.mark.filterwarnings(
    "ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning"
)
def test_another_cluster_takes_over_with_all_that_was_mirrored(
    installation: Installation, programs: Path, backup: Settings
) -> None:
    shutil.copy(Path("deploy/kafka/mirror.properties"), installation.folder)
    log = (installation.folder / "mirror.log").open("wb")
    mirror = subprocess.Popen(
        ["/bin/bash", "-c", "exec " + procedure("Mirror")],
        cwd=installation.folder,
        env=environment(installation, programs)
        | {"MAIN": installation.settings.kafka.bootstrap, "BACKUP": backup.kafka.bootstrap},
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    log.close()
    try:
        workers = [installation.start("worker", "--stages", stage) for stage in ("enrich", "index")]
        publish(installation, "mentions.raw", [message(mention(n)) for n in range(300)])
        installation.wait(lambda: installation.count() == 300, "300 mentions in the index")
        installation.wait(lambda: worked_off(installation), "the rest")
        installation.stop(workers[1])
        publish(installation, "mentions.raw", [message(mention(n)) for n in range(300, 400)])
        name = f"{installation.alias}.mentions.enriched"
        there = installation.settings.model_copy(
            update={"kafka": backup.kafka.model_copy(update={"prefix": f"{installation.alias}."})}
        )
        installation.wait(lambda: ends(there, name) >= 400, "the mirror")
        installation.stop(workers[0])
    finally:
        os.killpg(mirror.pid, signal.SIGTERM)
        mirror.wait(60)
    with admin.brokers(installation.settings) as client:  # all is lost
        client.delete_topics([each for each in client.list_topics() if installation.alias in each])
    assert installation.count() == 300

    installation.settings = there
    installation.env["MENTIONS_KAFKA__BOOTSTRAP"] = backup.kafka.bootstrap
    run(installation, programs, procedure("Take over"))
    for stage in ("enrich", "index"):
        installation.start("worker", "--stages", stage)
    publish(installation, "mentions.raw", [message(mention(n)) for n in range(400, 450)])
    installation.wait(lambda: installation.count() == 450, "mentions from the other cluster")
    assert revisions(installation) == {f"push:{n}": 1 for n in range(450)}


def ends(settings: Settings, name: str) -> int:
    with admin.consumer(settings) as reader:
        if name not in reader.topics():
            return 0
    return sum(1 for _ in records(settings, name))


def test_topics_grow_with_all_they_hold(
    installation: Installation, programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workers = [installation.start("worker", "--stages", stage) for stage in ("enrich", "index")]
    batch: list[Message] = []
    for revision in (1, 2, 3):
        batch += [message(mention(n, revision=revision)) for n in range(200)]
    batch += [each for n in range(20) for each in ended(n, revision=4)]
    publish(installation, "mentions.raw", batch)
    installation.wait(lambda: installation.count() == 180, "180 mentions in the index")
    installation.wait(lambda: worked_off(installation), "the rest")
    before, documents = histories(installation), revisions(installation)

    kafka = installation.settings.kafka.model_copy(update={"partitions": 24})
    installation.settings = installation.settings.model_copy(update={"kafka": kafka})
    installation.env["MENTIONS_KAFKA__PARTITIONS"] = "24"
    refused = installation.run("topics", "grow", code=1).stderr
    assert "is at work" in refused
    for worker in workers:
        installation.stop(worker)
    publish(installation, "mentions.raw", [message(mention(500))])
    assert "1 messages" in installation.run("topics", "grow", code=1).stderr
    assert histories(installation).keys() == before.keys() | {"push:500"}
    workers = [installation.start("worker", "--stages", stage) for stage in ("enrich", "index")]
    installation.wait(lambda: installation.count() == 181, "the last one")
    installation.wait(lambda: worked_off(installation), "the last one")
    before, documents = histories(installation), revisions(installation)
    for worker in workers:
        installation.stop(worker)

    # Broken off when all was published again and nothing was deleted yet.
    with monkeypatch.context() as patched:
        patched.delattr(admin, "delete_records")
        with pytest.raises(AttributeError):
            list(growth.grow(installation.settings))
    run(installation, programs, procedure("More partitions"))
    again = histories(installation)
    assert again.keys() == before.keys()
    for name, versions in before.items():
        partitions = {partition for partition, _ in again[name]}
        assert len(partitions) == 1, name
        assert again[name][-1][1] == versions[-1][1], name
        assert {value for _, value in again[name]} == {value for _, value in versions}
    assert max(partition for versions in again.values() for partition, _ in versions) > 11
    assert "No difference" in installation.run("topics", "diff").stdout
    assert "Nothing to do" in installation.run("topics", "grow").stdout
    assert worked_off(installation)

    for stage in ("enrich", "index"):
        installation.start("worker", "--stages", stage)
    publish(
        installation,
        "mentions.raw",
        [message(mention(n, revision=5)) for n in range(100, 300)] + ended(30, revision=4),
    )
    expected = documents | {f"push:{n}": 5 for n in range(100, 300)}
    del expected["push:30"]
    installation.wait(lambda: revisions(installation) == expected, "what came afterwards")


def test_nothing_is_deleted_where_somebody_wrote_while_topics_grew(
    installation: Installation, programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(installation, "mentions.raw", [message(mention(n)) for n in range(50)])
    before = histories(installation)
    kafka = installation.settings.kafka.model_copy(update={"partitions": 24})
    installation.settings = installation.settings.model_copy(update={"kafka": kafka})
    installation.env["MENTIONS_KAFKA__PARTITIONS"] = "24"
    deleted: list[object] = []

    def late(_settings: object, _client: object, name: str) -> None:
        if name.endswith("raw"):
            publish(installation, "mentions.raw", [message(mention(7, revision=2, text="Later"))])

    with monkeypatch.context() as patched:
        # Broken off before there are more partitions: it is as if it had not begun.
        patched.setattr(growth, "_grow", None)
        with pytest.raises(TypeError):
            list(growth.grow(installation.settings))
    publish(installation, "mentions.raw", [message(mention(3, revision=2, text="Later"))])
    with monkeypatch.context() as patched:
        patched.setattr(growth, "_wait", late)
        patched.setattr(admin, "delete_records", lambda _, before: deleted.append(before))
        with pytest.raises(ConfigError, match="somebody wrote"):
            list(growth.grow(installation.settings))
    assert deleted == []
    assert "somebody wrote" in installation.run("topics", "grow", code=1).stderr
    after = histories(installation)
    for name, versions in before.items():
        assert set(versions) <= set(after[name])
    assert {value for _, value in after["push:7"]} > {value for _, value in before["push:7"]}

    run(installation, programs, procedure("Growth that was disturbed"))
    assert "No difference" in installation.run("topics", "diff").stdout
    assert "Nothing to do" in installation.run("topics", "grow").stdout


def test_a_reader_whose_next_message_is_deleted_goes_on_with_the_oldest(
    installation: Installation,
) -> None:
    partition = TopicPartition(f"{installation.alias}.mentions.fingerprints", 0)
    with admin.producer(installation.settings) as producer:
        for number in range(10):
            producer.send(partition.topic, key=b"k", value=b"%d" % number).get()
    with admin.consumer(installation.settings) as reader:
        reader.assign([partition])
        reader.seek(partition, 0)
        admin.delete_records(installation.settings, {partition: 4})
        found: list[bytes] = []
        while reader.position(partition) < 10:
            for batch in reader.poll(timeout_ms=500).values():
                found += [record.value for record in batch]
    assert found == [b"%d" % number for number in range(4, 10)]


def test_a_group_that_was_away_for_long_does_not_keep_topics_from_growing(
    installation: Installation,
) -> None:
    name = f"{installation.alias}.mentions.raw"
    publish(installation, "mentions.raw", [message(mention(n)) for n in range(50)])
    partitions = [TopicPartition(name, n) for n in range(12)]
    with admin.consumer(installation.settings) as reader:
        ends = reader.end_offsets(partitions)
    admin.delete_records(installation.settings, ends)  # as retention does
    away = dict.fromkeys(partitions, OffsetAndMetadata(0, "", -1))
    with admin.brokers(installation.settings) as client:
        client.alter_group_offsets("away", away)
    kafka = installation.settings.kafka.model_copy(update={"partitions": 13})
    grown = list(growth.grow(installation.settings.model_copy(update={"kafka": kafka})))
    assert [each.partitions for each in grown] == [13, 13]


def histories(installation: Installation) -> dict[str, list[tuple[int, bytes | None]]]:
    """Each mention's messages on ``mentions.raw``, in order: partition and value."""
    found: dict[str, list[tuple[int, bytes | None]]] = {}
    for record in records(installation.settings, f"{installation.alias}.mentions.raw"):
        found.setdefault(record.key.decode(), []).append((record.partition, record.value))
    return found
