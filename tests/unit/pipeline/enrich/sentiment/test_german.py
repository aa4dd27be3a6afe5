"""German inflection is folded into the lexicon."""

import pytest

from pipeline.enrich.sentiment import german

WORDS = german.load().words


@pytest.mark.parametrize(
    ("form", "pos", "inflected"),
    [
        ("gut", "JJ", {"gutes", "guten", "guter"}),
        ("schnell", "JJ", {"schneller", "schnellste", "schnellstem"}),
        ("dunkel", "JJ", {"dunkle", "dunkler"}),
        ("Katastrophe", "NN", {"katastrophe", "katastrophen"}),
        ("loben", "VB", {"lobt", "lobte", "gelobt", "lobend"}),
        ("ausfallen", "VB", {"ausgefallen", "auszufallen"}),
        ("versagen", "VB", {"versagt", "versagte"}),
        ("wow", "X", {"wow"}),
    ],
)
def test_inflections(form: str, pos: str, inflected: set[str]) -> None:
    assert inflected <= set(german.inflections(form, pos))


def test_both_spellings_of_umlauts() -> None:
    assert WORDS["pünktlichen"] == WORDS["puenktlichen"]
    assert WORDS["spaß"].weight == WORDS["spass"].weight > 0


def test_function_words_have_roles() -> None:
    assert WORDS["kein"].negates
    assert WORDS["nicht"].postposed
    assert WORDS["aber"].breaks
    assert WORDS["sehr"].boost > 1 > WORDS["etwas"].boost


def test_everyday_use_wins() -> None:
    assert "einfach" not in WORDS
    assert all(word.weight or word.boost != 1 or any(word[2:]) for word in WORDS.values())
