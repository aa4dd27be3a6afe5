"""What authors want, and the words that say so."""

from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.enrich.intents import LANGUAGES, Intents
from pipeline.enrich.text import view

RULES = {language: Intents(language) for language in LANGUAGES}


def found(language: str, text: str) -> dict[str, tuple[str, ...]]:
    intents = RULES[language].find(view(text))
    for intent in intents:
        assert [text[span.start : span.end] for span in intent.spans] == list(intent.words)
        assert intent.by == RULES[language].by
    assert len({intent.kind for intent in intents}) == len(intents)
    return {intent.kind: intent.words for intent in intents}


@pytest.mark.parametrize(
    ("text", "kind", "words"),
    [
        ("Wann kommt der Zug?", "question", ("?",)),
        ("Hat jemand schon die neue App?", "question", ("Hat jemand", "?")),
        ("Sie funktioniert mal wieder nicht", "complaint", ("funktioniert mal wieder nicht",)),
        ("Ich möchte eine Beschwerde loswerden", "complaint", ("Beschwerde",)),
        ("Ich warte immer noch", "complaint", ("warte immer noch",)),
        ("Vielen Dank an das Team", "praise", ("Vielen Dank",)),
        ("Ich bin sehr zufrieden", "praise", ("bin sehr zufrieden",)),
        ("Ich will mir bald so eins kaufen", "purchase", ("will mir bald so eins kaufen",)),
        ("Wo bekomme ich das Gerät", "purchase", ("Wo bekomme",)),
        ("Kann mir jemand helfen", "help", ("Kann mir jemand helfen",)),
        ("Hat jemand einen Tipp", "help", ("Hat jemand einen Tipp",)),
        ("Die Lüftung ist ka&shy;putt", "complaint", ("ka&shy;putt",)),
    ],
)  # fmt: skip
def test_german(text: str, kind: str, words: tuple[str, ...]) -> None:
    assert found("de", text)[kind] == words


@pytest.mark.parametrize(
    ("text", "kind", "words"),
    [
        ("The app doesn't work", "complaint", ("doesn't work",)),
        ("still waiting for a reply", "complaint", ("still waiting",)),
        ("Thanks so much for the help", "praise", ("Thanks so",)),
        ("Highly recommended", "praise", ("Highly recommended",)),
        ("I am thinking about buying one", "purchase", ("thinking about buying",)),
        ("where can I buy it", "purchase", ("where can I buy",)),
        ("can anyone please help me", "help", ("can anyone please help",)),
        ("is it open?", "question", ("?",)),
    ],
)
def test_english(text: str, kind: str, words: tuple[str, ...]) -> None:
    assert found("en", text)[kind] == words


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("de", "Der Zug fährt um acht. Nicht schlimm."),
        ("de", "Zum Glück nicht kaputt"),
        ("de", "Ich bin nicht wirklich begeistert"),
        ("de", "Das funktioniert. Sie war nicht da."),  # over the end of a sentence
        ("de", "https://a.example/kaputt?x=1 @kaputt"),
        ("en", "It is not broken"),
        ("en", "We were never disappointed"),
        ("en", "unbroken"),
    ],
)
def test_nothing(language: str, text: str) -> None:
    assert found(language, text) == {}


def test_a_phrase_with_its_own_negation_counts() -> None:
    assert found("de", "Ich bin nicht besonders zufrieden") == {
        "complaint": ("nicht besonders zufrieden",)
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_phrase_finds_itself(language: str) -> None:
    text = files("pipeline.enrich.intents").joinpath(f"{language}.txt").read_text("utf-8")
    kind = ""
    for line in text.splitlines():
        phrase = line.partition("#")[0].strip()
        if phrase.startswith("["):
            kind = phrase.strip("[]")
        elif phrase:
            words = [way.split("|")[-1].rstrip("*") for way in phrase.split() if way != ".."]
            assert kind in found(language, " ".join(words)), phrase


@given(st.sampled_from(LANGUAGES), st.text(max_size=200))
def test_any_text(language: str, text: str) -> None:
    found(language, text)
