"""Words, their places, and what opens a sentence."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.enrich.names.words import words


def test_cuts_as_names_are_written() -> None:
    found = [word.text for word in words("Baden-Württemberg, U.S. und AT&T: #Tag. O'Neill!")]
    assert found == [
        *("Baden-Württemberg", ",", "U.S.", "und", "AT&T", ":", "#Tag", ".", "O", "'", "Neill", "!")
    ]


def test_knows_what_opens_a_sentence() -> None:
    text = 'Er kam. "Wie?", sagte Anna\nDanach: Ende'
    assert [w.text for w in words(text) if w.initial] == ["Er", "Wie", "Danach", "Ende"]


@given(st.text(max_size=100))
def test_places_are_in_order_and_right(text: str) -> None:
    end = 0
    for word in words(text):
        assert end <= word.start < word.end
        assert text[word.start : word.end] == word.text
        end = word.end
