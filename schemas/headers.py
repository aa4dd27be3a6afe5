"""The Kafka headers of a mention: CloudEvents (Kafka protocol binding 1.0.2, binary mode).

A tombstone has no value to say which version it ends, so the headers of every mention carry its
revision: ``ce_revision`` (an extension attribute), in the unit of ``RawMention.revision``.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final, TypeAlias

from schemas.mention import RawMention

__all__ = [
    "TYPE_DELETED",
    "TYPE_ENRICHED",
    "TYPE_RAW",
    "Headers",
    "first",
    "mention_headers",
    "replaced",
    "revision",
    "tombstone_headers",
]

Headers: TypeAlias = Sequence[tuple[str, bytes]]

TYPE_RAW: Final = b"io.github.mention-pipeline.mention.raw.v1"
TYPE_ENRICHED: Final = b"io.github.mention-pipeline.mention.enriched.v1"
TYPE_DELETED: Final = b"io.github.mention-pipeline.mention.deleted.v1"

_SPECVERSION: Final = ("ce_specversion", b"1.0")
_JSON: Final = ("content-type", b"application/json")


def mention_headers(mention: RawMention) -> list[tuple[str, bytes]]:
    """Headers for a raw mention as an agent publishes it."""
    revision_ = b"%d" % mention.revision
    return [
        _SPECVERSION,
        ("ce_id", mention.id.encode() + b"@" + revision_),
        ("ce_type", TYPE_RAW),
        ("ce_source", b"/sources/" + mention.collector.source.encode()),
        ("ce_time", mention.collected_at.isoformat().encode()),
        ("ce_revision", revision_),
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
        ("ce_source", b"/sources/" + source.encode()),
        ("ce_time", (at or datetime.now(UTC)).isoformat().encode()),
        ("ce_revision", revision_),
    ]


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


def replaced(headers: Headers, name: str, value: bytes) -> list[tuple[str, bytes]]:
    """The same headers with one set to a new value."""
    return [(key, value if key == name else old) for key, old in headers]
