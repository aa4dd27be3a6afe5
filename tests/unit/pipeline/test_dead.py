"""What a letter takes along on its way back."""

from datetime import UTC, datetime

import msgspec
import pytest

from pipeline import dead

AT = datetime(2026, 5, 1, tzinfo=UTC)


def letter(**headers: bytes) -> dead.Letter:
    return dead.Letter(
        position="0:1",
        at=AT,
        stage="enrich",
        error="ValidationError",
        reason="why",
        topic="mentions.raw",
        source="it",
        key=b"k",
        value=b"v",
        headers=tuple(headers.items()),
        attempts=1,
        replays=2,
    )


def returning(one: dead.Letter) -> dict[str, bytes]:
    return dict(dead._returning(one))


def test_its_refusals_are_remembered_up_to_ten() -> None:
    headers = returning(letter(h=b"1", dlq_stage=b"enrich"))
    assert headers.keys() == {"h", "dlq_replays", "dlq_history"}
    assert headers["dlq_replays"] == b"3"
    for _ in range(12):
        headers = returning(letter(dlq_history=headers["dlq_history"]))
    refusals = msgspec.json.decode(headers["dlq_history"])
    assert len(refusals) == 10
    refusal = {"at": AT.isoformat(), "stage": "enrich", "error": "ValidationError", "reason": "why"}
    assert refusals == [refusal] * 10


@pytest.mark.parametrize(
    "odd",
    [b"", b"{", b"\xff", b"7", b'["a"]', b'[{"at": 1}]', b'[{"x": ' + b"[" * 9_999 + b"]" * 9_999],
)
def test_a_history_of_another_s_making_stops_nothing(odd: bytes) -> None:
    (refusal,) = msgspec.json.decode(returning(letter(dlq_history=odd))["dlq_history"])
    assert refusal["error"] == "ValidationError"
