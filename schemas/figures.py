"""What one worker process did in a stretch of time: for the operations dashboard and its alerts."""

from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from schemas.about import About
from schemas.mention import Count, Instant, Name

__all__ = ["Figures", "decode_figures"]


class Figures(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Counts of one process since its last message that was confirmed."""

    stage: Annotated[str, Meta(max_length=64), About("enrich")]
    """What it does."""
    process: Annotated[Name, About("host-1:4711")]
    """The process, as ``host:pid``."""
    start: Instant
    """Where the stretch begins: the end of the last one."""
    end: Instant
    """Where it ends."""
    lag: Count = 0
    """Messages in its partitions that were not committed at the end."""
    received: Count = 0
    """Messages taken from the source topic."""
    sent: Count = 0
    """Messages confirmed by the broker."""
    rejected: Count = 0
    """Messages dead-lettered."""
    retried: Count = 0
    """Times that a message was tried again."""
    errors: dict[Annotated[str, About("ValidationError")], Count] = {}
    """Dead letters by class of error."""
    batches: Count = 0
    """Batches acknowledged."""
    seconds: Annotated[float, Meta(ge=0), About(1.5, unit="seconds")] = 0.0
    """How long these batches took, in all."""
    waiting_for: Annotated[Annotated[str, Meta(max_length=500)] | None, About("Kafka")] = None
    """The outage it waited for the end of."""

    @property
    def id(self) -> str:
        """Names the message: the same for every repetition of it."""
        return f"{self.stage}@{self.process}@{int(self.start.timestamp() * 1000)}"


_decoder = msgspec.json.Decoder(Figures)


def decode_figures(value: bytes) -> Figures:
    """Read the value of a message on ``mentions.figures``.

    Raises:
        msgspec.DecodeError: it is not JSON.
        msgspec.ValidationError: a field is missing, of the wrong type or out of bounds.
    """
    return _decoder.decode(value)
