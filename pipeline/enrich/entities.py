"""What a text names: its links, addresses, tags, emoji, sums and dates, and the watchlist's names.

At most ``MOST`` entities, in the order of the text; where names of one kind overlap, the longest.
"""

from collections.abc import Sequence
from typing import Final, Literal, TypeAlias

from pipeline.enrich.marks import Kind
from pipeline.enrich.text import View
from pipeline.enrich.watchlist import Found, Hit, Watchlist
from schemas.mention import Entity, Producer

__all__ = ["MOST", "Entities"]

MOST: Final = 500

Named: TypeAlias = Literal["brand", "product", "person", "organisation"]
_KINDS: Final[dict[str, Named]] = {
    "brand": "brand",
    "product": "product",
    "person": "person",
    "competitor": "organisation",
}


class Entities:
    """Finds both kinds."""

    by: Final = Producer(name="patterns", version="1")

    def __init__(self, watchlist: Watchlist) -> None:
        self._watchlist = watchlist
        self._kinds = [_KINDS.get(topic.kind) for topic in watchlist.topics]

    def find(self, field: Found) -> tuple[Entity, ...]:
        """All entities of a field, given where the watchlist's terms stand in it."""
        view, hits = field.view, field.hits
        found = [
            (mark.start, _entity(view, mark.kind, (mark.start, mark.end), mark.name, self.by))
            for mark in view.marks[:MOST]
        ]
        if hits:
            names, by = self._watchlist.topics, self._watchlist.by
            found += [
                (hit.start, _entity(view, kind, (hit.start, hit.end), names[hit.topic].topic, by))
                for hit in _longest(hits)
                if (kind := self._kinds[hit.topic]) is not None
            ]
            found.sort(key=lambda pair: pair[0])
        return tuple([entity for _, entity in found[:MOST]])


def _entity(
    view: View, kind: Kind | Named, place: tuple[int, int], name: str | None, by: Producer
) -> Entity:
    span = view.span(*place)
    text = view.written(span)[:2_048]
    return Entity(kind=kind, text=text, span=span, name=name and name[:512], by=by)


def _longest(hits: Sequence[Hit]) -> list[Hit]:
    """The hits of each topic that no longer hit of the same topic covers."""
    kept: list[Hit] = []
    end: dict[int, int] = {}
    for hit in sorted(hits, key=lambda hit: (hit.start, -hit.end)):
        if hit.end > end.get(hit.topic, -1):
            kept.append(hit)
            end[hit.topic] = hit.end
    return kept
