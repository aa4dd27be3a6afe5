"""Words keep their numbers, and those that are met again outlive those that are not."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.enrich.known import Known


def test_what_is_met_again_stays_known() -> None:
    known = Known(6)
    assert known.numbers(["der", "x", "x", "zug"]).tolist() == [0, 1, 1, 2]
    assert known.new == ["der", "x", "zug"]
    known.new.clear()
    assert known.numbers(["zug", "der", "y"]).tolist() == [2, 0, 3]
    assert not known.has_room(["a", "b", "c"])
    assert known.renew().tolist() == [0, 2], "x was met twice, but in one reading"
    assert known == {"der": 0, "zug": 1}
    assert known.numbers(["zug", "x"]).tolist() == [1, 2]
    assert known.new == ["x"]


def test_what_is_not_met_again_later_is_forgotten_later() -> None:
    known = Known(6)
    for words in (["der", "zug"], ["der", "zug"]):
        known.numbers(words)
    known.renew()
    known.numbers(["zug"])
    assert known.renew().tolist() == [1]
    assert known == {"zug": 0}


def test_half_of_the_room_at_most_is_kept() -> None:
    known, words = Known(6), list("abcdef")
    known.numbers(words)
    known.numbers(words)
    assert known.renew().tolist() == [0, 1, 2]


def test_there_is_room_for_words_that_are_known() -> None:
    known = Known(3)
    assert known.has_room(["a", "b", "a", "a"])
    known.numbers(["a", "b"])
    assert known.has_room(["b", "a", "b", "c"])
    assert not known.has_room(["c", "d"])


@given(st.lists(st.lists(st.sampled_from("abcdefghij"), max_size=6), max_size=20))
def test_a_number_stands_for_its_word_alone(readings: list[list[str]]) -> None:
    known = Known(12)
    of: dict[int, str] = {}
    for words in readings:
        if not known.has_room(words):
            before = known.renew().tolist()
            of = {number: of[old] for number, old in enumerate(before)}
        if not known.has_room(words):
            known.forget()
            of = {}
        found = known.numbers(words).tolist()
        for word, number in zip(words, found, strict=True):
            assert of.setdefault(number, word) == word
            assert number < 12
