"""Words keep their numbers, and those that are met again outlive those that are not."""

from hashlib import blake2b

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.enrich.known import Known, hashing
from pipeline.enrich.letters import Hashes, Places, laid_out


def hashes(words: list[str]) -> Hashes:
    digests = [blake2b(word.encode(), digest_size=8).digest() for word in words]
    return np.frombuffer(b"".join(digests), np.uint64)


class Moved(Known):
    """Remembers what it was told, and which words have its numbers."""

    def __init__(self, most: int) -> None:
        self.left: list[list[int]] = []
        self.words: list[str] = []
        super().__init__(most, self._told)

    def _told(self, left: Places) -> None:
        self.left.append(left.tolist())
        self.words = [self.words[number] for number in self.left[-1]]

    def read(self, words: str) -> list[int]:
        said = words.split()
        found, new = self.numbers(hashes(said))
        self.words += [said[place] for place in new.tolist()]
        assert self.next == len(self.words)
        return found.tolist()


def test_what_is_met_again_stays_known() -> None:
    known = Moved(6)
    assert known.read("der x x zug") == [0, 1, 1, 2]
    assert known.words == ["der", "x", "zug"]
    assert known.read("zug der y") == [2, 0, 3]
    assert known.read("zug a b c") == [1, 2, 3, 4]
    assert known.left == [[0, 2]], "x was met twice, but in one reading"
    assert known.words == ["der", "zug", "a", "b", "c"]


def test_says_where_new_words_are_met_first() -> None:
    known = Moved(6)
    known.read("der")
    found, new = known.numbers(hashes(["zug", "der", "x", "zug", "x"]))
    assert found.tolist() == [1, 0, 2, 1, 2]
    assert new.tolist() == [0, 2]


def test_what_is_not_met_again_later_is_forgotten_later() -> None:
    known = Moved(8)
    for words in ("der zug", "der zug", "a b c d e f", "g h", "zug", "i j k l m"):
        known.read(words)
    assert known.left == [[0, 1], [1]]
    assert known.words == ["zug", *"ijklm"]


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
    assert known.words == [*"ghij"]


def test_words_that_are_known_need_no_room() -> None:
    known = Moved(3)
    known.read("a b c")
    assert known.read("c b a c b a") == [2, 1, 0, 2, 1, 0]
    assert known.left == []


def test_more_words_than_numbers_are_an_error() -> None:
    known = Moved(3)
    with pytest.raises(OverflowError, match="no numbers left"):
        known.read("a b c d")
    assert known.read("a b c") == [0, 1, 2]


def test_words_that_share_a_slot_are_told_apart() -> None:
    known = Moved(4)
    homes = known._home(np.arange(1, 10_000, dtype=np.uint64))
    same = np.flatnonzero(homes == known._mask)[:4] + 1  # the last slot: they go on at the first
    words = same.astype(np.uint64)
    assert known.numbers(words)[0].tolist() == [0, 1, 2, 3]
    assert known.numbers(words[::-1])[0].tolist() == [3, 2, 1, 0]


def test_nobody_can_choose_letters_that_want_the_same_slots() -> None:
    """A letter's hash is its code point."""
    known = Moved(60_000)
    letters = np.arange(1, 0x110000, dtype=np.uint64)
    public = (letters * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(47)
    chosen = letters[np.argsort(public, kind="stable")][:20_000]
    known.numbers(chosen)
    slots = np.flatnonzero(known._slots)
    away = (slots - known._home(known._slots[slots])) & known._mask
    assert away.max() < 1_000
    assert away.mean() < 5


def test_no_hash_is_taken_for_an_empty_slot() -> None:
    known = Moved(4)
    nothing = np.zeros(1, np.uint64)
    for new in ([0], []):
        found, met = known.numbers(nothing)
        assert (found.tolist(), met.tolist()) == ([0], new)


@given(st.lists(st.lists(st.sampled_from("abcdefghij"), max_size=6), max_size=20))
def test_a_number_stands_for_its_word_alone(readings: list[list[str]]) -> None:
    known = Moved(12)
    for words in readings:
        found = known.read(" ".join(words))
        assert [known.words[number] for number in found] == words


def test_nobody_can_know_the_hash_of_a_word() -> None:
    letters, _ = laid_out(["Betrug"], " ")
    begins, ends = np.array([1]), np.array([7])
    assert hashing(20)(letters, begins, ends) != hashing(20)(letters, begins, ends)
