"""What an answer of Elasticsearch means: done, again later, or never.

Pure functions. The rule: what is wrong with the cluster waits, however long; what is wrong with the
document is refused. A wrong guess towards "wait" stops a partition, one towards "never" fills the
dead-letter topic in an outage, so that only errors known to be the document's own are refused.
"""

from collections.abc import Mapping
from typing import Any, Final, Literal, TypeAlias

from elasticsearch import ApiError, TransportError
from msgspec import Struct

from pipeline.outcome import Ok, Outcome, Reject, Retry

__all__ = ["OK", "OVERTAKEN", "Action", "Overtaken", "Smaller", "failure", "item", "worst"]

Action: TypeAlias = Literal["index", "delete", "update"]

_CONFLICT: Final = 409
_NOT_FOUND: Final = 404
_TOO_LARGE: Final = 413
_BAD_REQUEST: Final = 400
_DENIED: Final = (401, 403)
_LATER: Final = (408, 425, 429)
_SERVER: Final = 500

# Answered with 4xx, but about the cluster.
_OF_THE_CLUSTER: Final = frozenset(
    {
        "cluster_block_exception",  # disk full, read-only, being rebuilt
        "index_closed_exception",
        "security_exception",
        "validation_exception",  # no room for one more shard
        "process_cluster_event_timeout_exception",
    }
)

_BLOCKED: Final = "cluster_block_exception"  # also answered with 403, and no matter of rights


class Overtaken(Ok, frozen=True):
    """It is done, because a newer version is there already."""


OK: Final = Ok()
OVERTAKEN: Final = Overtaken()


class Smaller(Struct, frozen=True):
    """The request was refused as a whole, because of its size or of one item in it."""

    error: str
    reason: str


def item(action: Action, status: int, error: Mapping[str, Any] | None) -> Outcome:
    """What became of one item of a bulk request.

    Args:
        action: what was asked for.
        status: the item's own HTTP status.
        error: its ``error`` object, if it has one.
    """
    if error is None and status < _BAD_REQUEST:
        return OK
    kind = str((error or {}).get("type", f"http_{status}"))
    reason = str((error or {}).get("reason", ""))
    if status == _CONFLICT and kind == "version_conflict_engine_exception" and action != "update":
        return OVERTAKEN
    if status == _NOT_FOUND and action == "delete":
        return OK  # there is nothing to delete
    if kind != _BLOCKED and (status in _DENIED or kind == "security_exception"):
        return Retry(_denied(status, reason or kind))
    if _waits(status, kind) or status in (_CONFLICT, _NOT_FOUND):
        return Retry(f"{kind}: {reason}")
    return Reject(kind, _because(error, reason))


def failure(error: ApiError | TransportError) -> Retry | Smaller:
    """What to do when a whole request failed."""
    if isinstance(error, TransportError):
        return Retry(f"Elasticsearch does not answer: {type(error).__name__}: {error.message}")
    status = error.status_code
    detail = error.body.get("error") if isinstance(error.body, Mapping) else None
    kind = str(detail.get("type")) if isinstance(detail, Mapping) else f"http_{status}"
    reason = str(detail.get("reason")) if isinstance(detail, Mapping) else str(error.message)
    if status in _DENIED:
        return Retry(_denied(status, reason))
    if status == _TOO_LARGE:
        return Smaller("request_too_large", reason)
    # Without Elasticsearch's own words the answer is a proxy's, and says nothing about an item.
    if status == _BAD_REQUEST and isinstance(detail, Mapping) and not _waits(status, kind):
        return Smaller(kind, reason)
    return Retry(f"Elasticsearch answers {status} {kind}: {reason}")


def worst(outcomes: list[Outcome]) -> Outcome:
    """The outcome of an item that took several steps: all are repeated while one must be."""
    for kind in (Retry, Reject, Overtaken):
        for outcome in outcomes:
            if isinstance(outcome, kind):
                return outcome
    return OK


def _waits(status: int, kind: str) -> bool:
    return status >= _SERVER or status in _LATER or kind in _OF_THE_CLUSTER


def _denied(status: int, reason: str) -> str:
    return (
        f"Elasticsearch refuses access ({status}): {reason}; nothing is indexed until the "
        "credentials in MENTIONS_ELASTICSEARCH__* may write"
    )


def _because(error: Mapping[str, Any] | None, reason: str) -> str:
    cause = (error or {}).get("caused_by")
    inner = cause.get("reason") if isinstance(cause, Mapping) else None
    return f"{reason}: {inner}" if inner and inner not in reason else reason
