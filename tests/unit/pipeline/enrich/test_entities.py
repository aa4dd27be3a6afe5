"""Entities: marks and the watchlist's names, in the order of the text, bounded."""

from pipeline.enrich.entities import MOST, Entities
from pipeline.enrich.gazetteer import Gazetteer, Listed
from pipeline.enrich.parts import Named
from pipeline.enrich.text import view
from pipeline.enrich.watchlist import Watchlist
from pipeline.settings import WatchTopic
from schemas.mention import Entity, Producer

WATCHLIST = Watchlist(
    [
        WatchTopic(topic="Nordluft", kind="brand", terms=("Nordluft", "Nordluft Technik")),
        WatchTopic(topic="Windhaus", kind="competitor", terms=("Windhaus",)),
        WatchTopic(topic="Lärm", kind="theme", terms=("Lärm",)),
        WatchTopic(topic="Ada Muster", kind="person", terms=("Ada Muster",)),
        WatchTopic(topic="Brise 2", kind="product", terms=("Brise 2",)),
    ]
)


GAZETTEER = Gazetteer(
    [
        Listed(
            name="Nordluft Technik GmbH",
            kind="organisation",
            id="Q1",
            aliases=("Nordluft Technik",),
        )
    ]
)
MODEL = Producer(name="model", version="1")


def entities(text: str, *, listed: Gazetteer | None = None, named: str = "") -> list[Entity]:
    seen = view(text)
    names = []
    if named:
        start = seen.text.index(named)
        name = Named("person", start, start + len(named), MODEL)
        names.append((seen.span(name.start, name.end), name))
    made = Entities(WATCHLIST, listed or Gazetteer([]))
    found = made.find(WATCHLIST.find(seen, "text"), names)
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


def test_a_listed_name_wins_over_the_watchlist_and_both_over_a_model() -> None:
    found = entities("Nordluft Technik und Eva Kurz", listed=GAZETTEER, named="Technik")
    assert [(e.kind, e.text, e.name, e.id, e.by) for e in found] == [
        ("organisation", "Nordluft Technik", "Nordluft Technik GmbH", "Q1", GAZETTEER.by)
    ]
    (found_,) = entities("und Eva &Uuml;nal", named="Eva Ünal")
    assert (found_.kind, found_.text, found_.by) == ("person", "Eva &Uuml;nal", MODEL)
    assert [e.by for e in entities("Windhaus", named="Windhaus")] == [WATCHLIST.by]


def test_a_known_name_stands_in_a_hashtag_and_a_guessed_one_does_not() -> None:
    assert [e.kind for e in entities("so #Nordluft", named="Nordluft")] == ["hashtag", "brand"]
    assert [e.kind for e in entities("so #Evakurz", named="Evakurz")] == ["hashtag"]


def test_is_bounded() -> None:
    assert len(entities("#a " * (MOST + 100) + "Nordluft " * 100)) == MOST
