import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from pipeline.outcome import Reject
from pipeline.search.alerts import name_of
from pipeline.search.figures import document
from pipeline.settings import Settings
from pipeline.stages.record import Record
from schemas.alert import Alert, SourceCount, SourceGap
from schemas.coverage import Coverage, decode_coverage, encode_coverage
from schemas.figures import Figures, decode_figures
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


def made(topic: str, value: bytes | None) -> tuple[dict[str, Any], dict[str, Any]] | Reject:
    operation = Record(Settings())._operation(0, Message(None, value, topic=topic))
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
    body = document(FIGURES)
    assert (body["lag"], body["rejected"], body["error_classes"]) == (0, 0, [])
    assert body["seconds_each"] == 0.5
    assert "seconds_each" not in document(msgspec.structs.replace(FIGURES, batches=0))


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
