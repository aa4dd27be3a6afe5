"""``mentions train``: labels that cannot be used are named; nothing is published unasked."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pipeline import models
from pipeline.cli import mentions
from pipeline.errors import ConfigError
from pipeline.settings import Settings


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MENTIONS_CONFIG", raising=False)


def run(lines: list[object], *arguments: str) -> Result:
    Path("labels.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return CliRunner().invoke(
        mentions, ["train", "sentiment", "--labels", "labels.jsonl", *arguments]
    )


@pytest.fixture(autouse=True)
def _no_kafka(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(_config: Settings) -> models.Models:
        msg = "no broker answers"
        raise ConfigError(msg)

    monkeypatch.setattr(models, "read", read)


def test_a_line_without_a_label_is_named() -> None:
    result = run([{"text": "a", "label": "neutral"}, {"text": "b"}])
    assert result.exit_code == 1
    assert "labels.jsonl, line 2: needs a text, and a label out of negative" in result.stderr


def test_languages_with_too_few_texts_are_left_out() -> None:
    result = run(
        [
            {"text": "Goed", "label": "positive", "language": "nl"},
            {"text": "Gut", "label": "positive", "language": "de"},
        ]
    )
    assert result.exit_code == 1
    assert "nl: 1 texts left out, no lexicon for it" in result.stderr
    assert "de: 0 texts are labelled negative; 20 of each are needed" in result.stderr


def test_what_a_model_is_compared_with_is_said() -> None:
    labels: list[object] = [{"text": "Gut", "label": "positive", "language": "de"}]
    result = run(labels)
    assert "compared with the models that come with the package, not those in force" in (
        result.stderr
    )
    result = run(labels, "--publish")
    assert result.exit_code == 1
    assert "no broker answers" in result.stderr
    assert "compared with" not in result.stderr
