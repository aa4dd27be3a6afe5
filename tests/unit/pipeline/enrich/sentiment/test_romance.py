"""The Romance lexicons: inflection, accents left away, function words."""

import pytest

from pipeline.enrich.sentiment import romance


@pytest.mark.parametrize(
    ("code", "form", "kind", "inflected"),
    [
        ("fr", "heureux", "A", {"heureuse", "heureux"}),
        ("fr", "aimer", "V", {"aime", "aimé", "aimait"}),
        ("it", "bello", "A", {"bella", "belli", "bellissimo"}),
        ("it", "terribile", "A", {"terribili"}),
        ("it", "amare", "V", {"amo", "amato"}),
        ("es", "bueno", "A", {"buenas", "buenísimo"}),
        ("es", "feliz", "A", {"felices"}),
        ("es", "odiar", "V", {"odio", "odiado"}),
        ("pt", "terrível", "A", {"terríveis"}),
        ("pt", "bom", "A", {"bons"}),
        ("pt", "chorar", "V", {"chorando"}),
        ("pt", "wow", "X", {"wow"}),
    ],
)
def test_inflections(code: str, form: str, kind: str, inflected: set[str]) -> None:
    assert inflected <= set(romance.inflections(code, form, kind))


@pytest.mark.parametrize("code", romance.LANGUAGES)
def test_loads_with_both_tones_and_function_words(code: str) -> None:
    words = romance.load(code).words.values()
    assert sum(word.weight > 0 for word in words) > 500
    assert sum(word.weight < 0 for word in words) > 500
    for role in ("negates", "breaks"):
        assert any(getattr(word, role) for word in words), role
    assert any(word.boost > 1 for word in words)


def test_accents_may_be_missing() -> None:
    words = romance.load("pt").words
    assert words["péssimo"] == words["pessimo"]
