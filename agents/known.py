"""What a source of posts knows of them: a cursor while it is being read and written.

The cursor's keys are those of ``State``. What platforms call a post is its *key*: what it is looked
up by.
"""

from typing import Any

import msgspec
from msgspec import Struct

from agents.source import Cursor

__all__ = ["Known", "State"]


class Known(Struct, array_like=True):
    """What is remembered of a post: a JSON array."""

    published: int  # milliseconds since 1970
    revision: int
    fingerprint: str
    looked: int  # seconds since 1970
    id: str


class State(Struct):
    """A cursor being read and written."""

    queries: dict[str, dict[str, Any]] = {}
    """How far each listing is read, see ``agents.listed``."""
    seen: dict[str, Known] = {}
    """The newest posts, by key."""
    refused: dict[str, str] = {}
    """Rows that went to the dead letters already."""
    silent: dict[str, int] = {}
    """Places whose look-ups show nothing, and since when (seconds since 1970)."""
    stream: dict[str, Any] = {}
    """Positions in streams, see ``agents.streamed``."""

    def cursor(self) -> Cursor:
        """A copy as JSON: what is read next must not change a page that is on its way."""
        copied: Cursor = msgspec.to_builtins(self)
        return copied
