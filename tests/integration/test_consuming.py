"""What a consumer does from the command line: look, have it again, take it along."""

import csv
import json
import time
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq
from kafka import KafkaAdminClient, KafkaConsumer

from pipeline.settings import Settings
from schemas.headers import tombstone_headers
from tests.support.installation import Installation
from tests.support.messages import Message, mention, message, publish

GONE: Message = (b"push:3", None, tombstone_headers("push:3", 9, "test"))
FIRST = [message(mention(n)) for n in range(20)]
LATER = [message(mention(n, text=f"Nachricht {n}, später")) for n in range(20, 30)]


def spoken(installation: Installation) -> str:
    """Publish some, and later the others; returns a time in between."""
    publish(installation, "mentions.enriched", FIRST)
    time.sleep(0.01)
    moment = datetime.now(UTC)
    time.sleep(0.01)
    publish(installation, "mentions.enriched", [*LATER, GONE])
    return moment.isoformat()


def reader_of(settings: Settings, topic: str, group: str) -> KafkaConsumer:
    return KafkaConsumer(
        topic,
        bootstrap_servers=settings.kafka.bootstrap,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        group_id=group,
        consumer_timeout_ms=20_000,
    )


def test_tail_by_expression_time_and_format(installation: Installation) -> None:
    moment = spoken(installation)
    run = installation.run
    fits = run("tail", "enriched", "--json", "--where", "contains(text, 'später')").stdout
    assert {json.loads(line)["key"] for line in fits.splitlines()} == {
        f"push:{n}" for n in range(20, 30)
    }
    since = run("tail", "enriched", "--json", "--since", moment).stdout
    assert len(since.splitlines()) == 11
    rows = run("tail", "enriched", "--since", "1d", "--format", "csv").stdout
    assert len(list(csv.DictReader(rows.splitlines()))) == 30
    assert "push:29" in run("tail", "enriched", "--where", "id == 'push:29'").stdout
    assert "cannot be read" in run("tail", "enriched", "--where", "text ==", code=1).stderr
    assert "leave out --follow" in run("tail", "raw", "-f", "--format", "parquet", code=2).stderr


def test_a_replay_by_time_into_a_topic_or_for_a_group_of_one_s_own(
    installation: Installation, settings: Settings, unique: str
) -> None:
    moment = spoken(installation)
    run = installation.run
    own = f"{unique}-again"
    admin = KafkaAdminClient(bootstrap_servers=settings.kafka.bootstrap)
    admin.create_topics({own: {"num_partitions": 2, "replication_factor": 1}})
    admin.close()
    replay = ("replay", "--topic", "enriched")
    into = ("--into", own, "--json")
    answer = run(*replay, "--from", moment, *into).stdout
    assert json.loads(answer) == {"topic": own, "copied": 11}
    until = ("--from", "1d", "--to", moment, "--where", "id == 'push:7'")
    assert json.loads(run(*replay, *until, *into).stdout)["copied"] == 1
    group = f"{unique}-reader"
    reader = reader_of(settings, own, group)
    copied = [(r.key, r.value, list(r.headers)) for _, r in zip(range(12), reader, strict=False)]
    assert sorted(copied, key=repr) == sorted([*LATER, GONE, FIRST[7]], key=repr)
    reader.commit()

    day = (*replay, "--from", "1d")
    mine = f"{unique}.mentions.enriched"
    assert "pipeline's own" in run(*day, "--into", mine, code=1).stderr
    assert "no topic" in run(*day, "--into", f"{unique}-none", code=1).stderr
    for role in ("index", "agents"):
        taken = f"{unique}.mentions-{role}"
        assert "pipeline's own group" in run(*day, "--group", taken, code=1).stderr
    assert "either" in run(*day, code=2).stderr

    installation.env["MENTIONS_KAFKA__PREFIX"] = ""
    back = ("replay", "--topic", own, "--from", "1d", "--group", group, "--json")
    assert "stop all of its members first" in run(*back, code=1).stderr
    reader.close()
    offsets = [json.loads(line) for line in run(*back).stdout.splitlines()]
    assert [row["offset"] for row in offsets] == [0, 0]
    again = reader_of(settings, own, group)
    assert sum(1 for _ in zip(range(12), again, strict=False)) == 12
    again.close()


def test_an_export_has_everything_that_a_query_finds(
    installation: Installation, tmp_path: Path
) -> None:
    spoken(installation)
    run = installation.run
    worker = installation.start("worker", "--stages", "index")
    installation.wait(lambda: installation.count() == 29, "all but the deleted are there")
    assert installation.stop(worker) == 0
    parquet = tmp_path / "all.parquet"
    done = run("export", "*", "-o", str(parquet))
    assert "Exported 29 mentions" in done.stderr
    table = pq.read_table(parquet)
    assert set(table["id"].to_pylist()) == {f"push:{n}" for n in range(30)} - {"push:3"}
    lines = run("export", "text:später").stdout.splitlines()
    assert {json.loads(line)["id"] for line in lines} == {f"push:{n}" for n in range(20, 30)}
    assert json.loads(lines[0])["text"].startswith("Nachricht")
    path = tmp_path / "some.csv"
    run("export", "id:push\\:7", "--from", "2026-05-01T00:00:00Z", "--to", "1s", "-o", str(path))
    with path.open(newline="", encoding="utf-8") as file:
        assert [row["id"] for row in csv.DictReader(file)] == ["push:7"]
    assert run("export", "*", "--to", "2026-05-01T00:00:00Z").stdout == ""
    assert not list(tmp_path.glob("*.part"))
