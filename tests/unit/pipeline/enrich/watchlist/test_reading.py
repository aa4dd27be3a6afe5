"""A field as the automata read it, however it is made."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.enrich.text import view
from pipeline.enrich.watchlist.reading import EDGE, Reading
from pipeline.enrich.watchlist.spelling import fold

LATIN = st.text(st.characters(codec="latin-1"))


@given(LATIN | st.text(st.sampled_from("aÉß_1 -“€…ő😀Жж\u0345\u00aa")) | st.text())
def test_words_are_folded_and_stand_between_edges(text: str) -> None:
    reading = Reading(0, view(text), "text")
    signs = [sign if sign.isalnum() or sign == "_" else EDGE for sign in fold(reading.prose)]
    assert reading.marked == f"{EDGE}{''.join(signs)}{EDGE}"


@pytest.mark.parametrize(("rest", "word"), [(" so", "so"), (" “so”", "so"), (" Žižek", "zizek")])
def test_addresses_are_no_words(rest: str, word: str) -> None:
    text = f"Café https://a.example/b da{rest}"
    assert Reading(0, view(text), "text").vocabulary == {"cafe", "da", word, ""}
