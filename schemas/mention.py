"""The two messages everything else is about: a mention as collected, and as enriched.

Values are UTF-8 JSON; the Kafka key is the mention's ``id``; a null value is a tombstone: the
mention is to be deleted everywhere. Every field's meaning and unit stands beside it. Sizes are
bounded, so that no message can cost more than a known amount of work; what exceeds a bound is
refused when it is decoded (``msgspec.ValidationError`` names the field).

Compatible changes add optional fields. Decoders ignore fields they do not know.
"""

from datetime import datetime
from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta, Struct, field

__all__ = [
    "SCHEMA_VERSION",
    "TEXT_LIMIT",
    "Author",
    "Channel",
    "Collector",
    "Duplicate",
    "Engagement",
    "EnrichedMention",
    "Entity",
    "Language",
    "Match",
    "Media",
    "Place",
    "Producer",
    "Rating",
    "RawMention",
    "Sentiment",
    "Span",
    "TargetSentiment",
    "Term",
    "Thread",
    "decode_enriched",
    "decode_raw",
    "encode",
]

SCHEMA_VERSION = "1.0"
"""Major and minor version of these messages."""

TEXT_LIMIT = 100_000
"""Most code points a mention's text may have; agents cut longer texts and say so."""

Channel: TypeAlias = Literal[
    "microblog", "forum", "blog", "news", "review", "video", "social", "mail", "other"
]

Id: TypeAlias = Annotated[str, Meta(min_length=3, max_length=512, pattern=r"^[a-z][a-z0-9_.-]*:\S")]
Url: TypeAlias = Annotated[str, Meta(max_length=2_048)]
Name: TypeAlias = Annotated[str, Meta(max_length=512)]
Count: TypeAlias = Annotated[int, Meta(ge=0, le=1 << 53)]
Unit: TypeAlias = Annotated[float, Meta(ge=0, le=1)]
Polarity: TypeAlias = Annotated[float, Meta(ge=-1, le=1)]
Instant: TypeAlias = Annotated[datetime, Meta(tz=True)]
Label: TypeAlias = Literal["negative", "neutral", "positive"]


class _Part(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A part of a mention; fields at their default are left out of the JSON."""


class Author(_Part, frozen=True, kw_only=True):
    """Who said it, as the platform shows it. Personal data."""

    id: Name | None = None
    """The platform's own identifier; survives a change of handle."""
    handle: Name | None = None
    """The handle without a leading ``@``."""
    name: Name | None = None
    """The displayed name."""
    url: Url | None = None
    """The profile page."""
    kind: Literal["person", "organisation", "bot"] | None = None
    """What the platform says the account is."""
    verified: bool | None = None
    """Whether the platform vouches for the account."""
    followers: Count | None = None
    """Accounts that follow the author when collected."""
    following: Count | None = None
    """Accounts the author follows when collected."""
    posts: Count | None = None
    """Posts by the author when collected."""
    created_at: Instant | None = None
    """When the account was opened."""


class Thread(_Part, frozen=True, kw_only=True):
    """Where a mention stands in a conversation; the ids are mention ids."""

    kind: Literal["post", "reply", "repost", "quote"] = "post"
    root_id: Id | None = None
    """The mention that opened the conversation."""
    parent_id: Id | None = None
    """The mention that is answered, reposted or quoted."""


class Engagement(_Part, frozen=True, kw_only=True):
    """Reactions counted by the platform when collected; None where it does not say."""

    likes: Count | None = None
    dislikes: Count | None = None
    replies: Count | None = None
    reposts: Count | None = None
    quotes: Count | None = None
    views: Count | None = None


class Rating(_Part, frozen=True, kw_only=True):
    """A review's score on the platform's own scale."""

    value: float
    best: float = 5.0
    worst: float = 1.0


class Media(_Part, frozen=True, kw_only=True):
    """A picture, video or sound that the mention shows. It is linked, never fetched."""

    url: Url
    kind: Literal["image", "video", "audio", "other"] = "other"
    alt: Annotated[str, Meta(max_length=2_000)] | None = None
    """The description for people who cannot see it."""


class Place(_Part, frozen=True, kw_only=True):
    """Where the author says to be, or where the platform places the mention."""

    name: Name | None = None
    country: Annotated[str, Meta(pattern="^[A-Z]{2}$")] | None = None
    """ISO 3166-1 alpha-2."""
    latitude: Annotated[float, Meta(ge=-90, le=90)] | None = None
    """Degrees north, WGS 84."""
    longitude: Annotated[float, Meta(ge=-180, le=180)] | None = None
    """Degrees east, WGS 84."""


class Collector(_Part, frozen=True, kw_only=True):
    """How the mention was collected: what an analyst asks when a mention looks odd."""

    source: Name
    """The configured name of the source."""
    agent: Name | None = None
    """The agent process, as ``host:pid``."""
    version: Annotated[str, Meta(max_length=64)] | None = None
    """The version of mention-pipeline that collected it."""
    feed: Url | None = None
    """The feed, file or query it was found through."""
    backfill: bool = False
    """Collected long after it was said; left out of spike baselines."""
    truncated: bool = False
    """The text was longer than ``TEXT_LIMIT`` and was cut."""
    published_estimated: bool = False
    """The source names no time; ``published_at`` is the best known bound."""


class RawMention(Struct, kw_only=True, omit_defaults=True):
    """One version of something said in public, as a source agent found it."""

    id: Id
    """``<source type>:<native id>``; stable over re-collection, edits and restarts."""
    revision: Count
    """Orders versions of one id: milliseconds since 1970 at which this version came to be."""
    channel: Channel
    """The kind of place it was said in."""
    text: Annotated[str, Meta(max_length=TEXT_LIMIT)]
    """What was said, as plain text."""
    published_at: Instant
    """When it was said (UTC, RFC 3339)."""
    collected_at: Instant
    """When an agent first saw this version (UTC, RFC 3339)."""
    collector: Collector
    # By factory, because a plain default would be left out of the JSON.
    schema_version: Annotated[str, Meta(pattern=r"^\d+\.\d+$")] = field(
        default_factory=lambda: SCHEMA_VERSION
    )
    site: Annotated[str, Meta(max_length=253)] | None = None
    """The host name it was said on, without ``www.``."""
    url: Url | None = None
    """Where a person can read it."""
    title: Annotated[str, Meta(max_length=2_000)] | None = None
    edited_at: Instant | None = None
    """When the author last changed it."""
    author: Author | None = None
    thread: Thread | None = None
    engagement: Engagement | None = None
    rating: Rating | None = None
    place: Place | None = None
    language_hint: Annotated[str, Meta(max_length=35)] | None = None
    """The language the platform states (BCP 47), not to be trusted."""
    tags: Annotated[tuple[Name, ...], Meta(max_length=100)] = ()
    """Categories and tags the platform keeps beside the text, without ``#``."""
    media: Annotated[tuple[Media, ...], Meta(max_length=50)] = ()


class Producer(_Part, frozen=True, kw_only=True):
    """What made an enrichment."""

    name: Annotated[str, Meta(max_length=64)]
    version: Annotated[str, Meta(max_length=64)]


class Span(Struct, frozen=True, array_like=True):
    """A stretch of the text, as a JSON array ``[start, end]``."""

    start: Count
    """First code point, from 0."""
    end: Count
    """One past the last code point."""


class Language(_Part, frozen=True, kw_only=True):
    """The language of the text."""

    code: Annotated[str, Meta(pattern="^[a-z]{2,3}$")] = "und"
    """ISO 639-1, or ``und`` when unsure."""
    confidence: Unit = 0.0
    by: Producer | None = None


class Term(_Part, frozen=True, kw_only=True):
    """One reason for a sentiment: a word or phrase and what it added."""

    text: Annotated[str, Meta(max_length=200)]
    weight: float
    """Signed contribution to the score."""
    span: Span | None = None


class Sentiment(_Part, frozen=True, kw_only=True):
    """The tone of the whole text."""

    label: Label
    score: Polarity
    """From -1, most negative, to 1, most positive."""
    confidence: Unit
    by: Producer
    terms: Annotated[tuple[Term, ...], Meta(max_length=20)] = ()
    """What the score rests on, the heaviest first."""


class Entity(_Part, frozen=True, kw_only=True):
    """Something named in the text."""

    kind: Literal[
        "hashtag", "handle", "link", "mail", "person", "organisation", "place", "brand",
        "product", "work", "event", "money", "date", "emoji", "other",
    ]  # fmt: skip
    text: Annotated[str, Meta(max_length=2_048)]
    """As written."""
    span: Span
    name: Name | None = None
    """The canonical form: a folded hashtag, a link's host, the gazetteer's name."""
    id: Name | None = None
    """The identifier it is linked to."""
    by: Producer


class Match(_Part, frozen=True, kw_only=True):
    """One watchlist topic that the text speaks of, and why."""

    topic: Name
    kind: Literal["brand", "product", "theme", "competitor", "person", "campaign", "confidential"]
    clause: Annotated[str, Meta(max_length=1_024)]
    """The part of the topic's query that matched."""
    spans: Annotated[tuple[Span, ...], Meta(max_length=100)]
    """Where, in the field named by ``where``."""
    where: Literal["text", "title"] = "text"
    by: Producer
    """The matcher and the version of the watchlist."""


class TargetSentiment(_Part, frozen=True, kw_only=True):
    """The tone towards one matched topic, from the clause it stands in."""

    topic: Name
    label: Label
    score: Polarity
    confidence: Unit
    span: Span
    """The clause, in the field named by ``where``."""
    where: Literal["text", "title"] = "text"
    by: Producer


class Duplicate(_Part, frozen=True, kw_only=True):
    """A near copy of an earlier mention."""

    of: Id
    """The mention that leads the story."""
    similarity: Unit
    by: Producer


class EnrichedMention(RawMention, kw_only=True, omit_defaults=True):
    """A raw mention and what the pipeline found out about it.

    It is a raw mention with more fields, so the bytes of a raw mention decode as a bare one.
    """

    processed_at: Instant | None = None
    """When the pipeline enriched it (UTC, RFC 3339)."""
    language: Language = field(default_factory=Language)
    sentiment: Sentiment | None = None
    """None where no backend covers the language."""
    targets: Annotated[tuple[TargetSentiment, ...], Meta(max_length=100)] = ()
    """At most one a matched topic, in the order of ``matches``."""
    entities: Annotated[tuple[Entity, ...], Meta(max_length=500)] = ()
    matches: Annotated[tuple[Match, ...], Meta(max_length=200)] = ()
    duplicate: Duplicate | None = None
    """Set on every copy, never on the mention that leads the story."""


_raw = msgspec.json.Decoder(RawMention)
_enriched = msgspec.json.Decoder(EnrichedMention)
_encoder = msgspec.json.Encoder()


def decode_raw(value: bytes) -> RawMention:
    """Read the value of a message on ``mentions.raw``.

    Raises:
        msgspec.DecodeError: it is not JSON.
        msgspec.ValidationError: a field is missing, of the wrong type or out of bounds.
    """
    return _raw.decode(value)


def decode_enriched(value: bytes) -> EnrichedMention:
    """Read the value of a message on ``mentions.enriched`` (or a raw one, as yet without findings).

    Raises:
        msgspec.DecodeError: it is not JSON.
        msgspec.ValidationError: a field is missing, of the wrong type or out of bounds.
    """
    return _enriched.decode(value)


def encode(mention: RawMention) -> bytes:
    """Write a mention, raw or enriched, as the value of its message."""
    return _encoder.encode(mention)
