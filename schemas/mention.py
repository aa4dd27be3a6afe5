"""The two messages everything else is about: a mention as collected, and as enriched.

Values are UTF-8 JSON; the Kafka key is the mention's ``id``; a null value is a tombstone: the
mention is to be deleted everywhere. A field's meaning is the docstring below it, its unit and an
example are in its ``About`` or its type's; ``mentions schema export`` publishes them all. Sizes are
bounded, so that no message can cost more than a known amount of work; what exceeds a bound is
refused when it is decoded (``msgspec.ValidationError`` names the field).

Compatible changes add optional fields. Decoders ignore fields they do not know.
"""

from datetime import datetime
from typing import Annotated, Any, Literal, TypeAlias

import msgspec
from msgspec import Meta, Struct, field

from schemas.about import About

__all__ = [
    "FINDINGS",
    "SCHEMA_VERSION",
    "TEXT_LIMIT",
    "Amended",
    "Author",
    "Channel",
    "Collector",
    "Count",
    "Duplicate",
    "Engagement",
    "EnrichedMention",
    "Entity",
    "EntityKind",
    "Id",
    "Instant",
    "Intent",
    "IntentKind",
    "Kind",
    "Label",
    "Language",
    "Match",
    "Media",
    "Name",
    "Noise",
    "Part",
    "Place",
    "Producer",
    "Rating",
    "RawMention",
    "Reason",
    "Relevance",
    "Sentiment",
    "Span",
    "TargetSentiment",
    "Term",
    "Thread",
    "decode_enriched",
    "decode_raw",
    "encode",
    "encode_over",
]

SCHEMA_VERSION = "1.1"
"""Major and minor version of these messages; above the last one in ``released`` once they differ
from it."""

TEXT_LIMIT = 100_000
"""Most code points a mention's text may have; agents cut longer texts and say so."""

Channel: TypeAlias = Literal[
    "microblog", "forum", "blog", "news", "review", "video", "social", "mail", "other"
]

Id: TypeAlias = Annotated[
    str,
    Meta(min_length=3, max_length=512, pattern=r"^[a-z][a-z0-9_.-]*:\S"),
    About("feeds:8f14e45fceea167a", personal=True),
]
Url: TypeAlias = Annotated[str, Meta(max_length=2_048), About("https://forum.example.org/t/17")]
Name: TypeAlias = Annotated[str, Meta(max_length=512)]
Count: TypeAlias = Annotated[int, Meta(ge=0, le=1 << 53), About(12, unit="count")]
Unit: TypeAlias = Annotated[float, Meta(ge=0, le=1), About(0.9, unit="share, 0 to 1")]
Polarity: TypeAlias = Annotated[float, Meta(ge=-1, le=1), About(-0.6, unit="-1 to 1")]
Instant: TypeAlias = Annotated[
    datetime, Meta(tz=True), About("2026-01-02T03:04:05Z", unit="UTC, RFC 3339")
]
Offset: TypeAlias = Annotated[int, Meta(ge=0, le=1 << 53), About(4, unit="code points")]
Version: TypeAlias = Annotated[str, Meta(max_length=64), About("1.4")]
TopicName: TypeAlias = Annotated[Name, About("Acme")]
Field: TypeAlias = Literal["text", "title"]
Label: TypeAlias = Literal["negative", "neutral", "positive"]
EntityKind: TypeAlias = Literal[
    "person", "organisation", "place", "brand", "product", "work", "event", "other"
]
"""The kinds of what has a name."""
IntentKind: TypeAlias = Literal["question", "complaint", "praise", "purchase", "help"]
"""What an author may want; ``purchase``: means to buy, ``help``: help is wanted."""
Kind: TypeAlias = Literal[
    "brand", "product", "theme", "competitor", "person", "campaign", "confidential"
]
"""What a watchlist topic is."""
Part: TypeAlias = Literal["sentiment", "target", "topic", "entity"]
"""What analysts amend: the tone of the text, the tone towards a topic, a topic, an entity."""


class _Part(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A part of a mention; fields at their default are left out of the JSON."""


class Author(_Part, frozen=True, kw_only=True):
    """Who said it, as the platform shows it. Personal data."""

    id: Annotated[Name | None, About("109348")] = None
    """The platform's own identifier; survives a change of handle."""
    handle: Annotated[Name | None, About("erika.m")] = None
    """The handle without a leading ``@``."""
    name: Annotated[Name | None, About("Erika Mustermann")] = None
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
    """What it is to the others."""
    root_id: Id | None = None
    """The mention that opened the conversation."""
    parent_id: Id | None = None
    """The mention that is answered, reposted or quoted."""


class Engagement(_Part, frozen=True, kw_only=True):
    """Reactions counted by the platform when collected; None where it does not say."""

    likes: Count | None = None
    """Likes, hearts, favourites, upvotes."""
    dislikes: Count | None = None
    """Dislikes and downvotes."""
    replies: Count | None = None
    """Answers and comments."""
    reposts: Count | None = None
    """Passed on unchanged."""
    quotes: Count | None = None
    """Passed on with a comment."""
    views: Count | None = None
    """How often it was seen."""


class Rating(_Part, frozen=True, kw_only=True):
    """A review's score on the platform's own scale."""

    value: Annotated[float, About(4.0, unit="points of the scale")]
    """The points that were given."""
    best: Annotated[float, About(5.0, unit="points of the scale")] = 5.0
    """The best there is."""
    worst: Annotated[float, About(1.0, unit="points of the scale")] = 1.0
    """The worst there is."""

    @property
    def stars(self) -> float | None:
        """The score brought to 1 … 5; None where the scale makes no sense."""
        scale = self.best - self.worst
        return 1 + 4 * (self.value - self.worst) / scale if scale > 0 else None


class Media(_Part, frozen=True, kw_only=True):
    """A picture, video or sound that the mention shows. It is linked, never fetched."""

    url: Url
    """Where it is."""
    kind: Literal["image", "video", "audio", "other"] = "other"
    """What it is."""
    alt: Annotated[str, Meta(max_length=2_000), About("A broken fan")] | None = None
    """The description for people who cannot see it."""


class Place(_Part, frozen=True, kw_only=True):
    """Where the author says to be, or where the platform places the mention."""

    name: Annotated[Name | None, About("Leipzig")] = None
    """The place as it is written there."""
    country: Annotated[str, Meta(pattern="^[A-Z]{2}$"), About("DE")] | None = None
    """ISO 3166-1 alpha-2."""
    latitude: Annotated[float, Meta(ge=-90, le=90), About(51.34, unit="degrees")] | None = None
    """Degrees north, WGS 84."""
    longitude: Annotated[float, Meta(ge=-180, le=180), About(12.37, unit="degrees")] | None = None
    """Degrees east, WGS 84."""


class Collector(_Part, frozen=True, kw_only=True):
    """How the mention was collected: what an analyst asks when a mention looks odd."""

    source: Annotated[Name, About("forums")]
    """The configured name of the source."""
    agent: Annotated[Name | None, About("agent-1:4711")] = None
    """The agent process, as ``host:pid``."""
    version: Version | None = None
    """The version of mention-pipeline that collected it."""
    feed: Url | None = None
    """The feed, file or query it was found through."""
    backfill: bool = False
    """Collected long after it was said; left out of spike baselines."""
    truncated: bool = False
    """The text was longer than ``TEXT_LIMIT`` and was cut."""
    published_estimated: bool = False
    """The source names no time; ``published_at`` is the best known bound."""


class RawMention(Struct, kw_only=True, omit_defaults=True, gc=False):
    """One version of something said in public, as a source agent found it."""

    id: Id
    """``<source type>:<native id>``; stable over re-collection, edits and restarts."""
    revision: Annotated[Count, About(1767323045000, unit="milliseconds since 1970")]
    """Orders versions of one id: milliseconds since 1970 at which this version came to be."""
    channel: Channel
    """The kind of place it was said in."""
    text: Annotated[str, Meta(max_length=TEXT_LIMIT), About("The fan is loud.", personal=True)]
    """What was said, as plain text."""
    published_at: Instant
    """When it was said (UTC, RFC 3339)."""
    collected_at: Instant
    """When an agent first saw this version (UTC, RFC 3339)."""
    collector: Collector
    """How it was collected."""
    # By factory, because a plain default would be left out of the JSON.
    schema_version: Annotated[str, Meta(pattern=r"^\d+\.\d+$"), About("1.0")] = field(
        default_factory=lambda: SCHEMA_VERSION
    )
    """Major and minor version of the newest schema that wrote a part of it."""
    site: Annotated[str, Meta(max_length=253), About("forum.example.org")] | None = None
    """The host name it was said on, without ``www.``."""
    url: Annotated[Url | None, About(personal=True)] = None
    """Where a person can read it."""
    title: Annotated[str, Meta(max_length=2_000), About("Fans", personal=True)] | None = None
    """Its headline, where it has one of its own."""
    edited_at: Instant | None = None
    """When the author last changed it."""
    author: Annotated[Author | None, About(personal=True)] = None
    """Who said it."""
    thread: Thread | None = None
    """Where it stands in a conversation."""
    engagement: Engagement | None = None
    """How others reacted."""
    rating: Rating | None = None
    """The stars its author gave."""
    place: Annotated[Place | None, About(personal=True)] = None
    """Where it was said."""
    language_hint: Annotated[str, Meta(max_length=35), About("de-AT")] | None = None
    """The language the platform states (BCP 47), not to be trusted."""
    tags: Annotated[tuple[Annotated[Name, About("fans")], ...], Meta(max_length=100)] = ()
    """Categories and tags the platform keeps beside the text, without ``#``."""
    media: Annotated[tuple[Media, ...], Meta(max_length=50), About(personal=True)] = ()
    """Pictures, videos and sounds it shows."""


class Producer(_Part, frozen=True, kw_only=True):
    """What made an enrichment."""

    name: Annotated[str, Meta(max_length=64), About("lexicon-de")]
    """The model, the rules or the list."""
    version: Version
    """Its version: the same version finds the same in the same text."""


class Span(Struct, frozen=True, array_like=True, gc=False):
    """A stretch of the text, as a JSON array ``[start, end]``."""

    start: Offset
    """First code point, from 0."""
    end: Annotated[Offset, About(7)]
    """One past the last code point."""


class Language(_Part, frozen=True, kw_only=True):
    """The language of the text."""

    code: Annotated[str, Meta(pattern="^[a-z]{2,3}$"), About("en")] = "und"
    """ISO 639-1, or ``und`` when unsure."""
    confidence: Unit = 0.0
    """How sure it is."""
    by: Producer | None = None
    """What found it out."""


class Term(_Part, frozen=True, kw_only=True):
    """One reason for a sentiment: a word or phrase and what it added."""

    text: Annotated[str, Meta(max_length=200), About("fan")]
    """The word or phrase."""
    weight: Annotated[float, About(-0.5, unit="score")]
    """Signed contribution to the score."""
    span: Span | None = None
    """Where it stands in the text."""


class Sentiment(_Part, frozen=True, kw_only=True):
    """The tone of the whole text."""

    label: Label
    """The tone in a word."""
    score: Polarity
    """From -1, most negative, to 1, most positive."""
    confidence: Unit
    """How sure it is."""
    by: Producer
    """What judged it."""
    terms: Annotated[tuple[Term, ...], Meta(max_length=20)] = ()
    """What the score rests on, the heaviest first."""


class Entity(_Part, frozen=True, kw_only=True):
    """Something named in the text."""

    kind: Annotated[
        Literal[
            "hashtag", "handle", "link", "mail", "person", "organisation", "place", "brand",
            "product", "work", "event", "money", "date", "emoji", "other",
        ],
        About("product"),
    ]  # fmt: skip
    """What it is."""
    text: Annotated[str, Meta(max_length=2_048), About("fan")]
    """As written."""
    span: Span
    """Where it stands in the text."""
    name: Annotated[Name | None, About("Fan 3000")] = None
    """The canonical form: a folded hashtag, a link's host, the gazetteer's name."""
    id: Annotated[Name | None, About("Q42")] = None
    """The identifier it is linked to."""
    by: Producer
    """What found it."""


class Relevance(_Part, frozen=True, kw_only=True):
    """How likely a mention is about the topic it matches."""

    score: Unit
    """1 and 0 are an analyst's word where ``marked_by`` is set."""
    by: Producer
    """What says so: the analyst's mark, or the model that learnt from marks."""
    marked_by: Annotated[Name | None, About("ada", personal=True)] = None
    """The analyst who marked it."""
    marked_at: Instant | None = None
    """When."""


class Match(_Part, frozen=True, kw_only=True):
    """One watchlist topic that the text speaks of, and why."""

    topic: TopicName
    """The topic's name in the watchlist."""
    kind: Kind
    """What the topic is."""
    clause: Annotated[str, Meta(max_length=1_024), About("fan")]
    """The part of the topic's query that matched."""
    spans: Annotated[tuple[Span, ...], Meta(max_length=100)]
    """Where, in the field named by ``where``."""
    where: Field = "text"
    """The field it was found in."""
    by: Producer
    """The matcher and the version of the watchlist."""
    relevance: Relevance | None = None
    """None where too few mentions of the topic were marked to say."""


class TargetSentiment(_Part, frozen=True, kw_only=True):
    """The tone towards one matched topic, from the clause it stands in."""

    topic: TopicName
    """The matched topic, as in ``matches``."""
    label: Label
    """The tone in a word."""
    score: Polarity
    """From -1, most negative, to 1, most positive."""
    confidence: Unit
    """How sure it is."""
    span: Span
    """The clause, in the field named by ``where``."""
    where: Field = "text"
    """The field it was found in."""
    by: Producer
    """What judged it."""


class Intent(_Part, frozen=True, kw_only=True):
    """Something the author wants, and the words that say so."""

    kind: IntentKind
    """To ask, to complain, to praise, to buy (``purchase``), to be helped (``help``)."""
    words: Annotated[
        tuple[Annotated[str, Meta(max_length=200), About("broken")], ...], Meta(max_length=10)
    ]
    """The words that say so, as written."""
    spans: Annotated[tuple[Span, ...], Meta(max_length=10)]
    """Where they stand in the text; none where only the title says so."""
    by: Producer
    """The rules."""


class Reason(_Part, frozen=True, kw_only=True):
    """One thing that makes a mention look like noise, or not."""

    name: Annotated[str, Meta(max_length=64), About("many hashtags")]
    """The reason in a few words."""
    weight: Annotated[float, Meta(ge=-1, le=1), About(0.2, unit="score")]
    """Signed contribution to the score."""


class Noise(_Part, frozen=True, kw_only=True):
    """How much a mention looks like a bot's or like spam."""

    score: Annotated[Unit, About(0.2)]
    """From 0, not at all, to 1."""
    reasons: Annotated[tuple[Reason, ...], Meta(max_length=20)]
    """What the score is the sum of."""
    by: Producer
    """The rules."""


class Duplicate(_Part, frozen=True, kw_only=True):
    """A near copy of an earlier mention."""

    of: Id
    """The mention that leads the story."""
    similarity: Unit
    """How much of the text is the same."""
    repeats: Annotated[Count, About(2)] = 0
    """Earlier copies by the same author; reposts do not count."""
    authors: Count = 0
    """Other authors of copies within an hour before, reposts left out; 100 are counted at most."""
    by: Producer
    """What compared them."""


class Amended(_Part, frozen=True, kw_only=True):
    """One finding that an analyst changed."""

    part: Annotated[Part, About("target")]
    """What was changed."""
    name: Annotated[Name | None, About("Acme", personal=True)] = None
    """The topic, or the entity as written; None for the tone of the text."""
    value: Annotated[str, Meta(max_length=64), About("positive")] | None = None
    """What it is now: a tone, or the kind of the topic or entity; None: there is none."""
    before: Annotated[str, Meta(max_length=64), About("negative")] | None = None
    """What the pipeline found by itself; None: nothing."""
    by: Annotated[Name, About("ada", personal=True)]
    """Who changed it."""
    at: Instant
    """When."""
    note: Annotated[str, Meta(max_length=1_000), About("irony")] | None = None
    """Why."""


class EnrichedMention(RawMention, kw_only=True, omit_defaults=True):
    """A raw mention and what the pipeline found out about it.

    It is a raw mention with more fields, so the bytes of a raw mention decode as a bare one.
    """

    processed_at: Instant | None = None
    """When the pipeline enriched it (UTC, RFC 3339)."""
    read: Annotated[tuple[Span, ...], Meta(max_length=100)] = ()
    """Of a very long text, the stretches that language, tone and names were judged by."""
    language: Language = field(default_factory=Language)
    """The language of the text."""
    sentiment: Sentiment | None = None
    """The tone of the text. None where no backend covers the language."""
    targets: Annotated[tuple[TargetSentiment, ...], Meta(max_length=100)] = ()
    """At most one a matched topic, in the order of ``matches``."""
    entities: Annotated[tuple[Entity, ...], Meta(max_length=500), About(personal=True)] = ()
    """What the text names."""
    matches: Annotated[tuple[Match, ...], Meta(max_length=200)] = ()
    """The watchlist topics it speaks of, and why."""
    intents: Annotated[tuple[Intent, ...], Meta(max_length=5), About(personal=True)] = ()
    """What the author wants, each kind once; none where no rules cover the language."""
    noise: Annotated[Noise | None, About(personal=True)] = None
    """How much it looks like a bot's or like spam. None where nothing looks like it."""
    origin: Annotated[Literal["own", "staff"] | None, About("own", personal=True)] = None
    """``own``: one of our accounts or sites, ``staff``: one of our people, as configured."""
    duplicate: Duplicate | None = None
    """Set on every copy, never on the mention that leads the story."""
    amendments: Annotated[tuple[Amended, ...], Meta(max_length=100)] = ()
    """What analysts changed of all this; it stands in the fields above as they say."""


FINDINGS = tuple(
    name for name in EnrichedMention.__struct_fields__ if name not in RawMention.__struct_fields__
)
"""The fields that an enriched mention has beside those of a raw one."""

_raw = msgspec.json.Decoder(RawMention)
_enriched = msgspec.json.Decoder(EnrichedMention)
_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
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


def encode_over(value: bytes, mention: EnrichedMention) -> bytes:
    """Write a mention's findings over the bytes it was decoded from.

    What is not a finding stays as it was, byte for byte, and so do fields that this version does
    not know, at any depth: a newer version's message loses nothing on its way through an older
    stage. An older one's states this version from here on. Of a member that is there twice the
    last counts, as in decoding.

    Args:
        value: the bytes that ``decode_enriched`` read.
        mention: what it returned, with findings filled in.

    Raises:
        msgspec.DecodeError: a field that this version does not know is malformed.
    """
    members: dict[str, Any] = _members.decode(value)
    for name in FINDINGS:
        members.pop(name, None)
        if (found := getattr(mention, name)) is not None and found != ():
            members[name] = found
    stated = mention.schema_version
    if stated != SCHEMA_VERSION and _number(stated) < _number(SCHEMA_VERSION):
        members["schema_version"] = SCHEMA_VERSION  # the findings are of this version
    return _encoder.encode(members)


def _number(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))
