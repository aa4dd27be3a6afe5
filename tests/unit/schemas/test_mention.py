import string
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import EnrichedMention, RawMention, decode_enriched, decode_raw, encode
from schemas.mention import (
    SCHEMA_VERSION,
    TEXT_LIMIT,
    Author,
    Collector,
    Engagement,
    Entity,
    Language,
    Match,
    Media,
    Place,
    Producer,
    Rating,
    Sentiment,
    Span,
    Thread,
    encode_over,
)

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=80)
counts = st.integers(0, 1 << 53)
instants = st.datetimes(
    datetime(1970, 1, 2),
    datetime(2200, 1, 1),
    timezones=st.just(UTC),
)
ids = st.builds(
    "{}:{}".format,
    st.text(string.ascii_lowercase, min_size=1, max_size=10),
    st.text(string.ascii_letters + string.digits, min_size=1, max_size=50),
)


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


raw = st.builds(
    RawMention,
    id=ids,
    revision=counts,
    channel=st.sampled_from(["microblog", "forum", "news", "review", "video", "social"]),
    text=words,
    published_at=instants,
    collected_at=instants,
    edited_at=maybe(instants),
    collector=st.builds(Collector, source=words, backfill=st.booleans()),
    title=maybe(words),
    author=maybe(st.builds(Author, name=maybe(words), followers=maybe(counts))),
    thread=maybe(st.builds(Thread, kind=st.just("reply"), parent_id=maybe(ids))),
    engagement=maybe(st.builds(Engagement, likes=maybe(counts))),
    rating=maybe(st.builds(Rating, value=st.floats(0, 5))),
    place=maybe(st.builds(Place, country=st.just("DE"), latitude=st.floats(-90, 90))),
    tags=st.lists(words, max_size=5).map(tuple),
    media=st.lists(st.builds(Media, url=words), max_size=3).map(tuple),
)


@given(raw)
def test_a_raw_mention_survives_the_round_trip(mention: RawMention) -> None:
    assert decode_raw(encode(mention)) == mention


@given(raw)
def test_the_bytes_of_a_raw_mention_are_those_of_a_bare_enriched_one(mention: RawMention) -> None:
    enriched = decode_enriched(encode(mention))
    assert enriched.language == Language()
    for name in RawMention.__struct_fields__:
        assert getattr(enriched, name) == getattr(mention, name)


def example(**changes: Any) -> dict[str, Any]:
    now = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC).isoformat()
    return {
        "id": "push:1",
        "revision": 1,
        "channel": "forum",
        "text": "Grüße 👋",
        "published_at": now,
        "collected_at": now,
        "collector": {"source": "test"},
        **changes,
    }


def test_an_enriched_mention_survives_the_round_trip() -> None:
    by = Producer(name="test", version="1")
    mention = msgspec.convert(example(), EnrichedMention)
    mention.language = Language(code="de", confidence=0.9, by=by)
    mention.sentiment = Sentiment(label="positive", score=0.5, confidence=0.7, by=by)
    mention.entities = (Entity(kind="emoji", text="👋", span=Span(6, 7), by=by),)
    mention.matches = (Match(topic="t", kind="brand", clause="c", spans=(Span(0, 5),), by=by),)
    assert decode_enriched(encode(mention)) == mention


def test_spans_are_pairs_and_the_version_is_always_written() -> None:
    written = msgspec.json.decode(encode(msgspec.convert(example(), RawMention)))
    assert written["schema_version"] == SCHEMA_VERSION
    assert msgspec.json.encode(Span(1, 2)) == b"[1,2]"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"id": "no-source-type"}, "$.id"),
        ({"id": "x:"}, "$.id"),
        ({"id": "push:" + "x" * 600}, "$.id"),
        ({"revision": -1}, "$.revision"),
        ({"channel": "carrier pigeon"}, "$.channel"),
        ({"text": None}, "$.text"),
        ({"text": "x" * (TEXT_LIMIT + 1)}, "$.text"),
        ({"published_at": "yesterday"}, "$.published_at"),
        ({"published_at": "2026-01-01T00:00:00"}, "$.published_at"),
        ({"author": {"followers": -5}}, "$.author.followers"),
        ({"place": {"country": "Germany"}}, "$.place.country"),
        ({"place": {"latitude": 91}}, "$.place.latitude"),
        ({"tags": ["x"] * 101}, "$.tags"),
        ({"collector": {}}, "$.collector"),
    ],
)
def test_what_is_out_of_bounds_is_refused_by_name(changes: dict[str, Any], field: str) -> None:
    value = msgspec.json.encode(example(**changes))
    with pytest.raises(msgspec.ValidationError) as refused:
        decode_raw(value)
    assert field in str(refused.value)


@given(st.binary(max_size=200))
def test_any_bytes_decode_or_are_refused(value: bytes) -> None:
    try:
        decode_enriched(value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return
    # Whatever was accepted must be a whole mention.
    assert msgspec.json.decode(value)["id"]


@pytest.mark.parametrize("value", [b"[" * 100_000, b'{"a":' * 100_000, b'"\xff"', b"nul", b""])
def test_malformed_input_is_refused_and_cannot_crash(value: bytes) -> None:
    with pytest.raises((msgspec.MsgspecError, UnicodeDecodeError, RecursionError)):
        decode_enriched(value)


def test_unknown_fields_of_a_newer_minor_version_are_no_error() -> None:
    mention = decode_raw(msgspec.json.encode(example(schema_version="1.7", mood="sunny")))
    assert mention.schema_version == "1.7"


def test_times_keep_their_offset() -> None:
    mention = decode_raw(msgspec.json.encode(example(published_at="2026-01-01T01:00:00+02:00")))
    assert mention.published_at - datetime(2025, 12, 31, 23, tzinfo=UTC) == timedelta()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=8,
)
KNOWN = frozenset(EnrichedMention.__struct_fields__)


def unknown_to(part: type[msgspec.Struct]) -> st.SearchStrategy[dict[str, Any]]:
    """Fields that a later version may add to a part."""
    names = words.filter(lambda name: name not in part.__struct_fields__)
    return st.dictionaries(names, json_values, max_size=4)


@given(raw, unknown_to(EnrichedMention), unknown_to(Author), unknown_to(Media))
def test_fields_of_a_newer_version_pass_through_unharmed_at_any_depth(
    mention: RawMention, top: dict[str, Any], in_author: dict[str, Any], in_media: dict[str, Any]
) -> None:
    newer = msgspec.json.decode(encode(mention)) | top | {"schema_version": "1.99"}
    if "author" in newer:
        newer["author"] |= in_author
    for media in newer.get("media", ()):
        media.update(in_media)
    value = msgspec.json.encode(newer)
    decoded = decode_enriched(value)
    decoded.language = Language(code="de", by=Producer(name="test", version="1"))
    passed = msgspec.json.decode(encode_over(value, decoded))
    assert passed.pop("language") == {"code": "de", "by": {"name": "test", "version": "1"}}
    assert passed == newer


def test_enriching_again_replaces_findings_and_leaves_every_member_once() -> None:
    by = {"name": "old", "version": "1"}
    old = {
        "sentiment": {"label": "negative", "score": -1, "confidence": 1, "by": by},
        "matches": [{"topic": "t", "kind": "brand", "clause": "c", "spans": [], "by": by}],
        "duplicate": None,
    }
    value = msgspec.json.encode(example(**old))
    # The last of two members counts, however its name is written.
    value = value[:-1] + rb', "\u006canguage": {"code": "fr"}, "text": "new", "mood": 1e400 } '
    mention = decode_enriched(value)
    assert mention.language.code == "fr"
    mention.sentiment, mention.matches = None, ()
    mention.language = Language(code="de")
    written = encode_over(value, mention)
    assert decode_enriched(written) == mention
    for name in KNOWN:
        assert written.count(f'"{name}":'.encode()) <= 1
    assert b'"sentiment"' not in written
    assert b'"matches"' not in written
    assert b'"mood":1e400' in written  # byte for byte, whatever a reader can make of it
    assert written.count(b'"text":"new"') == 1


def test_an_older_minor_version_states_the_one_that_wrote_its_findings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("schemas.mention.SCHEMA_VERSION", "1.10")
    for stated, written in {"1.9": "1.10", "1.10": "1.10", "1.11": "1.11"}.items():
        value = msgspec.json.encode(example(schema_version=stated))
        passed = msgspec.json.decode(encode_over(value, decode_enriched(value)))
        assert passed["schema_version"] == written


@pytest.mark.parametrize("half", [rb"\ud83d", rb"\udc4b"])
@pytest.mark.parametrize("member", [b'"text":"%b"', b'"mood":{"x":"%b"}'])
def test_half_a_character_is_refused_and_not_passed_on(member: bytes, half: bytes) -> None:
    value = msgspec.json.encode(example())[:-1] + b"," + member % half + b"}"
    with pytest.raises(msgspec.DecodeError):
        encode_over(value, decode_enriched(value))
