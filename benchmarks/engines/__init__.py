"""Engines to compare: each reads raw mentions from one topic and writes enriched ones to another.

Every file is a program of its own, ``python -m benchmarks.engines.<name>``, which is told by the
environment where to read and write (``Task``), and works until it is stopped. All but ``naive`` do
the very work of our enrich stage, by calling it; they differ in how they read, write and commit.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Record", "Task"]


@dataclass(frozen=True)
class Task:
    """Where an engine reads and writes."""

    bootstrap: str
    source: str
    target: str
    group: str

    @classmethod
    def read(cls) -> "Task":
        """From the environment."""
        return cls(*(os.environ[f"BENCH_{name.upper()}"] for name in cls.__dataclass_fields__))

    def environment(self) -> dict[str, str]:
        """For the environment."""
        return {f"BENCH_{name.upper()}": getattr(self, name) for name in self.__dataclass_fields__}


@dataclass(frozen=True)
class Record:
    """A consumed message, as our stages want it."""

    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()
    topic: str = "raw"
    partition: int = 0
    offset: int = 0
    timestamp: int = 0
