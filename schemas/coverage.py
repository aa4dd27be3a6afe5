"""The coverage ledger: what was collected from each source, when, and what was not.

Agents publish one message a source and interval to ``mentions.coverage``, keyed by the source's
name. An interval for which no message exists was covered by nobody: silence is a gap as well.
"""

from typing import Annotated

import msgspec
from msgspec import Meta, Struct, field

from schemas.about import About
from schemas.mention import Count, Instant, Name

__all__ = ["COVERAGE_VERSION", "GAPS", "Coverage", "Stretch", "decode_coverage", "encode_coverage"]

COVERAGE_VERSION = "1.1"
"""Major and minor version of this message."""


GAPS = 20
"""Most gaps that a message tells apart; the nearest of more are told as one."""


class Stretch(Struct, frozen=True):
    """From one moment up to another, of event time."""

    start: Instant
    """The first moment in it."""
    end: Instant
    """The first moment after it."""


class Coverage(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one agent did about one source in one interval."""

    source: Annotated[Name, About("press")]
    """The configured name."""
    kind: Annotated[str, Meta(max_length=64), About("feeds")]
    """The source type, such as ``feeds``."""
    agent: Annotated[Name, About("host-1:4711")]
    """The agent process, as ``host:pid``."""
    start: Instant
    """The interval's beginning, by the clock on the wall."""
    end: Instant
    """The interval's end."""
    expected: Annotated[float, About(300.0, unit="seconds")]
    """Seconds between two polls as they are planned now; quiet sources are asked less often."""
    # By factory, because a plain default would be left out of the JSON.
    schema_version: Annotated[str, Meta(pattern=r"^\d+\.\d+$"), About("1.0")] = field(
        default_factory=lambda: COVERAGE_VERSION
    )
    """Major and minor version of this message."""
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
    filtered: dict[Annotated[str, About("too old")], Count] = {}
    """Items left out, by reason."""
    errors: dict[Annotated[str, About("RateLimited")], Count] = {}
    """Failed polls, by class of error."""
    limited_seconds: Annotated[float, Meta(ge=0), About(120.0, unit="seconds")] = 0.0
    """How long the platform asked to wait, in all."""
    oldest: Instant | None = None
    """``published_at`` of the oldest mention published."""
    newest: Instant | None = None
    """``published_at`` of the newest mention published."""
    complete: Stretch | None = None
    """All that the source shows of this stretch has been published."""
    gap: Stretch | None = None
    """Something was said in this stretch that the platform does not show; from the first of
    ``gaps`` to the last."""
    gaps: Annotated[tuple[Stretch, ...], Meta(max_length=GAPS)] = ()
    """Where exactly, the oldest first; empty in messages of 1.0."""
    dark: bool = False
    """At its end the last poll had failed, and none had succeeded for two expected intervals."""

    @property
    def unseen(self) -> tuple[Stretch, ...]:
        """The gaps, whichever version the message is."""
        return self.gaps or ((self.gap,) if self.gap else ())

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
