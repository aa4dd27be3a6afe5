"""``--where``: a JMESPath expression over a message's value decides whether it is shown.

JMESPath, because most people know it from other command lines, it is pure Python without further
dependencies, it cannot run code, and a field that is left out is null instead of an error.
"""

from collections.abc import Callable
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError

from pipeline.errors import ConfigError

__all__ = ["predicate"]


def predicate(expression: str | None) -> Callable[[Any], bool]:
    """Whether a decoded value fits; without an expression every one does.

    Raises:
        ConfigError: the expression cannot be read, or (by what is returned) not be applied.
    """
    if expression is None:
        return lambda _: True
    try:
        compiled = jmespath.compile(expression)
    except JMESPathError as error:
        msg = f"--where cannot be read: {error}"
        raise ConfigError(msg) from error

    def fits(value: Any) -> bool:  # noqa: ANN401 - any JSON
        if not isinstance(value, dict):
            return False
        try:
            found = compiled.search(value)
        except JMESPathError as error:
            msg = f"--where cannot be applied: {error}"
            raise ConfigError(msg) from error
        return found not in (None, False, "", [], {})  # what JMESPath itself takes as false

    return fits
