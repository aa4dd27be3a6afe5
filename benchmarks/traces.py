"""What tracing costs a message, off and on: ``python -m benchmarks.traces``.

The two places where spans are made, alone, on one core, in pages of 100 messages and batches of 500
(so that a batch holds five pages); what is exported goes to a collector on loopback, beside it, and
its work counts, too: processor time is measured, of all threads. Best of five rounds.
"""

import os
import time
from collections.abc import Callable
from typing import Final

from msgspec import Struct

from agents.traces import Exported, Traces, traces
from schemas.headers import Headers
from tests.support.collector import Collector

_PAGE: Final = 100
_BATCH: Final = 500
_MESSAGES: Final = 50_000
_ROUNDS: Final = 5
_OWN: Final = [(f"ce_{name}", b"x") for name in ("id", "type", "source", "time", "revision")]
"""As many headers as a mention has before ``traceparent``, nearly."""


class Message(Struct):
    """With headers alone."""

    headers: Headers


def _published(made: Traces) -> list[Message]:
    messages: list[Message] = []
    for _ in range(_MESSAGES // _PAGE):
        with made.collecting("press") as given:
            messages += [Message([*_OWN, *given]) for _ in range(_PAGE)]
    return messages


def _settled(made: Traces, messages: list[Message]) -> None:
    for start in range(0, len(messages), _BATCH):
        made.settled("enrich", messages[start : start + _BATCH], time.time_ns())


def _cost(work: Callable[[], object]) -> float:
    """Microseconds of processor time a message, the best of some rounds."""
    best = float("inf")
    for _ in range(_ROUNDS):
        started = time.process_time()
        work()
        best = min(best, time.process_time() - started)
    return best / _MESSAGES * 1e6


def main() -> None:
    """Measure, and print a table."""
    print("| traces | published, µs a message | each stage, µs a message |")
    print("|---|---|---|")
    for on in (False, True):
        with Collector() as collector:
            if on:
                os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector.url
            traces.cache_clear()
            made = traces()
            messages = _published(made)
            publishing = _cost(lambda made=made: _published(made))  # type: ignore[misc]
            settling = _cost(lambda made=made, all_=messages: _settled(made, all_))  # type: ignore[misc]
            if isinstance(made, Exported):
                made.provider.shutdown()
            print(f"| {'on' if on else 'off'} | {publishing:.2f} | {settling:.2f} |")


if __name__ == "__main__":
    main()
