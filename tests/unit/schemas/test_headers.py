from datetime import UTC, datetime

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


def test_replaced_changes_one_header_and_keeps_the_order() -> None:
    before = headers.mention_headers(MENTION)
    after = headers.replaced(before, "ce_type", headers.TYPE_ENRICHED)
    assert [name for name, _ in after] == [name for name, _ in before]
    assert headers.first(after, "ce_type") == headers.TYPE_ENRICHED
    assert headers.first(after, "absent") is None
