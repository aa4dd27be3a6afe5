"""Of a very long text the beginning and what the watchlist matches are read."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from pipeline.enrich.passages import ALL, AROUND, passages
from pipeline.enrich.text import view

LONG = view("wort " * 20_000)
TEXTS = {"x": view("x" * 100_000), "link": view("https://a.example/" + "y" * 90_000), "words": LONG}
WORD = 60  # more than the longest word


def test_all_of_most_texts() -> None:
    assert passages(view("x" * ALL), [(0, 5)]) == []


def test_the_beginning_and_what_matches() -> None:
    parts = passages(LONG, [(50_000, 50_004), (10, 14), (50_200, 50_204)])
    assert [LONG.text[start:end].strip("wort ") for start, end in parts] == ["", ""]
    (first, last), (begin, end) = parts
    assert (first, last) == (0, ALL // 2 + 4)
    assert begin in range(50_000 - AROUND - WORD, 50_000 - AROUND + 1)
    assert end in range(50_204 + AROUND, 50_204 + AROUND + WORD)


def test_of_fewer_characters_the_beginning_has_half_too() -> None:
    parts = passages(LONG, [(7_000, 7_004), (90_000, 90_004)], 1_000)
    assert parts[0] == (0, 504)
    for (begin, end), place in zip(parts[1:], (7_000, 90_000), strict=True):
        assert begin < place
        assert end > place + 4
    assert passages(view("x" * 1_000), [(0, 5)], 1_000) == []


@given(
    st.lists(st.integers(0, 99_990).map(lambda at: (at, at + 4)), max_size=60),
    st.sampled_from(sorted(TEXTS)),
)
def test_is_bounded_in_order_and_apart(places: list[tuple[int, int]], text: str) -> None:
    parts = passages(TEXTS[text], [place for place in places if place[1] <= 90_000])
    assert sum(end - start for start, end in parts) <= ALL + WORD
    assert all(start < end for start, end in parts)
    assert all(one[1] < two[0] for one, two in pairwise(parts))
