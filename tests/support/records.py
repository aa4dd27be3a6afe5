"""Consumed messages without a broker."""

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Record"]


@dataclass
class Record:
    """A message as a stage gets it."""

    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()
    topic: str = "mentions.raw"
    partition: int = 0
    offset: int = 0
    timestamp: int = 1_780_000_000_000
