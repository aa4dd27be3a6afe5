import re
import unicodedata
from collections.abc import Callable
from typing import TypeAlias

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pipeline.search.folded import patterns
from schemas.forgotten import folded

WIDE = {ord(" ") + n: 0xFF00 + n for n in range(1, 95)}
Form: TypeAlias = Callable[[str], str]
FORMS: list[Form] = [
    str,
    str.upper,
    str.lower,
    str.title,
    str.casefold,
    lambda text: text.translate(WIDE),
    lambda text: f" @{text}\u00a0",
    *(lambda text, form=form: unicodedata.normalize(form, text) for form in ("NFD", "NFKC")),
]
NAMES = st.text(
    st.sampled_from("aKsz ß@.ÜéİKﬁǰЖ漢½_\u0131\u017f\u0308\u2003ﷺ1") | st.characters(codec="utf-8")
)


def meant(name: str, stored: str) -> bool:
    """As Elasticsearch does it: the whole value, ASCII without case."""
    flags = re.IGNORECASE | re.ASCII | re.DOTALL
    return any(
        re.fullmatch("".join(map(lower, pattern)), "".join(map(lower, stored)), flags)
        for pattern in patterns(name)
    )


def lower(char: str) -> str:
    return char.lower() if char.isascii() else char


@given(NAMES, st.lists(st.sampled_from(FORMS), max_size=3))
def test_whatever_is_folded_to_the_same_is_found(name: str, forms: list[Form]) -> None:
    stored = name
    for form in forms:
        stored = form(stored)
    assume(folded(stored) == folded(name))
    assert meant(name, stored)
    assert meant(stored, name)


@pytest.mark.parametrize(
    ("name", "stored"),
    [
        ("jane doe", "Jane Doe"),
        ("@jane", "JANE"),
        ("jürgen müller", "JÜRGEN MÜLLER"),
        ("jürgen", "Ju\u0308rgen"),
        ("GROSS", "groß"),
        ("jane", "\U0001d4d9\U0001d4ea\U0001d4f7\U0001d4ee"),
        ("https://forum/u/17?a=[b]", "HTTPS://FORUM/u/17?a=[b]"),
        ("иван", "ИВАН"),
    ],
)
def test_names_are_found_in_other_forms(name: str, stored: str) -> None:
    assert folded(name) == folded(stored)
    assert meant(name, stored)


@pytest.mark.parametrize("stored", ["jane", "jane do", "jane doe 2", "doe jane", "janexdoe"])
def test_other_names_are_not_read(stored: str) -> None:
    assert not meant("jane doe", stored)


def test_a_pattern_is_never_longer_than_an_index_takes() -> None:
    for name in ("x" * 2_000, ".ü" * 500, "".join(map(chr, range(33, 127)))):
        assert all(len(pattern) <= 1_000 for pattern in patterns(name))
        assert meant(name, name.upper())
    assert not meant("x" * 2_000, "x" * 100)
