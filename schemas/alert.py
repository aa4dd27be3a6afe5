"""Something that an analyst should look at now, and why.

An alert names the mentions and sources that made it, and quotes none of them but for single words
that many use: what is confidential stays where it was said.
"""

from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta, Struct

from schemas.about import About
from schemas.mention import Count, Id, Instant, TopicName

__all__ = [
    "Alert",
    "AlertKind",
    "AlertRule",
    "Notified",
    "SourceCount",
    "SourceGap",
    "decode_alert",
]

AlertKind: TypeAlias = Literal[
    "spike", "silence", "sentiment", "author", "rating", "crisis", "leak"
]
"""What readers of version 1.0 know; it never grows, because they refuse a word they do not know."""
AlertRule: TypeAlias = Literal[AlertKind, "term", "incomplete"]
"""The rules there are now. In messages it is any word, so that more can follow."""


class SourceCount(Struct, frozen=True, kw_only=True):
    """How much came from one configured source."""

    source: Annotated[str, About("forums")]
    """The source's name in the settings."""
    count: Count
    """Mentions from it."""


class SourceGap(Struct, frozen=True, kw_only=True):
    """A source was not read for some time."""

    source: Annotated[str, About("forums")]
    """The source's name in the settings."""
    start: Instant
    """From when on."""
    end: Instant
    """Until when."""


class Alert(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One episode of one rule and topic; the same id whenever it is found again."""

    id: Annotated[str, Meta(min_length=3, max_length=1_200), About("spike:Acme:29455384")]
    """``<rule>:<topic>:<minute since 1970>``: the Kafka key."""
    kind: AlertKind
    """What it is, in the words of version 1.0."""
    topic: TopicName
    """The watchlist topic it is about, or the name of the document that leaked."""
    severity: Literal["info", "warning", "critical"]
    """How urgent it is."""
    at: Instant
    """When it was true first, by the time at which things were said."""
    since: Instant
    """Where the period starts that was looked at; it ends at ``at``."""
    observed: Annotated[float, About(12.0, unit="see kind")]
    """What was seen; the unit depends on the kind: mentions, a share of 1, stars, followers."""
    expected: Annotated[float | None, About(0.4, unit="see kind")] = None
    """What was to be expected then, in the same unit."""
    why: Annotated[
        str,
        Meta(max_length=500),
        About("12 mentions in 60 minutes, where 0.4 are usual at this time of the week"),
    ]
    """Both in a sentence."""
    count: Count = 0
    """Mentions that made it."""
    mentions: Annotated[tuple[Id, ...], Meta(max_length=20)] = ()
    """Some of them, the newest first."""
    sources: tuple[SourceCount, ...] = ()
    """How many came from each configured source."""
    rule: Annotated[str, Meta(max_length=64), About("term")] | None = None
    """The rule that found it, where ``kind`` says less: ``term`` is the ``spike`` of a word or
    hashtag, ``incomplete`` a ``silence`` that cannot be judged. Others may follow."""
    terms: Annotated[
        tuple[Annotated[str, Meta(max_length=200), About("#recall")], ...], Meta(max_length=5)
    ] = ()
    """Words and hashtags that rise, the most remarkable first; never of confidential topics."""
    gaps: Annotated[tuple[SourceGap, ...], Meta(max_length=20)] = ()
    """What was not read, where that is why it cannot be judged."""

    @property
    def name(self) -> str:
        """The rule, else the kind."""
        return self.rule or self.kind


class Notified(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An alert, or a story that is a team's work, was told to a channel."""

    channel: Annotated[str, About("desk")]
    """The channel's name in the settings."""
    alert: Annotated[str, About("spike:Acme:29455384")]
    """The alert's id; of work ``new:…``, ``escalated:…`` or ``digest:…``."""
    at: Instant
    """When the channel took it."""
    together: Count = 1
    """How many were told in the same message."""


_decoder = msgspec.json.Decoder(Alert)


def decode_alert(value: bytes) -> Alert:
    """Read the value of a message on ``mentions.alerts``.

    Raises:
        msgspec.DecodeError: it is not JSON.
        msgspec.ValidationError: a field is missing, of the wrong type or out of bounds.
    """
    return _decoder.decode(value)
