"""The message that a channel was told last, or is being told: written before it is sent."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from schemas.about import About
from schemas.mention import Count, Instant

__all__ = ["Delivery", "decode_delivery"]


class Delivery(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How it stands with a channel. Whoever goes on after a kill sends what was being sent."""

    channel: Annotated[str, About("desk")]
    """The channel's name in the settings: the Kafka key."""
    id: Annotated[str, Meta(pattern="^[0-9a-f]{32}$"), About("9f86d081884c7d659a2feaa0c55ad015")]
    """The message's ``Idempotency-Key``, made of the channel's name and of the content."""
    state: Literal["sending", "waiting", "told", "given up"]
    """``sending``: perhaps told, perhaps not. ``waiting``: the channel did not take it, it is tried
    again. ``given up``: it did not take it for so long that it is no news any more, or there is
    nothing to be told any more."""
    at: Instant
    """When that became so."""
    since: Instant
    """Since when it is tried, or the channel takes nothing."""
    attempts: Count = 0
    """Times that it was tried in vain since then."""
    again_at: Instant | None = None
    """When it is tried again."""
    error: Annotated[str, Meta(max_length=300), About("it answers 503")] | None = None
    """Why it was not taken, without the address."""
    together: Count = 1
    """Alerts and stories in the message."""
    lost: Count = 0
    """Alerts and stories that the channel never took, of all time."""
    content: Annotated[str | None, About('{"alerts":[]}')] = None
    """What is sent, for as long as it may have to be sent again."""


_decoder = msgspec.json.Decoder(Delivery)


def decode_delivery(value: bytes) -> Delivery:
    """Read the value of a message on ``mentions.deliveries``.

    Raises:
        msgspec.DecodeError: it is not JSON.
        msgspec.ValidationError: a field is missing, of the wrong type or out of bounds.
    """
    return _decoder.decode(value)
