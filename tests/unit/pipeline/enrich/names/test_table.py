"""What is found in many texts at once is what the pattern finds in each."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.enrich.names.rows import KEPT
from pipeline.enrich.names.table import LETTERS, MOST, table
from pipeline.enrich.names.words import CUT

SIGNS = [
    *"aBz\u00fc.-&/#@_1\u00b2\u4e2d\U0001f600,!'\" \n\t\ud800\u0301\u3000",
    *("z.B.", "U.S.", "a.b.c", "#", "@x", "A-B", "d.h.", "x.1.", "1.x.", "\u4e2d.\u4e2d."),
]
TEXTS = st.lists(st.text() | st.lists(st.sampled_from(SIGNS), max_size=12).map("".join), max_size=4)


@given(TEXTS)
def test_finds_what_the_pattern_finds(texts: list[str]) -> None:
    found = table(texts)
    for number, text in enumerate(texts):
        first, last = found.at[number : number + 2]
        starts, ends = found.starts[first:last].tolist(), found.ends[first:last].tolist()
        spans = [match.span() for match in CUT.finditer(text)]
        assert list(zip(starts, ends, strict=True)) == spans
    written = [word[:LETTERS] for word in found.written(texts, np.arange(len(found.starts)))]
    by_hash = dict(zip(found.hashes.tolist(), written, strict=True))
    assert [by_hash[told] for told in found.hashes.tolist()] == written
    assert len(by_hash) == len(set(written))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("in den U.S. z.B.Bonn", ["in", "den", "U.S.", "z.B.", "Bonn"]),
        ("a.b.c. x.b a.B-C", ["a.b.c.", "x.b", "a.B-C"]),
        ("#z.B. ##a", ["#z.B", ".", "#", "#a"]),
        ("1.b.c. 1.2.", ["1.b.c", ".", "1.2", "."]),
        ("AT&T/x-y- -z", ["AT&T/x-y", "-", "-", "z"]),
        ("", []),
        (".", ["."]),
    ],
)
def test_words_of_a_text(text: str, found: list[str]) -> None:
    pieces = table([text])
    assert pieces.written([text], np.arange(len(pieces.starts))) == found


def test_finds_it_whatever_stands_together() -> None:
    texts = ["".join(made) for size in range(1, 6) for made in product("aB1.-# \n", repeat=size)]
    for first in range(0, len(texts), 4_000):
        some = texts[first : first + 4_000]
        found = table(some)
        starts, ends, at = found.starts.tolist(), found.ends.tolist(), found.at.tolist()
        for text, begin, end in zip(some, at, at[1:], strict=False):
            spans = list(zip(starts[begin:end], ends[begin:end], strict=True))
            assert spans == [match.span() for match in CUT.finditer(text)], text


def test_more_words_are_kept_than_are_read_at_once() -> None:
    assert KEPT > MOST


def test_a_long_word_is_told_by_its_beginning() -> None:
    long, longer, other = table(["a" * LETTERS, "a" * 50, "a" * (LETTERS - 1)]).hashes.tolist()
    assert long == longer != other


def test_holds_as_much_as_it_says() -> None:
    assert len(table(["ab " * (MOST // 3 - 1)]).starts) == MOST // 3 - 1
    assert len(table(["!"] * (MOST // 2)).starts) == MOST // 2
