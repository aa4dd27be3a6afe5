"""The coverage ledger in Elasticsearch, and what it says about a period.

One document a message, in ``<alias>-coverage``; ``complete`` and ``gap`` are date ranges, so that a
query can ask whether a period is complete, and ``complete_until`` is a date, because of ranges
there is no latest. Everything else here is pure.

A moment is complete when some message says so. It was *late* when that was said more than two
expected intervals after it, as after an outage or a back-fill. A gap that a platform showed stays
open until a later message says that all of it is complete. A moment is *unknown* only before all
that any message tells of, failed polls included.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Literal, TypeAlias

import msgspec
from elasticsearch import Elasticsearch
from elasticsearch.helpers import scan
from msgspec import Struct

from schemas.coverage import Coverage, Stretch

__all__ = ["Cell", "Period", "Row", "chart", "document", "index_name", "read"]

Cell: TypeAlias = Literal["complete", "late", "partly", "dark", "unknown", "not due"]

_DARK_AFTER: Final = 2  # expected intervals

_Span: TypeAlias = tuple[datetime, datetime]


class Period(Struct, frozen=True):
    """What is asked about."""

    since: datetime
    until: datetime
    now: datetime
    """The present."""
    parts: int
    """How many cells."""


class Row(Struct, kw_only=True):
    """One source in a period."""

    source: str
    kind: str
    dark: bool
    """Nothing was completed for two expected intervals."""
    paused: bool
    """It is not read on purpose, at present."""
    complete_until: datetime | None
    expected: float
    """Seconds between two polls."""
    polls: int
    new: int
    known: int
    rejected: int
    filtered: dict[str, int]
    errors: dict[str, int]
    limited_seconds: float
    gaps: list[Stretch]
    """Still open, the oldest first."""
    cells: list[Cell]
    """The period in equal parts."""


def index_name(alias: str) -> str:
    """The index of the ledger."""
    return f"{alias}-coverage"


def document(coverage: Coverage) -> dict[str, Any]:
    """A message as it is indexed."""
    body: dict[str, Any] = msgspec.to_builtins(coverage)
    if coverage.unseen:
        body.pop("gaps", None)
        body["gap"] = [_range(stretch) for stretch in msgspec.to_builtins(coverage.unseen)]
    if coverage.complete:
        body["complete_until"] = body["complete"]["end"]
        body["complete"] = _range(body["complete"])
    errors = dict(coverage.errors)
    return {**body, "failures": sum(errors.values()), "error_classes": sorted(errors)}


def read(
    client: Elasticsearch, alias: str, since: datetime, sources: Sequence[str] = ()
) -> Iterator[Coverage]:
    """The messages whose interval ended since a moment, in no order.

    Raises:
        elasticsearch.ApiError: the question was refused.
        elasticsearch.TransportError: no answer.
    """
    clauses: list[dict[str, Any]] = [{"range": {"end": {"gte": since.isoformat()}}}]
    if sources:
        clauses.append({"terms": {"source": list(sources)}})
    query = {"query": {"bool": {"filter": clauses}}}
    hits = scan(client, index=index_name(alias), query=query, size=2_000, ignore_unavailable=True)
    for hit in hits:
        yield _coverage(hit["_source"])


def _range(stretch: Mapping[str, str]) -> dict[str, str]:
    # A moment is one, too, which Elasticsearch refuses with `lt`: it would end before it begins.
    until = "lte" if stretch["start"] == stretch["end"] else "lt"
    return {"gte": stretch["start"], until: stretch["end"]}


def _stretch(span: Mapping[str, str]) -> dict[str, str]:
    return {"start": span["gte"], "end": span["lt"] if "lt" in span else span["lte"]}


def _coverage(body: dict[str, Any]) -> Coverage:
    """A message, from how it is indexed."""
    if span := body.get("complete"):
        body["complete"] = _stretch(span)
    if found := body.pop("gap", None):
        # One that is no list was indexed before there were several.
        spans = found if isinstance(found, list) else [found]
        gaps = [_stretch(span) for span in spans]
        body |= {"gaps": gaps, "gap": {"start": gaps[0]["start"], "end": gaps[-1]["end"]}}
    return msgspec.convert(body, Coverage)


def chart(
    messages: Iterable[Coverage],
    period: Period,
    expected: Mapping[str, str] | None = None,
    paused: Collection[str] = (),
) -> list[Row]:
    """A row for each source, the dark ones first.

    Args:
        messages: of the ledger.
        period: what is asked about.
        expected: name -> kind of sources that should be there, whether they said anything or not.
        paused: names of those that are not read on purpose.
    """
    by_source: dict[str, list[Coverage]] = {name: [] for name in expected or ()}
    for message in messages:
        by_source.setdefault(message.source, []).append(message)
    rows = []
    for name, found in by_source.items():
        found.sort(key=lambda message: message.end)
        kind = found[-1].kind if found else (expected or {})[name]
        rows.append(_row(name, kind, found, period, paused=name in paused))
    return sorted(rows, key=lambda row: (not row.dark, not row.gaps, row.source))


def _row(
    name: str,
    kind: str,
    messages: Sequence[Coverage],
    period: Period,
    *,
    paused: bool,
) -> Row:
    since, now = period.since, period.now
    expected = messages[-1].expected if messages else 0.0
    patience = timedelta(seconds=_DARK_AFTER * expected)
    last = max((m.complete.end for m in messages if m.complete), default=None)
    gaps = _united(_open_gaps(messages))
    step = (period.until - since) / period.parts
    spans = [(since + step * part, since + step * (part + 1)) for part in range(period.parts)]
    return Row(
        source=name,
        kind=kind,
        dark=last is None or now - last > patience,
        paused=paused,
        complete_until=last,
        expected=expected,
        polls=sum(m.polls for m in messages),
        new=sum(m.new for m in messages),
        known=sum(m.known for m in messages),
        rejected=sum(m.rejected for m in messages),
        filtered=_summed(m.filtered for m in messages),
        errors=_summed(m.errors for m in messages),
        limited_seconds=sum(m.limited_seconds for m in messages),
        gaps=gaps,
        cells=[_cell(span, messages, gaps, now, patience) for span in spans],
    )


def _cell(
    span: _Span,
    messages: Sequence[Coverage],
    gaps: Sequence[Stretch],
    now: datetime,
    patience: timedelta,
) -> Cell:
    start, end = span
    # What is younger may still be on its way.
    end = min(end, now - patience)
    if end <= start:
        return "not due"
    first = min((at for message in messages for at in _told(message)), default=start)
    if end <= first:
        return "unknown"
    start = max(start, first)
    done = [((m.complete.start, m.complete.end), m.end) for m in messages if m.complete]
    missing = _without([(start, end)], [span for span, _ in done])
    missing += [
        (max(gap.start, start), min(gap.end, end))
        for gap in gaps
        if gap.start < end and gap.end > start
    ]
    if not missing:
        in_time = [span for span, said in done if said - min(end, span[1]) <= patience]
        return "late" if _without([(start, end)], in_time) else "complete"
    lost = sum((b - a for a, b in missing), timedelta())
    return "dark" if lost >= end - start else "partly"


def _told(message: Coverage) -> Iterator[datetime]:
    """From when on a message says something: what is there, is not, or could not be read."""
    yield from (gap.start for gap in message.unseen)
    if message.complete:
        yield message.complete.start
    elif message.errors:
        yield message.start


def _united(stretches: Iterable[Stretch]) -> list[Stretch]:
    """The same in order, with what overlaps as one: two messages may tell of one gap."""
    found: list[Stretch] = []
    for stretch in sorted(stretches, key=lambda stretch: stretch.start):
        if found and stretch.start <= (last := found[-1]).end:
            found[-1] = Stretch(last.start, max(last.end, stretch.end))
        else:
            found.append(stretch)
    return found


def _open_gaps(messages: Sequence[Coverage]) -> Iterator[Stretch]:
    """Gaps that no later message closes."""
    for place, message in enumerate(messages):
        if not message.unseen:
            continue
        later = [m.complete for m in messages[place + 1 :] if m.complete and m.gap is None]
        spans = [(stretch.start, stretch.end) for stretch in later]
        for gap in message.unseen:
            if _without([(gap.start, gap.end)], spans):
                yield gap


def _without(spans: Sequence[_Span], taken: Iterable[_Span]) -> list[_Span]:
    """What is left of spans when others are taken out of them."""
    left = list(spans)
    for start, end in taken:
        rest = []
        for a, b in left:
            rest += [(x, y) for x, y in ((a, min(b, start)), (max(a, end), b)) if x < y]
        left = rest
    return left


def _summed(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for some in counts:
        for name, number in some.items():
            total[name] = total.get(name, 0) + number
    return total
