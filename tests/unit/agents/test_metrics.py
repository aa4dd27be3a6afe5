"""Each source has its own counters."""

from prometheus_client import REGISTRY

from agents.errors import RateLimited, SourceError
from agents.ledger import Ledger
from agents.publisher import Tally
from agents.source import Page, Refused


def value(name: str, source: str, **labels: str) -> float:
    found = REGISTRY.get_sample_value(f"mentions_source_{name}", {"source": source, **labels})
    return found or 0.0


def test_what_a_source_does_is_counted_under_its_name() -> None:
    ledger, other = Ledger("counted", "x"), Ledger("other", "x")
    items = [Refused(f"{number}", b"", "Odd", "odd") for number in range(3)]
    page = Page(items, {}, unchanged=2, filtered={"too old": 4})
    ledger.page(page, Tally(published=1, rejected=2))
    ledger.succeeded((0, 5_000))
    other.succeeded((0, 9_000))
    assert value("received_total", "counted") == 9
    assert value("published_total", "counted") == 1
    assert value("rejected_total", "counted") == 2
    assert value("unchanged_total", "counted") == 2
    assert value("polls_total", "counted") == 1
    assert value("complete_timestamp_seconds", "counted") == 5
    assert value("received_total", "other") == 0
    assert value("complete_timestamp_seconds", "other") == 9


def test_failures_waits_and_darkness_are_too() -> None:
    ledger = Ledger("limited", "x")
    ledger.failed(RateLimited("wait", 90), expected=60)
    ledger.failed(SourceError("no answer"), expected=60)
    assert value("errors_total", "limited", error="RateLimited") == 1
    assert value("errors_total", "limited", error="SourceError") == 1
    assert value("limited_seconds_total", "limited") == 90
    assert value("dark", "limited") == 1
    ledger.succeeded((0, 1_000))
    assert value("dark", "limited") == 0
    assert value("polls_total", "limited") == 3
