"""What is found in a text besides prose, and what is not."""

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.enrich import marks as module
from pipeline.enrich.letters import laid_out
from pipeline.enrich.marks import PICTOGRAPHS, Mark


def find(text: str) -> list[Mark]:
    (found,) = module.find([text])
    return found


ENGLAND = "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"


@pytest.mark.parametrize(
    ("text", "kind", "written", "name"),
    [
        ("zu https://www.Ab.example/a?b=1.", "link", "https://www.Ab.example/a?b=1", "ab.example"),
        ("(http://a.example/x_(y))", "link", "http://a.example/x_(y)", "a.example"),
        ("www.example.org, dort", "link", "www.example.org", "example.org"),
        ("Verspätunghttps://t.co/abc", "link", "https://t.co/abc", "t.co"),
        ("siehe bit.ly/3abc.", "link", "bit.ly/3abc", "bit.ly"),
        ("(pic.twitter.com/x)", "link", "pic.twitter.com/x", "pic.twitter.com"),
        ("bahn.de/agb", "link", "bahn.de/agb", "bahn.de"),
        ("an a+x@Post.example da", "mail", "a+x@Post.example", "a+x@post.example"),
        ("Danke @Amt_Bonn!", "handle", "@Amt_Bonn", "amt_bonn"),
        ("Hallo @ute@social.example.", "handle", "@ute@social.example", "ute@social.example"),
        ("#Lüftung2go läuft", "hashtag", "#Lüftung2go", "lüftung2go"),
        ("gut 👍🏽", "emoji", "👍🏽", None),
        ("in 🇩🇪", "emoji", "🇩🇪", None),
        (f"in {ENGLAND}{ENGLAND[0]}", "emoji", ENGLAND, None),
        ("5\ufe0f\u20e3 Tipps", "emoji", "5\ufe0f\u20e3", None),
        ("*\u20e3", "emoji", "*\u20e3", None),
        ("da 👨\u200d👩\u200d👧 alle", "emoji", "👨\u200d👩\u200d👧", None),
        ("für 1.234,50 €", "money", "1.234,50 €", "1234.50 EUR"),
        ("about $5", "money", "$5", "5 USD"),
        ("3 Mio. Euro", "money", "3 Mio. Euro", "3000000 EUR"),
        ("CHF? 20 Franken", "money", "20 Franken", "20 CHF"),
        ("1,000 euros", "money", "1,000 euros", "1000 EUR"),
        ("a $5 million fine", "money", "$5 million", "5000000 USD"),
        ("$5 millionaires", "money", "$5", "5 USD"),
        ("€ 3 Mio. Verlust", "money", "€ 3 Mio.", "3000000 EUR"),
        ("2 Billionen Euro", "money", "2 Billionen Euro", "2000000000000 EUR"),
        ("2 billion euros", "money", "2 billion euros", "2000000000 EUR"),
        ("1 Milliarde Euro", "money", "1 Milliarde Euro", "1000000000 EUR"),
        ("für 10 000 € oder", "money", "10 000 €", "10000 EUR"),
        ("nur CHF 49.90!", "money", "CHF 49.90", "49.90 CHF"),
        ("EUR 1.299,00", "money", "EUR 1.299,00", "1299.00 EUR"),
        ("EUR1299", "money", "EUR1299", "1299 EUR"),
        ("für 99,- € im", "money", "99,- €", "99 EUR"),
        ("für € 1.099,\u2013 im", "money", "€ 1.099,\u2013", "1099 EUR"),
        ("am 3. März 2024", "date", "3. März 2024", "2024-03-03"),
        ("am 03.03.24", "date", "03.03.24", "2024-03-03"),
        ("on 2024-02-29", "date", "2024-02-29", "2024-02-29"),
        ("on 4th July", "date", "4th July", "--07-04"),
        ("on May 3, 2024.", "date", "May 3, 2024", "2024-05-03"),
        ("on March 12th", "date", "March 12th", "--03-12"),
        ("am 12.05. dort", "date", "12.05.", "--05-12"),
        ("am 3.Mai", "date", "3.Mai", "--05-03"),
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
     "x@y", "10:30", "COVID-19", "A8", "4006381333932", "ab1234", "2024-25", "EM2024",
     "WM2022", "CES-2024", "Only 2 may enter", "10.11.12.13", "um 12.05.", "Im Mai 12 Tage",
     "und.de", "Ende.de/", "und/oder.de", "a/b.de/c", "*kursiv*"],
)  # fmt: skip
def test_finds_nothing(text: str) -> None:
    assert find(text) == []


@given(st.text(alphabet="ab1.@#:/-€ \n(ä😀", max_size=200))
def test_marks_are_apart_and_not_empty(text: str) -> None:
    marks = find(text)
    for left, right in itertools.pairwise(marks):
        assert left.end <= right.start
    assert all(mark.start < mark.end for mark in marks)


BEGINNINGS = re.compile(
    r"[hH][tT][tT][pP]|[wW][wW][wW]\.|[A-Z]{2,5}[- ]?\d|(?<![\w.,])\d|[*\d]\ufe0f?\u20e3"
    r"|[ADFJMNOS](?:an|eb|ar|pr|ay|un|ul|ug|ep|ct|ov|ec)[a-z]{0,6}\.?\s\d"
    rf"|\.(?:{module._TLD})/|[@#\u20ac$\u00a3\U0001f1e6-\U0001f1ff{PICTOGRAPHS}]"
)
"""What a mark may begin with."""
PIECES = st.sampled_from(
    (
        *("http", "HtTp", "ht", "Www.", "ww.", "w", "AB", "ABC-", "XYZABC", "A", "Jan", "March"),
        *("Sept.", "mar", ".de/", ".gl/", ".d/", "1", "\u0663", ".", ",", "-", "_", "*", " ", "\n"),
        *(",1", ".1", "\ufe0f", "\u20e3", "@", "#", "\u20ac", "$", "\u00a3", "\u2600"),
        *("\u2013", "\U0001f1e9"),
        *("\u00e9", "\u00a2", "\u00a4", "\u00ff", "\u0100", "\u0436", "a", "h", "\U0001f600"),
    )
)


MADE = st.lists(PIECES, max_size=20).map("".join) | st.text(max_size=60)


@given(st.lists(MADE, max_size=4))
def test_every_beginning_is_found_where_it_is_looked_for(texts: list[str]) -> None:
    letters, at = laid_out(texts, "\n")
    begins = module._begins(letters).tolist()
    for text, first in zip(texts, at.tolist(), strict=False):
        found = [
            place
            for place, letter in enumerate(text)
            if begins[first + place]
            and (module._WORDS.match(text, place) or not (letter.isalpha() or letter == "."))
        ]
        assert found == [at for at in range(len(text)) if BEGINNINGS.match(text, at)]
    assert sum(begins) == sum(
        sum(begins[first : first + len(text)]) for text, first in zip(texts, at, strict=False)
    )


@pytest.mark.parametrize("text", ["*\ufe0f\u20e3", "a1\ufe0f\u20e3", "a1\u20e3", "12\u20e3"])
def test_keycaps_begin_before_their_frame(text: str) -> None:
    assert [(mark.kind, mark.end) for mark in find(text)] == [("emoji", len(text))]


@pytest.mark.parametrize("month", module._MONTHS)
def test_every_month_is_known(month: str) -> None:
    name = f"--{module._MONTHS[month]:02}-05"
    assert [mark.name for mark in find(f"am 5. {month.title()}")] == [name]
    if re.match("Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec", month.title()):
        assert [mark.name for mark in find(f"on {month.title()} 5th")] == [name]


@pytest.mark.parametrize("scale", [*filter(None, module._SCALE)])
def test_every_scale_is_known(scale: str) -> None:
    (mark,) = find(f"3 {scale} Euro")
    assert mark.name == f"{3 * module._SCALE[scale]} EUR"


@pytest.mark.parametrize("currency", module._CURRENCY)
def test_every_currency_is_known(currency: str) -> None:
    assert [mark.name for mark in find(f"3 {currency}")] == [f"3 {module._CURRENCY[currency]}"]


@given(st.lists(MADE, max_size=4))
def test_finds_in_many_texts_what_it_finds_in_each(texts: list[str]) -> None:
    assert module.find(texts) == [find(text) for text in texts]
