"""The coverage ledger: what was collected from each source, when, and what was not.

Agents publish one message a source and interval to ``mentions.coverage``, keyed by the source's
name. An interval for which no message exists was covered by nobody: silence is a gap as well.
"""

from typing import Annotated

import msgspec
from msgspec import Meta, Struct, field

from schemas.mention import Count, Instant, Name

__all__ = ["COVERAGE_VERSION", "Coverage", "Stretch", "decode_coverage", "encode_coverage"]

COVERAGE_VERSION = "1.0"
"""Major and minor version of this message."""


class Stretch(Struct, frozen=True):
    """From one moment up to another, of event time."""

    start: Instant
    end: Instant


class Coverage(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one agent did about one source in one interval."""

    source: Name
    """The configured name."""
    kind: Annotated[str, Meta(max_length=64)]
    """The source type, such as ``feeds``."""
    agent: Name
    """The agent process, as ``host:pid``."""
    start: Instant
    """The interval's beginning, by the clock on the wall."""
    end: Instant
    """The interval's end."""
    expected: float
    """Seconds between two polls as they are planned now; quiet sources are asked less often."""
    schema_version: Annotated[str, Meta(pattern=r"^\d+\.\d+$")] = field(
        default_factory=lambda: COVERAGE_VERSION
    )
    polls: Count = 0
    """Polls that were carried out, failed ones included."""
    items: Count = 0
    """Items read, known ones included."""
    new: Count = 0
    """Mentions and deletions published."""
    known: Count = 0
    """Items that are published as they are, or were read twice."""
    rejected: Count = 0
    """Items that went to the dead letters."""
    filtered: dict[str, Count] = {}
    """Items left out, by reason."""
    errors: dict[str, Count] = {}
    """Failed polls, by class of error."""
    limited_seconds: Annotated[float, Meta(ge=0)] = 0.0
    """How long the platform asked to wait, in all."""
    oldest: Instant | None = None
    """``published_at`` of the oldest mention published."""
    newest: Instant | None = None
    complete: Stretch | None = None
    """All that the source shows of this stretch has been published."""
    gap: Stretch | None = None
    """Something was said in this stretch that the platform does not show."""

    @property
    def id(self) -> str:
        """Names the message: the same for every repetition of it."""
        return f"{self.source}@{int(self.start.timestamp() * 1000)}@{self.agent}"


_decoder = msgspec.json.Decoder(Coverage)
_encoder = msgspec.json.Encoder()


def decode_coverage(value: bytes) -> Coverage:
    """Read the value of a message on ``mentions.coverage``.

    Raises:
        msgspec.DecodeError: it is not JSON.
        msgspec.ValidationError: a field is missing, of the wrong type or out of bounds.
    """
    return _decoder.decode(value)


def encode_coverage(coverage: Coverage) -> bytes:
    """Write a coverage message as its value."""
    return _encoder.encode(coverage)
