"""A mention as a document of the search engine: where it goes, under which version, and its bytes.

The document is the message itself plus fields that are joined beforehand. Arrays of objects are
indexed flat (no ``nested``), so that an analyst writes ``matches.topic: X`` and every chart is a
plain terms aggregation. What flat arrays cannot say (which tone belongs to which topic, which topic
is a brand) stands in the joined fields, ready to be counted; and so do the words that an analyzer
which every cluster has would not find (see ``compounds``).
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from msgspec import Struct

from pipeline.search.compounds import parts
from schemas.mention import EnrichedMention, Entity, encode

__all__ = ["Document", "Joined", "Latency", "document", "index_of", "joined", "may_move", "message"]

_EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
_LATEST: Final = datetime(2099, 12, 1, tzinfo=UTC)
"""What is older or newer shares an index: a wrong date must not make one of its own."""

_ENTITY_FIELDS: Final = {
    "hashtag": "hashtags",
    "handle": "handles",
    "emoji": "emoji",
    "link": "links",
    "person": "people",
    "organisation": "organisations",
    "place": "places",
    "brand": "brands",
    "product": "products",
}


_VOICES: Final = ("brand", "competitor")
_ANALYSED: Final = frozenset({"fr", "it", "es", "pt", "nl", "cs", "da", "sv", "tr"})
"""Languages that are indexed apart. A sub-field for each would index every text nine times more."""


class Document(Struct, frozen=True):
    """What to write, and where."""

    index: str
    id: str
    version: int
    body: bytes


class Latency(Struct, kw_only=True, omit_defaults=True):
    """How long it took, in seconds; a chart can't subtract two fields cheaply."""

    collected: float
    """From being said to being collected."""
    processed: float | None = None
    """From being collected to being enriched."""


class Joined(Struct, kw_only=True, omit_defaults=True):
    """Fields that a document has beside the message's own."""

    topics: list[str] = []
    """Each matched watchlist topic, once."""
    topic_of: dict[str, list[str]] = {}
    """The same by kind: ``topic_of.brand``, ``topic_of.competitor`` …"""
    topic_sentiment: list[str] = []
    """``Topic|negative``: the tone towards the topic where known, else of the whole text."""
    voices: list[str] = []
    """The brands and competitors among them: what share of voice is counted over."""
    latency: Latency | None = None
    hashtags: list[str] = []
    handles: list[str] = []
    emoji: list[str] = []
    links: list[str] = []
    """The hosts linked to."""
    people: list[str] = []
    organisations: list[str] = []
    places: list[str] = []
    brands: list[str] = []
    products: list[str] = []
    interactions: int = 0
    """Likes, replies, reposts and quotes together."""
    stars: float | None = None
    """A rating on any scale, brought to 1 … 5."""
    geo: list[float] | None = None
    """Longitude and latitude, degrees WGS 84."""
    compounds: list[str] = []
    """What the compounds in a German title and text are made of."""
    words: dict[str, str] = {}
    """Title and text under their language, where that has an analyzer of its own in
    ``templates/languages.json``; German and English are sub-fields of ``text`` and ``title``."""


_JOINED: Final = frozenset(Joined.__struct_fields__)
_encoder = msgspec.json.Encoder()
_members = msgspec.json.Decoder(dict[str, msgspec.Raw])


def document(mention: EnrichedMention, prefix: str, value: bytes | None = None) -> Document:
    """The document of a mention.

    Args:
        mention: the version to write.
        prefix: the alias; the index is ``<prefix>-YYYY.MM``.
        value: the message as it came, for one of another schema version: what it has that is not
            known here is kept in the document, and can be searched once the mapping knows it.

    Raises:
        UnicodeEncodeError: a text holds a lone surrogate.
    """
    extra = _encoder.encode(joined(mention))
    if value is not None:
        # A later field may have the name of a joined one: Elasticsearch takes each name once.
        body = _encoder.encode(_members.decode(value) | _members.decode(extra))
    else:
        body = encode(mention)
        if extra != b"{}":
            body = body[:-1] + b"," + extra[1:]
    return Document(index_of(mention, prefix), mention.id, mention.revision, body)


def message(source: Mapping[str, Any]) -> bytes:
    """The message that a document was made of: all but what was joined beforehand.

    Where a later version has a field by the name of a joined one, the document does not have it.
    """
    return _encoder.encode({name: value for name, value in source.items() if name not in _JOINED})


def index_of(mention: EnrichedMention, prefix: str) -> str:
    """The monthly index, by the time it was said, but never later than it was collected."""
    said = min(mention.published_at, mention.collected_at, _LATEST)
    said = max(said, _EARLIEST).astimezone(UTC)
    return f"{prefix}-{said.year}.{said.month:02}"


def may_move(mention: EnrichedMention) -> bool:
    """Whether another version of this mention may stand in another month's index."""
    return (
        mention.edited_at is not None
        or mention.collector.published_estimated
        or mention.published_at > mention.collected_at
    )


def joined(mention: EnrichedMention) -> Joined:
    """What is joined beforehand."""
    fields = Joined()
    if mention.matches:
        _join_topics(mention, fields)
    for entity in mention.entities:
        name = _ENTITY_FIELDS.get(entity.kind)
        if name is not None:
            _add(fields, name, _canonical(entity))
    fields.latency = _latency(mention)
    counted = mention.engagement
    if counted is not None:
        fields.interactions = sum(
            count or 0
            for count in (counted.likes, counted.replies, counted.reposts, counted.quotes)
        )
    if mention.rating is not None:
        fields.stars = mention.rating.stars
    place = mention.place
    if place is not None and place.longitude is not None and place.latitude is not None:
        fields.geo = [place.longitude, place.latitude]
    _join_words(mention, fields)
    return fields


def _join_words(mention: EnrichedMention, fields: Joined) -> None:
    language = mention.language.code if mention.language else None
    if language == "de" or language in _ANALYSED:
        said = f"{mention.title}\n{mention.text}" if mention.title else mention.text
        if language == "de":
            fields.compounds = parts(said)
        else:
            fields.words = {language: said}


def _join_topics(mention: EnrichedMention, fields: Joined) -> None:
    whole = mention.sentiment.label if mention.sentiment else None
    labels = {target.topic: target.label for target in mention.targets}
    kinds = {match.topic: match.kind for match in mention.matches}
    fields.topics = list(kinds)
    fields.topic_of = {}
    fields.topic_sentiment = []
    for topic, kind in kinds.items():
        fields.topic_of.setdefault(kind, []).append(topic)
        if kind in _VOICES:
            _add(fields, "voices", topic)
        label = labels.get(topic, whole)
        if label is not None:
            fields.topic_sentiment.append(f"{topic}|{label}")


def _latency(mention: EnrichedMention) -> Latency:
    collected = mention.collected_at - mention.published_at
    if mention.processed_at is None:
        return Latency(collected=collected.total_seconds())
    processed = mention.processed_at - mention.collected_at
    return Latency(collected=collected.total_seconds(), processed=processed.total_seconds())


def _add(fields: Joined, name: str, value: str) -> None:
    known: list[str] = getattr(fields, name)
    if not known:
        setattr(fields, name, [value])
    elif value not in known:
        known.append(value)


def _canonical(entity: Entity) -> str:
    return entity.name or entity.text.lstrip("#@")
