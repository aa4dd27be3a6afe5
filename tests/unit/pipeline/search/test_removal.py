"""What a bulk answer says of each deletion is heard."""

from collections.abc import Sequence
from typing import Any

import elasticsearch
import pytest
from elastic_transport import ApiResponseMeta, HttpHeaders, NodeConfig

from pipeline.errors import PipelineError
from pipeline.search import removal

BUSY = {"status": 429, "error": {"type": "es_rejected_execution_exception", "reason": "busy"}}
BLOCKED = {"status": 403, "error": {"type": "cluster_block_exception", "reason": "read-only"}}
REFUSED = {"status": 400, "error": {"type": "illegal_argument_exception", "reason": "no such id"}}
DONE = {"status": 200}
GONE = {"status": 404}


class Client:
    """Answers each deletion with what is scripted for its id, then with success."""

    def __init__(self, **answers: list[Any]) -> None:
        self.answers = answers
        self.asked: list[list[str]] = []

    def bulk(self, *, operations: Sequence[dict[str, Any]]) -> dict[str, Any]:
        names = [step["delete"]["_id"] for step in operations]
        self.asked.append(names)
        items = []
        for name in names:
            said = self.answers[name].pop(0) if self.answers.get(name) else DONE
            if isinstance(said, Exception):
                raise said
            items.append({"delete": said})
        return {"items": items}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(removal, "_PAUSES", (0.0, 0.0))


def remove(client: Client, *names: str) -> None:
    removal.remove(client, "letters", names)  # type: ignore[arg-type]


def failed(status: int) -> elasticsearch.ApiError:
    node = NodeConfig("http", "localhost", 9200)
    meta = ApiResponseMeta(status, "1.1", HttpHeaders(), 0.0, node)
    return elasticsearch.ApiError("failed", meta, {"error": {"type": "x", "reason": "y"}})


def test_what_may_be_tried_again_is() -> None:
    client = Client(a=[BUSY, DONE], b=[GONE], c=[BLOCKED, BUSY, DONE])
    remove(client, "a", "b", "c")
    assert client.asked == [["a", "b", "c"], ["a", "c"], ["c"]]


def test_what_is_refused_is_said_and_the_rest_is_deleted() -> None:
    client = Client(a=[REFUSED], b=[BUSY, DONE])
    with pytest.raises(PipelineError, match=r"1 documents of letters .*\(a\): no such id"):
        remove(client, "a", "b")
    assert client.asked == [["a", "b"], ["b"]]


def test_what_stays_busy_is_said() -> None:
    client = Client(a=[BUSY] * 9)
    with pytest.raises(PipelineError, match="busy"):
        remove(client, "a", "b")
    assert client.asked == [["a", "b"], ["a"], ["a"]]


def test_a_request_that_fails_is_sent_again() -> None:
    client = Client(a=[elasticsearch.ConnectionTimeout("slow"), failed(503)])
    remove(client, "a")
    assert len(client.asked) == 3
    with pytest.raises(elasticsearch.ApiError):
        remove(Client(a=[failed(400)]), "a")


def test_requests_stay_small() -> None:
    client = Client()
    remove(client, *map(str, range(2_001)))
    assert [len(names) for names in client.asked] == [1_000, 1_000, 1]
    remove(Client())
