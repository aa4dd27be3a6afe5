"""What stands in for a source whose table cannot work: a key is wrong, a credential missing.

It is owned and polled as any other and fails each time, so that the ledger says why nothing comes,
once and not by every process. No cursor moves and no order is carried out until it is mended.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from agents.errors import SourceConfigError, SourceError
from agents.source import Cursor, Page, SourceConfig

__all__ = ["Unbuilt"]


class Unbuilt:
    """A source that cannot be made.

    Args:
        table: as it is configured, with its name.
        reason: why it cannot work.
    """

    def __init__(self, table: Mapping[str, Any], reason: SourceConfigError | SourceError) -> None:
        self._reason = reason
        common = {"type": str(table.get("type")), "name": table["name"]}
        try:
            self.config = SourceConfig(**common, every=table["every"])
        except (LookupError, ValidationError):
            self.config = SourceConfig.model_construct(**common)  # even the name may be wrong

    def close(self) -> None:
        """Nothing is held open."""

    def poll(self, cursor: Cursor | None) -> Iterator[Page]:  # noqa: ARG002 - nothing is read
        """Fail.

        Raises:
            SourceConfigError, SourceError: always.
        """
        raise self._reason.with_traceback(None)

    def rewind(self, cursor: Cursor | None, since: datetime) -> Cursor:  # noqa: ARG002 - as above
        """Fail, so that the order stands for the source once it is mended; raises as ``poll``."""
        raise self._reason.with_traceback(None)
