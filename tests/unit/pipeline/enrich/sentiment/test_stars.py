"""Stars: given in the platform's field or typed, and nothing else that looks like them."""

import pytest

from pipeline.enrich import sentiment
from pipeline.enrich.parts import SentimentScorer
from pipeline.enrich.sentiment.stars import given
from pipeline.enrich.text import view
from schemas.mention import Rating, Span


@pytest.fixture(params=["trained", "lexicon"])
def scorer(request: pytest.FixtureRequest) -> SentimentScorer:
    return sentiment.build(request.param, "de")


@pytest.mark.parametrize(
    ("text", "written", "value"),
    [
        ("★★★★☆ Montag", "★★★★☆", 0.5),
        ("Montag ⭐️⭐️⭐️⭐️⭐️", "⭐️⭐️⭐️⭐️⭐️", 1.0),
        ("4/5 Sternen", "4/5 Sternen", 0.5),
        ("Dafür 2,5 von 5 Punkten", "2,5 von 5 Punkten", -0.25),
        ("0 von 5 Sternen", "0 von 5 Sternen", -1.0),
        ("drei von fünf möglichen Sternen", "drei von fünf möglichen Sternen", 0.0),
        ("10/10 points", "10/10 points", 1.0),
        ("Fazit: 4 von 5", "4 von 5", 0.5),
        ("Montag. 5 stars!!", "5 stars", 1.0),
        ("I give it 1 star.", "1 star", -1.0),
        ("Leider nur einen Stern", "einen Stern", -1.0),
        ("5 Sterne für die Bahn. ★★★★★", "5 Sterne", 1.0),
    ],
)
def test_typed_stars(text: str, written: str, value: float) -> None:
    found, left, _ = given(view(text))
    assert found is not None
    assert (found.said, found.value) == (written, value)
    assert found.span == Span(text.index(written), text.index(written) + len(written))
    assert written not in left.prose
    assert len(left.prose) == len(text)


@pytest.mark.parametrize(
    "text",
    [
        "⭐", "★★★ SALE ★★★", "★★★★★★★", "☆☆☆☆☆", "4 von 5 Zügen kamen", "1/5 Ein Thread", "am 4/5",
        "5-star hotel", "5 Sterne-Hotel", "Hotel mit 5 Sternen", "Das Hotel hat 4 Sterne.",
        "Hotel, 4 Sterne, Frühstück", "3 out of 5 people", "There are 5 stars in the sky",
        "12 von 5 Sternen", "Essen ★★★★☆ Service ★★☆☆☆", "5/10", "Stern",
    ],
)  # fmt: skip
def test_what_is_no_rating(text: str) -> None:
    seen = view(text)
    assert given(seen) == (None, seen, None)


def test_the_field_wins_over_the_text_and_the_text_over_the_title() -> None:
    text, title = view("Montag ★☆☆☆☆"), view("★★★★★")
    assert given(text, title, Rating(value=3))[0] == (0.0, "3 (1-5)", None)
    typed = given(text, title)
    assert typed[0] == (-1.0, "★☆☆☆☆", Span(7, 12))
    assert typed[2] == title
    unknown = given(view("Montag"), title, Rating(value=7))
    assert unknown[0] == (1.0, "★★★★★", None)


@pytest.mark.parametrize(
    ("text", "written", "value"),
    [
        ("Geliefert am Montag. ★☆☆☆☆", "★☆☆☆☆", 1),
        ("Geliefert am Montag. ⭐⭐☆☆☆", "⭐⭐☆☆☆", 2),
        ("Geliefert am Montag. 1/5 Sternen", "1/5 Sternen", 1),
        ("Geliefert am Montag. 5 Sterne!", "5 Sterne", 5),
        ("★★★★★ Geliefert am Montag.", "★★★★★", 5),
    ],
)
def test_typed_stars_count_as_the_platforms_do(
    scorer: SentimentScorer, text: str, written: str, value: int
) -> None:
    judged = scorer.score(view(text))
    bare = view(text.replace(written, " " * len(written)))
    field = scorer.score(bare, None, Rating(value=value))
    assert (judged.label, judged.score) == (field.label, field.score)
    assert (judged.score > scorer.score(bare).score) == (value > 3)
    [stars] = [term for term in judged.terms if term.text == written]
    assert stars.span == Span(text.index(written), text.index(written) + len(written))
    plain = view("Geliefert am Montag.")
    titled = scorer.score(plain, view(written))
    assert written in {term.text for term in titled.terms if term.span is None}
    assert (titled.score > scorer.score(plain).score) == (value > 3)
