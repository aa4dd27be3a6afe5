"""What the files under deploy/ and docker-compose.yml say, and whether our program takes it."""

import json
import os
import re
import shutil
import subprocess
import sys
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
    "composed",
    "everything",
    "example",
    "known_variable",
    "ours",
    "rendered",
    "settings_of",
    "takes",
]

ROOT: Final = Path(__file__).parents[2]
_OTHERS: Final = re.compile(
    r"MENTIONS_(CONFIG|SECRETS_DIR|CACHE|ACCOUNT_\w+|PUSH_TOKEN)|OTEL_(EXPORTER_OTLP_ENDPOINT|TRACES_SAMPLER(_ARG)?)"
)


def everything(folder: Path) -> list[dict[str, Any]]:
    """What a copy of the example makes with every component; ``operators`` is the last.

    Args:
        folder: an empty one, where the copy may lie.
    """
    kubernetes = ROOT / "deploy" / "kubernetes"
    example = kubernetes / "overlays" / "example"
    shutil.copy(example / "mentions.toml", folder)
    body = yaml.safe_load((example / "kustomization.yaml").read_text("utf-8"))
    parts = [path.parent for path in kubernetes.glob("components/*/kustomization.yaml")]
    parts.sort(key=lambda part: part.name == "operators")
    body["components"] = [os.path.relpath(part, folder) for part in parts]
    body["resources"] = [os.path.relpath(example / each, folder) for each in body["resources"]]
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(body), "utf-8")
    return rendered(folder)


def rendered(folder: Path) -> list[dict[str, Any]]:
    """What the real tool makes of a kustomization."""
    command = [*kustomize(), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


def example() -> dict[str, str]:
    """``.env.example`` filled in, its commented part left out."""
    lines = (ROOT / ".env.example").read_text("utf-8").splitlines()
    given = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    return {name: value or "0123456789abcdef0123456789abcdef" for name, value in given.items()}


def composed(
    variables: Mapping[str, str], file: Path = Path(os.devnull), more: Path | None = None
) -> dict[str, dict[str, Any]]:
    """The services that docker compose itself reads from docker-compose.yml, of all profiles.

    Args:
        variables: the environment.
        file: in place of the file ``.env``.
        more: in place of the file ``docker-compose.override.yml``.

    Raises:
        ValueError: it refuses the file or the variables.
    """
    command = [
        str(Path(sys.executable).with_name("docker-compose")),
        *("--file", "docker-compose.yml", *(("--file", str(more)) if more else ())),
        *("--env-file", str(file), "--profile", "*"),
        *("config", "--format", "json"),
    ]
    done = subprocess.run(
        command, cwd=ROOT, env=variables, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise ValueError(done.stderr)
    services: dict[str, dict[str, Any]] = json.loads(done.stdout)["services"]
    for service in services.values():
        # What has no value anywhere is not set in the container.
        given = service.get("environment") or {}
        service["environment"] = {n: value for n, value in given.items() if value is not None}
    return services


def ours(services: Mapping[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Those that run the command ``mentions``."""
    return {
        name: service
        for name, service in services.items()
        if service["image"].startswith("mention-pipeline:") and not service["entrypoint"]
    }


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
