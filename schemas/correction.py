"""What an analyst says about a mention: an event that survives enriching the mention again.

The topic ``mentions.corrections`` has one partition and is compacted by mention and watchlist
topic: the last word counts, a null value takes it back.
"""

from typing import Annotated, Final, TypeAlias

import msgspec
from msgspec import Meta, Struct

from schemas.about import About
from schemas.mention import Id, Instant, TopicName

__all__ = ["FEATURES", "Correction", "decode_correction", "key"]

FEATURES: Final = "1"
"""The version of the features that marks carry."""


Feature: TypeAlias = Annotated[int, Meta(ge=0, lt=1 << 32), About(305419896, unit="CRC-32")]


class Correction(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Whether a mention is about a topic that it matches."""

    mention: Id
    """The mention it is about."""
    topic: TopicName
    """The watchlist topic it is about."""
    relevant: Annotated[bool, About(False)]  # noqa: FBT003 - an example
    """Whether the mention is about the topic."""
    by: Annotated[str, Meta(max_length=512), About("ada", personal=True)]
    """Who says so."""
    at: Instant
    """When."""
    note: Annotated[str, Meta(max_length=1_000), About("a tram")] | None = None
    """Why."""
    features: Annotated[tuple[Feature, ...], Meta(max_length=400)] = ()
    """What the mention was judged by: models learn from it, and it is no text."""
    features_version: Annotated[str, About(FEATURES)] = FEATURES
    """How the features were made; models learn from those of their own version."""


def key(mention_id: str, topic: str) -> bytes:
    """The Kafka key of a correction."""
    return msgspec.json.encode([mention_id, topic])


_decoder = msgspec.json.Decoder(Correction)


def decode_correction(value: bytes) -> Correction:
    """Read the value of a message on ``mentions.corrections``.

    Raises:
        msgspec.DecodeError: it is not JSON.
        msgspec.ValidationError: a field is missing, of the wrong type or out of bounds.
    """
    return _decoder.decode(value)
