"""Spellings, forms and wildcards: strings in, strings out."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.enrich.watchlist.spelling import fits, fold, forms, inside

PARADIGMS = {
    "Lüftungsanlage": "Lüftungsanlage Lüftungsanlagen",
    "Zug": "Zug Zuges Zugs Zuge Züge Zügen",
    "Haus": "Haus Hauses Hause Häuser Häusern",
    "Bus": "Bus Busses Busse Bussen",
    "Kundin": "Kundin Kundinnen",
    "Störung": "Störung Störungen",
    "Ergebnis": "Ergebnis Ergebnisses Ergebnisse Ergebnissen",
    "Zentrum": "Zentrum Zentrums Zentren",
    "Virus": "Virus Viren",
    "Firma": "Firma Firmen",
    "Kamera": "Kamera Kameras",
    "Auto": "Auto Autos",
    "Fahrer": "Fahrer Fahrers Fahrern",
    "Apfel": "Apfel Apfels Äpfel Äpfeln",
    "Garten": "Garten Gartens Gärten",
    "Mutter": "Mutter Mütter Müttern",
    "Bild": "Bild Bildes Bilds Bilder Bildern",
    "Baum": "Baum Baumes Baums Bäume Bäumen",
    "Netz": "Netz Netzes Netze Netzen",
    "Name": "Name Namen Namens",
    "Mensch": "Mensch Menschen",
    "Handy": "Handy Handys",
    "Battery": "Battery Batteries",
    "Mädchen": "Mädchen Mädchens",
    "pünktlich": "pünktlich pünktliche pünktlichen pünktlicher pünktlichere pünktlichste",
    "leise": "leise leisen leiser leises leisesten",
    "kaufen": "kaufen kaufe kaufst kauft kaufte kauften gekauft kaufend",
    "warten": "warten warte wartest wartet wartete gewartet",
    "fahren": "fahren fahre fährt fährst gefahren",
}
STRANGERS = {
    "Kohle": "Kohl Köhler",
    "Zug": "Zeug Ziege Zügel",
    "Bahn": "Bahnhof Bann Autobahn",
    "Haus": "Maus Hausboot Hausa",
    "kaufen": "Kaufhaus verkaufen",
}


@pytest.mark.parametrize("word", PARADIGMS)
def test_forms_of_a_word(word: str) -> None:
    assert set(PARADIGMS[word].split()) <= forms(word)


@pytest.mark.parametrize("word", STRANGERS)
def test_other_words_are_no_forms(word: str) -> None:
    assert not forms(word) & set(STRANGERS[word].split())


@given(st.text(max_size=12))
def test_forms_are_few(word: str) -> None:
    assert word in forms(word)
    assert len(forms(word)) <= 40


@pytest.mark.parametrize(
    ("part", "word", "expected"),
    [
        ("zug", "zug", True),
        ("zug", "güterzug", True),
        ("zug", "zugfahrt", True),
        ("anlage", "lüftungsanlage", True),
        ("wartung", "wartungsvertrag", True),
        ("zug", "vorzug", False),
        ("zug", "anzug", False),
        ("rat", "beratung", False),
        ("zug", "zugs", False),
        ("bahn", "bahn_app", False),
        ("haus", "aushaushaus", True),
    ],
)
def test_inside_a_compound(part: str, word: str, *, expected: bool) -> None:
    assert inside(part, word) is expected


@given(st.text(alphabet="ab*?", max_size=8), st.text(alphabet="ab", max_size=10))
def test_wildcards_mean_what_a_regular_expression_means(pattern: str, word: str) -> None:
    as_regex = "".join({"*": ".*", "?": "."}.get(sign, sign) for sign in pattern)
    assert fits(pattern, word) is bool(re.fullmatch(as_regex, word))


def test_no_wildcard_takes_long() -> None:
    started = time.perf_counter()
    assert not fits("a*" * 20 + "b", "a" * 20_000)
    assert time.perf_counter() - started < 5  # a backtracking matcher would take years


@given(st.text().filter(lambda text: "\u0130" not in text))
def test_folding_keeps_every_place(text: str) -> None:
    assert len(fold(text)) == len(text)


def test_folding_keeps_what_tells_german_words_apart() -> None:
    assert fold("Schön ÄÖÜß") == "schön äöüß"
    assert fold("Café Ñandú Łódź Ø") == "cafe nandu lodz o"
