"""Reading a mention off a topic, the same in every stage."""

from typing import Final

import msgspec

from pipeline.delivery import Record
from pipeline.outcome import Reject
from schemas.mention import SCHEMA_VERSION, EnrichedMention, decode_enriched

__all__ = ["read"]

_MAJOR: Final = SCHEMA_VERSION.partition(".")[0]


def read(record: Record) -> EnrichedMention | Reject:
    """The mention that a record with a value holds, or why it cannot be used.

    A newer minor version only adds fields; another major version may mean something else by the
    same ones.
    """
    value = record.value or b""
    try:
        mention = decode_enriched(value)
        value.decode()  # msgspec skips unknown fields unread, and they are passed on as they are
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return Reject(type(error).__name__, str(error))
    if record.key != mention.id.encode():
        return Reject("KeyMismatch", f"the key {record.key!r} is not the id {mention.id!r}")
    major = mention.schema_version.partition(".")[0]
    if major != _MAJOR:
        reason = f"schema version {mention.schema_version}; this one reads {_MAJOR}.x"
        return Reject("UnknownSchemaVersion", reason)
    return mention
