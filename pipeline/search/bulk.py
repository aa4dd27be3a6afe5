"""Sends bulk requests, and finds out what became of each operation.

The lines are put together here and sent as they are: the client's own helpers turn every document
into objects and back. A request that is refused as a whole, for its size or for one operation in
it (an id of more than 512 bytes), is halved until the culprit stands alone.
"""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec
from elasticsearch import ApiError, AsyncElasticsearch, TransportError
from msgspec import Struct

from pipeline.errors import PipelineError
from pipeline.outcome import Outcome, Reject, Retry
from pipeline.search import classify

__all__ = ["HEADERS", "Operation", "delete", "index", "insist", "send", "update"]

CHUNK: Final = 8 << 20
"""Most bytes of a request: Elasticsearch advises 5 to 15 MB, and refuses 100."""
LEAST: Final = 128 << 10
"""Bytes below which a second request costs more than it gains."""
CONCURRENT: Final = 2
"""Requests at a time: one index writes two faster than one."""

HEADERS: Final = {"accept": "application/json", "content-type": "application/json"}
_BULK_HEADERS: Final = {**HEADERS, "content-type": "application/x-ndjson"}
_encode: Final = msgspec.json.Encoder().encode


class Operation(Struct, frozen=True):
    """One step for one item of a batch."""

    item: int
    """The item's place in the batch."""
    action: classify.Action
    lines: bytes


class _Target(Struct, frozen=True, rename={"index": "_index", "id": "_id"}):
    index: str
    id: str
    version: int
    version_type: str = "external_gte"


def index(item: int, into: str, name: str, version: int, body: bytes) -> Operation:
    """Write a document, unless a newer version is there."""
    target = _encode(_Target(into, name, version))
    return Operation(item, "index", b'{"index":%b}\n%b\n' % (target, body))


def delete(item: int, out_of: str, name: str, version: int) -> Operation:
    """Delete a document, unless a newer version is there."""
    target = _encode(_Target(out_of, name, version))
    return Operation(item, "delete", b'{"delete":%b}\n' % target)


def update(item: int, into: str, name: str, fields: bytes) -> Operation:
    """Set some fields of a document, which is made where it is not there."""
    target = _encode({"_index": into, "_id": name})
    return Operation(
        item, "update", b'{"update":%b}\n{"doc":%b,"doc_as_upsert":true}\n' % (target, fields)
    )


def insist(items: Sequence[dict[str, Any]]) -> None:
    """See that all of a request was done.

    Raises:
        PipelineError: something was refused.
    """
    for item in items:
        (said,) = item.values()
        if error := said.get("error"):
            msg = f"Elasticsearch refuses {said.get('_id')}: {error.get('reason')}"
            raise PipelineError(msg)


async def send(
    client: AsyncElasticsearch, operations: Sequence[Operation], results: list[list[Outcome]]
) -> None:
    """Carry out operations, in no order, and add each outcome to its item's ``results``."""
    slots = asyncio.Semaphore(CONCURRENT)

    async def limited(chunk: list[Operation]) -> None:
        async with slots:
            await _request(client, chunk, results)

    await asyncio.gather(*map(limited, _chunks(operations)))


async def _request(
    client: AsyncElasticsearch, chunk: list[Operation], results: list[list[Outcome]]
) -> None:
    try:
        answer = await client.perform_request(
            "POST",
            "/_bulk",
            params={"filter_path": "items.*.status,items.*.error"},
            headers=_BULK_HEADERS,
            body=b"".join([operation.lines for operation in chunk]),
        )
    except (ApiError, TransportError) as error:
        failed = classify.failure(error)
        if isinstance(failed, classify.Smaller) and len(chunk) > 1:
            middle = len(chunk) // 2
            await _request(client, chunk[:middle], results)
            await _request(client, chunk[middle:], results)
            return
        outcome = failed if isinstance(failed, Retry) else Reject(failed.error, failed.reason)
        for operation in chunk:
            results[operation.item].append(outcome)
        return
    items: list[dict[str, Any]] = answer["items"]
    for operation, item in zip(chunk, items, strict=True):
        said = item[operation.action]
        results[operation.item].append(
            classify.item(operation.action, said["status"], said.get("error"))
        )


def _chunks(operations: Sequence[Operation]) -> Iterator[list[Operation]]:
    """Cut into requests of at most ``CHUNK`` bytes, but so that there is one for every slot."""
    total = sum(len(operation.lines) for operation in operations)
    limit = min(CHUNK, max(total // CONCURRENT + 1, LEAST))
    chunk: list[Operation] = []
    size = 0
    for operation in operations:
        if chunk and size + len(operation.lines) > limit:
            yield chunk
            chunk, size = [], 0
        chunk.append(operation)
        size += len(operation.lines)
    if chunk:
        yield chunk
