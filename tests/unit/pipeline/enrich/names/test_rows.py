"""Rows of words: what they hold, how many are kept, and what opens a sentence in many texts."""

from functools import cache
from unittest.mock import Mock

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pipeline.enrich.names import rows
from pipeline.enrich.names.crf import _opening, lists, load
from pipeline.enrich.names.rows import Rows
from pipeline.enrich.names.table import LETTERS
from pipeline.enrich.names.words import CUT, NEWLINE, Shown, words

WEIGHTS = {
    "b": [1, 2],
    "w=a": [3, 5],
    "1=a": [7, 11],
    "s=^X": [13, 17],
    "-1w=a": [100, 200],
    "1w=a": [300, 500],
    "-2w=a": [700, 1_100],
    "2w=a": [1_300, 1_700],
    "13=a": [10_000, 20_000],
    "-1<>": [30_000, 40_000],
}


@cache
def _shipped(kept: int) -> Rows:
    """The rows of the shipped model, of so many words at most."""
    shipped = load("de")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rows, "KEPT", kept)
        return Rows(shipped.weights, shipped.scale, lists())


def scores(made: Rows, *texts: str) -> list[list[float]]:
    numbers, kinds, _ = made.read(texts)
    return made.scores(numbers, _opening(kinds)).tolist()


def test_a_word_speaks_for_itself_and_for_its_neighbours() -> None:
    found = scores(Rows(WEIGHTS, 0.5, {}), "x A x x")
    x = np.array(WEIGHTS["b"])
    a = x + WEIGHTS["w=a"] + WEIGHTS["1=a"]
    assert (2 * np.array(found[2:6])).tolist() == [
        (x + WEIGHTS["-1<>"] + WEIGHTS["1w=a"] + WEIGHTS["13=a"]).tolist(),
        a.tolist(),
        (x + WEIGHTS["-1w=a"]).tolist(),
        (x + WEIGHTS["-2w=a"]).tolist(),
    ]
    found = scores(Rows(WEIGHTS, 0.5, {}), "A")
    assert (2 * np.array(found[2])).tolist() == (a + WEIGHTS["s=^X"] + WEIGHTS["-1<>"]).tolist()


def test_sums_are_rounded_as_one_addition_after_another() -> None:
    chance = np.random.default_rng(1)
    word = "Hausmeisterei"
    features = Shown(word, {}).itself(initial=False)
    weights = {name: chance.integers(-127, 128, 2).tolist() for name in features}
    total = np.zeros(2, np.float32)
    for name in features:
        total += np.array(weights[name], np.float32) * np.float32(0.031806834)
    assert scores(Rows(weights, 0.031806834, {}), f"x {word}")[3] == total.tolist()


@given(
    st.lists(st.text(st.sampled_from("aAbß1_-.#"), min_size=1, max_size=9), min_size=1),
    st.integers(0, 2**32 - 1),
    st.floats(0.1, 1.0),
)
def test_finds_what_is_shown(texts: list[str], seed: int, known: float) -> None:
    chance = np.random.default_rng(seed)
    lists = {"a": 3, "b": 4}
    text = ". ".join(texts)
    found = words(text)
    shown = [Shown(word.text, lists) for word in found]
    names = {"-1<>"}
    for word, one in zip(found, shown, strict=True):
        names.update(one.itself(initial=word.initial), [f"1{name}" for name in one.around()])
    weights = {
        name: chance.integers(-127, 128, 2).tolist()
        for name in sorted(names)
        if chance.random() < known
    }
    assume(weights)  # a model has some
    scale = np.float32(0.031806834)

    def add(features: list[str]) -> np.ndarray:
        total = np.zeros(2, np.float32)
        for name in features:
            if name in weights:
                total += np.array(weights[name], np.float32) * scale
        return total

    expected = []
    for place, (word, one) in enumerate(zip(found, shown, strict=True)):
        near = [f"1{name}" for name in shown[place + 1].around()] if place + 1 < len(shown) else []
        before = ["-1<>"] if not place else []
        own = add(one.itself(initial=word.initial))
        expected.append(((own + add(before)) + add(near)).tolist())
    assert scores(Rows(weights, float(scale), lists), text)[2:-2] == expected


def test_forgets_frames_rather_than_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "_FRAMES", 4)
    monkeypatch.setattr(rows, "_TOGETHER", 2)
    text = "A b c-d E-f 1 a1 #b C.d A1"
    made = Rows(WEIGHTS, 0.5, {})
    first = scores(made, text)
    monkeypatch.undo()
    assert first == scores(Rows(WEIGHTS, 0.5, {}), text)
    assert len(made._frames) <= 4


def test_forgets_words_rather_than_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "KEPT", 10)
    made = Rows(WEIGHTS, 0.5, {})
    alone = [scores(Rows(WEIGHTS, 0.5, {}), text) for text in ("A b c d", "b. A, e? f", "g h A i")]
    for _ in range(3):
        for text, expected in zip(("A b c d", "b. A, e? f", "g h A i"), alone, strict=True):
            assert scores(made, text) == expected
            assert len(made) <= 10


SAID = ["Angela", "Merkel", "Berlin", "SAP", "Bahn", "war", "in", ".", "(", "\n", "x" * 50]


@given(st.lists(st.lists(st.sampled_from([*SAID, *"abcdefghijklmn"]), max_size=12).map(" ".join)))
def test_what_was_forgotten_in_between_changes_nothing(texts: list[str]) -> None:
    for text in texts:
        forgetful, lasting = [
            (made.scores(numbers, _opening(kinds)), kinds)
            for made in (_shipped(16), _shipped(1_000))
            for numbers, kinds, _ in [made.read([text])]
        ]
        assert np.array_equal(forgetful[0], lasting[0])
        assert np.array_equal(forgetful[1], lasting[1])


def test_a_reading_that_fails_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Rows(WEIGHTS, 0.5, {})
    before = scores(made, "A b")
    with monkeypatch.context() as failing:
        failing.setattr(rows, "kind", Mock(side_effect=MemoryError))
        with pytest.raises(MemoryError):
            made.read(["c d"])
    assert scores(made, "A b") == before
    assert scores(made, "c d A") == scores(Rows(WEIGHTS, 0.5, {}), "c d A")


def test_keeps_only_the_beginning_of_a_long_word() -> None:
    made = Rows(WEIGHTS, 0.5, {})
    assert scores(made, "a" * 5_000) == scores(made, "a" * LETTERS)
    assert max(map(len, made._words)) == LETTERS


@given(st.lists(st.text(st.sampled_from('aB1_ .!:\n\u201e"(\u2026,')), max_size=5))
def test_knows_what_opens_a_sentence_in_many_texts(texts: list[str]) -> None:
    numbers, kinds, table = Rows(WEIGHTS, 0.5, {}).read(texts)
    opening = _opening(kinds)
    for number, text in enumerate(texts):
        start = int(table.at[number]) + 2 * (number + 1)
        found = [
            (word, bool(opening[place]))
            for place, word in enumerate(CUT.findall(text), start)
            if kinds[place] != NEWLINE
        ]
        assert found == [(word.text, word.initial) for word in words(text)]
    assert len(numbers) == 2 + sum(len(CUT.findall(text)) + 2 for text in texts)
