from datetime import UTC, datetime

import msgspec

from pipeline.outcome import Reject
from pipeline.search.figures import document
from pipeline.stages.record import _decoded
from schemas.coverage import Coverage, decode_coverage, encode_coverage
from schemas.figures import Figures, decode_figures

AT = datetime(2026, 1, 5, tzinfo=UTC)
MESSAGE = Coverage(source="it", kind="feeds", agent="host:1", start=AT, end=AT, expected=300)
FIGURES = Figures(stage="enrich", process="host:1", start=AT, end=AT, sent=3, batches=2, seconds=1)


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


def test_what_is_no_message_is_rejected_with_its_reason() -> None:
    assert isinstance(_decoded(encode_coverage(MESSAGE), figures_=False), Coverage)
    assert isinstance(_decoded(msgspec.json.encode(FIGURES), figures_=True), Figures)
    for value in (None, b"", b"[]", b"\xff", b'{"source": "it"}'):
        for figures in (True, False):
            assert isinstance(_decoded(value, figures_=figures), Reject)
