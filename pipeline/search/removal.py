"""Deletes documents by id, and says what could not be deleted.

By id, because the embedded server cannot delete by query.
"""

import time
from collections.abc import Iterable, Sequence
from typing import Final

from elasticsearch import ApiError, Elasticsearch, TransportError

from pipeline.errors import PipelineError
from pipeline.outcome import Ok, Reject, Retry
from pipeline.search import classify

__all__ = ["remove"]

_CHUNK: Final = 1_000
_PAUSES: Final = (0.5, 1.0, 2.0, 4.0)  # seconds before trying again
_SHOWN: Final = 3


def remove(client: Elasticsearch, index: str, names: Iterable[str]) -> None:
    """Delete documents; what is not there is deleted already.

    Raises:
        PipelineError: some are refused, or cannot be deleted now; all others are deleted.
        elasticsearch.ApiError: the request is refused.
    """
    every = list(names)
    failed: dict[str, str] = {}
    for start in range(0, len(every), _CHUNK):
        failed |= _patiently(client, index, every[start : start + _CHUNK])
    if failed:
        shown = ", ".join(list(failed)[:_SHOWN]) + (", …" if len(failed) > _SHOWN else "")
        (reason, *_) = failed.values()
        msg = f"{len(failed)} documents of {index} are not deleted ({shown}): {reason}"
        raise PipelineError(msg)


def _patiently(client: Elasticsearch, index: str, names: Sequence[str]) -> dict[str, str]:
    """Why some are still there, by id."""
    undone = _once(client, index, names)
    for pause in _PAUSES:
        waiting = [name for name, outcome in undone.items() if isinstance(outcome, Retry)]
        if not waiting:
            break
        time.sleep(pause)
        again = _once(client, index, waiting)
        undone = {name: undone[name] for name in undone.keys() - waiting} | again
    return {name: outcome.reason for name, outcome in undone.items()}


def _once(client: Elasticsearch, index: str, names: Sequence[str]) -> dict[str, Reject | Retry]:
    """What was not deleted."""
    steps = [{"delete": {"_index": index, "_id": name}} for name in names]
    try:
        items = client.bulk(operations=steps)["items"]
    except (ApiError, TransportError) as error:
        failed = classify.failure(error)
        if not isinstance(failed, Retry):
            raise
        return dict.fromkeys(names, failed)
    undone: dict[str, Reject | Retry] = {}
    for name, item in zip(names, items, strict=True):
        said = item["delete"]
        outcome = classify.item("delete", said["status"], said.get("error"))
        if not isinstance(outcome, Ok):
            undone[name] = outcome
    return undone
