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
left out. What a moved version leaves and deletes comes after it is written, so that a version which
is refused takes no other away; whoever is killed in between does both again.

A writer is used by one task at a time. Several writers may write the same ids, as when a partition
changes hands: the index compares the versions; the first tombstone of all is seen by other writers
``KNOWN_FOR`` seconds later, which ``gc_deletes`` covers.
"""

import re
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

import msgspec
from elasticsearch import ApiError, AsyncElasticsearch, TransportError
from msgspec import Struct

from pipeline.errors import Retryable
from pipeline.outcome import Ok, Outcome, Reject, Retry
from pipeline.search import bulk, classify
from pipeline.search.document import document, index_of, may_move
from pipeline.search.templates import months_template, require
from schemas.mention import EnrichedMention

__all__ = ["KNOWN_FOR", "Delete", "Newest", "Upsert", "Word", "Writer"]

KNOWN_FOR: Final = 10.0
"""Seconds for which the list of indices is taken as true."""

_encode: Final = msgspec.json.Encoder().encode

Word: TypeAlias = tuple[int, bool]
"""A revision, and whether it is a deletion, which ends versions up to its own: in order of time."""


class Upsert(Struct, frozen=True):
    """Write this version, unless a newer one is there."""

    mention: EnrichedMention
    value: bytes | None = None
    """The message as it came, where its schema version is another one (see ``document``)."""

    @property
    def id(self) -> str:
        """The mention's."""
        return self.mention.id

    @property
    def word(self) -> Word:
        """What it says."""
        return self.mention.revision, False


class Delete(Struct, frozen=True):
    """Delete the mention: every version up to this revision."""

    id: str
    revision: int

    @property
    def word(self) -> Word:
        """What it says."""
        return self.revision, True


class Newest(Struct, frozen=True):
    """What is known of an id."""

    revision: int
    source: dict[str, Any] | None
    """The document; None where the mention is deleted."""

    @property
    def word(self) -> Word:
        """What it says."""
        return self.revision, self.source is None


class _Known(Struct):
    """What is known about the ids of a batch before it is written."""

    over: dict[str, int]
    """The revision up to which an id is over."""
    copies: dict[str, set[str]]
    """The indices that hold, or are about to hold, a version of an id."""

    def end(self, name: str, revision: int) -> None:
        self.over[name] = max(self.over.get(name, -1), revision)


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
        """Write a batch; one outcome an item, in order.

        It is ``Overtaken`` for the last item of an id where a newer version was written before, in
        an earlier batch or in this one.
        """
        homes = [
            None if isinstance(item, Delete) else index_of(item.mention, self._prefix)
            for item in batch
        ]
        try:
            await self._look_round(fresh=any(map(_looks_elsewhere, batch)))
            self._months.update(home for home in homes if home)
            known = await self._ask(batch, homes)
        except (ApiError, TransportError) as error:
            return [Retry(classify.failure(error).reason)] * len(batch)
        except Retryable as error:
            return [Retry(str(error))] * len(batch)

        results: list[list[Outcome]] = [[] for _ in batch]
        await bulk.send(self._client, self._first(batch, known, results), results)
        await bulk.send(self._client, list(self._then(batch, homes, known, results)), results)
        return _last_words(batch, [classify.worst(outcomes) for outcomes in results])

    async def newest(self, ids: Sequence[str]) -> dict[str, Newest]:
        """What is there of some ids, a deletion included; in realtime.

        Raises:
            Retryable: a shard could not say.
            elasticsearch.ApiError: the request was refused.
            elasticsearch.TransportError: no answer.
        """
        await self._look_round(fresh=True)
        asked = [(place, name) for name in ids for place in (self._tombstones, *self._months)]
        found: dict[str, Newest] = {}
        for (place, name), doc in zip(asked, await self._get(asked, {}), strict=True):
            if not _is_there(place, doc):
                continue
            source = doc["_source"]
            if place == self._tombstones:
                if not source["deleted"]:
                    continue  # it has moved, and is where it moved to
                source = None
            one = Newest(doc["_version"], source)
            if name not in found or one.word > found[name].word:
                found[name] = one
        return found

    async def _look_round(self, *, fresh: bool) -> None:
        """Learn which indices there are: from time to time, or now."""
        if time.monotonic() < self._known_until and not fresh:
            return
        if not self._ready:
            await require(self._client, months_template(self._prefix))
            self._ready = True
        answer = await self._client.indices.resolve_index(
            name=f"{self._prefix}-*", expand_wildcards="open"
        )
        # A month that was rebuilt is an alias, see ``reindex``.
        names = {found["name"] for found in (*answer["indices"], *answer["aliases"])}
        self._months = {name for name in names if self._is_month(name)}
        self._has_tombstones = self._tombstones in names
        self._known_until = time.monotonic() + KNOWN_FOR

    async def _ask(self, batch: Sequence[Upsert | Delete], homes: Sequence[str | None]) -> _Known:
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
                known.end(item.id, item.revision)
            elif home:
                known.copies.setdefault(item.mention.id, set()).add(home)
                asked.update(dict.fromkeys(self._questions(item.mention, home)))
        if asked:
            answer = await self._get(asked, {"_source_includes": "index"})
            for (place, name), found in zip(asked, answer, strict=True):
                self._learn(known, place, name, found)
        return known

    async def _get(
        self, asked: Collection[tuple[str, str]], params: Mapping[str, str]
    ) -> Sequence[dict[str, Any]]:
        """Documents, in realtime, by index and id."""
        answer = await self._client.perform_request(
            "POST",
            "/_mget",
            params={"filter_path": "docs.found,docs._version,docs._source,docs.error", **params},
            headers=bulk.HEADERS,
            body=_encode({"docs": [{"_index": place, "_id": name} for place, name in asked]}),
        )
        found: Sequence[dict[str, Any]] = answer["docs"]
        return found

    def _questions(self, mention: EnrichedMention, home: str) -> Iterator[tuple[str, str]]:
        if self._has_tombstones:
            yield self._tombstones, mention.id
        if may_move(mention):
            for month in self._months - {home}:
                yield month, mention.id

    def _learn(self, known: _Known, place: str, name: str, found: dict[str, Any]) -> None:
        if not _is_there(place, found):
            return
        home = place
        if place == self._tombstones:
            known.end(name, found["_version"])
            home = found["_source"].get("index")
        if home:
            known.copies[name].add(home)

    def _first(
        self, batch: Sequence[Upsert | Delete], known: _Known, results: list[list[Outcome]]
    ) -> list[bulk.Operation]:
        """Deletions, and the versions that are not over."""
        operations: list[bulk.Operation] = []
        last = {
            (item.mention.id, item.mention.revision): place
            for place, item in enumerate(batch)
            if isinstance(item, Upsert)
        }
        for place, item in enumerate(batch):
            if isinstance(item, Delete):
                operations.append(self._tombstone(place, item.id, item.revision, None))
                operations += self._absences(place, self._months, item.id, item.revision)
            elif last[item.mention.id, item.mention.revision] != place:
                continue  # operations have no order, and of results for one version the last counts
            elif item.mention.revision <= known.over.get(item.mention.id, -1):
                results[place].append(classify.OVERTAKEN)
            else:
                try:
                    made = document(item.mention, self._prefix, item.value)
                except UnicodeEncodeError as error:
                    results[place].append(Reject(type(error).__name__, str(error)))
                else:
                    operations.append(
                        bulk.index(place, made.index, made.id, made.version, made.body)
                    )
        return operations

    def _then(
        self,
        batch: Sequence[Upsert | Delete],
        homes: Sequence[str | None],
        known: _Known,
        results: list[list[Outcome]],
    ) -> Iterator[bulk.Operation]:
        """For each version that was written and may have moved: its tombstone, no other copies."""
        for place, (item, home) in enumerate(zip(batch, homes, strict=True)):
            if isinstance(item, Delete) or not home or results[place] != [classify.OK]:
                continue  # what was refused takes no other away
            mention = item.mention
            elsewhere = known.copies[mention.id] - {home}
            if elsewhere or may_move(mention):
                if mention.revision > 0:
                    yield self._tombstone(place, mention.id, mention.revision - 1, home)
                yield from self._absences(place, elsewhere, mention.id, mention.revision)

    def _absences(
        self, place: int, indices: Iterable[str], name: str, revision: int
    ) -> Iterator[bulk.Operation]:
        return (bulk.delete(place, index, name, revision) for index in indices)

    def _tombstone(self, place: int, name: str, revision: int, home: str | None) -> bulk.Operation:
        self._has_tombstones = True
        body = _encode({"deleted": home is None, "index": home, "revision": revision})
        return bulk.index(place, self._tombstones, name, revision, body)


def _is_there(place: str, found: Mapping[str, Any]) -> bool:
    """Whether a document was found.

    Raises:
        Retryable: a shard could not say.
    """
    error = found.get("error")
    if error and error["type"] != "index_not_found_exception":
        msg = f"{place}: {error['type']}: {error['reason']}"
        raise Retryable(msg)
    return not error and bool(found["found"])


def _last_words(batch: Sequence[Upsert | Delete], outcomes: list[Outcome]) -> list[Outcome]:
    """Leave ``Overtaken`` to the last of each id, where it is not the newest of its own."""
    newest: dict[str, tuple[Word, Outcome]] = {}
    last: dict[str, int] = {}
    for place, (item, outcome) in enumerate(zip(batch, outcomes, strict=True)):
        if not isinstance(outcome, Reject):
            if item.id not in newest or item.word >= newest[item.id][0]:
                newest[item.id] = item.word, outcome
            last[item.id] = place
    if len(last) == len(batch):
        return outcomes  # each id once
    words: list[Outcome] = []
    for place, (item, outcome) in enumerate(zip(batch, outcomes, strict=True)):
        if not isinstance(outcome, Ok):
            words.append(outcome)
        elif last[item.id] != place:
            words.append(classify.OK)
        elif item.word < newest[item.id][0]:
            # One that is still to be written takes this one along: it comes before it.
            before = newest[item.id][1]
            words.append(before if isinstance(before, Retry) else classify.OVERTAKEN)
        else:
            words.append(outcome)
    return words


def _looks_elsewhere(item: Upsert | Delete) -> bool:
    """Whether all months matter to it, also those that another writer made just now."""
    return isinstance(item, Delete) or may_move(item.mention)
