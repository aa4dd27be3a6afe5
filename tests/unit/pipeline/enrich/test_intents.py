"""What authors want, and the words that say so."""

from collections.abc import Iterator, Sequence
from importlib.resources import files
from typing import Any

import pytest
from hypothesis import given, settings
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
        ("Mir reicht\u2019s", "complaint", ("reicht\u2019s",)),
        ("Danke für nichts", "complaint", ("Danke für nichts",)),
        ("Besser geht's nicht!", "praise", ("Besser geht's nicht",)),
        ("Danke für den schnellen Rückruf", "praise", ("Danke für den schnellen Rückruf",)),
        ("Kann nicht klagen, bin sehr zufrieden", "praise", ("bin sehr zufrieden",)),
        ("Ich überlege, mir eins zu kaufen", "purchase", ("überlege, mir eins zu kaufen",)),
        ("Es geht nicht wie kann ich das ändern", "help", ("wie kann ich",)),
        ("kann mir niemand helfen", "help", ("kann mir niemand helfen",)),
        ("Kann mir denn keiner helfen", "help", ("Kann mir denn keiner helfen",)),
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
        ("It doesn\u2019t work", "complaint", ("doesn\u2019t work",)),
        ("Thanks for nothing", "complaint", ("Thanks for nothing",)),
        ("Nothing works like it should", "complaint", ("Nothing works",)),
        ("Works like a charm", "praise", ("Works like a charm",)),
        ("It doesn't work please help", "help", ("please help",)),
        ("Why can't anyone help me", "help", ("can't anyone help",)),
    ],
)
def test_english(text: str, kind: str, words: tuple[str, ...]) -> None:
    assert found("en", text)[kind] == words


@pytest.mark.parametrize(
    ("language", "text", "kinds"),
    [
        ("de", "Danke für nichts", {"complaint"}),
        ("de", "Besser geht nicht!", {"praise"}),
        ("de", "Danke für den schnellen Rückruf", {"praise"}),
        ("de", "Kann nicht klagen, bin sehr zufrieden", {"praise"}),
        ("de", "Wie können wir dir helfen?", {"question"}),
        ("en", "Thanks for nothing", {"complaint"}),
        ("en", "Works like crap", {"complaint"}),
    ],
)
def test_nothing_but(language: str, text: str, kinds: set[str]) -> None:
    assert set(found(language, text)) == kinds


def test_a_title_is_read_too() -> None:
    title, text = view("Hilfe gesucht: Akku defekt"), view("Sie ist seit gestern defekt.")
    intents = {intent.kind: intent for intent in RULES["de"].find(text, title)}
    assert [text.written(span) for span in intents["complaint"].spans] == ["defekt"]
    assert (intents["help"].words, intents["help"].spans) == (("Hilfe gesucht",), ())


def test_passages_of_a_long_text_are_read() -> None:
    text = f"{'Es regnet. ' * 600}Die Lüftung ist kaputt."
    assert found("de", text) == {"complaint": ("kaputt",)}


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
        ("de", "Ich werde nie bei euch bestellen"),
        ("de", "Ich brauche keine Hilfe"),
        ("de", "Die Wartezeit betrug 5 Minuten"),
        ("de", "eine unterirdische Haltestelle"),
        ("de", "Wir haben uns kaputtgelacht"),
        ("de", "Ich bin kaum begeistert"),
        ("de", "Er war wenig begeistert"),
        ("en", "I am not going to buy it"),
        ("en", "I don't need help"),
        ("en", "The price is down"),
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
            words = [way.split("|")[-1].rstrip("*") for way in phrase.split() if ".." not in way]
            assert (kind in found(language, " ".join(words))) != (kind == "nothing"), phrase


@given(st.sampled_from(LANGUAGES), st.text(max_size=200))
def test_any_text(language: str, text: str) -> None:
    found(language, text)


class Everywhere:
    """In place of the automaton: every phrase at every place."""

    def __init__(self, beginnings: Sequence[tuple[int, Any]]) -> None:
        self._beginnings = beginnings

    def iter(self, text: str) -> Iterator[tuple[int, tuple[int, Any]]]:
        for length, rules in self._beginnings:
            for final in range(length - 1, len(text)):
                yield final, (length, rules)


PLAIN = {language: Intents(language) for language in LANGUAGES}
for rules in PLAIN.values():
    rules._automaton = Everywhere(list(rules._automaton.values()))
PIECES = st.sampled_from(
    (
        *("kann", "mir", "jemand", "helfen", "beschwerde", "Störung", "danke", "reicht\u2019s"),
        *("i'm", "don't", "can", "want", "to", "buy", "thanks", "broken", "geht", "nicht", "mehr"),
        *(
            " ",
            " ",
            " ",
            " ",
            ", ",
            ".",
            "_",
            "-",
            "'",
            "\n",
            "?",
            " ?",
            "\u20ac?",
            "\u0436",
            "\u0151",
        ),
        *("1", "s", "ß", "\u00aa", "\U0001f600", "\x01"),
    )
)


@pytest.mark.parametrize("language", LANGUAGES)
@settings(max_examples=50)
@given(text=st.lists(PIECES, max_size=16).map("".join))
def test_every_phrase_is_found_where_it_is_looked_for(language: str, text: str) -> None:
    assert RULES[language].find(view(text)) == PLAIN[language].find(view(text))
