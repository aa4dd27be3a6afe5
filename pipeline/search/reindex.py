"""Brings a month's index to a new form while mentions go on being written and searched.

A month is written under the name ``<alias>-YYYY.MM``. Rebuilt, it is an index
``<alias>-v2-YYYY.MM`` (then v3 …) and the month's name an alias of it, so that writers notice
nothing. What happens, in this order:

1. The new index is made, in nobody's sight: it carries no alias.
2. Everything is copied with its version, then what was written meanwhile (by sequence number),
   until little is left.
3. The old index refuses writes, after those under way. The index stage waits and tries again, as in
   any outage; readers go on reading the old one.
4. The rest is copied; what was deleted meanwhile goes. Both must hold the same number of mentions.
5. One change of the cluster's state deletes the old index and gives its names to the new one.

Versions are external, so a copy never replaces what is newer. Killed before step 5, it has changed
nothing but the refusal of writes, which the next run ends; it starts anew.
"""

import re
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from elasticsearch import Elasticsearch
from elasticsearch.helpers import bulk, scan
from msgspec import Struct

from pipeline.errors import PipelineError

__all__ = ["Moved", "reindex"]

_CHUNK: Final = 1_000
_LITTLE: Final = 2_000
"""Documents that are copied in less time than a writer notices."""
_ROUNDS: Final = 10
"""Most attempts to catch up before writes are stopped all the same."""
_CONFLICT: Final = 409


class Moved(Struct, frozen=True):
    """What became of one month."""

    old: str
    new: str
    documents: int
    seconds: float
    paused: float
    """Seconds for which writing waited."""


def reindex(
    client: Elasticsearch,
    alias: str,
    old: str,
    body: dict[str, Any],
    progress: Callable[[int], None] = lambda _: None,
) -> Moved:
    """Rebuild one month.

    Args:
        client: a connected client; long requests need its patience.
        alias: the name over all mentions.
        old: the month's index as it is: ``<alias>-YYYY.MM`` or ``<alias>-v2-YYYY.MM``.
        body: settings and mappings of the new index.
        progress: told how many documents were copied, several times.

    Raises:
        PipelineError: a document does not fit the new form, or the copy is not complete; the old
            index stays as it was.
        elasticsearch.ApiError: a request is refused; likewise.
        elasticsearch.TransportError: no answer; likewise, where it could still be told so.
    """
    started = time.monotonic()
    month, new = _names(alias, old)
    if client.indices.exists(index=new):  # left by a run that was killed
        client.indices.delete(index=new)
        _write_block(client, old, None)
    client.indices.create(index=new, **body)
    try:
        behind = _catch_up(client, old, new, progress)
        stopped = time.monotonic()
        client.indices.add_block(index=old, block="write")
        done = _complete(client, old, new, behind, progress)
    except BaseException:
        client.indices.delete(index=new)
        _write_block(client, old, None)
        raise
    # Nothing is undone from here on: an answer that is lost may be that of a change that was made.
    client.indices.update_aliases(
        actions=[
            {"remove_index": {"index": old}},
            {"add": {"index": new, "alias": alias}},
            {"add": {"index": new, "alias": month}},
        ]
    )
    ended = time.monotonic()
    return Moved(old, new, done, ended - started, ended - stopped)


def _names(alias: str, old: str) -> tuple[str, str]:
    found = re.fullmatch(rf"{re.escape(alias)}-(?:v(\d+)-)?(20\d\d\.\d\d)", old)
    if found is None:
        msg = f"{old} is no month of {alias}"
        raise PipelineError(msg)
    generation, month = int(found[1] or 1), found[2]
    return f"{alias}-{month}", f"{alias}-v{generation + 1}-{month}"


def _write_block(client: Elasticsearch, index: str, value: bool | None) -> None:
    client.indices.put_settings(index=index, settings={"index.blocks.write": value})


def _catch_up(client: Elasticsearch, old: str, new: str, progress: Callable[[int], None]) -> int:
    """Copy everything, then what came meanwhile; returns up to which number that is."""
    behind, settled = -1, _settled(client, old)
    for _ in range(_ROUNDS):
        copied = _copy(client, old, new, behind, progress)
        behind, settled = settled, _settled(client, old)
        if copied < _LITTLE:
            break
    return behind


def _complete(
    client: Elasticsearch, old: str, new: str, behind: int, progress: Callable[[int], None]
) -> int:
    """Copy the rest, and delete what is gone; returns how many there are."""
    client.indices.refresh(index=old)
    _copy(client, old, new, behind, progress)
    client.indices.refresh(index=new)
    wanted = _count(client, old)
    if _count(client, new) > wanted:
        _delete_gone(client, old, new)
        client.indices.refresh(index=new)
    found = _count(client, new)
    if found != wanted:
        msg = f"{old} holds {wanted} mentions, its copy {found}: nothing was changed"
        raise PipelineError(msg)
    return found


def _copy(
    client: Elasticsearch, old: str, new: str, behind: int, progress: Callable[[int], None]
) -> int:
    """Copy what was written after a sequence number; returns how much that was."""
    newer = {"range": {"_seq_no": {"gt": behind}}} if behind >= 0 else {"match_all": {}}
    copied = 0
    for hits in _chunks(scan(client, {"query": newer, "version": True}, index=old, size=_CHUNK)):
        _write(client, [_versioned(new, hit) for hit in hits])
        copied += len(hits)
        progress(len(hits))
    return copied


def _versioned(new: str, hit: dict[str, Any]) -> dict[str, Any]:
    return {
        "_op_type": "index",
        "_index": new,
        "_id": hit["_id"],
        "version": hit["_version"],
        "version_type": "external_gte",
        "_source": hit["_source"],
    }


def _delete_gone(client: Elasticsearch, old: str, new: str) -> None:
    """Delete from the copy what the old index has no longer."""
    everything = {"query": {"match_all": {}}, "_source": False}
    for hits in _chunks(scan(client, everything, index=new, size=_CHUNK)):
        ids = [hit["_id"] for hit in hits]
        answer = client.mget(index=old, ids=ids, source=False)
        gone = [found["_id"] for found in answer["docs"] if not found["found"]]
        _write(client, [{"_op_type": "delete", "_index": new, "_id": name} for name in gone])


def _write(client: Elasticsearch, actions: list[dict[str, Any]]) -> None:
    """Send a bulk request and insist that all of it is done."""
    _, errors = bulk(client, actions, raise_on_error=False)
    for error in errors if isinstance(errors, list) else ():
        (said,) = error.values()
        if said["status"] != _CONFLICT:  # a newer version came in an earlier round
            reason = said.get("error", {}).get("reason", said["status"])
            msg = f"the mention {said['_id']} does not fit the new form: {reason}"
            raise PipelineError(msg)


def _count(client: Elasticsearch, index: str) -> int:
    return int(client.count(index=index)["count"])


def _chunks(hits: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    chunk: list[dict[str, Any]] = []
    for hit in hits:
        chunk.append(hit)
        if len(chunk) == _CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _settled(client: Elasticsearch, index: str) -> int:
    """The sequence number up to which everything can be found."""
    shards = client.indices.stats(index=index, level="shards")["indices"][index]["shards"]
    settled = min(
        copy["seq_no"]["local_checkpoint"]
        for copies in shards.values()
        for copy in copies
        if copy["routing"]["primary"]
    )
    client.indices.refresh(index=index)
    return int(settled)
