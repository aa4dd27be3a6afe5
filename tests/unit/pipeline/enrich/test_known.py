"""Words keep their numbers, and those that are met again outlive those that are not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.enrich.known import Known, Places


class Moved(Known):
    """Remembers what it was told."""

    def __init__(self, most: int) -> None:
        self.left: list[list[int]] = []
        super().__init__(most, lambda left: self.left.append(left.tolist()))

    def read(self, words: str) -> list[int]:
        self.new.clear()
        return self.numbers(words.split()).tolist()


def test_what_is_met_again_stays_known() -> None:
    known = Moved(6)
    assert known.read("der x x zug") == [0, 1, 1, 2]
    assert known.new == ["der", "x", "zug"]
    assert known.read("zug der y") == [2, 0, 3]
    assert known.read("zug a b c") == [1, 2, 3, 4]
    assert known.left == [[0, 2]], "x was met twice, but in one reading"
    assert known == {"der": 0, "zug": 1, "a": 2, "b": 3, "c": 4}
    assert known.new == ["a", "b", "c"]


def test_what_is_not_met_again_later_is_forgotten_later() -> None:
    known = Moved(8)
    for words in ("der zug", "der zug", "a b c d e f", "g h", "zug", "i j k l m"):
        known.read(words)
    assert known.left == [[0, 1], [1]]
    assert known == {"zug": 0, "i": 1, "j": 2, "k": 3, "l": 4, "m": 5}


def test_half_of_the_room_at_most_is_kept() -> None:
    known = Moved(6)
    for words in ("a b c d e f", "a b c d e f", "g"):
        known.read(words)
    assert known.left == [[0, 1, 2]]


def test_where_that_is_not_enough_all_is_forgotten() -> None:
    known = Moved(6)
    for words in ("a b c d e f", "a b c d e f", "g h i j"):
        known.read(words)
    assert known.left == [[0, 1, 2], []]
    assert known == {"g": 0, "h": 1, "i": 2, "j": 3}


def test_words_that_are_known_need_no_room() -> None:
    known = Moved(3)
    known.read("a b c")
    assert known.read("c b a c b a") == [2, 1, 0, 2, 1, 0]
    assert known.left == []


def test_more_words_than_numbers_are_an_error() -> None:
    known = Moved(3)
    with pytest.raises(OverflowError, match="no number left"):
        known.read("a b c d")
    assert known.read("a b c") == [0, 1, 2]


@given(st.lists(st.lists(st.sampled_from("abcdefghij"), max_size=6), max_size=20))
def test_a_number_stands_for_its_word_alone(readings: list[list[str]]) -> None:
    said = np.array([""] * 12)

    def moved(left: Places) -> None:
        said[: len(left)] = said[left]

    known = Known(12, moved)
    for words in readings:
        found = known.numbers(words)
        new, after = known.new, known.next
        said[after - len(new) : after] = new
        new.clear()
        assert said[found].tolist() == words
