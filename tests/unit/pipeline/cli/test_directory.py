"""The sources that commands know."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from pipeline.cli import _directory, check
from pipeline.errors import ConfigError
from pipeline.settings import Settings
from schemas.sources import SourceEntry

OLD = {"type": "files", "name": "posts", "paths": ["old"]}
NEW = {"type": "files", "name": "posts", "paths": ["new"]}
ADDED = SourceEntry(table={"type": "files", "name": "added", "pahts": []})


@pytest.fixture
def config(monkeypatch: pytest.MonkeyPatch) -> Settings:
    entries = {"posts": SourceEntry(table=OLD, origin="file", paused=True), "added": ADDED}

    @contextmanager
    def there(_config: Settings) -> Iterator[SimpleNamespace]:
        yield SimpleNamespace(entries=entries)

    monkeypatch.setattr(_directory, "directory_of", there)
    return Settings(sources=[NEW])


def test_what_was_added_is_known_and_the_file_says_what_is_in_it(config: Settings) -> None:
    found = _directory.known(config)
    assert set(found) == {"posts", "added"}
    assert found["posts"].table == NEW
    assert found["posts"].paused


def test_what_was_added_is_checked(config: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        check, "_tried", lambda what, *_: check.Finding(what=what, ok=True, detail="")
    )
    wrong = [found.what for found in check._findings(config) if not found.ok]
    assert wrong == ["source added"]


def test_without_kafka_those_of_the_file_are_known(
    config: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def away(_config: Settings) -> None:
        msg = "Kafka is away"
        raise ConfigError(msg)

    monkeypatch.setattr(_directory, "directory_of", away)
    assert set(_directory.known(config)) == {"posts"}
    assert "Kafka is away" in capsys.readouterr().err
