"""Listed names: found as people write them, linked to their id, the longest one at each place."""

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.enrich import gazetteer as gazetteers
from pipeline.enrich.gazetteer import Gazetteer, Listed, load
from pipeline.enrich.text import view
from pipeline.errors import ConfigError

FILE = """
[[entity]]
name = "Nordluft GmbH"
kind = "organisation"
id = "Q1"
aliases = ["Nordluft", "Nord-Luft"]

[[entity]]
name = "Nordluft Arena"
kind = "place"

[[entity]]
name = "Die Zeit"
kind = "work"
case_sensitive = true
inflected = false

[[entity]]
name = "Deutsche Bahn"
kind = "organisation"
aliases = ["DB"]

[[entity]]
name = "Müller"
kind = "brand"

[[entity]]
name = "Brise"
kind = "product"
id = "P2"
compounds = true

[[entity]]
name = "DRK"
kind = "organisation"
aliases = ["Rotes Kreuz"]

[[entity]]
name = "grüne wolke"
kind = "brand"

[[entity]]
name = "Weissblau"
kind = "brand"

[[entity]]
name = "Die Grüne"
kind = "work"
"""


@pytest.fixture(scope="module")
def gazetteer(tmp_path_factory: pytest.TempPathFactory) -> Gazetteer:
    path = tmp_path_factory.mktemp("gazetteer") / "entities.toml"
    path.write_text(FILE, encoding="utf-8")
    return Gazetteer(load(path))


def found(gazetteer: Gazetteer, text: str) -> list[tuple[str, str]]:
    return [(text[p.start : p.end], p.entity.name) for p in gazetteer.find(view(text))]


@pytest.mark.parametrize(
    ("text", "written", "name"),
    [
        ("bei nordluft ist", "nordluft", "Nordluft GmbH"),
        ("Nordlufts Geräte", "Nordlufts", "Nordluft GmbH"),
        ("Nordluft's Geräte", "Nordluft's", "Nordluft GmbH"),
        ("Nord-Luft!", "Nord-Luft", "Nordluft GmbH"),
        ("die Nordluft-Geräte", "Nordluft", "Nordluft GmbH"),
        ("in der Nordluft Arena", "Nordluft Arena", "Nordluft Arena"),
        ("mit der Deutschen Bahn", "Deutschen Bahn", "Deutsche Bahn"),
        ("Deutscher\nBahn", "Deutscher\nBahn", "Deutsche Bahn"),
        ("MUELLER hat", "MUELLER", "Müller"),
        ("Die Zeit schreibt", "Die Zeit", "Die Zeit"),
        ("der Briseaufsatz", "Briseaufsatz", "Brise"),
        ("Die Grünen", "Die Grünen", "Die Grüne"),
        ("beim Roten Kreuz", "Roten Kreuz", "DRK"),
        ("der Grünen Wolke", "Grünen Wolke", "grüne wolke"),
        ("bei Weißblau", "Weißblau", "Weissblau"),
        ("'Nordluft' fliegt", "Nordluft", "Nordluft GmbH"),
        ("https://a.example/b Nordluft www.nordluft.example", "Nordluft", "Nordluft GmbH"),
        ("so #Nordluft", "Nordluft", "Nordluft GmbH"),
    ],
)
def test_finds(gazetteer: Gazetteer, text: str, written: str, name: str) -> None:
    assert found(gazetteer, text) == [(written, name)]


@pytest.mark.parametrize(
    "text",
    ["die Zeit rennt", "Nordluftig", "Nordluftgerät", "DBs", "https://nordluft.example",
     "xNordluft", "Mullersch", "Zeit"],
)  # fmt: skip
def test_does_not_find(gazetteer: Gazetteer, text: str) -> None:
    assert found(gazetteer, text) == []


def test_is_signed_with_the_list_and_the_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = Listed(name="Brise", kind="brand"), Listed(name="Brise", kind="product")
    signed = [Gazetteer([one]).by.version, Gazetteer([other]).by.version]
    assert Gazetteer([one]).by.version == signed[0]
    monkeypatch.setattr(gazetteers, "_VERSION", "next")
    assert len({*signed, Gazetteer([one]).by.version}) == 3


def test_links_and_says_which_list(gazetteer: Gazetteer) -> None:
    (place,) = gazetteer.find(view("Nordluft"))
    assert (place.entity.id, place.entity.kind) == ("Q1", "organisation")
    assert gazetteer.by.name == "entities"
    assert gazetteer.by != Gazetteer([Listed(name="Nordluft", kind="brand")]).by


@given(
    st.lists(
        st.sampled_from(
            ["Nordluft", " Arena", "Deutsche", " Bahn", "s", "-", "\n", "#", "ü", "DB"]
        ),
        max_size=20,
    ).map("".join)
)
def test_places_are_apart_and_whole_words(text: str) -> None:
    made = Gazetteer(
        [
            Listed(name="Nordluft", kind="brand"),
            Listed(name="Nordluft Arena", kind="place"),
            Listed(name="Deutsche Bahn", kind="organisation", aliases=("DB",)),
        ]
    )
    places = made.find(view(text))
    for one, two in pairwise(places):
        assert one.end <= two.start
    for place in places:
        assert not (place.start and (text[place.start - 1] + text[place.start]).isalnum())
        assert not (text[place.end :] and (text[place.end - 1] + text[place.end]).isalnum())


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[[entity]]\nname = 'A'", "entity.0"),
        ("[[entity]]\nname = 'Ab'\nkind = 'brand'\nalias = ['x']", "did you mean 'aliases'"),
        ("nope", "not TOML"),
    ],
)
def test_a_bad_file_is_explained(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "entities.toml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError, match=said):
        load(path)
    with pytest.raises(ConfigError, match="No such file"):
        load(tmp_path / "none.toml")


@pytest.mark.parametrize(
    "name", ["Nordluft Pro", "Nordluft® Pro", "Nordluft™ Pro™", "Nordluft Pro®"]
)
@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("Die Nordluft Pro läuft", "Nordluft Pro"),
        ("Die  Nordluft® Pro® läuft", "Nordluft® Pro"),
        ("Die Nordluft™ Pro™ läuft", "Nordluft™ Pro"),
        ("Die Nordluft \n  Pro, zwei  Nordluft", "Nordluft \n  Pro"),
        ("Die NordluftPro läuft", None),
    ],
)
def test_signs_of_a_trade_mark_and_wide_gaps_do_not_matter(
    name: str, text: str, written: str | None
) -> None:
    seen = view(text)
    places = Gazetteer([Listed(name=name, kind="product")]).find(seen)
    found = [seen.written(seen.span(place.start, place.end)) for place in places]
    assert found == ([] if written is None else [written])
