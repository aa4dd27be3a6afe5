from datetime import UTC, datetime

from msgspec import structs

from pipeline.alerts.ledger import KEPT, Ledger, without
from schemas.coverage import Coverage, Stretch

DAY = 86_400.0
BASE = datetime(2026, 1, 5, tzinfo=UTC).timestamp()


def said(
    complete: tuple[float, float] | None = None, gap: tuple[float, float] | None = None
) -> Coverage:
    def stretch(span: tuple[float, float] | None) -> Stretch | None:
        if span is None:
            return None
        return Stretch(*(datetime.fromtimestamp(BASE + at, UTC) for at in span))

    at = datetime.fromtimestamp(BASE, UTC)
    return Coverage(
        source="s", kind="feeds", agent="h:1", start=at, end=at, expected=10,
        complete=stretch(complete), gap=stretch(gap),
    )  # fmt: skip


def dark(ledger: Ledger, start: float, end: float) -> list[tuple[float, float]] | None:
    found = ledger.dark("s", BASE + start, BASE + end)
    return None if found is None else [(a - BASE, b - BASE) for a, b in found]


def test_what_was_not_read_is_dark_but_for_what_is_on_its_way() -> None:
    ledger = Ledger()
    assert dark(ledger, 0, 100) is None
    ledger.note(said((0, 100)))
    ledger.note(said((150, 200)))
    assert dark(ledger, 0, 220) == [(100, 150)]  # 200 to 220 may still come
    assert dark(ledger, 0, 260) == [(100, 150), (200, 240)]
    ledger.note(said((90, 160)))
    ledger.note(said((90, 160)))
    assert dark(ledger, 0, 220) == []


def test_a_gap_is_open_until_all_of_it_is_said_to_be_complete() -> None:
    ledger = Ledger()
    ledger.note(said((0, 100), gap=(20, 60)))
    assert dark(ledger, 0, 120) == [(20, 60)]
    ledger.note(said((20, 40)))
    assert dark(ledger, 0, 120) == [(40, 60)]
    ledger.note(said(gap=(90, 100)))
    assert dark(ledger, 0, 120) == [(40, 60), (90, 100)]


def test_what_lies_between_two_gaps_was_read() -> None:
    ledger = Ledger()
    one, other = said(gap=(20, 30)), said(gap=(80, 90))
    assert one.gap
    assert other.gap
    both = Stretch(one.gap.start, other.gap.end)
    ledger.note(said((0, 100)))
    ledger.note(structs.replace(one, gap=both, gaps=(one.gap, other.gap)))
    assert dark(ledger, 0, 120) == [(20, 30), (80, 90)]


def test_memory_is_bounded() -> None:
    ledger = Ledger()
    for n in range(4_000):
        ledger.note(said((n * 100, n * 100 + 50)))
    assert len(ledger._sources["s"].read) <= KEPT / 100 + 1


def test_spans_are_cut() -> None:
    assert without([(0, 10), (20, 20)], [(2, 3), (9, 12)]) == [(0, 2), (3, 9)]
