import httpx
import pytest

from agents import metrics
from agents.errors import AgentError
from agents.health import Health, Pages


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
