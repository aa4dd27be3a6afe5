"""archive: ``mentions.dead-letter`` → Elasticsearch: an analyst sees what is missing, and why.

What was done about a letter (``mentions.dead-letter-marks``) is written beside it. Both are
idempotent: the document's id is the letter's position. A letter that cannot be written is never
dead-lettered again (the delivery loop sees to that): it would come back here for ever.
"""

from collections.abc import Sequence

import msgspec

from pipeline.delivery import Record
from pipeline.outcome import Outcome, Reject
from pipeline.search import bulk, classify, letters
from pipeline.search.client import connect
from pipeline.search.templates import letters_template, require
from pipeline.settings import Settings
from schemas import topics

__all__ = ["Archive"]


class Archive:
    """The stage between the dead letters and the search engine."""

    name = "archive"
    source = topics.DEAD_LETTER
    beside = (topics.DEAD_LETTER_MARKS,)

    def __init__(self, settings: Settings) -> None:
        self._settings = settings.elasticsearch
        self._index = letters_template(settings.elasticsearch.alias)
        self._marks = settings.kafka.topic(topics.DEAD_LETTER_MARKS)

        self._ready = False

    async def start(self) -> None:
        """Connect; the client waits for nothing, the first write finds out."""
        self._client = connect(self._settings)

    async def handle(self, batch: Sequence[Record]) -> list[Outcome]:
        """Write letters and marks in one go."""
        results: list[list[Outcome]] = [[] for _ in batch]
        operations = []
        for item, record in enumerate(batch):
            try:
                operation = self._operation(item, record)
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                results[item].append(Reject(type(error).__name__, str(error)))
            else:
                operations += operation
        if not self._ready:
            await require(self._client, self._index)
            self._ready = True
        await bulk.send(self._client, operations, results)
        return [classify.worst(outcomes) for outcomes in results]

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    def _operation(self, item: int, record: Record) -> list[bulk.Operation]:
        if record.topic == self._marks:
            if record.key is None or record.value is None:
                return []
            position, fields = record.key.decode(), letters.mark(record.value)
        else:
            position = f"{record.partition}:{record.offset}"
            headers = dict(record.headers or ())
            fields = letters.document(position, record.timestamp, record.key, record.value, headers)
        return [bulk.update(item, self._index, position, fields)]
