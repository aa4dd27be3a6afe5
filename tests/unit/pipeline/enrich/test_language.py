"""Language backends: right on plain sentences, silent when unsure, the same every time."""

import pytest

from pipeline.enrich import language
from pipeline.enrich.language import READ
from pipeline.enrich.parts import LanguageDetector
from pipeline.settings import Enrichment

LANGUAGES = ("de", "en", "fr")
SENTENCES = {
    "de": "Der Zug hatte heute schon wieder eine halbe Stunde Verspätung.",
    "en": "The train was half an hour late again today.",
    "fr": "Le train avait encore une demi-heure de retard aujourd'hui.",
}


@pytest.fixture(params=["eldc", "langdetect"])
def detector(request: pytest.FixtureRequest) -> LanguageDetector:
    return language.build(request.param, LANGUAGES)


@pytest.mark.parametrize("code", LANGUAGES)
def test_knows_a_plain_sentence(detector: LanguageDetector, code: str) -> None:
    found = detector.detect(SENTENCES[code])
    assert found.code == code
    assert found.confidence > 0.9
    assert found.by == detector.by
    assert detector.detect(SENTENCES[code] * 500) == detector.detect((SENTENCES[code] * 500)[:READ])


@pytest.mark.parametrize("text", ["", "   ", "😀😀", "12345", "?!"])
def test_says_nothing_about_nothing(detector: LanguageDetector, text: str) -> None:
    found = detector.detect(text)
    assert (found.code, found.confidence) == ("und", 0.0)


def test_is_the_same_every_time(detector: LanguageDetector) -> None:
    texts = ["ok super", "lol", "Top Service", *SENTENCES.values()]
    assert [detector.detect(text) for text in texts] == [detector.detect(text) for text in texts]


@pytest.mark.parametrize(
    "text",
    [
        "Szeretném tudni, hogy mikor indul a következő vonat Budapestre",
        "Juna oli taas myöhässä eikä kukaan kertonut mitään",
        "Привет, почему поезд опять опоздал",
        "これはiPhoneのアプリです。とても便利です",
    ],
)
def test_other_languages_are_undetermined(text: str) -> None:
    assert language.build("eldc", LANGUAGES).detect(text).code == "und"


def test_a_prior_decides_short_texts_only() -> None:
    detector = language.build("eldc", ("de", "en", "fr", "pl", "it"))
    likely = {"de": 50.0}
    assert detector.detect("ok super", likely).code == "de"
    assert detector.detect(SENTENCES["en"], likely).code == "en"
    assert detector.detect("ok super", {"tlh": 50.0}) == detector.detect("ok super")


@pytest.mark.parametrize("code", ["de", "bg"])
def test_a_text_mostly_in_another_script_is_undetermined(
    detector: LanguageDetector, code: str
) -> None:
    found = detector.detect("iPhone super! Здравейте, защо влакът закъсня отново")
    assert found.code == "und"
    both = language.build(detector.by.name, ("de", "bg"))
    assert both.detect("Здравейте, защо влакът закъсня отново", {code: 2.0}).code == "bg"


def test_confidence_is_low_where_two_languages_are_close() -> None:
    found = language.build("eldc", ("de", "en", "da", "no", "sv")).detect("januar")
    assert found.confidence < 0.8


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("#WirSindMehr", "de"),
        ("Vooooll guuuut", "de"),
        ("guuuuten Mooorgen", "de"),
        ("Schöööön", "de"),
    ],
)
def test_hashtags_and_stretched_words_are_read_as_the_words_they_are(text: str, code: str) -> None:
    assert language.build("eldc", Enrichment().languages).detect(text).code == code


def test_what_is_read_of_a_text() -> None:
    assert language.readable("sooo #Big_CityLife2go #ok") == "so  Big City Life2go  ok"
    assert len(language.readable("ab" * READ)) == READ
