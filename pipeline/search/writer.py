"""Writes mentions to Elasticsearch so that each is there once, in its newest version.

What holds, for any order and any number of repetitions of the versions of an id:

* *Newest wins.* ``_id`` is the mention's id, the document's version its revision, compared by
  ``external_gte``: the index refuses an older version that comes later, which counts as done.
* *Deleted stays deleted.* A deletion with revision r ends all versions up to r. It deletes in every
  monthly index (deletions are rare) and leaves a tombstone: a document of ``<prefix>-tombstones``
  whose version is r. An index by itself remembers a deletion for ``gc_deletes`` only, and not over
  a restart.
* *One copy.* A version may carry another ``published_at`` than an earlier one, and so belong to
  another month, where it was edited or its time is an estimate (``document.may_move``). Such a
  version with revision r looks for its id in the other months; once it is written, it deletes what
  it found, with its own version, and leaves a tombstone of revision r - 1 that names its index: an
  older version that arrives later is over, a newer one knows which copy to delete. Versions that
  arrive in one batch know of each other. (What is not seen: a time that changes, between batches,
  with neither version marked as edited or estimated.)

Before writing, one realtime multi-get reads the tombstones of the batch and looks for such copies.
While no tombstone was ever written (their index does not exist) and nothing can have moved, it is
left out. Tombstones are written after the version they belong to, so that a version which is refused
takes no other away; whoever is killed in between does both again.

A writer is used by one task at a time. Several writers may write the same ids: the index compares
the versions; the first tombstone of all is seen by other writers ``KNOWN_FOR`` seconds later, which
``gc_deletes`` covers.
"""

import asyncio
import re
import time
from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec
from elasticsearch import ApiError, AsyncElasticsearch, TransportError
from msgspec import Struct

from pipeline.errors import Retryable
from pipeline.outcome import Outcome, Reject, Retry
from pipeline.search import classify
from pipeline.search.document import document, index_of, may_move
from pipeline.search.templates import months_template
from schemas.mention import EnrichedMention

__all__ = ["KNOWN_FOR", "Delete", "Upsert", "Writer"]

KNOWN_FOR: Final = 10.0
"""Seconds for which the list of indices is taken as true."""
CHUNK: Final = 8 << 20
"""Bytes of a bulk request: Elasticsearch advises 5 to 15 MB, and refuses 100."""
CONCURRENT: Final = 2
"""Bulk requests at a time."""


class Upsert(Struct, frozen=True):
    """Write this version, unless a newer one is there."""

    mention: EnrichedMention


class Delete(Struct, frozen=True):
    """Delete the mention: every version up to this revision."""

    id: str
    revision: int


class _Operation(Struct, frozen=True):
    item: int
    """The place in the batch of what it is done for."""
    action: classify.Action
    lines: bytes


class _Target(Struct, frozen=True, rename={"index": "_index", "id": "_id"}):
    """The metadata of an operation."""

    index: str
    id: str
    version: int
    version_type: str = "external_gte"


class _Known(Struct):
    """What is known about the ids of a batch before it is written."""

    over: dict[str, int]
    """The revision up to which an id is over."""
    copies: dict[str, set[str]]
    """The indices that hold, or are about to hold, a version of an id."""


_json: Final = msgspec.json.Encoder()


class Writer:
    """Writes batches to the monthly indices of one prefix."""

    def __init__(self, client: AsyncElasticsearch, prefix: str) -> None:
        self._client = client
        self._prefix = prefix
        self._tombstones = f"{prefix}-tombstones"
        self._is_month = re.compile(re.escape(prefix) + r"-20\d\d\.\d\d").fullmatch
        self._months: set[str] = set()
        self._has_tombstones = False
        self._ready = False
        self._known_until = 0.0

    async def write(self, batch: Sequence[Upsert | Delete]) -> list[Outcome]:
        """Write a batch; one outcome an item, in order."""
        homes = [
            None if isinstance(item, Delete) else index_of(item.mention, self._prefix)
            for item in batch
        ]
        try:
            await self._look_round()
            self._months.update(home for home in homes if home)
            known = await self._ask(batch, homes)
        except (ApiError, TransportError) as error:
            return [Retry(classify.failure(error).reason)] * len(batch)
        except Retryable as error:
            return [Retry(str(error))] * len(batch)

        results: list[list[Outcome]] = [[] for _ in batch]
        first: list[_Operation] = []
        for place, item in enumerate(batch):
            if isinstance(item, Delete):
                first += self._deletion(place, item)
            elif item.mention.revision > known.over.get(item.mention.id, -1):
                try:
                    first.append(self._version(place, item.mention))
                except UnicodeEncodeError as error:
                    results[place].append(Reject(type(error).__name__, str(error)))
        await self._send(first, results)
        then: list[_Operation] = []
        for place, (item, home) in enumerate(zip(batch, homes, strict=True)):
            if home and isinstance(item, Upsert) and results[place] == [classify.OK]:
                elsewhere = known.copies.get(item.mention.id, set()) - {home}
                if elsewhere or may_move(item.mention):
                    then += self._move(place, item.mention, home, elsewhere)
        await self._send(then, results)
        return [classify.worst(outcomes) for outcomes in results]

    async def _look_round(self) -> None:
        """Learn which indices there are, from time to time.

        Raises:
            Retryable: the templates are missing; an index made now would have a guessed mapping.
        """
        if time.monotonic() < self._known_until:
            return
        if not self._ready:
            name = months_template(self._prefix)
            if not await self._client.indices.exists_index_template(name=name):
                msg = f"Elasticsearch has no index template {name}: run 'mentions index apply'"
                raise Retryable(msg)
            self._ready = True
        answer = await self._client.indices.resolve_index(
            name=f"{self._prefix}-*", expand_wildcards="open"
        )
        names = {index["name"] for index in answer["indices"]}
        self._months = {name for name in names if self._is_month(name)}
        self._has_tombstones = self._tombstones in names
        self._known_until = time.monotonic() + KNOWN_FOR

    async def _ask(
        self, batch: Sequence[Upsert | Delete], homes: Sequence[str | None]
    ) -> _Known:
        """Read the tombstones and find the copies that matter to this batch.

        Raises:
            Retryable: a shard could not say.
            elasticsearch.ApiError: the request was refused.
            elasticsearch.TransportError: no answer.
        """
        known = _Known({}, {})
        asked: dict[tuple[str, str], None] = {}
        for item, home in zip(batch, homes, strict=True):
            if isinstance(item, Delete):
                known.over[item.id] = max(known.over.get(item.id, -1), item.revision)
            elif home:
                name = item.mention.id
                known.copies.setdefault(name, set()).add(home)
                if self._has_tombstones:
                    asked[self._tombstones, name] = None
                if may_move(item.mention):
                    asked.update(dict.fromkeys((month, name) for month in self._months - {home}))
        if not asked:
            return known
        answer = await self._client.mget(
            docs=[{"_index": index, "_id": name} for index, name in asked],
            source_includes=["index"],
            filter_path="docs._index,docs._id,docs._version,docs._source,docs.error",
        )
        for found in answer["docs"]:
            name = found["_id"]
            if error := found.get("error"):
                if error["type"] != "index_not_found_exception":
                    msg = f"{found['_index']}: {error['type']}: {error['reason']}"
                    raise Retryable(msg)
            elif "_version" in found and found["_index"] == self._tombstones:
                known.over[name] = max(known.over.get(name, -1), found["_version"])
                if home := found.get("_source", {}).get("index"):
                    known.copies[name].add(home)
            elif "_version" in found:
                known.copies[name].add(found["_index"])
        return known

    def _version(self, place: int, mention: EnrichedMention) -> _Operation:
        made = document(mention, self._prefix)
        target = _json.encode(_Target(made.index, made.id, made.version))
        return _Operation(place, "index", b'{"index":%b}\n%b\n' % (target, made.body))

    def _deletion(self, place: int, item: Delete) -> Iterator[_Operation]:
        yield self._tombstone(place, item.id, item.revision, None)
        for month in self._months:
            yield self._absence(place, month, item.id, item.revision)

    def _move(
        self, place: int, mention: EnrichedMention, home: str, elsewhere: set[str]
    ) -> Iterator[_Operation]:
        if mention.revision > 0:
            yield self._tombstone(place, mention.id, mention.revision - 1, home)
        for month in elsewhere:
            yield self._absence(place, month, mention.id, mention.revision)

    def _absence(self, place: int, index: str, name: str, revision: int) -> _Operation:
        target = _json.encode(_Target(index, name, revision))
        return _Operation(place, "delete", b'{"delete":%b}\n' % target)

    def _tombstone(self, place: int, name: str, revision: int, home: str | None) -> _Operation:
        self._has_tombstones = True
        target = _json.encode(_Target(self._tombstones, name, revision))
        body = _json.encode({"deleted": home is None, "index": home, "revision": revision})
        return _Operation(place, "index", b'{"index":%b}\n%b\n' % (target, body))

    async def _send(self, operations: list[_Operation], results: list[list[Outcome]]) -> None:
        slots = asyncio.Semaphore(CONCURRENT)

        async def limited(chunk: list[_Operation]) -> None:
            async with slots:
                await self._bulk(chunk, results)

        await asyncio.gather(*map(limited, _chunks(operations)))

    async def _bulk(self, chunk: list[_Operation], results: list[list[Outcome]]) -> None:
        """Send one request; when it is refused as a whole, each half by itself."""
        try:
            answer = await self._client.perform_request(
                "POST",
                "/_bulk",
                params={"filter_path": "errors,items.*.status,items.*.error"},
                headers={"accept": "application/json", "content-type": "application/x-ndjson"},
                body=b"".join([operation.lines for operation in chunk]),
            )
        except (ApiError, TransportError) as error:
            failed = classify.failure(error)
            if isinstance(failed, classify.Smaller) and len(chunk) > 1:
                middle = len(chunk) // 2
                await self._bulk(chunk[:middle], results)
                await self._bulk(chunk[middle:], results)
                return
            outcome = (
                failed if isinstance(failed, Retry) else Reject(failed.error, failed.reason)
            )
            for operation in chunk:
                results[operation.item].append(outcome)
            return
        items: list[dict[str, Any]] = answer["items"]
        for operation, said in zip(chunk, items, strict=True):
            status = said[operation.action]["status"]
            error_ = said[operation.action].get("error")
            results[operation.item].append(classify.item(operation.action, status, error_))


def _chunks(operations: list[_Operation]) -> Iterator[list[_Operation]]:
    chunk: list[_Operation] = []
    size = 0
    for operation in operations:
        if chunk and size + len(operation.lines) > CHUNK:
            yield chunk
            chunk, size = [], 0
        chunk.append(operation)
        size += len(operation.lines)
    if chunk:
        yield chunk
