"""What was read of each source, from the coverage ledger: a dark source is not a silent public.

Bounded: stretches of the last days, joined where they touch. Messages are to be noted in the order
in which they were written; the same one twice changes nothing.
"""

from collections.abc import Iterable
from typing import Final, TypeAlias

from msgspec import Struct

from pipeline.alerts.history import DAY
from schemas.coverage import Coverage

__all__ = ["KEPT", "Ledger", "Span", "without"]

KEPT: Final = 3 * DAY
"""How far back is remembered."""
_PATIENCE: Final = 2
"""Planned intervals between two polls after which nothing more is on its way."""

Span: TypeAlias = tuple[float, float]
"""From and to, in seconds since 1970."""


class _Source(Struct):
    read: list[Span] = []
    expected: float = 0.0


class Ledger:
    """All sources that keep a ledger."""

    def __init__(self) -> None:
        self._sources: dict[str, _Source] = {}

    def note(self, said: Coverage) -> None:
        """Take a message in: what was completed, and what the platform does not show."""
        source = self._sources.setdefault(said.source, _Source())
        source.expected = said.expected
        if said.complete is not None:
            done = said.complete.start.timestamp(), said.complete.end.timestamp()
            oldest = done[1] - KEPT
            source.read = [span for span in _joined([*source.read, done]) if span[1] > oldest]
        lost = [(gap.start.timestamp(), gap.end.timestamp()) for gap in said.unseen]
        source.read = without(source.read, lost)

    def dark(self, source: str, start: float, end: float) -> list[Span] | None:
        """What of a period that ends now was not read; None where the source keeps no ledger.

        What is younger than two planned polls may still be on its way, and is left out.
        """
        known = self._sources.get(source)
        if known is None:
            return None
        return without([(start, end - _PATIENCE * known.expected)], known.read)


def _joined(spans: Iterable[Span]) -> list[Span]:
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(joined[-1][1], end)
        else:
            joined.append((start, end))
    return joined


def without(spans: Iterable[Span], taken: Iterable[Span]) -> list[Span]:
    """What is left of spans when others are taken out of them."""
    left = [(start, end) for start, end in spans if start < end]
    for start, end in taken:
        left = [
            (a, b)
            for first, last in left
            for a, b in ((first, min(last, start)), (max(first, end), last))
            if a < b
        ]
    return left
