"""Letters of many texts as one array: their kinds, runs of them, and hashes of pieces."""

import re

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.enrich.letters import Hashing, Kinds, Pairs, Pieces, laid_out, runs

TEXTS = st.lists(st.text(st.sampled_from("aB1 .\u4e2d\U0001f600\ud800\u2fff\u3000"), max_size=9))


def kind(letter: str) -> int:
    return ord(letter) % 7


@given(TEXTS)
def test_texts_stand_one_behind_the_other(texts: list[str]) -> None:
    letters, at = laid_out(texts, "|")
    written = "".join(map(chr, letters.tolist()))
    assert written == "|".join(["", *texts, ""])
    places = at.tolist()
    assert [written[at : at + len(text)] for at, text in zip(places, texts, strict=False)] == texts
    assert places[-1] == len(written) or not texts


@given(TEXTS)
def test_each_letter_is_of_its_kind(texts: list[str]) -> None:
    letters, _ = laid_out(texts, "|")
    assert Kinds(kind)(letters).tolist() == [kind(chr(letter)) for letter in letters.tolist()]


@given(st.lists(st.integers(0, 4), min_size=1))
def test_runs_are_of_one_kind_and_signs_stand_alone(kinds: list[int]) -> None:
    starts = runs(np.array(kinds, np.uint8), 3).tolist()
    for place in range(1, len(kinds)):
        stands_alone = kinds[place] >= 3
        assert (place in starts) == (stands_alone or kinds[place] != kinds[place - 1])


@given(st.text(st.sampled_from("abAB:)\u0101\u4e2d")))
def test_pairs_are_found_where_they_start(text: str) -> None:
    letters, _ = laid_out([text], "|")
    found = (Pairs({"ab": "A", ":": ")(", "A": "|"})(letters) - 1).tolist()
    pattern = re.compile(r"[ab](?=A)|:(?=[)(])|A(?=\Z)")
    assert found == [match.start() for match in pattern.finditer(text)]


@given(TEXTS)
def test_a_piece_has_one_hash_wherever_it_stands(texts: list[str]) -> None:
    texts = [*texts, *reversed(texts)]
    letters, at = laid_out(texts, "|")
    begins = at[:-1]
    ends = begins + np.fromiter(map(len, texts), np.intp, len(texts))
    hashes = Hashing(0x9E3779B97F4A7C15, len(letters))(letters, begins, ends).tolist()
    of: dict[str, int] = {}
    for text, found in zip(texts, hashes, strict=True):
        assert of.setdefault(text, found) == found
    assert len(set(of.values())) == len(of)


def test_pieces_are_what_is_written_there() -> None:
    found = Pieces(
        np.array([0, 2, 1]), np.array([1, 4, 2]), np.array([0, 2, 2, 3]), np.zeros(3, np.uint64)
    )
    assert found.written(["abcd", "", "xyz"], np.array([2, 0, 1])) == ["y", "a", "cd"]
