"""The sources as they are to be read: messages on the compacted topic ``mentions.sources``.

The key is the source's name, a null value removes it. ``mentions agent`` writes what stands in
``mentions.toml``, ``mentions sources`` everything else; every agent reads them all.
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from schemas.about import About
from schemas.mention import Instant

__all__ = ["Backfill", "SourceEntry", "decode_source", "encode_source"]


class Backfill(Struct, frozen=True, omit_defaults=True):
    """An order to read everything since a moment again."""

    id: Annotated[str, Meta(max_length=64), About("9f86d081884c7d65")]
    """Names the order, so that it is carried out once."""
    since: Instant
    """The moment from which on everything is read again."""


class SourceEntry(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One source."""

    table: dict[Annotated[str, About("type")], Annotated[Any, About("hackernews")]]
    """Its ``[[sources]]`` table; secrets as references to where they are, never themselves."""
    origin: Literal["file", "command"] = "command"
    """What wrote it: ``mentions.toml``, which also removes it, or ``mentions sources add``."""
    paused: bool = False
    """Whether it is left alone; what it says meanwhile is read when it is resumed."""
    backfill: Backfill | None = None
    """The newest order."""


_decoder = msgspec.json.Decoder(SourceEntry)
_encoder = msgspec.json.Encoder(order="deterministic")


def decode_source(value: bytes) -> SourceEntry:
    """Read the value of a message on ``mentions.sources``.

    Raises:
        msgspec.DecodeError: it is not JSON.
        msgspec.ValidationError: a field is missing, of the wrong type or out of bounds.
    """
    return _decoder.decode(value)


def encode_source(entry: SourceEntry) -> bytes:
    """Write an entry as its value."""
    return _encoder.encode(entry)
