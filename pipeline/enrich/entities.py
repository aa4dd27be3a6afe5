"""What a text names: links, addresses, tags, emoji, sums, dates; and what has a name of its own.

Names come from three places, the surest first: the customer's list (``gazetteer``, with ids), the
watchlist's topics, and a model that needs no list (``parts.NameFinder``). A name that overlaps one
from a surer place is left out. At most ``MOST`` entities, in the order of the text; where names of
one watchlist topic overlap, the longest.

The title is not searched: ``Entity.span`` speaks of the text, and who does not know a field that
said otherwise would mark, and cut out, the wrong words of it.
"""

from collections.abc import Sequence
from typing import Final

from pipeline.enrich.gazetteer import Gazetteer, Place
from pipeline.enrich.marks import Kind
from pipeline.enrich.parts import Named
from pipeline.enrich.text import View
from pipeline.enrich.watchlist import Found, Hit, Watchlist
from schemas.mention import Entity, EntityKind, Producer, Span

__all__ = ["MOST", "Entities"]

MOST: Final = 500

_AROUND: Final = frozenset({"hashtag", "handle", "link"})
"""What a known name may stand in."""
_KINDS: Final[dict[str, EntityKind]] = {
    "brand": "brand",
    "product": "product",
    "person": "person",
    "competitor": "organisation",
}


class Entities:
    """Finds and gathers them."""

    by: Final = Producer(name="patterns", version="3")

    def __init__(self, watchlist: Watchlist, gazetteer: Gazetteer) -> None:
        self._watchlist = watchlist
        self._gazetteer = gazetteer
        self._kinds = [_KINDS.get(topic.kind) for topic in watchlist.topics]

    def find(self, field: Found, named: Sequence[tuple[Span, Named]] = ()) -> tuple[Entity, ...]:
        """All entities of a field.

        Args:
            field: the text, and where the watchlist's terms stand in it.
            named: what a model found, and where in the original.
        """
        view = field.view
        found = [
            _entity(view, mark.kind, view.span(mark.start, mark.end), self.by, mark.name)
            for mark in view.marks[:MOST]
        ]
        places = self._gazetteer.find(view)
        if places or field.hits or named:
            taken = bytearray(len(view.original))
            _take(taken, [entity for entity in found if entity.kind not in _AROUND])
            if places:
                found += _take(taken, self._listed(view, places))
            if field.hits:
                found += _take(taken, self._watched(field))
            _take(taken, [entity for entity in found if entity.kind in _AROUND])
            found += _take(taken, [_entity(view, name.kind, span, name.by) for span, name in named])
            found.sort(key=_start)
        return tuple(found[:MOST])

    def _listed(self, view: View, places: Sequence[Place]) -> list[Entity]:
        by = self._gazetteer.by
        return [
            _entity(view, one.kind, view.span(place.start, place.end), by, one.name, one.id)
            for place in places
            if (one := place.entity)
        ]

    def _watched(self, field: Found) -> list[Entity]:
        view, topics, by = field.view, self._watchlist.topics, self._watchlist.by
        return [
            _entity(view, kind, view.span(hit.start, hit.end), by, topics[hit.topic].topic)
            for hit in _longest(field.hits)
            if (kind := self._kinds[hit.topic]) is not None
        ]


def _take(taken: bytearray, entities: Sequence[Entity]) -> list[Entity]:
    """Those of the entities that stand where nothing stood before; then they do."""
    free = [entity for entity in entities if taken.find(1, entity.span.start, entity.span.end) < 0]
    for entity in free:
        start, end = entity.span.start, entity.span.end
        taken[start:end] = b"\1" * (end - start)
    return free


def _start(entity: Entity) -> int:
    return entity.span.start


def _entity(  # noqa: PLR0917 - in the order of the message's fields
    view: View,
    kind: Kind | EntityKind,
    span: Span,
    by: Producer,
    name: str | None = None,
    id_: str | None = None,
) -> Entity:
    text = view.written(span)[:2_048]
    return Entity(kind=kind, text=text, span=span, name=name and name[:512], id=id_, by=by)


def _longest(hits: Sequence[Hit]) -> list[Hit]:
    """The hits of each topic that no longer hit of the same topic covers."""
    kept: list[Hit] = []
    end: dict[int, int] = {}
    for hit in sorted(hits, key=lambda hit: (hit.start, -hit.end)):
        if hit.end > end.get(hit.topic, -1):
            kept.append(hit)
            end[hit.topic] = hit.end
    return kept
