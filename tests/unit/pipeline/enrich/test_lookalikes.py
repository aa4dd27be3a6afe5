"""Letters that pretend to be others: read as what they look like, unless they are meant."""

import unicodedata

import pytest
from confusable_homoglyphs import utils
from hypothesis import given
from hypothesis import strategies as st

from pipeline.enrich.lookalikes import TABLE, plain

FALSE = st.sampled_from("".join(chr(letter) for letter in TABLE))


def test_the_table_is_unicodes() -> None:
    known = utils.load("confusables.json")
    for false, read in TABLE.items():
        letter, like = chr(false), chr(read)
        looks = {entry["c"] for entry in known[letter]}
        assert like in looks or (like == "I" and "l" in looks), unicodedata.name(letter)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("N\u043erdluft", "Nordluft"),
        ("N\u03bfrdluft \u0430uf \u0421D", "Nordluft auf CD"),
        ("\u0412\u041c\u0415 ist da", "BME ist da"),  # a whole word of false letters
        ("\u0261oogle", "google"),
    ],
)
def test_false_letters_are_read(text: str, read: str) -> None:
    assert plain(text) == read


@pytest.mark.parametrize(
    "text",
    [
        "\u042d\u0442\u043e \u0441\u043e\u0440 \u0430 Nordluft",  # Russian, a brand in it
        "\u03b1-Strahlung und \u0394v",
        "\u039a\u03b1\u03bb\u03b7\u03bc\u03ad\u03c1\u03b1",
        "Stra\u00dfe \u00fc \u0131 \u0142",
    ],
)
def test_what_is_meant_is_left_alone(text: str) -> None:
    assert plain(text) == text


@given(st.text(alphabet=st.characters() | FALSE, max_size=80))
def test_positions_stay(text: str) -> None:
    read = plain(text)
    assert len(read) == len(text)
    assert all(a == b or ord(a) in TABLE for a, b in zip(text, read, strict=True))
    assert plain(read) == read
