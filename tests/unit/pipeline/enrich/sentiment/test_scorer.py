"""Sentiment: the rules people use to make a word stronger, weaker or the opposite."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textblob.en import sentiment as textblob

from pipeline.enrich import sentiment
from pipeline.enrich.parts import Text
from pipeline.enrich.sentiment.scorer import READ
from pipeline.enrich.text import view
from schemas.mention import Rating, Sentiment

GERMAN = sentiment.build("lexicon", "de")
ENGLISH = sentiment.build("textblob", "en")


def german(text: str) -> Sentiment:
    return GERMAN.score(view(text))


def english(text: str) -> Sentiment:
    return ENGLISH.score(view(text))


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Der Service war gut.", "positive"),
        ("Der Service war schlecht.", "negative"),
        ("Der Zug fährt um neun.", "neutral"),
        ("Nicht schlecht!", "positive"),
        ("Das ist kein gutes Essen.", "negative"),
        ("Das gefällt mir nicht.", "negative"),
        ("Nicht nur gut, sondern super.", "positive"),
        ("Schrecklich gut!", "positive"),
        ("Nicht hier. Gut!", "positive"),
        ("wunderschoen und zuverlaessig", "positive"),
        ("Die unfreundlichsten Leute", "negative"),
        ("Wir wurden angelogen und verarscht", "negative"),
        ("soooo geiiil", "positive"),
        ("Toller Zug und nicht voll", "positive"),
        ("Gefällt mir nicht und ist teuer", "negative"),
        ("Gefällt mir überhaupt nicht und teuer ist es auch", "negative"),
        ("Gefällt uns gar nicht oder ist zu teuer", "negative"),
        ("Funktioniert nicht und ist Schrott", "negative"),
        ("Überzeugt mich nicht und nervt", "negative"),
        ("Schmeckt nicht und ist fade", "negative"),
        ("Freundlich ist er nicht und hilfsbereit auch nicht", "negative"),
        ("Nicht gut und teuer", "negative"),
        ("Nicht schön und gut", "negative"),
        ("Nicht schlecht und nicht teuer", "positive"),
        ("Gefällt mir und ist nicht teuer", "positive"),
        ("Besser geht's nicht", "positive"),
        ("Besser geht es mir nicht", "negative"),
        ("Es könnte nicht besser sein", "positive"),
        ("Das ist nicht besser", "negative"),
        ("Gefällt uns leider gar nicht", "negative"),
        ("Gefällt uns nicht leider", "negative"),
        ("Ich freue mich leider nicht", "negative"),
        ("Funktioniert leider auch nicht", "negative"),
        ("Nein das geht nicht", "negative"),
        ("gefällt mir aber nicht", "negative"),
        ("Das gefällt mir doch gar nicht mehr.", "negative"),
        ("Überzeugt mich jedoch nicht so wirklich", "negative"),
        ("Mag ich allerdings nicht in Rot", "negative"),
        ("Stört wenigstens nicht", "positive"),
        ("Die Idee ist gut aber nicht neu", "positive"),
        ("Die Idee ist gut aber der Preis nicht", "positive"),
        ("Gefällt mir, dem Chef aber nicht", "positive"),
        ("Gefällt mir, aber nicht teuer", "positive"),
        ("Na ja :(", "negative"),
        ("Ausgefallen:(", "negative"),
        ("Na ja ;-(", "negative"),
        ("Na ;(", "negative"),
        ("Angekommen:)", "positive"),
        ("Angekommen;-)", "positive"),
        ("Siehe:(unten)", "neutral"),
        ("Morgen geht es los :-)", "positive"),
        ("😡😡", "negative"),
        ("❤️", "positive"),
        ("👍🏽", "positive"),
        ("", "neutral"),
    ],
)
def test_german(text: str, label: str) -> None:
    assert german(text).label == label


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("The food was great.", "positive"),
        ("The food was not great.", "negative"),
        ("Not bad at all!", "positive"),
        ("I don\u2019t like it", "negative"),
        ("Not only cheap but great", "positive"),
        ("terribly good", "positive"),
        ("It couldn\u2019t be better", "positive"),
        ("It is not better", "negative"),
        ("Not good and expensive", "negative"),
        ("Does not work and is expensive", "negative"),
        ("I don't like it and it's expensive", "negative"),
        ("Never happy and always late", "negative"),
        ("Not useful or good", "negative"),
        ("Not bad and cheap", "positive"),
        ("I like it and it is not expensive", "positive"),
        ("It doesn't get any better", "positive"),
        ("It does not work well unfortunately", "negative"),
        ("I don't sadly like it", "negative"),
        ("It is not yet great", "negative"),
        ("It isn't however good", "negative"),
        ("It is good yet not cheap", "positive"),
        ("Luckily not broken", "positive"),
        ("The train leaves at nine.", "neutral"),
    ],
)
def test_english(text: str, label: str) -> None:
    assert english(text).label == label


@pytest.mark.parametrize(
    ("weaker", "stronger"),
    [
        ("Das ist gut", "Das ist sehr gut"),
        ("Das ist etwas gut", "Das ist gut"),
        ("Das ist ganz gut", "Das ist gut"),
        ("Ganz nette Leute", "Nette Leute"),
        ("Das ist toll", "Das ist ganz toll"),
        ("Das ist gut", "Das ist GUT"),
        ("Das ist gut.", "Das ist gut!"),
        ("Das ist gut 😀", "Das ist gut 😀😀"),
    ],
)
def test_strength(weaker: str, stronger: str) -> None:
    assert 0 < german(weaker).score < german(stronger).score


def test_a_run_of_one_sign_counts_three_times() -> None:
    assert len(german("😀" * 50).terms) == 3


def test_says_what_it_rests_on_with_places_in_the_original() -> None:
    text = "Sch&ouml;n war es, aber katastrophal laut &amp; schlecht"
    terms = german(text).terms
    assert [abs(term.weight) for term in terms] == sorted(
        (abs(term.weight) for term in terms), reverse=True
    )
    assert {text[term.span.start : term.span.end] for term in terms if term.span is not None} == {
        "Sch&ouml;n",
        "katastrophal",
        "laut",
        "schlecht",
    }


def test_stars_are_a_prior() -> None:
    seen = view("Geliefert am Montag")
    assert GERMAN.score(seen, None, Rating(value=1)).label == "negative"
    assert GERMAN.score(seen, None, Rating(value=10, best=10, worst=1)).label == "positive"
    assert GERMAN.score(seen, None, Rating(value=3)).label == "neutral"
    assert GERMAN.score(seen, None, Rating(value=7)) == GERMAN.score(seen)
    praised = GERMAN.score(view("Alles gut"), None, Rating(value=1))
    assert praised.label == "negative"
    assert {term.text for term in praised.terms} == {"gut", "1 (1-5)"}


def test_the_title_counts_without_a_place() -> None:
    judged = GERMAN.score(view("Lieferung am Montag"), view("Katastrophe"))
    assert judged.label == "negative"
    assert [term.span for term in judged.terms] == [None]


def test_a_clause_without_a_word_says_nothing() -> None:
    seen = view("Der Zug fährt. Gut!")
    (tone,) = GERMAN.judge([Text(seen)])
    assert tone.clause(seen, 0, 14) is None
    judged = tone.clause(seen, 14, len(seen.text))
    assert judged is not None
    assert judged.label == "positive"


def test_reads_the_beginning_of_a_long_text() -> None:
    assert german("x " * READ + "schlecht").terms == ()


@given(
    st.lists(
        st.sampled_from(
            [
                "gut",
                "nicht",
                "sehr",
                "schlecht",
                "aber",
                "!",
                ".",
                "😀",
                ":(",
                "GUT",
                "soo",
                "kein,",
                "nur",
            ]
        )
    )
)
def test_is_bounded_and_the_same_every_time(words: list[str]) -> None:
    text = " ".join(words)
    judged = german(text)
    assert -1 <= judged.score <= 1
    assert 0 <= judged.confidence <= 1
    assert len(judged.terms) <= 20
    assert judged == german(text)


@pytest.mark.parametrize("word", ["excellent", "horrible", "delightful", "terribly", "boring"])
def test_agrees_with_textblob_about_plain_words(word: str) -> None:
    text = f"It was {word}"
    assert english(text).score * textblob(text)[0] > 0
