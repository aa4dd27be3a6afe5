"""enrich: ``mentions.raw`` → language, sentiment, entities, matches → ``mentions.enriched``.

Stateless. Tombstones pass through with their headers.
"""

from collections.abc import Sequence

from pipeline.delivery import Record
from pipeline.enrich.chain import Chain
from pipeline.outcome import Ok, Outcome, Outgoing, Reject
from pipeline.settings import Settings
from pipeline.stages.incoming import read
from schemas import topics
from schemas.headers import TYPE_ENRICHED, replaced
from schemas.mention import EnrichedMention, encode

__all__ = ["Enrich"]


class Enrich:
    """The stage between raw and enriched."""

    name = "enrich"
    source = topics.RAW

    def __init__(self, settings: Settings) -> None:
        self._chain = Chain.build(settings)
        self._topic = settings.kafka.topic(topics.ENRICHED)

    async def start(self) -> None:
        """Nothing to do: the models are loaded when the stage is made."""

    async def handle(self, batch: Sequence[Record]) -> list[Outcome]:
        """Enrich what can be decoded; reject the rest."""
        outcomes: dict[int, Outcome] = {}
        mentions: dict[int, EnrichedMention] = {}
        for index, record in enumerate(batch):
            if record.value is None:
                outcomes[index] = self._publish(record, None)
                continue
            decoded = read(record)
            if isinstance(decoded, Reject):
                outcomes[index] = decoded
            else:
                mentions[index] = decoded
        self._chain.enrich(list(mentions.values()))
        for index, mention in mentions.items():
            outcomes[index] = self._publish(batch[index], encode(mention))
        return [outcomes[index] for index in range(len(batch))]

    async def close(self) -> None:
        """Nothing to let go of."""

    def _publish(self, record: Record, value: bytes | None) -> Ok:
        headers = list(record.headers or ())
        if value is not None:
            headers = replaced(headers, "ce_type", TYPE_ENRICHED)
        return Ok((Outgoing(self._topic, record.key, value, headers),))
