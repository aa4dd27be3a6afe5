"""What can go wrong in an agent.

AgentError
├── SourceConfigError     a source's configuration cannot work: stop and say so
├── Unconfirmed           Kafka has not confirmed in time: it may or may not have been published
└── SourceError           a source cannot be read now: ask again later
    ├── RateLimited       the platform asks to wait
    │   └── Busy          enough sources are being read at the host already
    ├── Denied            the platform does not take the credentials
    ├── Missing           there is no such thing
    ├── Expired           a position in a listing is no longer known to the platform
    ├── Withheld          a site does not show a page: robots.txt, or an answer of 4xx
    └── Unreadable        what it answered cannot be understood
"""

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = [
    "AgentError",
    "Busy",
    "Denied",
    "Expired",
    "Halfway",
    "Missing",
    "RateLimited",
    "SourceConfigError",
    "SourceError",
    "Unconfirmed",
    "Unreadable",
    "Withheld",
]


class AgentError(Exception):
    """The root of this tree."""


class SourceConfigError(AgentError):
    """A source's configuration cannot work."""


class Unconfirmed(AgentError):
    """Kafka has not confirmed in time: what was sent may or may not be there."""


class SourceError(AgentError):
    """A source cannot be read now."""

    def __init__(self, message: str, seconds: float | None = None) -> None:
        super().__init__(message)
        self.seconds = seconds
        """How long to wait before the next poll; None leaves it to the runner."""


class RateLimited(SourceError):
    """The platform asks to wait."""

    def __init__(self, message: str, seconds: float) -> None:
        super().__init__(message, seconds)


class Busy(RateLimited):
    """As many sources as may be are being read at the host; this one has its turn after them.

    No time is said: it is called when there is room.
    """

    def __init__(self, message: str, host: str) -> None:
        super().__init__(message, 0.0)
        self.host = host
        """Name and port."""


class Denied(SourceError):
    """The platform does not take the credentials: someone has to renew them."""


class Missing(SourceError):
    """There is no such thing on the platform."""


class Expired(SourceError):
    """A position in a listing is no longer known to the platform."""


class Halfway(SourceError):
    """A look-up broke off; what it had found until then counts."""

    def __init__(self, asked: Sequence[str], found: Mapping[str, Any], broken: SourceError) -> None:
        super().__init__(str(broken), broken.seconds)
        self.asked = asked
        """The posts that it came to."""
        self.found = found
        """Their rows, as ``agents.lookups`` has them."""
        self.broken = broken
        """Why it came no further."""


class Unreadable(SourceError):
    """What the platform answered cannot be understood."""


class Withheld(SourceError):
    """A site does not show a page to us: its robots.txt says so, or an answer of 4xx."""
