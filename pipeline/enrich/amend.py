"""Puts what analysts say of a mention in place of what was found, and notes both.

Topics are amended before relevance and tones are judged, so that a topic that was added is a topic
like any other; a tone is an analyst's with full confidence, as ``-1``, ``0`` or ``1``, and has no
terms, because no words made it. What does not fit any more (an entity whose text was edited away,
the tone towards a topic that is not matched) changes nothing and is noted all the same.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeAlias, cast

from msgspec.structs import replace

from schemas.amendment import Amendment
from schemas.mention import (
    Amended,
    EnrichedMention,
    Entity,
    Label,
    Match,
    Part,
    Producer,
    Sentiment,
    Span,
    TargetSentiment,
)

__all__ = ["BY", "MOST", "Said", "entities", "occurrences", "tones", "topics"]

BY: Final = Producer(name="mark", version="1")
MOST: Final = 100
"""Amendments of one mention that are applied, the oldest first."""

Said: TypeAlias = Mapping[tuple[Part, str], Amendment]
"""The amendments of one mention, by part and name."""

_SCORES: Final[Mapping[str | None, float]] = {"negative": -1.0, "neutral": 0.0, "positive": 1.0}
_AROUND: Final = frozenset({"hashtag", "handle", "link", "mail"})
"""What a name may stand in."""
_MOST_ENTITIES: Final = 500
_MOST_PLACES: Final = 50


def topics(mention: EnrichedMention, said: Said) -> None:
    """Add and remove topics."""
    for one in _of(said, "topic"):
        before = next((match.kind for match in mention.matches if match.topic == one.name), None)
        if one.value is None:
            mention.matches = tuple(m for m in mention.matches if m.topic != one.name)
        elif before is None:
            # Nothing in the text says so: an analyst does.
            added = Match(topic=one.name, kind=cast("Any", one.value), clause="", spans=(), by=BY)
            mention.matches += (added,)
        else:
            mention.matches = tuple(
                replace(m, kind=cast("Any", one.value)) if m.topic == one.name else m
                for m in mention.matches
            )
        _note(mention, one, before)


def tones(mention: EnrichedMention, said: Said) -> None:
    """Set the tone of the text and towards topics; those of removed topics go."""
    matched = {match.topic: match for match in mention.matches}
    mention.targets = tuple(t for t in mention.targets if t.topic in matched)
    for one in _of(said, "sentiment"):
        before = mention.sentiment.label if mention.sentiment else None
        mention.sentiment = Sentiment(
            label=_label(one), score=_SCORES[one.value], confidence=1.0, by=BY
        )
        _note(mention, one, before)
    for one in _of(said, "target"):
        known = next((t for t in mention.targets if t.topic == one.name), None)
        if (match := matched.get(one.name)) is not None:
            tone = TargetSentiment(
                topic=one.name,
                label=_label(one),
                score=_SCORES[one.value],
                confidence=1.0,
                span=known.span if known else _first(match),
                where=known.where if known else match.where,
                by=BY,
            )
            others = tuple(t for t in mention.targets if t.topic != one.name)
            mention.targets = (*others, tone)
        _note(mention, one, known.label if known else None)


def entities(mention: EnrichedMention, said: Said) -> None:
    """Set, add and remove entities, wherever their text stands."""
    for one in _of(said, "entity"):
        name = one.name.casefold()
        known = [e for e in mention.entities if name in {e.text.casefold(), _folded(e.name)}]
        kept = [e for e in mention.entities if e not in known]
        if one.value is not None:
            places = occurrences(one.name, mention.text) or [e.span for e in known]
            kept = [e for e in kept if e.kind in _AROUND or not _overlaps(e.span, places)]
            ids = {e.span: e for e in known}
            made = [_entity(mention, one, span, ids.get(span)) for span in places]
            kept = sorted([*kept, *made], key=lambda e: e.span.start)
        mention.entities = tuple(kept[:_MOST_ENTITIES])
        _note(mention, one, known[0].kind if known else None)


def occurrences(name: str, text: str) -> list[Span]:
    """Where a name stands in a text as a word of its own; capitals do not count."""
    pattern = rf"(?<!\w){re.escape(name)}(?!\w)"
    found = re.finditer(pattern, text, re.IGNORECASE)
    return [Span(*match.span()) for match, _ in zip(found, range(_MOST_PLACES), strict=False)]


def _of(said: Said, part: Part) -> list[Amendment]:
    """The amendments of a part, in an order that does not depend on how they came."""
    return sorted(
        (one for one in said.values() if one.part == part), key=lambda one: (one.at, one.name)
    )


def _note(mention: EnrichedMention, one: Amendment, before: str | None) -> None:
    made = Amended(
        part=one.part,
        name=one.name or None,
        value=one.value,
        before=before,
        by=one.by,
        at=one.at,
        note=one.note,
    )
    mention.amendments = (*mention.amendments, made)[:MOST]


def _label(one: Amendment) -> Label:
    return cast("Label", one.value)  # the amendment was checked when it was made


def _first(match: Match) -> Span:
    return match.spans[0] if match.spans else Span(0, 0)


def _folded(name: str | None) -> str | None:
    return name and name.casefold()


def _overlaps(span: Span, places: Iterable[Span]) -> bool:
    return any(span.start < place.end and place.start < span.end for place in places)


def _entity(mention: EnrichedMention, one: Amendment, span: Span, known: Entity | None) -> Entity:
    """An entity of the kind that was said; what it is linked to stays."""
    return Entity(
        kind=cast("Any", one.value),
        text=mention.text[span.start : span.end],
        span=span,
        name=known.name if known else None,
        id=known.id if known else None,
        by=BY,
    )
