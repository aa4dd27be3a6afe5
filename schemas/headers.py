"""The Kafka headers of mentions and alerts: CloudEvents (Kafka binding 1.0.2, binary mode).

A tombstone has no value to say which version it ends, so the headers of every mention carry its
revision: ``ce_revision`` (an extension attribute), in the unit of ``RawMention.revision``.

Every other header, such as ``traceparent`` and ``tracestate`` (W3C trace context), is passed on
unchanged by every stage. The Structs describe the headers to readers; their values are UTF-8.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Final, Literal, TypeAlias
from urllib.parse import quote

from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec.structs import fields

from schemas.about import About
from schemas.mention import RawMention

__all__ = [
    "REFINED",
    "REPROCESSED",
    "TYPE_ALERT",
    "TYPE_DELETED",
    "TYPE_ENRICHED",
    "TYPE_RAW",
    "TYPE_REFUSED",
    "AlertHeaders",
    "DeadLetterHeaders",
    "EventHeaders",
    "Headers",
    "MentionHeaders",
    "alert_headers",
    "enriched_headers",
    "first",
    "mention_headers",
    "refused_headers",
    "reprocessed",
    "revision",
    "tombstone_headers",
]

Headers: TypeAlias = Sequence[tuple[str, bytes]]

TYPE_RAW: Final = b"io.github.mention-pipeline.mention.raw.v1"
TYPE_ENRICHED: Final = b"io.github.mention-pipeline.mention.enriched.v1"
TYPE_DELETED: Final = b"io.github.mention-pipeline.mention.deleted.v1"
TYPE_ALERT: Final = b"io.github.mention-pipeline.alert.raised.v1"
TYPE_REFUSED: Final = b"io.github.mention-pipeline.mention.refused.v1"

REPROCESSED: Final = "ce_reprocessed"
"""The header of a mention that was published again: the watchlist version of whoever did it."""

REFINED: Final = "ce_refined"
"""The header of a message that the second pass published: up to which offset of its partition it
knows what was said of the mention."""

_SPECVERSION: Final = ("ce_specversion", b"1.0")
_JSON: Final = ("content-type", b"application/json")
_BYTES: Final = ("content-type", b"application/octet-stream")
_ENRICHED: Final = b"-enriched"

_Digits: TypeAlias = Annotated[str, Meta(pattern="^[0-9]+$")]
_Traceparent: TypeAlias = Annotated[
    str,
    Meta(pattern="^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}"),
    About("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
]


class EventHeaders(Struct, frozen=True, kw_only=True):
    """What is said of every event; a tombstone has these alone."""

    ce_specversion: Literal["1.0"]
    """The version of CloudEvents."""
    ce_id: Annotated[
        str, Meta(min_length=1), About("feeds:8f14e45fceea167a@1767323045000", personal=True)
    ]
    """Names the event, together with ``ce_source``."""
    ce_type: Annotated[str, About(TYPE_RAW.decode())]
    """What happened to what, and the major version of its schema."""
    ce_source: Annotated[str, About("/sources/forums")]
    """The source that saw it, as ``/sources/<name>``."""
    ce_time: Annotated[
        str, Meta(extra_json_schema={"format": "date-time"}), About("2026-01-02T03:04:05+00:00")
    ]
    """When it was seen, RFC 3339."""
    ce_revision: Annotated[_Digits, About("1767323045000", unit="milliseconds since 1970")]
    """The mention's revision; a tombstone deletes versions up to this one."""
    traceparent: _Traceparent | UnsetType = UNSET
    """W3C trace context, where the producer of the raw mention stated one."""
    tracestate: Annotated[str, About("vendor=opaque")] | UnsetType = UNSET
    """W3C trace context, the vendors' part."""


class MentionHeaders(
    EventHeaders, frozen=True, kw_only=True, rename={"content_type": "content-type"}
):
    """The headers of a mention."""

    content_type: Literal["application/json"]
    """The type of the value."""
    ce_reprocessed: Annotated[str, About("3-0123456789ab")] | UnsetType = UNSET
    """Published again, later, with this version of the watchlist: nobody is to be alerted."""
    ce_refined: Annotated[_Digits, About("1042", unit="offset")] | UnsetType = UNSET
    """Published again, later, by the second pass, which knew of all before this offset of its
    partition: nobody is to be alerted."""


class AlertHeaders(Struct, frozen=True, kw_only=True, rename={"content_type": "content-type"}):
    """The headers of an alert."""

    ce_specversion: Literal["1.0"]
    """The version of CloudEvents."""
    ce_id: Annotated[str, Meta(min_length=1), About("spike:Acme:29455384")]
    """The alert's id."""
    ce_type: Annotated[str, About(TYPE_ALERT.decode())]
    """What happened, and the major version of its schema."""
    ce_source: Annotated[str, About("/alerts/spike")]
    """The rule that found it, as ``/alerts/<kind>``."""
    ce_time: Annotated[
        str, Meta(extra_json_schema={"format": "date-time"}), About("2026-01-02T03:04:05+00:00")
    ]
    """When it was true first, RFC 3339."""
    content_type: Literal["application/json"]
    """The type of the value."""


class DeadLetterHeaders(Struct, frozen=True, kw_only=True):
    """The refused message's own headers, and these."""

    dlq_stage: Annotated[str, About("enrich")]
    """The stage that refused it."""
    dlq_error: Annotated[str, About("ValidationError")]
    """The class of the error, to filter by."""
    dlq_reason: Annotated[str, About("Object missing required field `text`")]
    """The error's message; 2,000 bytes at most."""
    dlq_topic: Annotated[str, About("mentions.raw")]
    """Where it was read, or was meant for."""
    dlq_partition: Annotated[str, Meta(pattern="^(-1|[0-9]+)$"), About("3")]
    """Where it was read; -1 where an agent refused it before it was on a topic."""
    dlq_offset: Annotated[str, Meta(pattern="^(-1|[0-9]+)$"), About("1042")]
    """Where it was read; -1 where an agent refused it before it was on a topic."""
    dlq_attempts: Annotated[_Digits, About("1", unit="count")]
    """How often it was tried."""
    dlq_at: Annotated[
        str, Meta(extra_json_schema={"format": "date-time"}), About("2026-01-02T03:04:05+00:00")
    ]
    """When it was refused, RFC 3339."""
    dlq_replays: Annotated[_Digits, About("1", unit="count")] | UnsetType = UNSET
    """How often it was sent back before."""
    dlq_history: Annotated[str, About("[]")] | UnsetType = UNSET
    """Its earlier refusals, as a JSON array."""


def mention_headers(mention: RawMention) -> list[tuple[str, bytes]]:
    """Headers for a raw mention as an agent publishes it."""
    revision_ = b"%d" % mention.revision
    return [
        _SPECVERSION,
        ("ce_id", mention.id.encode() + b"@" + revision_),
        ("ce_type", TYPE_RAW),
        ("ce_source", _source(mention.collector.source)),
        ("ce_time", mention.collected_at.isoformat().encode()),
        ("ce_revision", revision_),
        _JSON,
    ]


def alert_headers(alert_id: str, kind: str, at: datetime) -> list[tuple[str, bytes]]:
    """Headers for an alert: its id, the rule that found it, and when it was true first."""
    return [
        _SPECVERSION,
        ("ce_id", alert_id.encode()),
        ("ce_type", TYPE_ALERT),
        ("ce_source", b"/alerts/" + kind.encode()),
        ("ce_time", at.isoformat().encode()),
        _JSON,
    ]


def tombstone_headers(
    mention_id: str, revision: int, source: str, at: datetime | None = None
) -> list[tuple[str, bytes]]:
    """Headers for a deletion.

    Args:
        mention_id: the mention to delete.
        revision: milliseconds since 1970; versions up to this one are deleted.
        source: the configured name of the source that saw the deletion.
        at: when it was seen; now by default.
    """
    revision_ = b"%d" % revision
    return [
        _SPECVERSION,
        ("ce_id", mention_id.encode() + b"@" + revision_ + b"-deleted"),
        ("ce_type", TYPE_DELETED),
        ("ce_source", _source(source)),
        ("ce_time", (at or datetime.now(UTC)).isoformat().encode()),
        ("ce_revision", revision_),
    ]


def reprocessed(headers: Iterable[tuple[str, bytes]]) -> bool:
    """Whether a mention was published again, later: nobody is to be alerted or notified by it."""
    return any(name in {REPROCESSED, REFINED} for name, _ in headers)


def first(headers: Iterable[tuple[str, bytes]], name: str) -> bytes | None:
    """The value of the first header of that name, or None."""
    for key, value in headers:
        if key == name:
            return value
    return None


def revision(headers: Iterable[tuple[str, bytes]], timestamp_ms: int) -> int:
    """The revision that the headers state; the record's own time where they state none."""
    stated = first(headers, "ce_revision")
    return int(stated) if stated is not None and stated.isdigit() else timestamp_ms


def enriched_headers(mention: RawMention, given: Headers) -> list[tuple[str, bytes]]:
    """The headers of an enriched mention: those of the raw one, as another event.

    What a foreign producer left out is filled in from the mention.
    """
    headers = list(given)
    stated = {name for name, _ in given}
    if not stated.issuperset(_REQUIRED):
        headers += [header for header in mention_headers(mention) if header[0] not in stated]
    return [_as_enriched(header) for header in headers]


def refused_headers(key: str, source: str) -> list[tuple[str, bytes]]:
    """Headers of what an agent read and could not make a mention of: bytes of any kind."""
    now = datetime.now(UTC)
    return [
        _SPECVERSION,
        ("ce_id", f"{key}@{now.timestamp():.6f}".encode(errors="replace")),
        ("ce_type", TYPE_REFUSED),
        ("ce_source", _source(source)),
        ("ce_time", now.isoformat().encode()),
        _BYTES,
    ]


def _as_enriched(header: tuple[str, bytes]) -> tuple[str, bytes]:
    name, value = header
    if name == "ce_type":
        return name, TYPE_ENRICHED
    if name == "content-type":
        return _JSON
    if name == "ce_id" and not value.endswith(_ENRICHED):
        return name, value + _ENRICHED
    return header


@lru_cache(maxsize=1024)
def _source(name: str) -> bytes:
    """A URI reference, as CloudEvents wants it."""
    return b"/sources/" + quote(name, safe="").encode()


_REQUIRED: Final = frozenset(
    field.encode_name for field in fields(MentionHeaders) if field.required
)
