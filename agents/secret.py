"""Secrets in a source's configuration: named there, never written there."""

import os
from pathlib import Path
from typing import Annotated, Any, TypeAlias

from pydantic import BaseModel, BeforeValidator, SecretStr

__all__ = ["Secret", "secrets"]


def _resolve(reference: Any) -> SecretStr:  # noqa: ANN401 - whatever stands in the file
    """Read ``env:NAME`` or ``file:PATH``; no message repeats what stands there instead."""
    if isinstance(reference, SecretStr):
        return reference
    kind, _, name = reference.partition(":") if isinstance(reference, str) else ("", "", "")
    if kind == "env" and name:
        value = os.environ.get(name, "")
        where = f"environment variable {name}"
    elif kind == "file" and name:
        where = f"file {name}"
        try:
            value = Path(name).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            msg = f"cannot read {where}: {type(error).__name__}"
            raise ValueError(msg) from error
    else:
        msg = 'a secret does not belong here; write "env:NAME" or "file:PATH" instead'
        raise ValueError(msg)
    if not value:
        msg = f"{where} is not set or empty"
        raise ValueError(msg)
    return SecretStr(value)


Secret: TypeAlias = Annotated[SecretStr, BeforeValidator(_resolve)]
"""``env:NAME`` or ``file:PATH`` in the configuration; the value behind it in the program."""


def secrets(config: BaseModel) -> list[str]:
    """The values of all secrets in a table."""
    return [value.get_secret_value() for _, value in config if isinstance(value, SecretStr)]
