from datetime import UTC, datetime

from pipeline.outcome import Reject
from pipeline.stages.record import _decoded
from schemas.coverage import Coverage, decode_coverage, encode_coverage

AT = datetime(2026, 1, 5, tzinfo=UTC)
MESSAGE = Coverage(source="it", kind="feeds", agent="host:1", start=AT, end=AT, expected=300)


def test_a_message_survives_and_names_itself() -> None:
    assert decode_coverage(encode_coverage(MESSAGE)) == MESSAGE
    assert MESSAGE.id == "it@1767571200000@host:1"


def test_what_is_no_message_is_rejected_with_its_reason() -> None:
    assert isinstance(_decoded(encode_coverage(MESSAGE)), Coverage)
    for value in (None, b"", b"[]", b"\xff", b'{"source": "it"}'):
        assert isinstance(_decoded(value), Reject)
