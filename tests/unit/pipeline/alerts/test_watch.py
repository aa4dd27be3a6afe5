from datetime import UTC, datetime

import msgspec
import pytest
import tenacity
from kafka.errors import KafkaTimeoutError

from pipeline.alerts.watch import confirmed
from schemas.alert import Alert, decode_alert

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ALERT = Alert(
    id="spike:Bahn:1",
    kind="spike",
    topic="Bahn",
    severity="warning",
    at=NOW,
    since=NOW,
    observed=9,
    why="9 mentions",
)


class Producer:
    """Confirms from the third attempt on."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, bytes, bytes]] = []

    def send(
        self, topic: str, *, key: bytes, value: bytes, headers: list[tuple[str, bytes]]
    ) -> "Producer":
        assert headers == []
        self.sent.append((topic, key, value))
        return self

    def get(self) -> None:
        if len(self.sent) < 3:
            raise KafkaTimeoutError


def test_an_alert_is_published_however_long_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confirmed.retry, "wait", tenacity.wait_none())
    producer = Producer()
    confirmed(producer, "mentions.alerts", ALERT.id.encode(), msgspec.json.encode(ALERT))
    assert len(producer.sent) == 3
    assert {(topic, key) for topic, key, _ in producer.sent} == {
        ("mentions.alerts", b"spike:Bahn:1")
    }
    assert decode_alert(producer.sent[-1][2]) == ALERT
