"""Who may use the page, and which forms count."""

import base64

import pytest

from pipeline.errors import ConfigError
from pipeline.page.guard import Guard, tokens
from pipeline.settings import Page

ADA, BOB = "a" * 20, "b" * 20
GUARD = Guard({"ada": ADA, "jörg": BOB}, "https://marks.example.org/page")


def basic(name: str, token: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{token}".encode()).decode()


@pytest.mark.parametrize(
    ("authorization", "expected"),
    [
        (basic("ada", ADA), "ada"),
        (basic("jörg", BOB), "jörg"),
        (basic("ada", ADA).replace("Basic", "basic"), "ada"),
        (basic("ada", BOB), None),
        (basic("eve", ADA), None),
        (basic("eve", ""), None),
        (basic("", ""), None),
        (basic("ada", ""), None),
        ("Basic", None),
        ("Basic !!!", None),
        ("Basic " + base64.b64encode(b"\xff:\xff").decode(), None),
        (f"Bearer {ADA}", None),
        ("", None),
    ],
)
def test_somebody_is_known_by_name_and_token(authorization: str, expected: str | None) -> None:
    assert GUARD.who(authorization) == expected


SIGN = GUARD.sign("ada", "feeds:1")


@pytest.mark.parametrize(
    ("name", "mention", "sign", "headers", "expected"),
    [
        ("ada", "feeds:1", SIGN, {}, True),
        ("ada", "feeds:1", SIGN, {"origin": "http://here:1", "host": "here:1"}, True),
        ("ada", "feeds:1", SIGN, {"origin": "https://marks.example.org", "host": "x"}, True),
        ("ada", "feeds:1", SIGN, {"origin": "https://here", "host": "HERE:443"}, True),
        ("ada", "feeds:1", SIGN, {"origin": "http://here", "host": "here:443"}, False),
        ("ada", "feeds:1", SIGN, {"sec-fetch-site": "same-origin"}, True),
        ("ada", "feeds:2", SIGN, {}, False),
        ("jörg", "feeds:1", SIGN, {}, False),
        ("ada", "feeds:1", "", {}, False),
        ("ada", "feeds:1", "ü", {}, False),
        ("ada", "feeds:1", SIGN, {"origin": "http://evil", "host": "here:1"}, False),
        ("ada", "feeds:1", SIGN, {"origin": "null", "host": "here:1"}, False),
        ("ada", "feeds:1", SIGN, {"sec-fetch-site": "same-site"}, False),
        ("ada", "feeds:1", SIGN, {"sec-fetch-site": "cross-site"}, False),
    ],
)
def test_a_form_counts_that_was_given_to_the_same_person_here(
    name: str, mention: str, sign: str, headers: dict[str, str], *, expected: bool
) -> None:
    assert GUARD.genuine(name, mention, sign, headers) is expected


def test_an_address_is_compared_as_browsers_write_it() -> None:
    guard = Guard({"ada": ADA}, "https://Marks.Example.org:443/page")
    assert guard.genuine(
        "ada", "feeds:1", SIGN, {"origin": "https://marks.example.org", "host": "inside:8080"}
    )


def page(*people: tuple[str, str]) -> Page:
    return Page.model_validate({"people": [{"name": n, "token": t} for n, t in people]})


def test_tokens_are_long_and_everybodys_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADA", ADA)
    monkeypatch.setenv("BOB", BOB)
    monkeypatch.setenv("SHORT", "hush")
    assert tokens(page(("ada", "env:ADA"), ("bob", "env:BOB"))) == {"ada": ADA, "bob": BOB}
    for people, why in (
        ([], "nobody may use the page"),
        ([("ada", "env:SHORT")], "'ada': the token needs 16"),
        ([("ada", "env:ADA"), ("bob", "env:ADA")], "'bob': the token needs"),
        ([("ada", "env:ADA"), ("ada", "env:BOB")], "'ada': two people"),
        ([("ada", "env:NOWHERE_TO_BE_FOUND")], "'ada'.*not set"),
    ):
        with pytest.raises(ConfigError, match=why) as refused:
            tokens(page(*people))
        assert "hush" not in str(refused.value)
