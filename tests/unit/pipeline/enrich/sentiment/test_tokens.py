"""What is found in many texts at once is what the pattern finds in each."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.enrich.letters import Pieces
from pipeline.enrich.sentiment import sheet
from pipeline.enrich.sentiment.grams import TOKEN
from pipeline.enrich.sentiment.tokens import MOST, Part, tokens

SIGNS = [
    *"aBd'.,!?;:=()[]{}<^*>-_oDPp/\\|3~ \n\t1\0",
    *"\u00e4\u2026\u00b2\u2167\u4e2d\U0001f600\u263a\u203c\u0301\ud800",
    *(":)", ":-(", "<3", "^^", "don't", "a'b'c", ":D", ";-)", "-.-", "*-*", "\\o/", ">.<", ", "),
]
TEXT = st.text() | st.lists(st.sampled_from(SIGNS), max_size=14).map("".join)


@st.composite
def part(draw: st.DrawFn) -> Part:
    text = draw(TEXT)
    start = draw(st.just(0) | st.integers(0, len(text)))
    return text, start, draw(st.just(len(text)) | st.integers(start, len(text)))


def spans(found: Pieces, number: int) -> list[tuple[int, int]]:
    first, last = found.at[number : number + 2]
    return list(
        zip(found.starts[first:last].tolist(), found.ends[first:last].tolist(), strict=True)
    )


@given(st.lists(part(), max_size=4))
def test_finds_what_the_pattern_finds(parts: list[Part]) -> None:
    found = tokens(parts)
    for number, one in enumerate(parts):
        assert spans(found, number) == [match.span() for match in TOKEN.finditer(*one)]
    written = found.written([text for text, _, _ in parts], np.arange(len(found.starts)))
    by_hash = dict(zip(found.hashes.tolist(), written, strict=True))
    assert [by_hash[told] for told in found.hashes.tolist()] == written
    assert len(by_hash) == len(set(written))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Das geht's!! :-D", ["Das", "geht's", "!!", ":-D"]),
        ("a'b'c'd", ["a'b", "c'd"]),
        (":D'a", [":D", "a"]),
        ("so,gut, ...", ["so", "gut", ",", "..."]),
        ("x,", ["x"]),
        ("so,\ngut", ["so", ",", "\n", "gut"]),
        ("", []),
    ],
)
def test_tokens_of_a_text(text: str, found: list[str]) -> None:
    pieces = tokens([(text, 0, len(text))])
    assert pieces.written([text], np.arange(len(pieces.starts))) == found


@pytest.mark.parametrize("signs", [":;=-o^')D(/c*", "()<3/^_*.>\\o-: a", "a'.,! \n?x"])
def test_finds_it_whatever_stands_together(signs: str) -> None:
    texts = ["".join(made) for length in range(1, 5) for made in product(signs, repeat=length)]
    for first in range(0, len(texts), 4_000):
        some = [(text, 0, len(text)) for text in texts[first : first + 4_000]]
        found = tokens(some)
        starts, ends, at = found.starts.tolist(), found.ends.tolist(), found.at.tolist()
        for (text, *_), begin, end in zip(some, at, at[1:], strict=False):
            spans = list(zip(starts[begin:end], ends[begin:end], strict=True))
            assert spans == [match.span() for match in TOKEN.finditer(text)], text


def test_a_vocabulary_holds_what_stands_on_a_sheet() -> None:
    assert sheet._KEPT > MOST


def test_holds_as_much_as_it_says() -> None:
    text = "ab " * (MOST // 3)
    assert len(tokens([(text, 0, MOST - 1)]).starts) == MOST // 3
    assert len(tokens([("a", 0, 1)] * (MOST // 2)).starts) == MOST // 2
