import json

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from pydantic import ValidationError

from agents import source
from agents.errors import SourceConfigError
from agents.files import Files, FilesConfig
from agents.source import Listener, Source, build, config_model, names


def service_account() -> dict[str, str]:
    """The JSON that Google gives for one."""
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    where = "https://oauth2.googleapis.com/token"
    return {"client_email": "a@example.org", "private_key": key.decode(), "token_uri": where}


def test_every_built_in_kind_can_be_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_TOKEN", "x")
    monkeypatch.setenv("AN_ACCOUNT", json.dumps(service_account()))
    tables: dict[str, dict[str, object]] = {
        "appstore": {"apps": [1]},
        "bluesky": {"searches": ["a"]},
        "businessprofile": {"locations": ["accounts/1/locations/2"], "account": "env:AN_ACCOUNT"},
        "facebook": {"pages": ["1"], "token": "env:A_TOKEN"},
        "instagram": {"account": "1", "token": "env:A_TOKEN"},
        "discourse": {"forums": ["https://example.org"]},
        "gdelt": {"queries": ["abc"]},
        "mail": {"server": "example.org", "user": "a", "password": "env:A_TOKEN"},
        "reviews": {"pages": ["https://example.org"]},
        "sitemaps": {"urls": ["https://example.org/"]},
        "stackexchange": {"tags": ["a"]},
        "hackernews": {"queries": ["a"]},
        "mastodon": {"hashtags": ["a"]},
        "playstore": {"apps": ["com.nordwind"], "account": "env:AN_ACCOUNT"},
        "reddit": {"subreddits": ["aa"], "client_id": "x", "client_secret": "env:A_TOKEN"},
        "telegram": {"channels": ["nordwind"]},
        "x": {"searches": ["a"], "token": "env:A_TOKEN"},
        "youtube": {"videos": ["dQw4w9WgXcQ"], "key": "env:A_TOKEN"},
        "feeds": {"urls": ["https://example.org/rss"]},
        "files": {"paths": ["*.csv"]},
        "push": {"token": "env:A_TOKEN"},
    }
    assert set(tables) == set(names())
    for kind, table in tables.items():
        made = build({"type": kind, "name": "it", **table})
        assert isinstance(made, Listener if kind == "push" else Source)
        made.close()


def test_an_unknown_kind_names_those_there_are() -> None:
    with pytest.raises(SourceConfigError, match="'telegraph'; there are: appstore, bluesky,"):
        build({"type": "telegraph", "name": "it"})


def test_a_kind_whose_libraries_are_missing_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(source._BUILT_IN, "odd", source._Kind.parse("agents.not_there:Odd"))
    with pytest.raises(SourceConfigError, match=r"pip install 'mention-pipeline\[agents\]'"):
        build({"type": "odd", "name": "it"})


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ({"pahts": ["a"]}, "Extra inputs"),
        ({"columns": {"txet": "a"}}, "no field 'txet'"),
        ({"defaults": {"autor.name": "a"}}, "no field 'autor.name'"),
        ({"encoding": "utf-16"}, "does not end lines"),
        ({"encoding": "klingon"}, "unknown encoding"),
        ({"timezone": "Europe/Atlantis"}, "no time zone"),
        ({"every": 0}, "greater than 0"),
        ({"name": "a b"}, "should match pattern"),
    ],
)
def test_a_wrong_table_is_refused(more: dict[str, object], problem: str) -> None:
    table = {"type": "files", "name": "it", "paths": ["a"], **more}
    assert config_model(table) is FilesConfig
    with pytest.raises(ValidationError, match=problem):
        Files(FilesConfig.model_validate(table))
