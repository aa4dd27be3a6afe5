"""index: ``mentions.enriched`` → Elasticsearch.

Writes are idempotent (``_id`` is the mention id, the version its revision), so that at-least-once
delivery leaves exactly one, newest document per mention.

The last message of a mention is the newest, too: compaction keeps no other, and who reads anew ends
on it. An older version may come behind a newer one, from a platform that tells it late, or from an
agent or a worker that was suspended while another took its place; a deletion may be among those.
Only the index knows all that was ever said, and nobody but this stage meets each message with it
at hand: what is overtaken is followed by the newest once more.
"""

from collections.abc import Mapping, Sequence

from elasticsearch import ApiError, TransportError

from pipeline.delivery import Record
from pipeline.errors import Retryable
from pipeline.outcome import Ok, Outcome, Outgoing, Reject, Retry
from pipeline.search import classify
from pipeline.search.client import connect
from pipeline.search.history import Stored
from pipeline.search.writer import Delete, Newest, Upsert, Writer
from pipeline.settings import Settings
from pipeline.stages.incoming import read
from schemas import headers, topics
from schemas.mention import SCHEMA_VERSION, EnrichedMention

__all__ = ["Index"]


class Index:
    """The stage between enriched mentions and the search engine."""

    name = "index"
    source = topics.ENRICHED

    def __init__(self, settings: Settings) -> None:
        self._settings = settings.elasticsearch
        self._topic = settings.kafka.topic(topics.ENRICHED)

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
        overtaken = {
            index: action
            for index, action in actions.items()
            if isinstance(outcomes[index], classify.Overtaken)
        }
        if overtaken:
            outcomes |= await self._followed(overtaken)
        return [outcomes[index] for index in range(len(batch))]

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def _followed(self, overtaken: Mapping[int, Upsert | Delete]) -> dict[int, Outcome]:
        """What is said once more, behind what is old."""
        try:
            found = await self._writer.newest([action.id for action in overtaken.values()])
        except (ApiError, TransportError) as error:
            return dict.fromkeys(overtaken, Retry(classify.failure(error).reason))
        except Retryable as error:
            return dict.fromkeys(overtaken, Retry(str(error)))
        return {
            index: Ok(self._again(action, found.get(action.id)))
            for index, action in overtaken.items()
        }

    def _again(self, action: Upsert | Delete, newest: Newest | None) -> tuple[Outgoing, ...]:
        if newest is None or newest.word <= action.word:
            return ()  # it has expired meanwhile
        name = action.id
        key = name.encode()
        if newest.source is not None:
            stored = Stored.read(newest.source)
            made = [
                *headers.enriched_headers(stored.mention, ()),
                (headers.REPROCESSED, _watchlist(stored.mention)),
            ]
            return (Outgoing(self._topic, key, stored.value, made),)
        if isinstance(action, Delete):
            return ()  # gone is gone
        source = action.mention.collector.source
        made = headers.tombstone_headers(name, newest.revision, source)
        return (Outgoing(self._topic, key, None, made),)


def _watchlist(mention: EnrichedMention) -> bytes:
    """The watchlist version that a mention was enriched with, as far as it says; 0 as in none."""
    return next((match.by.version for match in mention.matches), "0").encode()


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
