from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.search.document import Joined, Latency, document, index_of, joined, may_move
from schemas.mention import (
    Collector,
    Engagement,
    EnrichedMention,
    Entity,
    Match,
    Place,
    Producer,
    Rating,
    Sentiment,
    Span,
    TargetSentiment,
    decode_enriched,
    encode,
)

BY = Producer(name="test", version="1")
SAID = datetime(2026, 3, 5, 12, tzinfo=UTC)


def mention(**fields: Any) -> EnrichedMention:
    given_: dict[str, Any] = {
        "id": "test:1",
        "revision": 7,
        "channel": "forum",
        "text": "Größer 🚆",
        "published_at": SAID,
        "collected_at": SAID + timedelta(minutes=1),
        "collector": Collector(source="test"),
    }
    return EnrichedMention(**(given_ | fields))


def match(topic: str, kind: Any) -> Match:
    return Match(topic=topic, kind=kind, clause=topic, spans=(Span(0, 1),), by=BY)


def test_a_document_is_the_message_and_its_joined_fields() -> None:
    said = mention(matches=(match("Acme", "brand"),))
    made = document(said, "m")
    assert (made.index, made.id, made.version) == ("m-2026.03", "test:1", 7)
    assert decode_enriched(made.body) == said
    assert msgspec.json.decode(made.body)["topic_of"] == {"brand": ["Acme"]}


def test_a_bare_mention_has_only_its_latency_joined() -> None:
    assert joined(mention()) == Joined(latency=Latency(collected=60.0))
    assert decode_enriched(document(mention(), "m").body) == mention()


def test_fields_of_another_version_are_kept_and_joined_ones_are_there_once() -> None:
    said = mention(matches=(match("Acme", "brand"),))
    newer = msgspec.json.decode(encode(said)) | {
        "schema_version": "1.99",
        "mood": {"sunny": [1, None]},
        "topics": "a later version's own",
    }
    body = document(said, "m", msgspec.json.encode(newer)).body
    assert body.count(b'"topics":') == 1
    stored = msgspec.json.decode(body)
    assert stored["topics"] == ["Acme"]
    assert newer | {"topics": ["Acme"]} == {name: stored[name] for name in newer}


def test_latency_is_in_seconds_and_share_of_voice_over_brands_and_competitors() -> None:
    said = mention(
        processed_at=SAID + timedelta(seconds=61.5),
        matches=(match("Acme", "brand"), match("Preis", "theme"), match("Rival", "competitor")),
    )
    made = joined(said)
    assert made.latency == Latency(collected=60.0, processed=1.5)
    assert made.voices == ["Acme", "Rival"]


def test_topics_have_the_tone_towards_them_else_the_whole_text_s() -> None:
    said = mention(
        sentiment=Sentiment(label="positive", score=0.5, confidence=0.9, by=BY),
        matches=(match("Acme", "brand"), match("Acme", "brand"), match("Rival", "competitor")),
        targets=(
            TargetSentiment(
                topic="Rival", label="negative", score=-1, confidence=1, span=Span(0, 1), by=BY
            ),
        ),
    )
    fields = joined(said)
    assert fields.topics == ["Acme", "Rival"]
    assert fields.topic_of == {"brand": ["Acme"], "competitor": ["Rival"]}
    assert fields.topic_sentiment == ["Acme|positive", "Rival|negative"]


def test_entities_are_collected_by_kind_once_in_their_canonical_form() -> None:
    def entity(kind: Any, text: str, name: str | None = None) -> Entity:
        return Entity(kind=kind, text=text, name=name, span=Span(0, 1), by=BY)

    fields = joined(
        mention(
            entities=(
                entity("hashtag", "#Bahn", "bahn"),
                entity("hashtag", "#bahn", "bahn"),
                entity("hashtag", "#Zug"),
                entity("handle", "@Info"),
                entity("link", "https://example.org/x", "example.org"),
                entity("money", "3 €"),
            )
        )
    )
    assert fields.hashtags == ["bahn", "Zug"]
    assert fields.handles == ["Info"]
    assert fields.links == ["example.org"]


def test_figures_are_brought_to_one_scale() -> None:
    fields = joined(
        mention(
            engagement=Engagement(likes=3, reposts=2, views=100),
            rating=Rating(value=5, best=10, worst=0),
            place=Place(latitude=52.5, longitude=13.4),
        )
    )
    assert fields.interactions == 5
    assert fields.stars == 3.0
    assert fields.geo == [13.4, 52.5]
    assert joined(mention(rating=Rating(value=1, best=1, worst=1))).stars is None


@pytest.mark.parametrize(
    ("published", "index"),
    [
        (datetime(2026, 1, 1, 0, 30, tzinfo=timezone(timedelta(hours=2))), "m-2025.12"),
        (datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14))), "m-2000.01"),
        (datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-5))), "m-2026.03"),
    ],
)
def test_the_month_is_utc_and_never_absurd(published: datetime, index: str) -> None:
    assert index_of(mention(published_at=published), "m") == index


@given(st.datetimes(timezones=st.just(UTC)), st.datetimes(timezones=st.just(UTC)))
def test_every_time_has_an_index_of_this_century(published: datetime, collected: datetime) -> None:
    index = index_of(mention(published_at=published, collected_at=collected), "m")
    assert datetime.strptime(index, "m-%Y.%m").replace(tzinfo=UTC).year in range(2000, 2100)


def test_what_was_edited_or_guessed_or_is_ahead_of_its_time_may_move() -> None:
    assert not may_move(mention())
    assert may_move(mention(edited_at=SAID))
    assert may_move(mention(collector=Collector(source="test", published_estimated=True)))
    assert may_move(mention(collected_at=SAID - timedelta(days=1)))
