"""What the files under deploy/ and docker-compose.yml say, and whether our program takes it."""

import os
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from unittest import mock

import click
import yaml
from pydantic import BaseModel

from pipeline.cli import mentions
from pipeline.settings import Settings
from tests.support.programs import kustomize

__all__ = [
    "ROOT",
    "compose",
    "interpolated",
    "known_variable",
    "rendered",
    "settings_of",
    "takes",
]

ROOT: Final = Path(__file__).parents[2]
_VARIABLE: Final = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}|\$\$")
_OTHERS: Final = re.compile(r"MENTIONS_(CONFIG|SECRETS_DIR|CACHE|ACCOUNT_\w+|PUSH_TOKEN)")


def rendered(folder: Path) -> list[dict[str, Any]]:
    """What the real tool makes of a kustomization."""
    command = [*kustomize(), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


def compose() -> dict[str, Any]:
    """docker-compose.yml with its anchors followed."""
    return dict(yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8")))


def interpolated(value: Any, variables: Mapping[str, str]) -> Any:
    """``${NAME:-default}`` and ``${NAME:?why}`` replaced, as compose does."""
    if isinstance(value, Mapping):
        return {key: interpolated(each, variables) for key, each in value.items()}
    if isinstance(value, list):
        return [interpolated(each, variables) for each in value]
    if not isinstance(value, str):
        return value

    def one(found: re.Match[str]) -> str:
        name, sign, rest = found.groups()
        if name is None:
            return "$"
        given = variables.get(name)
        if sign == "?" and not given:
            msg = f"{name}: {rest}"
            raise KeyError(msg)
        return given or (rest if sign == "-" else "")

    return _VARIABLE.sub(one, value)


def takes(arguments: Sequence[str]) -> None:
    """Let the command line read arguments without running anything; raises ``click.UsageError``."""
    command: click.Command = mentions
    rest = list(arguments)
    while True:
        context = command.make_context("mentions", rest)
        if not isinstance(command, click.Group):
            return
        _, found, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        assert found is not None
        command = found


def settings_of(environment: Mapping[str, object]) -> Settings:
    """The settings that an environment makes; raises where a value is wrong."""
    ours = {
        name: str(value)
        for name, value in environment.items()
        if name.startswith("MENTIONS_") and not _OTHERS.fullmatch(name)
    }
    with mock.patch.dict(os.environ, ours):
        return Settings()


def known_variable(name: str) -> bool:
    """Whether our program reads an environment variable."""
    return bool(_OTHERS.fullmatch(name)) or name in set(_variables(Settings, "MENTIONS_"))


def _variables(model: type[BaseModel], prefix: str) -> Iterator[str]:
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from _variables(kind, f"{prefix}{name.upper()}__")
        else:
            yield f"{prefix}{name.upper()}"
