"""What a worker process says of itself on ``mentions.figures``: its counters, as differences.

Prometheus sees the same counters (``pipeline.metrics``). They are said on Kafka as well, because an
analyst's Kibana has no way to Prometheus, and most workers may not write to Elasticsearch.

A stretch ends only with a message that the broker confirmed: after an outage the next one covers
all of it, and the figures of a period add up to what was done in it.
"""

import os
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

import msgspec
from prometheus_client import REGISTRY, Counter

from pipeline import metrics
from schemas.figures import Figures

__all__ = ["Meter"]

_REASON_LIMIT: Final = 500
_encode: Final = msgspec.json.Encoder().encode


class Meter:
    """The counters of one stage in this process, since the last figures that were confirmed."""

    def __init__(self, stage: str) -> None:
        self._stage = stage
        self._process = f"{socket.gethostname()}:{os.getpid()}"
        self._since = datetime.now(UTC)
        self._before: dict[str, float] = {}

    @property
    def key(self) -> bytes:
        """The Kafka key."""
        return f"{self._stage}@{self._process}".encode()

    def read(self, lag: int, waiting_for: str | None) -> tuple[bytes, dict[str, float]]:
        """A message, and what to hand to ``confirmed`` once it is safe."""
        now = dict(_counters(self._stage))
        done = {name: value - self._before.get(name, 0.0) for name, value in now.items()}
        errors = {
            name.removeprefix("error:"): int(value)
            for name, value in done.items()
            if name.startswith("error:") and value
        }
        figures = Figures(
            stage=self._stage,
            process=self._process,
            start=self._since,
            end=datetime.now(UTC),
            lag=lag,
            received=int(done["received"]),
            sent=int(done["sent"]),
            rejected=sum(errors.values()),
            retried=int(done["retried"]),
            errors=errors,
            batches=int(done["batches"]),
            seconds=round(done["seconds"], 3),
            waiting_for=waiting_for and waiting_for[:_REASON_LIMIT],
        )
        self._end = figures.end
        return _encode(figures), now

    def confirmed(self, counted: dict[str, float]) -> None:
        """The message is safe: the next stretch begins where it ends."""
        self._before, self._since = counted, self._end


def _counters(stage: str) -> Iterator[tuple[str, float]]:
    labels = {"stage": stage}
    for name, sample in (
        ("received", "mentions_received_total"),
        ("retried", "mentions_retried_total"),
        ("batches", "mentions_batch_seconds_count"),
        ("seconds", "mentions_batch_seconds_sum"),
    ):
        yield name, REGISTRY.get_sample_value(sample, labels) or 0.0
    yield "sent", sum(value for _, value in _by(metrics.SENT, stage, "topic"))
    for error, value in _by(metrics.REJECTED, stage, "error"):
        yield f"error:{error}", value


def _by(counter: Counter, stage: str, label: str) -> Iterator[tuple[str, float]]:
    for family in counter.collect():
        for sample in family.samples:
            if sample.name.endswith("_total") and sample.labels["stage"] == stage:
                yield sample.labels[label], sample.value
