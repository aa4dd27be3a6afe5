"""Entities: marks and the watchlist's names, in the order of the text, bounded."""

from pipeline.enrich.entities import MOST, Entities
from pipeline.enrich.text import view
from pipeline.enrich.watchlist import Watchlist
from pipeline.settings import WatchTopic
from schemas.mention import Entity

WATCHLIST = Watchlist(
    [
        WatchTopic(topic="Nordluft", kind="brand", terms=("Nordluft", "Nordluft Technik")),
        WatchTopic(topic="Windhaus", kind="competitor", terms=("Windhaus",)),
        WatchTopic(topic="Lärm", kind="theme", terms=("Lärm",)),
        WatchTopic(topic="Ada Muster", kind="person", terms=("Ada Muster",)),
        WatchTopic(topic="Brise 2", kind="product", terms=("Brise 2",)),
    ]
)


def entities(text: str) -> list[Entity]:
    found = Entities(WATCHLIST).find(WATCHLIST.find(view(text), "text"))
    for entity in found:
        assert text[entity.span.start : entity.span.end] == entity.text
    return list(found)


def test_names_of_the_watchlist() -> None:
    found = entities("Ada Muster von Nordluft Technik lobt Brise 2, nicht Windhaus. Lärm!")
    assert [(e.kind, e.text, e.name) for e in found] == [
        ("person", "Ada Muster", "Ada Muster"),
        ("brand", "Nordluft Technik", "Nordluft"),
        ("product", "Brise 2", "Brise 2"),
        ("organisation", "Windhaus", "Windhaus"),
    ]
    assert {entity.by for entity in found} == {WATCHLIST.by}


def test_marks_and_names_in_the_order_of_the_text() -> None:
    found = entities("😀 Nordluft kostet 5 € &amp; mehr: https://n.example #Luft")
    assert [e.kind for e in found] == ["emoji", "brand", "money", "link", "hashtag"]


def test_is_bounded() -> None:
    assert len(entities("#a " * (MOST + 100) + "Nordluft " * 100)) == MOST
