"""Words, their places, and what opens a sentence."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from pipeline.enrich.names.words import CUT, shape, words


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


@given(st.text(max_size=100))
def test_only_white_space_is_left_out(text: str) -> None:
    assert "".join(CUT.findall(text)).replace("\n", "") == "".join(text.split())


@given(st.text(st.sampled_from("aBc\u00df\u01c5\u4e2d\u00aa\u24b61-_"), min_size=1, max_size=40))
def test_a_shape_is_one_sign_for_each_run(word: str) -> None:
    signs = [
        "X"
        if letter.isupper()
        else "x"
        if letter.isalpha()
        else "d"
        if letter.isdigit()
        else letter
        for letter in word[:30]
    ]
    assert shape(word) == "".join([sign for sign, _ in itertools.groupby(signs)])[:8]
