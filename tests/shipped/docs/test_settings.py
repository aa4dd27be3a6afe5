"""The example ``mentions.toml`` and the page for operators name every setting."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, SecretStr

from pipeline.settings import Settings

ROOT = Path(__file__).parents[3]
SHIPPED = (ROOT / "pipeline" / "demo" / "mentions.toml").read_text(encoding="utf-8")
WHOLE = re.sub(r"^# (?=\[|[a-z_]+ = )", "", SHIPPED, flags=re.MULTILINE)
"""With what is switched off switched on."""


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def tables(model: type[BaseModel]) -> Iterator[tuple[str, type[BaseModel], bool]]:
    """Each table of the file, its model, and whether there are several of it."""
    for name, field in model.model_fields.items():
        kinds = [field.annotation, *getattr(field.annotation, "__args__", ())]
        for kind in kinds:
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                yield name, kind, kind is not field.annotation


def fields(model: type[BaseModel], *, secret: bool = False) -> set[str]:
    return {
        name
        for name, field in model.model_fields.items()
        if (SecretStr.__name__ in str(field.annotation)) == secret
    }


def named(content: dict[str, Any], table: str) -> set[str]:
    found = content[table]
    return {key for each in (found if isinstance(found, list) else [found]) for key in each}


def test_the_example_names_every_setting_and_no_secret() -> None:
    content = tomllib.loads(WHOLE)
    Settings(**content)
    assert content.keys() == Settings.model_fields.keys()
    for table, model, _ in tables(Settings):
        assert named(content, table) == fields(model), table


def test_what_is_switched_off_shows_the_default() -> None:
    whole, shipped = tomllib.loads(WHOLE), tomllib.loads(SHIPPED)
    defaults = Settings().model_dump(mode="json")
    compared = 0
    for table, _, several in tables(Settings):
        if several:
            continue
        for key in whole[table].keys() - shipped.get(table, {}).keys():
            if (default := defaults[table][key]) is not None:
                assert whole[table][key] == default, f"{table}.{key}"
                compared += 1
    assert compared > 20


def test_operators_are_told_of_every_secret() -> None:
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    for table, model, _ in tables(Settings):
        for key in fields(model, secret=True):
            assert f"MENTIONS_{table}__{key}".upper() in page
