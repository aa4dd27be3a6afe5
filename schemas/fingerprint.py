"""The message by which workers tell each other of the texts they have seen, to find near copies."""

from typing import Annotated, TypeAlias

import msgspec
from msgspec import Meta, Struct

from schemas.about import About

__all__ = ["Fingerprint", "decode", "encode"]

Numbers: TypeAlias = Annotated[bytes, Meta(min_length=120, max_length=120), About("Aa0…")]


class Fingerprint(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A mention's fingerprint; the key is the mention's id, a null value forgets it."""

    collected_at: Annotated[
        int, Meta(ge=0, le=1 << 53), About(1_767_322_800_000, unit="milliseconds since 1970")
    ]
    """When an agent first saw the mention, in milliseconds since 1970."""
    published_at: Annotated[
        Annotated[int, Meta(ge=0, le=1 << 53)] | None,
        About(1_767_322_700_000, unit="milliseconds since 1970"),
    ] = None
    """When it was said, in milliseconds since 1970; None where the source names no time."""
    author: Annotated[
        Annotated[int, Meta(ge=1, lt=1 << 53)] | None,
        About(207_116_800_123_456, unit="hash", personal=True),
    ] = None
    """A hash of who said it; None where nobody knows, and for reposts."""
    whole: Numbers | None = None
    """60 numbers of 16 bits, little-endian, of the whole text; None where it is very short."""
    head: Numbers | None = None
    """The same of the beginning of a long text."""


_decoder = msgspec.json.Decoder(Fingerprint)
_encoder = msgspec.json.Encoder()


def decode(value: bytes) -> Fingerprint:
    """Read a message.

    Raises:
        msgspec.DecodeError: it is not JSON.
        msgspec.ValidationError: a field is missing, of the wrong type or out of bounds.
    """
    return _decoder.decode(value)


def encode(fingerprint: Fingerprint) -> bytes:
    """Write a message."""
    return _encoder.encode(fingerprint)
