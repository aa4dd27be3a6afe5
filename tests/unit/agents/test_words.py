import pytest

from agents.words import Said, Words


@pytest.mark.parametrize(
    ("search", "text", "found"),
    [
        ("Nordwind", "Ich mag NORDWIND.", True),
        ("Nordwind", "Nordwinde wehen", False),
        ("Nordwind Pumpe", "die Pumpe von Nordwind", True),
        ("Nordwind Pumpe", "nur Nordwind", False),
        ('"Nordwind Energie"', "bei Nordwind, Energie sparen", True),
        ('"Nordwind Energie"', "Energie von Nordwind", False),
        ('"wind energie"', "Nordwind Energie", False),
        ('Preis "Nordwind Energie"', "Nordwind Energie: der Preis", True),
        ("straße", "STRASSE", True),
        ("pumpe-x", "die Pumpe X brummt", True),
    ],
)
def test_words_and_phrases(search: str, text: str, *, found: bool) -> None:
    assert Words(search).match(Said.of(text)) is found


def test_tags_and_domains() -> None:
    said = Said.of("schau", ["Nordwind"], ["https://blog.nordwind.example/a", "kein Link"])
    assert Words("#nordwind").match(said)
    assert Words("domain:nordwind.example #NordWind").match(said)
    assert Words("domain:blog.nordwind.example").match(said)
    assert not Words("domain:wind.example").match(said)
    assert not Words("#wind").match(said)
    assert not Words("nordwind").match(said)


@pytest.mark.parametrize(
    "search", ["from:ada.example", "mentions:ada", "-kaffee", "since:2026-01-01"]
)
def test_what_only_the_platform_knows_is_refused(search: str) -> None:
    with pytest.raises(ValueError, match="not be listened to"):
        Words(f"Nordwind {search}")
