"""What another watchlist would find: gained and lost, with examples."""

from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from pipeline.enrich.text import View, view
from pipeline.enrich.watchlist import Found, Watchlist
from schemas.mention import EnrichedMention, Match

__all__ = ["Comparison", "Example", "TopicChange", "excerpt", "found_in"]

_EXAMPLES: Final = 5


class Example(Struct, frozen=True):
    """A mention that a change gains or loses."""

    id: str
    match: Match
    excerpt: str
    """The text around the first place, which stands between ``**``."""


class TopicChange(Struct):
    """What becomes of one topic."""

    topic: str
    before: int = 0
    """Mentions that match now."""
    after: int = 0
    """Mentions that would match."""
    gained: int = 0
    lost: int = 0
    examples_gained: list[Example] = []
    examples_lost: list[Example] = []


class Comparison:
    """Two watchlists, over any number of mentions.

    Args:
        old: the one in force; None for what the mentions carry.
        new: the one that may be.
        topic: only this topic; by default all.
    """

    def __init__(self, old: Watchlist | None, new: Watchlist, topic: str | None = None) -> None:
        self._old = old
        self._new = new
        self._topic = topic
        self._changes: dict[str, TopicChange] = {}
        for watched in (*(old.topics if old else ()), *new.topics):
            self._change(watched.topic)
        self.mentions = 0
        """How many were looked at."""

    def look(self, mention: EnrichedMention) -> None:
        """Search one mention with both."""
        self.mentions += 1
        text = view(mention.text)
        title = view(mention.title) if mention.title else None
        if self._old is None:
            before = _carried(mention, text, title)
        else:
            before = _by_topic(self._old.search(mention, text, title))
        after = _by_topic(self._new.search(mention, text, title))
        for name in before.keys() | after.keys():
            change = self._change(name)
            if change is None:
                continue
            old, new = before.get(name), after.get(name)
            change.before += old is not None
            change.after += new is not None
            if old is None and new is not None:
                change.gained += 1
                _note(change.examples_gained, mention, new)
            elif new is None and old is not None:
                change.lost += 1
                _note(change.examples_lost, mention, old)

    def _change(self, topic: str) -> TopicChange | None:
        if self._topic not in {None, topic}:
            return None
        return self._changes.setdefault(topic, TopicChange(topic))

    @property
    def changes(self) -> list[TopicChange]:
        """Every topic, those with the greatest change first."""
        return sorted(self._changes.values(), key=lambda one: -(one.gained + one.lost))


def found_in(watchlist: Watchlist, mention: EnrichedMention) -> Iterator[Match]:
    """All matches in a mention."""
    title = view(mention.title) if mention.title else None
    for field in watchlist.search(mention, view(mention.text), title):
        yield from field.matches


def _by_topic(fields: list[Found]) -> dict[str, tuple[View, Match]]:
    found: dict[str, tuple[View, Match]] = {}
    for field in fields:
        for match in field.matches:
            found.setdefault(match.topic, (field.view, match))
    return found


def _carried(
    mention: EnrichedMention, text: View, title: View | None
) -> dict[str, tuple[View, Match]]:
    found: dict[str, tuple[View, Match]] = {}
    for match in mention.matches:
        seen = title if match.where == "title" and title is not None else text
        found.setdefault(match.topic, (seen, match))
    return found


def _note(examples: list[Example], mention: EnrichedMention, found: tuple[View, Match]) -> None:
    if len(examples) < _EXAMPLES:
        seen, match = found
        examples.append(Example(mention.id, match, excerpt(seen.original, match)))


def excerpt(text: str, match: Match, around: int = 60) -> str:
    """The text around the first place of a match, which stands between ``**``."""
    if not match.spans:
        return " ".join(text[: 2 * around].split())
    span = match.spans[0]
    before = text[max(span.start - around, 0) : span.start]
    after = text[span.end : span.end + around]
    cut = ("…" if span.start > around else "", "…" if span.end + around < len(text) else "")
    return " ".join(f"{cut[0]}{before}**{text[span.start : span.end]}**{after}{cut[1]}".split())
