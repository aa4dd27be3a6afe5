"""A dead letter as a document: what an analyst asks of what is missing.

The letter itself stays in Kafka, whole. The document in ``<alias>-dead-letters`` has what one
searches and counts by: why, when, where, how often, and the beginning of what was said. Its
``_id`` is the letter's position, so that writing it twice is writing it once; what was done about
the letter (``action``) is set beside that, in whatever order the two arrive.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from msgspec import Struct

__all__ = ["HISTORY", "Refusal", "document", "history", "mark", "refused_at"]

TEXT_SHOWN: Final = 2_000
"""Most code points of a refused text that are kept here."""

HISTORY: Final = 10
"""Refusals that are remembered; what fails more often has a standing fault."""

_SHORT: Final = 2_048  # code points of any other field
_MOST: Final = (1 << 31) - 1
_DIGITS: Final = 20
_SAID: Final = ("title", "url", "channel", "site")

_encode: Final = msgspec.json.Encoder().encode


def document(
    position: str,
    written: int,
    key: bytes | None,
    value: bytes | None,
    headers: Mapping[str, bytes],
) -> bytes:
    """The fields of a letter, as JSON; there is no letter that has none.

    Args:
        position: ``partition:offset``.
        written: when the letter was written, milliseconds since 1970.
        key: of the refused message.
        value: the refused message.
        headers: of the letter, the newest of each name.
    """
    said = {name: _text(value_) for name, value_ in headers.items()}
    fields: dict[str, Any] = {
        "position": position,
        "at": refused_at(said.get("dlq_at"), written),
        "stage": said.get("dlq_stage", ""),
        "error": said.get("dlq_error", ""),
        "reason": said.get("dlq_reason", ""),
        "topic": said.get("dlq_topic", ""),
        "source": said.get("ce_source", "").removeprefix("/sources/"),
        "key": _text(key or b""),
        "attempts": _number(said.get("dlq_attempts")),
        "replays": _number(said.get("dlq_replays")),
        "history": history(headers.get("dlq_history")),
        "bytes": len(value or b""),
        **_said(value),
    }
    return _encode(fields)


def refused_at(stated: str | None, timestamp: int) -> datetime:
    """When a message was refused.

    Args:
        stated: the letter's header ``dlq_at``.
        timestamp: when the letter was written, milliseconds since 1970; counts where the header
            says nothing.
    """
    try:
        moment = datetime.fromisoformat(stated or "")
    except ValueError:
        return datetime.fromtimestamp(timestamp / 1_000, UTC)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def mark(value: bytes) -> bytes:
    """The fields that a mark (``pipeline.dead.Mark``) sets.

    Raises:
        msgspec.MsgspecError: it is no mark.
    """
    made = msgspec.json.decode(value, type=_Mark)
    return _encode({"action": made.action, "action_at": made.at})


class _Mark(Struct):
    action: str
    at: datetime


class Refusal(Struct):
    """One time that a message was refused."""

    at: str = ""
    stage: str = ""
    error: str = ""
    reason: str = ""


_history_of: Final = msgspec.json.Decoder(list[Refusal]).decode


def history(value: bytes | None) -> list[Refusal]:
    """What a letter's header ``dlq_history`` says; nothing where it cannot be read."""
    try:
        return _history_of(value or b"[]")[-HISTORY:]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return []  # of another's making; it is in the letter


def _said(value: bytes | None) -> dict[str, str]:
    """What can be read of the refused message, which may be anything."""
    try:
        content = msgspec.json.decode(value or b"")
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        content = None
    if not isinstance(content, dict):
        return {"text": _text((value or b"")[: 4 * TEXT_SHOWN], TEXT_SHOWN)}
    found = {name: content.get(name) for name in _SAID}
    texts = {name: part[:_SHORT] for name, part in found.items() if isinstance(part, str)}
    text = content.get("text")
    if isinstance(text, str):
        texts["text"] = text[:TEXT_SHOWN]
    # JSON may hold halves of surrogate pairs, UTF-8 may not.
    return {name: part.encode(errors="replace").decode() for name, part in texts.items()}


def _text(value: bytes, limit: int = _SHORT) -> str:
    return value.decode(errors="replace")[:limit]


def _number(text: str | None) -> int:
    fits = text and text.isascii() and text.isdigit() and len(text) < _DIGITS
    return min(int(text), _MOST) if text and fits else 0
