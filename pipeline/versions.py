"""The versions of the watchlist in Kafka: published here, read here.

Guarantee: a version that ``publish`` returned is confirmed by the brokers. Who publishes at the
same moment gets the same number with another digest; the later message is in force, both are kept.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from pipeline import held
from pipeline.enrich.watchlist import Watchlist, digest
from pipeline.errors import ConfigError
from pipeline.settings import Settings, WatchTopic
from schemas import topics
from schemas.watchlist import NamedQuery, WatchedTopic, WatchlistVersion, decode_watchlist

__all__ = ["compiled", "in_force", "publish", "queries_of", "read", "topics_of", "watched"]


def read(settings: Settings) -> list[WatchlistVersion]:
    """All versions, the one in force last; none where the settings' watchlist is in force.

    Raises:
        ConfigError: no broker answers, or there is no such topic.
    """
    return [
        decode_watchlist(record.value)
        for record in held.read(settings, topics.WATCHLIST)
        if record.value is not None
    ]


def in_force(settings: Settings) -> tuple[WatchedTopic, ...]:
    """The topics that are in force.

    Raises:
        ConfigError: no broker answers, or there is no such topic.
    """
    known = read(settings)
    return known[-1].topics if known else watched(settings)


def publish(
    settings: Settings,
    watched: Sequence[WatchedTopic],
    queries: dict[str, str],
    *,
    by: str | None = None,
    note: str | None = None,
) -> WatchlistVersion | None:
    """Put a content in force; None where it is in force already.

    Raises:
        WatchlistError: a query cannot be understood.
        ConfigError: no broker answers, or the message is too large.
    """
    configured = [_as_setting(topic) for topic in watched]
    Watchlist(configured, queries, lang=settings.language)
    known = read(settings)
    content = digest(configured, queries)
    if known and known[-1].digest == content:
        return None
    version = WatchlistVersion(
        number=known[-1].number + 1 if known else 1,
        digest=content,
        published_at=datetime.now(UTC),
        by=by,
        note=note,
        topics=tuple(watched),
        queries=tuple(
            NamedQuery(name=name, query=query) for name, query in sorted(queries.items())
        ),
    )
    value = msgspec.json.encode(version)
    if len(value) > topics.WATCHLIST.max_message_bytes:
        msg = f"the watchlist has {len(value)} bytes, more than a message takes: shorten it"
        raise ConfigError(msg)
    held.publish(settings, topics.WATCHLIST, [(version.version.encode(), value)])
    return version


def watched(settings: Settings) -> tuple[WatchedTopic, ...]:
    """The settings' own topics, as they are published."""
    return tuple(WatchedTopic(**topic.model_dump()) for topic in settings.watchlist)


def topics_of(version: WatchlistVersion) -> tuple[WatchTopic, ...]:
    """A version's topics, as they are compiled."""
    return tuple(map(_as_setting, version.topics))


def queries_of(version: WatchlistVersion) -> dict[str, str]:
    """A version's named queries, by name."""
    return {named.name: named.query for named in version.queries}


def compiled(version: WatchlistVersion) -> Watchlist:
    """A version, ready to search with.

    Raises:
        WatchlistError: a query cannot be understood, perhaps because it is newer than this program.
    """
    return Watchlist(topics_of(version), queries_of(version), number=version.number)


def _as_setting(topic: WatchedTopic) -> WatchTopic:
    return WatchTopic.model_validate(msgspec.to_builtins(topic))
