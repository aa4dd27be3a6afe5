"""Engines to compare: each reads raw mentions from one topic and writes enriched ones to another.

Every file is a program of its own, ``python -m benchmarks.engines.<name>``, which is told by the
environment where to read and write (``Task``), and works until it is stopped. All but ``naive`` do
the very work of our enrich stage, by calling it; they differ in how they read, write and commit.
"""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.outcome import Ok
from pipeline.settings import Settings, load
from pipeline.stages.enrich import Enrich

__all__ = ["Record", "Task", "Work", "begun", "settings"]


def begun() -> None:
    """Note that the first message is in hand: from here the clock runs."""
    mark = Path(os.environ["BENCH_DATA"]) / "begun"
    if not mark.exists():
        mark.write_text(str(time.time()))


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


def settings() -> Settings:
    """The settings, without near copies: they need a topic that only our own stage reads.

    With ``BENCH_WHOLE`` they are as they are.
    """
    loaded = load()
    if os.environ.get("BENCH_WHOLE"):
        return loaded
    enrichment = loaded.enrichment.model_copy(update={"stories_window": 0})
    return loaded.model_copy(update={"enrichment": enrichment})


class Work:
    """What our enrich stage does with a batch, without anything around it."""

    def __init__(self) -> None:
        self._stage = Enrich(settings())
        self._begun = "BENCH_DATA" not in os.environ

    def __call__(self, batch: Sequence[Any]) -> list[bytes]:
        """The values to publish for records, in order."""
        if not self._begun:
            begun()
            self._begun = True
        handling = self._stage.handle(batch)
        try:
            # What it yields is None where it only gives way: there is nobody to give way to.
            while handling.send(None) is None:
                pass
        except StopIteration as answer:
            return [_value(outcome) for outcome in answer.value]
        handling.close()
        msg = "the enrich stage waits for something"
        raise AssertionError(msg)


def _value(outcome: object) -> bytes:
    assert isinstance(outcome, Ok), outcome
    (output,) = outcome.outputs
    assert output.value is not None
    return output.value
