import httpx
import pytest
from prometheus_client import generate_latest

from agents import metrics
from agents.errors import AgentError
from agents.health import Health, Pages
from agents.ledger import Ledger


def test_health_readiness_and_metrics() -> None:
    metrics.OWNED.set(3)
    now = Health(live=True, ready=False, sources=3, dark=("a",))
    pages = Pages("127.0.0.1", 0, lambda: now)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{pages.port}", trust_env=False) as client:
            answer = client.get("/health")
            assert answer.status_code == 200
            assert answer.json() == {"live": True, "ready": False, "sources": 3, "dark": ["a"]}
            assert client.get("/ready").status_code == 503
            assert "mentions_sources_owned 3.0" in client.get("/metrics").text
            assert client.get("/else").status_code == 404
            now = Health(live=False, ready=True, sources=0, dark=())
            assert client.get("/health").status_code == 503
        with pytest.raises(AgentError, match="cannot serve"):
            Pages("127.0.0.1", pages.port, lambda: now)
    finally:
        pages.close()


def test_how_a_source_is_is_said_by_whoever_reads_it() -> None:
    ledger = Ledger("taken", "files", 60.0)
    ledger.succeeded((0, 5_000))
    assert b'mentions_source_dark{source="taken"} 0.0' in generate_latest()
    metrics.let_go("taken")
    said = generate_latest()
    assert b'mentions_source_dark{source="taken"}' not in said
    assert b'mentions_source_complete_timestamp_seconds{source="taken"}' not in said
    assert b'mentions_source_polls_total{source="taken"} 1.0' in said
    metrics.let_go("taken")
