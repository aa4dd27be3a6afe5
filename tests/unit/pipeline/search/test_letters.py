import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.search.letters import TEXT_SHOWN, document, mark
from pipeline.search.probe import Capabilities
from pipeline.search.templates import wanted
from pipeline.settings import Elasticsearch

AT = 1_777_593_600_000  # the first of May 2026, UTC
BARE = Capabilities(version="9.5.3")


def test_a_letter_says_why_when_where_and_what_was_said() -> None:
    headers = {
        "ce_source": b"/sources/press",
        "dlq_stage": b"enrich",
        "dlq_error": b"ValidationError",
        "dlq_reason": b"`text` is missing",
        "dlq_topic": b"mentions.raw",
        "dlq_attempts": b"3",
        "dlq_replays": b"1",
        "dlq_history": b'[{"at": "2026-04-01T00:00:00Z", "stage": "enrich", "error": "E"}]',
    }
    value = b'{"text": "Die Heizung", "title": "Kalt", "url": "https://x/", "channel": 3}'
    fields = json.loads(document("0:17", AT, b"push:1", value, headers))
    assert fields["at"] == "2026-05-01T00:00:00Z"
    assert (fields["position"], fields["key"], fields["source"]) == ("0:17", "push:1", "press")
    assert (fields["stage"], fields["error"]) == ("enrich", "ValidationError")
    assert (fields["attempts"], fields["replays"]) == (3, 1)
    assert [refusal["error"] for refusal in fields["history"]] == ["E"]
    assert (fields["text"], fields["title"], fields["url"]) == ("Die Heizung", "Kalt", "https://x/")
    assert "channel" not in fields


@given(
    st.none() | st.binary(max_size=300),
    st.none() | st.binary(max_size=300),
    st.dictionaries(st.sampled_from(["dlq_history", "dlq_attempts", "dlq_reason"]), st.binary()),
)
def test_every_letter_has_a_document(
    key: bytes | None, value: bytes | None, headers: dict[str, bytes]
) -> None:
    fields = json.loads(document("0:1", AT, key, value, headers))
    assert fields["bytes"] == len(value or b"")
    known = wanted(Elasticsearch(), BARE)["index template", "mentions-dead-letters"]
    assert set(fields) <= set(known["template"]["mappings"]["properties"])


@pytest.mark.parametrize(
    "value",
    [
        b'{"text": "%s"}' % (b"x" * 5_000_000),
        b"\xff" * 5_000_000,
        b"[" * 100_000,
        b'{"text": "\\ud800"}',
        b'{"dlq_attempts": 1}',
    ],
    ids=["long text", "no text", "deep", "half a surrogate pair", "other fields"],
)
def test_a_document_is_small_whatever_was_refused(value: bytes) -> None:
    headers = {"dlq_attempts": b"9" * 10_000, "dlq_reason": b"r" * 10_000}
    made = document("0:1", AT, b"k" * 10_000, value, headers)
    assert len(made) < 6 * (TEXT_SHOWN + 3 * 2_048)
    made.decode()


def test_a_letter_that_was_written_again_keeps_its_time() -> None:
    for stated, expected in (
        (b"2026-04-01T00:00:00+00:00", "2026-04-01T00:00:00Z"),
        (b"2026-04-01T00:00:00", "2026-04-01T00:00:00Z"),
        (b"yesterday", "2026-05-01T00:00:00Z"),
    ):
        assert json.loads(document("0:1", AT, b"", b"", {"dlq_at": stated}))["at"] == expected


def test_a_mark_sets_what_was_done() -> None:
    fields = json.loads(mark(b'{"action":"dropped","at":"2026-05-01T00:00:00Z"}'))
    assert fields == {"action": "dropped", "action_at": "2026-05-01T00:00:00Z"}
    with pytest.raises(msgspec.MsgspecError):
        mark(b'{"action":"dropped"}')
