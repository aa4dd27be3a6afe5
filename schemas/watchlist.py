"""A version of the watchlist: what is listened for, as every worker is to know it.

The topic ``mentions.watchlist`` has one partition; each version is a message of its own, keyed by
number and content, and the last message is the version in force. So all versions are kept, all
workers end on the same one, and going back is publishing an old content again.
"""

from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from schemas.about import About
from schemas.mention import Instant, Kind, TopicName

__all__ = ["NamedQuery", "WatchedTopic", "WatchlistVersion", "decode_watchlist"]


class WatchedTopic(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One topic: found by any of its terms or by its query."""

    topic: TopicName
    """What it is called in matches, routes and alerts."""
    kind: Kind
    """What it is."""
    terms: tuple[Annotated[str, About("Fan 3000")], ...] = ()
    """Words, phrases, hashtags and handles that are found as they stand."""
    case_sensitive: bool = False
    """Whether the terms' capitals count."""
    query: Annotated[str | None, About("Acme NEAR/5 fan[forms]")] = None
    """What else makes a match, in the language of ``docs/watchlist.en.md``."""


class NamedQuery(Struct, frozen=True, kw_only=True):
    """A query that others refer to as ``$name``."""

    name: Annotated[str, About("strike")]
    """Without the ``$``."""
    query: Annotated[str, About("strike OR walkout")]
    """In the language of ``docs/watchlist.en.md``."""


class WatchlistVersion(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All topics and named queries."""

    number: Annotated[int, Meta(ge=1), About(3, unit="count")]
    """One more than that of the version before."""
    digest: Annotated[str, Meta(pattern="^[0-9a-f]{12}$"), About("0123456789ab")]
    """Tells contents apart; with the number it is the version that matches carry."""
    published_at: Instant
    """When it was put in force."""
    by: Annotated[str, Meta(max_length=512), About("ada", personal=True)] | None = None
    """Who published it."""
    note: Annotated[str, Meta(max_length=1_000), About("a new product")] | None = None
    """Why."""
    topics: tuple[WatchedTopic, ...]
    """All topics."""
    queries: tuple[NamedQuery, ...] = ()
    """What the topics' queries refer to."""

    @property
    def version(self) -> str:
        """As in ``Match.by.version``."""
        return f"{self.number}-{self.digest}"


_decoder = msgspec.json.Decoder(WatchlistVersion)


def decode_watchlist(value: bytes) -> WatchlistVersion:
    """Read the value of a message on ``mentions.watchlist``.

    Raises:
        msgspec.DecodeError: it is not JSON.
        msgspec.ValidationError: a field is missing, of the wrong type or out of bounds.
    """
    return _decoder.decode(value)
