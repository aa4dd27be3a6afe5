"""What is said about a dead letter: the messages of ``mentions.dead-letter-marks``."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from schemas.about import About

__all__ = ["Mark"]


class Mark(Struct, frozen=True):
    """What was done about a letter."""

    action: Literal["replayed", "dropped"]
    """Whether it was sent back to the topic it was read from, or given up."""
    at: Annotated[datetime, Meta(tz=True), About("2026-01-02T03:04:05Z", unit="UTC, RFC 3339")]
    """When."""
