from typing import Any

import elasticsearch
import pytest
from elastic_transport import ApiResponseMeta, HttpHeaders, NodeConfig, TlsError
from elasticsearch import ApiError, ConnectionTimeout, TransportError

from pipeline.outcome import Ok, Outcome, Reject, Retry
from pipeline.search.classify import Action, Overtaken, Smaller, failure, item, worst


@pytest.mark.parametrize(
    ("action", "status", "kind", "expected"),
    [
        ("index", 200, None, Ok),
        ("index", 201, None, Ok),
        ("delete", 200, None, Ok),
        ("delete", 404, None, Ok),
        ("delete", 404, "index_not_found_exception", Ok),
        ("index", 409, "version_conflict_engine_exception", Overtaken),
        ("delete", 409, "version_conflict_engine_exception", Overtaken),
        ("update", 200, None, Ok),
        ("update", 409, "version_conflict_engine_exception", Retry),
        ("index", 409, "illegal_state_exception", Retry),
        ("index", 429, "es_rejected_execution_exception", Retry),
        ("index", 429, "circuit_breaking_exception", Retry),
        ("index", 429, "cluster_block_exception", Retry),
        ("index", 403, "cluster_block_exception", Retry),
        ("index", 403, "security_exception", Retry),
        ("index", 401, "security_exception", Retry),
        ("index", 503, "unavailable_shards_exception", Retry),
        ("index", 500, "node_not_connected_exception", Retry),
        ("index", 502, None, Retry),
        ("index", 408, None, Retry),
        ("index", 404, "index_not_found_exception", Retry),
        ("index", 400, "index_closed_exception", Retry),
        ("index", 400, "validation_exception", Retry),
        ("index", 400, "document_parsing_exception", Reject),
        ("index", 400, "mapper_parsing_exception", Reject),
        ("index", 400, "strict_dynamic_mapping_exception", Reject),
        ("index", 400, "illegal_argument_exception", Reject),
        ("index", 413, None, Reject),
        ("index", 422, None, Reject),
    ],
)
def test_an_item_is_done_or_waits_or_is_refused(
    action: Action, status: int, kind: str | None, expected: type[Outcome]
) -> None:
    error = None if kind is None else {"type": kind, "reason": "because"}
    assert type(item(action, status, error)) is expected


def test_a_refused_item_names_the_error_and_its_cause() -> None:
    error = {
        "type": "document_parsing_exception",
        "reason": "failed to parse field [geo]",
        "caused_by": {"type": "x", "reason": "latitude out of range"},
    }
    assert item("index", 400, error) == Reject(
        "document_parsing_exception", "failed to parse field [geo]: latitude out of range"
    )


def test_lost_rights_are_said_aloud() -> None:
    outcome = item("index", 403, {"type": "security_exception", "reason": "not you"})
    assert isinstance(outcome, Retry)
    assert "MENTIONS_ELASTICSEARCH__" in outcome.reason


def test_an_index_that_is_being_rebuilt_is_waited_for() -> None:
    outcome = item("index", 403, {"type": "cluster_block_exception", "reason": "blocked by: [w]"})
    assert isinstance(outcome, Retry)
    assert "blocked by" in outcome.reason
    assert "credentials" not in outcome.reason


def _api_error(status: int, body: Any) -> ApiError:
    meta = ApiResponseMeta(
        status=status,
        http_version="1.1",
        headers=HttpHeaders(),
        duration=0.0,
        node=NodeConfig("http", "localhost", 9200),
    )
    return ApiError("said", meta, body)


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (413, "<html>too large</html>", Smaller),
        (400, {"error": {"type": "action_request_validation_exception", "reason": "id"}}, Smaller),
        (400, {"error": {"type": "validation_exception", "reason": "no shard left"}}, Retry),
        (400, "<html>a proxy</html>", Retry),
        (401, {"error": {"type": "security_exception", "reason": "who"}}, Retry),
        (403, {"error": {"type": "security_exception", "reason": "no"}}, Retry),
        (404, {"error": "no handler"}, Retry),
        (429, {"error": {"type": "es_rejected_execution_exception", "reason": "full"}}, Retry),
        (502, "<html>bad gateway</html>", Retry),
        (503, None, Retry),
    ],
)
def test_a_refused_request_waits_or_is_cut(
    status: int,
    body: Any,
    expected: type[Retry | Smaller],
) -> None:
    assert type(failure(_api_error(status, body))) is expected


@pytest.mark.parametrize(
    "error",
    [elasticsearch.ConnectionError("refused"), ConnectionTimeout("slow"), TlsError("who are you")],
)
def test_no_answer_waits(error: TransportError) -> None:
    outcome = failure(error)
    assert isinstance(outcome, Retry)
    assert error.message in outcome.reason


def test_what_took_several_steps_is_repeated_before_it_is_refused() -> None:
    retry, reject = Retry("later"), Reject("E", "never")
    assert worst([Ok(), reject, retry]) is retry
    assert worst([Ok(), reject]) is reject
    assert worst([Ok(), Ok()]) == Ok()
    assert worst([]) == Ok()
