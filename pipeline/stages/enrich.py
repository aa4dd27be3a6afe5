"""enrich: ``mentions.raw`` → language, sentiment, entities, matches → ``mentions.enriched``.

Tombstones pass through with their headers, and so does whatever else a message has that is not
found out here: fields of a newer version, headers of others. A mention that is forgotten, or whose
author is, ends here: a tombstone on ``mentions.raw`` deletes it there and, passed on, everywhere
else. Who is forgotten is all that is known from before.
"""

from collections.abc import Sequence

from pipeline.delivery import Record
from pipeline.enrich.chain import Chain
from pipeline.forgotten import Forgotten
from pipeline.outcome import Ok, Outcome, Outgoing, Reject
from pipeline.settings import Settings
from pipeline.stages.incoming import read
from schemas import topics
from schemas.headers import enriched_headers, tombstone_headers
from schemas.mention import EnrichedMention, encode_over

__all__ = ["Enrich"]


class Enrich:
    """The stage between raw and enriched."""

    name = "enrich"
    source = topics.RAW

    def __init__(self, settings: Settings) -> None:
        self._chain = Chain.build(settings)
        self._topic = settings.kafka.topic(topics.ENRICHED)
        self._raw = settings.kafka.topic(topics.RAW)
        self._forgotten = Forgotten(settings)

    async def start(self) -> None:
        """Learn who is forgotten; the models are loaded when the stage is made."""
        await self._forgotten.start()

    async def handle(self, batch: Sequence[Record]) -> list[Outcome]:
        """Enrich what can be decoded; reject the rest.

        Raises:
            Retryable: it is not yet known who is forgotten.
        """
        self._forgotten.ready()
        outcomes: dict[int, Outcome] = {}
        mentions: dict[int, EnrichedMention] = {}
        for index, record in enumerate(batch):
            if record.value is None:
                headers = list(record.headers or ())
                outcomes[index] = Ok((Outgoing(self._topic, record.key, None, headers),))
                continue
            decoded = read(record)
            if isinstance(decoded, Reject):
                outcomes[index] = decoded
            elif self._forgotten.hides(decoded):
                outcomes[index] = self._erase(decoded)
            else:
                mentions[index] = decoded
        self._chain.enrich(list(mentions.values()))
        for index, mention in mentions.items():
            outcomes[index] = self._enriched(batch[index], mention)
        return [outcomes[index] for index in range(len(batch))]

    async def close(self) -> None:
        """Stop following who is forgotten."""
        await self._forgotten.close()

    def _erase(self, mention: EnrichedMention) -> Ok:
        headers = tombstone_headers(mention.id, mention.revision, mention.collector.source)
        return Ok((Outgoing(self._raw, mention.id.encode(), None, headers),))

    def _enriched(self, record: Record, mention: EnrichedMention) -> Ok:
        value = encode_over(record.value or b"", mention)
        headers = enriched_headers(mention, record.headers or ())
        return Ok((Outgoing(self._topic, record.key, value, headers),))
