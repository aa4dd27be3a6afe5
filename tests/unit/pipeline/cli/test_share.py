from datetime import UTC, datetime

import pytest

from pipeline.cli.share import _Read, _read, _voice
from pipeline.search.coverage import Cell, Row
from pipeline.search.share import Counts, Voice

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def row(*cells: Cell, polls: int = 1) -> Row:
    return Row(
        source="s", kind="feeds", dark=False, paused=False, complete_until=None, expected=60,
        polls=polls, new=0, known=0, rejected=0, filtered={}, errors={}, limited_seconds=0, gaps=[],
        cells=[*cells],
    )  # fmt: skip


def test_what_was_read_of_a_period() -> None:
    assert _read(row("complete", "late")).complete == 1
    assert _read(row("complete", "partly", "dark", "unknown")).complete == pytest.approx(3 / 8)
    assert _read(row("complete", "not due")).complete == 1
    assert _read(row("dark", "dark")).complete == 0
    # Who keeps no ledger was neither read nor not.
    assert _read(row("dark", polls=0)).complete is None
    assert _read(row()).complete is None


def test_a_voice_s_coverage_is_that_of_its_sources_by_weight() -> None:
    counts = Counts(4, 0.5)
    voice = Voice("Brise", counts, counts, counts, {"press": 3, "forum": 1, "push": 9})
    coverage = [
        _Read("press", 1.0, dark=False, gaps=0),
        _Read("forum", 0.2, dark=True, gaps=1),
        _Read("push", None, dark=True, gaps=0),
    ]
    assert _voice(voice, coverage).coverage == pytest.approx((3 * 1.0 + 1 * 0.2) / 4)
    assert _voice(voice, coverage[2:]).coverage is None
