"""What is found in a text besides prose, and what is not."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.enrich.marks import find


@pytest.mark.parametrize(
    ("text", "kind", "written", "name"),
    [
        ("zu https://www.Ab.example/a?b=1.", "link", "https://www.Ab.example/a?b=1", "ab.example"),
        ("(http://a.example/x_(y))", "link", "http://a.example/x_(y)", "a.example"),
        ("www.example.org, dort", "link", "www.example.org", "example.org"),
        ("an a+x@Post.example da", "mail", "a+x@Post.example", "a+x@post.example"),
        ("Danke @Amt_Bonn!", "handle", "@Amt_Bonn", "amt_bonn"),
        ("Hallo @ute@social.example.", "handle", "@ute@social.example", "ute@social.example"),
        ("#Lüftung2go läuft", "hashtag", "#Lüftung2go", "lüftung2go"),
        ("gut 👍🏽", "emoji", "👍🏽", None),
        ("in 🇩🇪", "emoji", "🇩🇪", None),
        ("da 👨\u200d👩\u200d👧 alle", "emoji", "👨\u200d👩\u200d👧", None),
        ("für 1.234,50 €", "money", "1.234,50 €", "1234.50 EUR"),
        ("about $5", "money", "$5", "5 USD"),
        ("3 Mio. Euro", "money", "3 Mio. Euro", "3000000 EUR"),
        ("CHF? 20 Franken", "money", "20 Franken", "20 CHF"),
        ("1,000 euros", "money", "1,000 euros", "1000 EUR"),
        ("am 3. März 2024", "date", "3. März 2024", "2024-03-03"),
        ("am 03.03.24", "date", "03.03.24", "2024-03-03"),
        ("on 2024-02-29", "date", "2024-02-29", "2024-02-29"),
        ("on 4th July", "date", "4th July", "--07-04"),
        ("die WH-1000XM4 hier", "product", "WH-1000XM4", "WH-1000XM4"),
        ("RTX3080!", "product", "RTX3080", "RTX3080"),
        ("EAN 4006381333931", "product", "4006381333931", "4006381333931"),
    ],
)  # fmt: skip
def test_finds(text: str, kind: str, written: str, name: str | None) -> None:
    mark = next(mark for mark in find(text) if mark.kind == kind)
    assert text[mark.start : mark.end] == written
    assert mark.name == name


@pytest.mark.parametrize(
    "text",
    ["Platz #1", "a#b", "&#252;", "30.02.2024", "2024-13-01", "Version 1.2.3", "5 Eurocent",
     "x@y", "10:30", "COVID-19", "A8", "4006381333932", "ab1234", "2024-25"],
)  # fmt: skip
def test_finds_nothing(text: str) -> None:
    assert find(text) == []


@given(st.text(alphabet="ab1.@#:/-€ \n(ä😀", max_size=200))
def test_marks_are_apart_and_not_empty(text: str) -> None:
    marks = find(text)
    for left, right in itertools.pairwise(marks):
        assert left.end <= right.start
    assert all(mark.start < mark.end for mark in marks)
