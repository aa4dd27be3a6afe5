"""What texts are made of is what cutting them into words would give."""

import re
from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.enrich.shingles import LONGEST, _hashes, _words, shingles

TEXTS = st.text() | st.text(st.sampled_from("rt aä_1 \n\u0301\U0001f600\u4e2d\u3000\ud800"))


def written(text: str) -> np.ndarray:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")


def expected(text: str) -> set[str]:
    """The pairs and the longer words; empty where there are too few."""
    words = re.findall(r"\w+", text)
    words = words[words[:1] == ["rt"] :]
    if len(words) < 5:
        return set()
    longer = {word for word in words if len(word) >= 6}
    return {f"{one} {two}" for one, two in pairwise(words)} | longer


@given(TEXTS)
def test_words_are_those_of_the_pattern(text: str) -> None:
    begins, ends = _words(written(f"\n{text}\n"))
    found = [text[begin - 1 : end - 1] for begin, end in zip(begins, ends, strict=True)]
    assert found == re.findall(r"\w+", text)


@given(st.lists(st.text(st.sampled_from("abäü\U00010400"), min_size=1, max_size=9)))
def test_a_word_has_one_hash_wherever_it_stands(words: list[str]) -> None:
    letters = written(" ".join(["", *words, *reversed(words), ""]))
    hashes = _hashes(letters, *_words(letters)).tolist()
    of: dict[str, int] = {}
    for word, found in zip([*words, *reversed(words)], hashes, strict=True):
        assert of.setdefault(word, found) == found
    assert len(set(of.values())) == len(of)


@given(st.lists(st.lists(st.sampled_from(["rt", "gut", "Zug", "Bahnhof", "_", "1"])), max_size=6))
def test_texts_have_the_same_if_they_say_the_same(said: list[list[str]]) -> None:
    texts = [" ".join(words) for words in said]
    hashes, numbers, starts = shingles(texts)
    bounds = starts.astype(int).tolist()
    found = {
        texts[number]: set(hashes[start:end].tolist())
        for number, start, end in zip(numbers, bounds, bounds[1:], strict=False)
    }
    assert numbers == [number for number, text in enumerate(texts) if expected(text)]
    for text, made in found.items():
        assert made == set(shingles([text]).hashes.tolist()), "whatever the company"
        assert len(made) == len(expected(text))
        for other, others in found.items():
            assert len(made & others) == len(expected(text) & expected(other))


def test_holds_as_much_as_it_says() -> None:
    found = shingles([("aa " * (LONGEST // 3))[:-1]])
    assert found.texts == [0]
    assert set(found.hashes.tolist()) == set(shingles(["aa aa aa aa aa"]).hashes.tolist())


def test_bits_are_spread_evenly() -> None:
    hashes = shingles([" ".join(f"wort{number}" for number in range(2_000))]).hashes
    ones = np.unpackbits(hashes.view(np.uint8)).reshape(len(hashes), 64).mean(axis=0)
    assert abs(ones - 0.5).max() < 0.05
    assert len(set(hashes.tolist())) == len(hashes)
