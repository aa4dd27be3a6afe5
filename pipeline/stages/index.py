"""index: ``mentions.enriched`` → Elasticsearch.

Writes are idempotent (``_id`` is the mention id, the version its revision), so that at-least-once
delivery leaves exactly one, newest document per mention.
"""

from collections.abc import Sequence

from pipeline.delivery import Record
from pipeline.outcome import Outcome, Reject
from pipeline.search.client import connect
from pipeline.search.writer import Delete, Upsert, Writer
from pipeline.settings import Settings
from pipeline.stages.incoming import read
from schemas import headers, topics
from schemas.mention import SCHEMA_VERSION

__all__ = ["Index"]


class Index:
    """The stage between enriched mentions and the search engine."""

    name = "index"
    source = topics.ENRICHED

    def __init__(self, settings: Settings) -> None:
        self._settings = settings.elasticsearch

    async def start(self) -> None:
        """Connect; the client waits for nothing, the first write finds out."""
        self._client = connect(self._settings)
        self._writer = Writer(self._client, self._settings.alias)

    async def handle(self, batch: Sequence[Record]) -> list[Outcome]:
        """Write what can be decoded in one go; reject the rest."""
        actions: dict[int, Upsert | Delete] = {}
        outcomes: dict[int, Outcome] = {}
        for index, record in enumerate(batch):
            action = _action(record)
            if isinstance(action, Reject):
                outcomes[index] = action
            else:
                actions[index] = action
        answers = await self._writer.write(list(actions.values()))
        outcomes.update(zip(actions, answers, strict=True))
        return [outcomes[index] for index in range(len(batch))]

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()


def _action(record: Record) -> Upsert | Delete | Reject:
    if record.value is None:
        if record.key is None:
            return Reject("KeyMissing", "a tombstone without a key deletes nothing")
        revision = headers.revision(record.headers or (), record.timestamp)
        return Delete(record.key.decode(), revision)
    mention = read(record)
    if isinstance(mention, Reject):
        return mention
    # Another version may know fields that are not known here.
    return Upsert(mention, None if mention.schema_version == SCHEMA_VERSION else record.value)
