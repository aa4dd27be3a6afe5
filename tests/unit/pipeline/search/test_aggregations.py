from datetime import UTC, datetime

from pipeline.search.aggregations import Newest, body, read


def test_before_anything_is_indexed_all_is_zero() -> None:
    found = read({"hits": {"total": {"value": 0}, "hits": []}})
    assert found.total == 0
    assert found.channels == {}
    assert found.voices == []
    assert found.per_minute == []


def test_an_answer_is_read_into_figures() -> None:
    def buckets(**counts: int) -> dict[str, list[dict[str, object]]]:
        return {"buckets": [{"key": key, "doc_count": count} for key, count in counts.items()]}

    source = {
        "id": "test:1",
        "published_at": "2026-03-05T12:00:00Z",
        "channel": "forum",
        "author": {"handle": "someone"},
        "text": "Hallo",
    }
    minute = {"key": 1_772_712_000_000, "doc_count": 4}
    found = read(
        {
            "hits": {"total": {"value": 4}, "hits": [{"_source": source}]},
            "aggregations": {
                "channels": buckets(forum=3, news=1),
                "languages": buckets(de=4),
                "sentiment": buckets(negative=4),
                "topics": buckets(Acme=3, Rival=1),
                "voice_brand": buckets(Acme=1),
                "voice_competitor": buckets(Rival=3),
                "tones": buckets(**{"Acme|positive": 1, "Rival|negative": 2, "Rival|neutral": 1}),
                "hour": {"doc_count": 4, "minutes": {"buckets": [minute]}},
            },
        }
    )
    assert found.channels == {"forum": 3, "news": 1}
    assert [(v.topic, v.kind, v.share, v.negative, v.positive) for v in found.voices] == [
        ("Rival", "competitor", 0.75, 2, 0),
        ("Acme", "brand", 0.25, 0, 1),
    ]
    assert found.share_of_voice == {"Rival": 3, "Acme": 1}
    assert found.per_minute == [(datetime(2026, 3, 5, 12, tzinfo=UTC), 4)]
    assert found.newest == [
        Newest(
            id="test:1",
            published_at=datetime(2026, 3, 5, 12, tzinfo=UTC),
            channel="forum",
            author="someone",
            language="und",
            sentiment=None,
            title=None,
            text="Hallo",
        )
    ]


def test_the_clock_decides_on_period_order_and_pace() -> None:
    since = datetime(2026, 1, 1, tzinfo=UTC)
    asked = body(since, clock="processed_at", newest=3)
    assert asked["query"] == {"range": {"processed_at": {"gte": "2026-01-01T00:00:00+00:00"}}}
    assert asked["sort"] == [{"processed_at": "desc"}]
    assert asked["size"] == 3
