from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError

from agents.secret import Secret


class Table(BaseModel):
    token: Secret


def test_a_secret_comes_from_the_environment_or_a_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("A_TOKEN", "s3cret")
    (tmp_path / "token").write_text("from-file\n", encoding="utf-8")
    by_env = Table.model_validate({"token": "env:A_TOKEN"})
    by_file = Table.model_validate({"token": f"file:{tmp_path / 'token'}"})
    assert by_env.token.get_secret_value() == "s3cret"
    assert by_file.token.get_secret_value() == "from-file"
    assert "s3cret" not in repr(by_env)


@pytest.mark.parametrize("literal", ["s3cret", "env:", "https://x", 3, None])
def test_a_literal_secret_is_refused_without_repeating_it(literal: object) -> None:
    with pytest.raises(ValidationError, match="does not belong here") as refused:
        Table.model_validate({"token": literal})
    (mistake,) = refused.value.errors(include_input=False)
    assert "s3cret" not in mistake["msg"]


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="environment variable NOT_SET_ANYWHERE is not set"):
        Table.model_validate({"token": "env:NOT_SET_ANYWHERE"})
    with pytest.raises(ValidationError, match="cannot read file"):
        Table.model_validate({"token": f"file:{tmp_path / 'absent'}"})
