"""record: ``mentions.coverage`` → ``<alias>-coverage`` in Elasticsearch.

Writes are idempotent: ``_id`` names the source, the interval and the agent.
"""

from collections.abc import Sequence

import msgspec
from elasticsearch import ApiError, TransportError

from pipeline.delivery import Record as Message
from pipeline.outcome import Outcome, Reject, Retry
from pipeline.search import bulk, classify
from pipeline.search.client import connect
from pipeline.search.coverage import document, index_name
from pipeline.settings import Settings
from schemas import topics
from schemas.coverage import Coverage, decode_coverage

__all__ = ["Record"]

_encode = msgspec.json.Encoder().encode


class Record:
    """The stage between the agents' ledger and the search engine."""

    name = "record"
    source = topics.COVERAGE

    def __init__(self, settings: Settings) -> None:
        self._settings = settings.elasticsearch
        self._index = index_name(settings.elasticsearch.alias)
        self._ready = False

    async def start(self) -> None:
        """Connect; the client waits for nothing, the first write finds out."""
        self._client = connect(self._settings)

    async def handle(self, batch: Sequence[Message]) -> list[Outcome]:
        """Write what can be decoded in one go; reject the rest."""
        if not self._ready and (missing := await self._missing()):
            return [Retry(missing)] * len(batch)
        self._ready = True
        results: list[list[Outcome]] = [[] for _ in batch]
        operations = []
        for item, record in enumerate(batch):
            found = _decoded(record.value)
            if isinstance(found, Reject):
                results[item].append(found)
                continue
            version = int(found.end.timestamp() * 1000)
            body = _encode(document(found))
            operations.append(bulk.index(item, self._index, found.id, version, body))
        await bulk.send(self._client, operations, results)
        return [classify.worst(outcomes) for outcomes in results]

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def _missing(self) -> str | None:
        """Why nothing can be written yet: without its template the mapping would be guessed."""
        try:
            there = await self._client.indices.exists_index_template(name=self._index)
        except (ApiError, TransportError) as error:
            return classify.failure(error).reason
        return None if there else f"no index template {self._index}: run 'mentions index apply'"


def _decoded(value: bytes | None) -> Coverage | Reject:
    if value is None:
        return Reject("Empty", "the ledger knows no deletion")
    try:
        return decode_coverage(value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return Reject(type(error).__name__, str(error))
