"""What the pipeline publishes is what it promises, and the example consumers can live on it."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary_event
from jsonschema import Draft202012Validator
from msgspec.structs import replace

from pipeline import models
from pipeline.contract.export import PUBLISHED
from pipeline.enrich.sentiment import model
from pipeline.reader import records
from pipeline.settings import Settings
from schemas import topics
from schemas.headers import TYPE_ENRICHED, TYPE_RAW, tombstone_headers
from tests.support.consumers import Consumer, command
from tests.support.desk import Desk
from tests.support.installation import Installation
from tests.support.messages import Message, mention, message, publish
from tests.support.models import small

CONFIG = """
[[sources]]
type = "files"
name = "archive"
paths = ["{path}"]
every = 1
columns = {{ text = "text", id = "id", published_at = "at" }}
defaults = {{ channel = "forum" }}

[[watchlist]]
topic = "Lüftung"
kind = "theme"
terms = ["Lüftung"]

[[watchlist]]
topic = "Graureiher"
kind = "confidential"
terms = ["Graureiher"]

[[routes]]
team = "press"

[[channels]]
name = "desk"
url = "env:DESK_URL"
"""
TRACE = ("traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
FOREIGN = {b"push:5", b"push:6", b"push:7"}
"""Keys of what the test itself puts on ``mentions.raw``, and no agent would."""
NEWER = {"schema_version": "1.99", "mood": {"sunny": [1, None, "☀"]}}


def newer(number: int) -> Message:
    """A mention as a later minor version would write it, with a trace and a foreign header."""
    key, value, headers = message(mention(number))
    assert value
    fields = msgspec.json.decode(value) | NEWER
    fields["author"] = {"name": "Erika", "pronouns": "sie"}
    return key, msgspec.json.encode(fields), [*headers, TRACE, ("own", b"\xff\x00")]


def here(installation: Installation, settings: Settings) -> Settings:
    """Settings that lead to the installation's own topics."""
    prefix = {"prefix": installation.env["MENTIONS_KAFKA__PREFIX"]}
    return settings.model_copy(update={"kafka": settings.kafka.model_copy(update=prefix)})


def validator(name: str) -> Draft202012Validator:
    schema = json.loads((PUBLISHED / f"{name}.json").read_text(encoding="utf-8"))
    return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)


def text(headers: list[tuple[str, bytes]]) -> dict[str, str]:
    """Headers as text; a foreign one may be any bytes."""
    return {name: value.decode() for name, value in headers if name != "own"}


def checked(settings: Settings, topic: topics.Topic) -> Iterator[Any]:
    """Every record of a topic, each of the pipeline's held against what is published of it."""
    values = [validator(kind.__name__) for kind in topic.types if kind not in {None, bytes}]
    for record in records(settings, settings.kafka.topic(topic)):
        if topic is topics.RAW and record.key in FOREIGN:
            continue
        if record.value is None:
            assert None in topic.types
        elif topic is topics.MODELS and record.key.startswith(b"model:"):
            assert record.key == f"model:de:{model.decode(record.value).version}".encode()
        elif values:
            value = json.loads(record.value)
            assert any(each.is_valid(value) for each in values), [
                error.message for each in values for error in each.iter_errors(value)
            ]
        if topic.headers:
            mine = topic.headers.__name__
            if record.value is None and mine == "MentionHeaders":
                mine = "EventHeaders"
            schema = validator(mine)
            schema.validate(text(record.headers))
        yield record


def alert(installation: Installation) -> None:
    """What is confidential was said: somebody is told."""
    with Desk() as desk:
        installation.env["DESK_URL"] = desk.url
        running = [installation.start("alerts", each) for each in ("watch", "notify")]
        installation.wait(lambda: bool(installation.tail("mentions.notified")), "the desk is told")
        assert [installation.stop(each) for each in running] == [0, 0]
        assert b"Graureiher" in desk.got[0][1]


def live(installation: Installation, mine: Settings) -> None:
    """All that puts a message on a topic, by the product's own commands and functions."""
    path = installation.folder / "archive.jsonl"
    rows = [
        {"id": "a", "text": "Die Lüftung ist laut. #fans @info 👍", "at": "2026-01-02T03:04:05Z"},
        {"id": "b", "text": "Great ventilation!", "at": "2026-01-02T03:04:05+01:00"},
        {"id": "c", "text": 17, "at": "never"},
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    installation.configure(CONFIG.format(path=path))
    installation.run("topics", "create")
    installation.run("watchlist", "publish")
    models.publish(mine, small(0.1))
    foreign: Message = (b"push:5", (message(mention(5))[1]), [("own", b"1")])
    bad: list[Message] = [(b"push:6", b"\xff\xfe", []), (b"push:7", b"{}", message(mention(7))[2])]
    gone: Message = (b"push:4", None, [*tombstone_headers("push:4", 9, "test"), TRACE])
    now = {"published_at": datetime.now(UTC), "collected_at": datetime.now(UTC)}
    leak = message(replace(mention(8, text="Der Graureiher kommt bald."), **now))
    publish(
        installation, "mentions.raw", [newer(3), message(mention(4)), gone, foreign, leak, *bad]
    )
    worker = installation.start("worker", "--stages", "enrich,route,index,work")
    installation.run("agent", "--once", timeout=120)
    installation.wait(lambda: len(installation.tail("mentions.routed.press")) == 7, "all is routed")
    installation.wait(lambda: len(installation.tail("dead")) == 3, "the bad are set aside")
    installation.run("dead", "drop")
    installation.wait(lambda: installation.count() == 5, "all is indexed")
    installation.run("mark", "push:8", "relevant")
    installation.run("mark", "push:8", "negative")
    (installation.folder / "plan.txt").write_text("Wir verlegen das Werk im Mai nach Süden.")
    installation.env["MENTIONS_PRIVACY__SALT"] = "of this document alone"
    installation.run("leak", "fingerprint", "plan.txt")
    del installation.env["MENTIONS_PRIVACY__SALT"]
    installation.run("forget", "--id", "push:99", "--yes")
    installation.wait(
        lambda: len(installation.tail("mentions.routed.press")) == 9, "both marks, too"
    )
    installation.wait(lambda: bool(installation.tail("mentions.work")), "it is somebody's work")
    assert installation.stop(worker) == 0
    alert(installation)


def test_every_message_is_what_is_published_of_it(
    installation: Installation, settings: Settings
) -> None:
    mine = here(installation, settings)
    live(installation, mine)

    seen = {}
    for topic in (*topics.TABLE, topics.routed("press")):
        seen[topic.name] = list(checked(mine, topic))
        assert seen[topic.name], topic.name

    for name in ("mentions.enriched", "mentions.routed.press"):
        by_key = {record.key: record for record in seen[name] if record.value is not None}
        # A foreign producer's mention without headers has them from here on.
        for record in by_key.values():
            headers = dict(record.headers)
            assert headers["ce_type"] == TYPE_ENRICHED
            assert headers["content-type"] == b"application/json"
        assert dict(by_key[b"push:5"].headers)["own"] == b"1"
        passed, raw = by_key[b"push:3"], newer(3)
        value = json.loads(passed.value)
        assert raw[1]
        assert json.loads(raw[1]).items() <= value.items()
        assert value["language"]["code"] == "de"
        assert TRACE in passed.headers
        assert ("own", b"\xff\x00") in passed.headers
        (tombstone,) = (record for record in seen[name] if record.value is None)
        assert TRACE in tombstone.headers
    document = installation.documents()["push:3"]
    assert NEWER.items() <= document.items()
    assert document["author"] == {"name": "Erika", "pronouns": "sie"}
    letters = {record.key: dict(record.headers) for record in seen["mentions.dead-letter"]}
    assert letters[b"push:6"]["content-type"] == b"application/octet-stream"
    assert letters[b"push:7"]["content-type"] == b"application/json"

    events = [
        conforming(record)
        for name in ("mentions.raw", "mentions.enriched", "mentions.dead-letter", "mentions.alerts")
        for record in seen[name]
        if any(header.startswith("ce_") for header, _ in record.headers)
    ]
    # An event is named by its id and source: raw and enriched are two.
    names = {(event.get_id(), event.get_source(), event.get_type()) for event in events}
    once = {(event.get_id(), event.get_source()) for event in events}
    assert len(names) == len(once)
    assert {TYPE_RAW.decode(), TYPE_ENRICHED.decode()} <= {event.get_type() for event in events}


def conforming(record: Any) -> Any:
    """The record as the CloudEvents package reads it; raises where it does not conform."""
    headers = {name: value for name, value in record.headers if name != "own"}
    event = from_binary_event(KafkaMessage(headers=headers, key=record.key, value=record.value))
    assert event.get_specversion() == "1.0"
    return event


COUNT = 1_500


@pytest.fixture(scope="module")
def examples() -> dict[str, list[str]]:
    names = ("python_kafka.py", "python_confluent.py", "Consumer.java", "consumer.js")
    return {name: command(name) for name in names}


def test_the_example_consumers_survive_kill_and_restart_with_nothing_lost(
    installation: Installation, settings: Settings, examples: dict[str, list[str]]
) -> None:
    installation.configure(CONFIG.format(path=installation.folder / "none"))
    installation.run("topics", "create")
    worker = installation.start("worker", "--stages", "enrich,route")
    gone: list[Message] = [
        (f"push:{n}".encode(), None, tombstone_headers(f"push:{n}", 2, "test"))
        for n in range(0, COUNT, 100)
    ]
    made = [newer(n) if n % 10 == 0 else message(mention(n)) for n in range(COUNT)]
    publish(installation, "mentions.raw", made + gone)
    topic = f"{installation.env['MENTIONS_KAFKA__PREFIX']}mentions.routed.press"
    mine = here(installation, settings)
    total = len(made) + len(gone)
    installation.wait(lambda: sum(1 for _ in records(mine, topic)) == total, "all is routed")
    assert installation.stop(worker) == 0
    wanted = {f"mention push:{n} 1 de" for n in range(COUNT)}
    wanted |= {f"deleted {key.decode()} 2" for key, _, _ in gone if key}

    def survives(name: str) -> None:
        arguments = [*examples[name], settings.kafka.bootstrap, topic, f"{topic}-{name}"]
        log = installation.folder / f"{name}.log"
        first = Consumer(arguments, log)
        done = {first.line() for _ in range(50)}
        done.update(first.kill())
        assert "" not in done, log.read_text()
        assert done < wanted, f"{name}: all was done before the kill: nothing was shown"
        second = Consumer(arguments, log)
        try:
            while done != wanted:
                line = second.line()
                assert line in wanted, f"{name}: {line!r}\n{log.read_text()}"
                done.add(line)
        finally:
            second.kill()

    with ThreadPoolExecutor(len(examples)) as pool:
        for _ in pool.map(survives, examples):
            pass
