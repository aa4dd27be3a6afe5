"""What our enrich stage does, for engines that read and write in other ways."""

import os
from collections.abc import Sequence
from typing import Any

from pipeline.garbage import spare_collector
from pipeline.outcome import Ok
from pipeline.settings import Settings, load
from pipeline.stages.enrich import Enrich

__all__ = ["Work", "settings"]


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
    """What our enrich stage does with a batch, without anything around it.

    The garbage collector looks as rarely as in our worker: that is no merit of how it is read.
    """

    def __init__(self) -> None:
        self._stage = Enrich(settings())
        spare_collector()

    def __call__(self, batch: Sequence[Any]) -> list[bytes]:
        """The values to publish for records, in order."""
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
