"""What became of one item of a batch: the words between stages, sinks and the delivery loop."""

from typing import TypeAlias

from msgspec import Struct

__all__ = ["Ok", "Outcome", "Outgoing", "Reject", "Retry"]


class Outgoing(Struct, frozen=True):
    """A message to publish once its whole batch is settled."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]


class Ok(Struct, frozen=True):
    """It is done, apart from publishing these."""

    outputs: tuple[Outgoing, ...] = ()


class Retry(Struct, frozen=True):
    """It did not work now, and may later: the same item is handed in again."""

    reason: str


class Reject(Struct, frozen=True):
    """It cannot work: the message goes to ``mentions.dead-letter``."""

    error: str
    """The class of the error, to filter by."""
    reason: str


Outcome: TypeAlias = Ok | Retry | Reject
