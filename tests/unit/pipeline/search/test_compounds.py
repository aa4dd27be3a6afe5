"""How well German compounds are taken apart, on words judged by hand."""

from pathlib import Path

import pytest

from pipeline.search.compounds import parts, parts_of

JUDGED = Path(__file__).parents[3] / "data" / "compounds.tsv"


@pytest.mark.parametrize(
    ("word", "made_of"),
    [
        ("Lüftungsanlage", {"lüftung", "anlage"}),
        ("LÜFTUNGSANLAGEN", {"lüftung", "anlage"}),
        ("Lueftungsanlage", {"lüftung", "anlage"}),
        ("wärmepumpentarif", {"wärme", "pumpe", "tarif"}),
        ("Schulbuch", {"schule", "buch"}),
        ("Fahrkartenautomat", {"fahrkarte", "automat"}),
        ("Wochenende", set()),
        ("Beratung", set()),
        ("Verspätung", set()),
        ("Ölheizung", {"öl", "heizung"}),
    ],
)
def test_words_are_taken_apart_into_dictionary_forms(word: str, made_of: set[str]) -> None:
    assert made_of - set(parts_of(word)) == set()
    assert bool(parts_of(word)) == bool(made_of)


def test_a_text_gives_each_part_once() -> None:
    text = "Die Lüftungsanlage, die #Lüftungsanlagen und der Lüftungsfilter"
    assert parts(text) == ["lüftung", "anlage", "filter"]
    assert parts("") == []
    assert parts("1234567 Lüftung " + "x" * 10_000) == []


@pytest.mark.parametrize(("part", "found", "right"), [("dev", 0.97, 0.97), ("test", 0.9, 0.9)])
def test_what_is_found_and_how_much_of_it_is_right(part: str, found: float, right: float) -> None:
    """``found``: of the parts that are asked for. ``right``: of the words that are taken apart."""
    asked = got = split = wrong = 0
    for line in JUDGED.read_text("utf-8").splitlines():
        if line.startswith(f"{part}\t"):
            _, word, *rest = line.split("\t")
            judged = rest[0].split() if rest else []
            must = {each for each in judged if not each.startswith("(")}
            made = set(parts_of(word))
            asked += len(must)
            got += len(must & made)
            split += bool(made)
            wrong += bool(made - {each.strip("()") for each in judged})
    assert asked > 80
    assert got / asked >= found
    assert 1 - wrong / split >= right
