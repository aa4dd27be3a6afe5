"""The pages about sources hold what they show."""

import re
import tomllib
from pathlib import Path

import pytest

from agents.source import config_model, names

DOCS = Path(__file__).parents[3] / "docs"
CONTRACTS = Path(__file__).parents[2] / "contract"


def blocks(page: str, language: str) -> list[str]:
    text = (DOCS / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def test_every_source_passes_the_contract() -> None:
    there = {path.stem.removeprefix("test_") for path in CONTRACTS.glob("test_*.py")}
    assert there - {"every_source"} == set(names())


def test_every_source_has_an_example_that_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = []
    for block in blocks("sources.md", "toml"):
        shown += tomllib.loads(block)["sources"]
    assert {table["type"] for table in shown} == set(names())
    for table in shown:
        for value in table.values():
            if isinstance(value, str) and value.startswith("env:"):
                monkeypatch.setenv(value.removeprefix("env:"), "x")
        config_model(table).model_validate(table)


def test_every_source_has_a_section_of_its_own() -> None:
    text = (DOCS / "sources.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## ([^:\n]+)", text, re.MULTILINE)
    described = {kind for heading in headings for kind in heading.split(" and ")}
    general = {"Law, in short", "LinkedIn, XING,", "others without an open API", "Anything else"}
    assert described - general == set(names())
