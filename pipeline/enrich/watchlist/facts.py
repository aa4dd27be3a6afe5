"""What fields of a query ask: properties of the mention besides its text."""

from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

from pipeline.enrich.watchlist.spelling import fits
from pipeline.enrich.watchlist.tree import Field
from schemas.mention import EnrichedMention

__all__ = ["Fact", "Key", "holds_for", "keys", "keys_of"]

Key: TypeAlias = tuple[str, str]
"""A field and one of its values."""
Fact: TypeAlias = Callable[[EnrichedMention], bool]
"""Whether a field's condition holds for a mention."""

_WILD: Final = frozenset("*?")


def keys(field: Field) -> tuple[Key, ...] | None:
    """The keys one of which every mention has that the field's condition holds for, or None."""
    if field.name not in _VALUES or any(_WILD.intersection(value) for value in field.values):
        return None
    return tuple((field.name, value) for value in field.values)


def keys_of(mention: EnrichedMention) -> Iterator[Key]:
    """The keys that a mention has."""
    for name, values in _VALUES.items():
        for value in values(mention):
            yield name, value


def holds_for(field: Field) -> Fact:
    """The condition of a field as a function."""
    if field.name == "rating":
        return lambda mention: _within(field, mention.rating.stars if mention.rating else None)
    if field.name == "followers":
        return lambda mention: _within(field, mention.author.followers if mention.author else None)
    if field.name == "url":
        patterns = [f"*{value}*" for value in field.values]
        return lambda mention: _any(patterns, (mention.url or "").lower())
    values_of = _VALUES[field.name]
    plain = frozenset(value for value in field.values if not _WILD.intersection(value))
    wild = [value for value in field.values if _WILD.intersection(value)]

    def holds(mention: EnrichedMention) -> bool:
        return any(value in plain or _any(wild, value) for value in values_of(mention))

    return holds


def _any(patterns: list[str], value: str) -> bool:
    return any(fits(pattern, value) for pattern in patterns)


def _within(field: Field, number: float | None) -> bool:
    if number is None:
        return False
    least, most = field.least, field.most
    if least is not None and (number <= least if field.open_least else number < least):
        return False
    return most is None or (number < most if field.open_most else number <= most)


def _authors(mention: EnrichedMention) -> Iterator[str]:
    if mention.author is not None:
        for name in (mention.author.handle, mention.author.name, mention.author.id):
            if name:
                yield name.lower()


def _sites(mention: EnrichedMention) -> Iterator[str]:
    """The host, and the domains it belongs to: ``site:bahn.de`` holds on ``presse.bahn.de``."""
    rest = (mention.site or "").lower()
    while rest:
        yield rest
        rest = rest.partition(".")[2]


_VALUES: Final[dict[str, Callable[[EnrichedMention], Iterator[str]]]] = {
    "lang": lambda mention: iter((mention.language.code,)),
    "channel": lambda mention: iter((mention.channel,)),
    "source": lambda mention: iter((mention.collector.source.lower(),)),
    "author": _authors,
    "site": _sites,
}
