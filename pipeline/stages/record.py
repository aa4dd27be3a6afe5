"""record: ``mentions.coverage`` and ``mentions.figures`` → Elasticsearch.

What was collected goes to ``<alias>-coverage``, what processes did to ``<alias>-figures``. Writes
are idempotent: ``_id`` names the source, the interval and the agent, or the stage, the process and
the stretch.
"""

from collections.abc import Sequence

import msgspec

from pipeline.delivery import Record as Message
from pipeline.outcome import Outcome, Reject
from pipeline.search import bulk, classify, coverage, figures
from pipeline.search.client import connect
from pipeline.search.templates import require
from pipeline.settings import Settings
from schemas import topics
from schemas.coverage import Coverage, decode_coverage
from schemas.figures import Figures, decode_figures

__all__ = ["Record"]

_encode = msgspec.json.Encoder().encode


class Record:
    """The stage between what processes say of themselves and the search engine."""

    name = "record"
    source = topics.COVERAGE
    beside = (topics.FIGURES,)

    def __init__(self, settings: Settings) -> None:
        self._settings = settings.elasticsearch
        self._figures = settings.kafka.topic(topics.FIGURES)
        alias = settings.elasticsearch.alias
        self._indices = coverage.index_name(alias), figures.index_name(alias)
        self._ready = False

    async def start(self) -> None:
        """Connect; the client waits for nothing, the first write finds out."""
        self._client = connect(self._settings)

    async def handle(self, batch: Sequence[Message]) -> list[Outcome]:
        """Write what can be decoded in one go; reject the rest."""
        if not self._ready:
            for name in self._indices:
                await require(self._client, name)
            self._ready = True
        results: list[list[Outcome]] = [[] for _ in batch]
        operations = []
        for item, record in enumerate(batch):
            found = _decoded(record.value, figures_=record.topic == self._figures)
            if isinstance(found, Reject):
                results[item].append(found)
            else:
                operations.append(self._operation(item, found))
        await bulk.send(self._client, operations, results)
        return [classify.worst(outcomes) for outcomes in results]

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    def _operation(self, item: int, found: Coverage | Figures) -> bulk.Operation:
        ledger, processes = self._indices
        into, body = (
            (ledger, coverage.document(found))
            if isinstance(found, Coverage)
            else (processes, figures.document(found))
        )
        version = int(found.end.timestamp() * 1000)
        return bulk.index(item, into, found.id, version, _encode(body))


def _decoded(value: bytes | None, *, figures_: bool) -> Coverage | Figures | Reject:
    if value is None:
        return Reject("Empty", "neither the ledger nor figures know deletions")
    try:
        return decode_figures(value) if figures_ else decode_coverage(value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return Reject(type(error).__name__, str(error))
