"""enrich: ``mentions.raw`` → language, sentiment, entities, matches → ``mentions.enriched``.

Tombstones pass through with their headers, and so does whatever else a message has that is not
found out here: fields of a newer version, headers of others. A mention that is forgotten, or whose
author is, ends here: a tombstone on ``mentions.raw`` deletes it there and, passed on, everywhere
else. Known from before are who is forgotten (``pipeline.forgotten``), which sentiment models trained
here are in force (``mentions.models``), both read before the first mention and followed from then
on, and what was said before, for near copies (``pipeline.stories``).
"""

import logging
from collections.abc import Sequence

from pipeline.delivery import Record
from pipeline.enrich.chain import Chain
from pipeline.enrich.duplicates import fingerprint
from pipeline.enrich.noise import with_copies
from pipeline.follow import Follower, Message
from pipeline.forgotten import Forgotten
from pipeline.models import Models
from pipeline.outcome import Ok, Outcome, Outgoing, Reject
from pipeline.settings import Settings
from pipeline.stages.incoming import read
from pipeline.stories import Stories
from schemas import topics
from schemas.headers import enriched_headers, tombstone_headers
from schemas.mention import EnrichedMention, encode_over

__all__ = ["Enrich"]

_log = logging.getLogger(__name__)


class Enrich:
    """The stage between raw and enriched."""

    name = "enrich"
    source = topics.RAW

    def __init__(self, settings: Settings) -> None:
        self._chain = Chain.build(settings)
        self._topic = settings.kafka.topic(topics.ENRICHED)
        self._raw = settings.kafka.topic(topics.RAW)
        self._forgotten = Forgotten(settings)
        self._models = Models()
        self._follower = Follower(
            settings.kafka.aiokafka(), settings.kafka.topic(topics.MODELS), self.adopt_models
        )
        self._stories = Stories(settings) if settings.enrichment.stories_window else None

    async def start(self) -> None:
        """Learn who is forgotten, and which trained models are in force."""
        await self._forgotten.start()
        await self._follower.start()

    async def adopt_models(self, messages: Sequence[Message]) -> None:
        """Put the newest of some published models in force, one a language."""
        for language in self._models.adopt(messages):
            try:
                model = self._models.active(language)
            except ValueError as error:
                # It was checked before it was published: this program must be older than it.
                _log.error(
                    "the new model for %s cannot be read, the old one stays: %s", language, error
                )
                continue
            if self._chain.use(model):
                _log.info("model %s is in force for %s", model.version, language)

    async def handle(self, batch: Sequence[Record]) -> list[Outcome]:
        """Enrich what can be decoded; reject the rest.

        Raises:
            Retryable: it is not yet known who is forgotten, or what was said before.
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
        await self._enrich(list(mentions.values()), batch)
        for index, mention in mentions.items():
            outcomes[index] = self._enriched(batch[index], mention)
        return [outcomes[index] for index in range(len(batch))]

    async def close(self) -> None:
        """Stop following, and let go of connections."""
        await self._forgotten.close()
        await self._follower.close()
        if self._stories is not None:
            await self._stories.close()

    async def _enrich(self, mentions: Sequence[EnrichedMention], batch: Sequence[Record]) -> None:
        texts = self._chain.enrich(mentions)
        if self._stories is None:
            return
        prints = {
            mention.id: fingerprint(text, mention)
            for mention, text in zip(mentions, texts, strict=True)
        }
        deleted = [r.key.decode() for r in batch if r.value is None and r.key is not None]
        found = await self._stories.find(prints, deleted)
        for mention in mentions:
            mention.duplicate = found.get(mention.id)
            if mention.duplicate is not None:
                mention.noise = with_copies(mention.noise, mention.duplicate)

    def _erase(self, mention: EnrichedMention) -> Ok:
        headers = tombstone_headers(mention.id, mention.revision, mention.collector.source)
        return Ok((Outgoing(self._raw, mention.id.encode(), None, headers),))

    def _enriched(self, record: Record, mention: EnrichedMention) -> Ok:
        value = encode_over(record.value or b"", mention)
        headers = enriched_headers(mention, record.headers or ())
        return Ok((Outgoing(self._topic, record.key, value, headers),))
