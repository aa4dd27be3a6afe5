from datetime import UTC, datetime

from msgspec.structs import fields

from schemas import headers
from schemas.mention import Collector, RawMention

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
MENTION = RawMention(
    id="feeds:ä",
    revision=42,
    channel="news",
    text="x",
    published_at=NOW,
    collected_at=NOW,
    collector=Collector(source="zeitung"),
)


def test_a_mention_carries_every_required_cloudevents_attribute() -> None:
    found = dict(headers.mention_headers(MENTION))
    assert found["ce_specversion"] == b"1.0"
    assert found["ce_id"] == "feeds:ä@42".encode()
    assert found["ce_type"] == headers.TYPE_RAW
    assert found["ce_source"] == b"/sources/zeitung"
    assert datetime.fromisoformat(found["ce_time"].decode()) == NOW
    assert found["content-type"] == b"application/json"


def test_the_revision_is_read_back_from_mentions_and_tombstones() -> None:
    assert headers.revision(headers.mention_headers(MENTION), 7) == 42
    assert headers.revision(headers.tombstone_headers("a:b", 43, "zeitung", NOW), 7) == 43


def test_without_a_stated_revision_the_record_s_time_counts() -> None:
    assert headers.revision([], 7) == 7
    assert headers.revision([("ce_revision", b"soon")], 7) == 7


def test_an_enriched_mention_is_another_event_with_the_same_headers() -> None:
    before = [*headers.mention_headers(MENTION), ("traceparent", b"00-a-b-01"), ("own", b"\xff")]
    after = headers.enriched_headers(MENTION, before)
    assert [name for name, _ in after] == [name for name, _ in before]
    changed = {"ce_type": headers.TYPE_ENRICHED, "ce_id": "feeds:ä@42-enriched".encode()}
    assert dict(after) == dict(before) | changed
    assert headers.enriched_headers(MENTION, after) == after


def test_what_a_foreign_producer_leaves_out_is_filled_in() -> None:
    after = headers.enriched_headers(MENTION, [("ce_source", b"/theirs"), ("own", b"1")])
    expected = dict(headers.enriched_headers(MENTION, headers.mention_headers(MENTION)))
    assert dict(after) == expected | {"ce_source": b"/theirs", "own": b"1"}
    assert len(after) == len(dict(after))


def test_an_alert_is_an_event_of_its_rule() -> None:
    found = dict(headers.alert_headers("spike:Acme:29455384", "spike", NOW))
    assert found["ce_id"] == b"spike:Acme:29455384"
    assert found["ce_type"] == headers.TYPE_ALERT
    assert found["ce_source"] == b"/alerts/spike"
    assert datetime.fromisoformat(found["ce_time"].decode()) == NOW
    assert set(found) == {field.encode_name for field in fields(headers.AlertHeaders)}
