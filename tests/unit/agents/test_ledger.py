"""What the ledger says of stretches that a platform does not show."""

import logging
import time

import pytest

from agents.ledger import Ledger
from agents.publisher import Tally
from agents.source import Page
from schemas.coverage import GAPS


def told(*gaps: tuple[int, int]) -> tuple[list[tuple[float, float]], tuple[float, float] | None]:
    """The gaps in a message, and the one in their place for who knows no several; in seconds."""
    ledger = Ledger("it", "x")
    for gap in gaps:
        ledger.page(Page([], {}, gap=gap), Tally())
    message = ledger.take(60)
    found = [(gap.start.timestamp(), gap.end.timestamp()) for gap in message.gaps]
    assert ledger.take(60).gaps == (), "the next interval has none"
    whole = message.gap
    return found, (whole.start.timestamp(), whole.end.timestamp()) if whole else None


def test_gaps_of_an_interval_are_told_apart() -> None:
    assert told() == ([], None)
    assert told((1_000, 2_000)) == ([(1, 2)], (1, 2))
    assert told((8_000, 9_000), (1_000, 2_000)) == ([(1, 2), (8, 9)], (1, 9))


def test_gaps_that_overlap_are_one() -> None:
    assert told((5_000, 9_000), (1_000, 2_000), (2_000, 6_000)) == ([(1, 9)], (1, 9))


def test_of_too_many_gaps_the_nearest_are_one() -> None:
    far = [(n * 100_000, n * 100_000 + 1_000) for n in range(GAPS)]
    found, whole = told(*far, (5_000, 6_000))
    assert found == [(0, 6), *((n * 100, n * 100 + 1) for n in range(1, GAPS))]
    assert whole == (0, GAPS * 100 - 99)


def test_a_source_that_was_dark_elsewhere_is_said_to_be_back(
    caplog: pytest.LogCaptureFixture,
) -> None:
    now = int(time.time() * 1000)
    with caplog.at_level(logging.INFO):
        for away in (100, 10_000):
            ledger = Ledger("it", "x")
            ledger.adopted(now - 1_000 * away, 60)
            ledger.succeeded((now, now))
            ledger.succeeded((now, now))
    assert [record.message for record in caplog.records] == ["it: back after 10000 s, 0 failures"]
