import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from pipeline.outcome import Reject
from pipeline.search import figures as processes
from pipeline.search import work as tasks
from pipeline.search.alerts import name_of
from pipeline.search.bulk import Operation
from pipeline.settings import Settings
from pipeline.stages.record import Record
from schemas.alert import Alert, SourceCount, SourceGap
from schemas.coverage import Coverage, decode_coverage, encode_coverage
from schemas.figures import Figures, decode_figures
from schemas.work import Subject, Work, key
from tests.support.records import Record as Message

AT = datetime(2026, 1, 5, tzinfo=UTC)
MESSAGE = Coverage(source="it", kind="feeds", agent="host:1", start=AT, end=AT, expected=300)
FIGURES = Figures(stage="enrich", process="host:1", start=AT, end=AT, sent=3, batches=2, seconds=1)
ALERT = Alert(
    id="incomplete:Bahn:1",
    kind="silence",
    rule="incomplete",
    topic="Bahn",
    severity="info",
    at=AT,
    since=AT,
    observed=0,
    why="0 mentions",
    sources=(SourceCount(source="it", count=1),),
    gaps=(SourceGap(source="tags", start=AT, end=AT),),
)
SUBJECT = Subject(priority="high", due=AT, escalates_at=AT, published_at=AT, channel="forum")
WORK = Work(
    team="press",
    mention="t:1",
    state="answered",
    number=3,
    since=AT,
    changed_at=AT + timedelta(minutes=5),
    subject=SUBJECT,
)


def operation_of(topic: str, value: bytes | None, of: bytes | None = None) -> Operation | Reject:
    return Record(Settings())._operation(0, Message(of, value, topic=topic))


def made(topic: str, value: bytes | None) -> tuple[dict[str, Any], dict[str, Any]] | Reject:
    operation = operation_of(topic, value)
    if isinstance(operation, Reject):
        return operation
    head, body = operation.lines.splitlines()
    return json.loads(head)["index"], json.loads(body)


def test_a_message_survives_and_names_itself() -> None:
    assert decode_coverage(encode_coverage(MESSAGE)) == MESSAGE
    assert MESSAGE.id == "it@1767571200000@host:1"
    assert decode_figures(msgspec.json.encode(FIGURES)) == FIGURES
    assert FIGURES.id == "enrich@host:1@1767571200000"


def test_figures_that_are_nothing_are_still_figures() -> None:
    body = processes.document(FIGURES)
    assert (body["lag"], body["rejected"], body["error_classes"]) == (0, 0, [])
    assert body["seconds_each"] == 0.5
    assert "seconds_each" not in processes.document(msgspec.structs.replace(FIGURES, batches=0))


def test_each_goes_to_its_index_under_its_own_id() -> None:
    coverage = made("mentions.coverage", encode_coverage(MESSAGE))
    assert not isinstance(coverage, Reject)
    assert coverage[0]["_index"] == "mentions-coverage"
    assert coverage[0]["_id"] == MESSAGE.id
    figures = made("mentions.figures", msgspec.json.encode(FIGURES))
    assert not isinstance(figures, Reject)
    assert (figures[0]["_index"], figures[0]["_id"]) == ("mentions-figures", FIGURES.id)
    alert = made("mentions.alerts", msgspec.json.encode(ALERT))
    assert not isinstance(alert, Reject)
    assert (alert[0]["_index"], alert[0]["_id"]) == ("mentions-alerts", ALERT.id)
    assert alert[1]["rule"] == "incomplete"
    assert alert[1]["source_names"] == ["it", "tags"]


def test_an_id_that_elasticsearch_does_not_take_is_shortened() -> None:
    long = msgspec.structs.replace(ALERT, id="leak:" + "ü" * 300)
    other = msgspec.structs.replace(ALERT, id="leak:" + "ü" * 301)
    assert len(name_of(long)) <= 512
    assert name_of(long) != name_of(other)


@pytest.mark.parametrize("topic", ["mentions.coverage", "mentions.figures", "mentions.alerts"])
@pytest.mark.parametrize("value", [None, b"", b"[]", b"\xff", b'{"source": "it"}'])
def test_what_is_no_message_is_rejected_with_its_reason(topic: str, value: bytes | None) -> None:
    assert isinstance(made(topic, value), Reject)


def test_what_is_nobodys_work_or_no_work_is_rejected() -> None:
    for value in (b"", b"[]", b"\xff", b'{"team": "it"}'):
        assert isinstance(operation_of("mentions.work", value, b"k"), Reject)
    assert isinstance(operation_of("mentions.work", None), Reject)


def test_work_is_written_and_deleted_under_its_place_on_the_topic() -> None:
    place = key("press", "t:1")
    written = operation_of("mentions.work", msgspec.json.encode(WORK), place)
    assert isinstance(written, Operation)
    assert tasks.document_id(place).encode() in written.lines
    deleted = operation_of("mentions.work", None, place)
    assert isinstance(deleted, Operation)
    assert (written.action, deleted.action) == ("index", "delete")


def test_how_long_work_took_is_counted_once_it_is_done() -> None:
    assert tasks.document(WORK)["seconds"] == 300.0
    assert tasks.document(WORK)["open"] is False
    waiting = tasks.document(msgspec.structs.replace(WORK, state="assigned"))
    assert waiting["open"] is True
    assert "seconds" not in waiting
