"""enrich: ``mentions.raw`` → language, sentiment, entities, matches → ``mentions.enriched``.

Tombstones pass through with their headers, and so does whatever else a message has that is not
found out here: fields of a newer version, headers of others. A mention that is forgotten, or whose
author is, ends here: a tombstone on ``mentions.raw`` deletes it there and, passed on, everywhere
else.

Known from before are who is forgotten (``pipeline.forgotten``), the watchlist in force
(``mentions.watchlist``; while none was published, the settings' own counts as version 0),
analysts' marks and amendments (``mentions.corrections``, ``mentions.amendments``) and the sentiment
models trained here (``mentions.models``): all are read before the first mention, and followed from
then on. What is new is compiled beside the work and put in force between two batches. What was said
before, by near copies and by the same authors, is asked for by the batch (``pipeline.stories``).
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Final

import msgspec

from pipeline import amendments
from pipeline.corrections import Marks, adopt
from pipeline.delivery import Record
from pipeline.enrich.chain import Chain
from pipeline.enrich.duplicates import fingerprints
from pipeline.enrich.noise import with_earlier
from pipeline.enrich.portions import portions
from pipeline.enrich.relevance import Relevances
from pipeline.enrich.text import View
from pipeline.errors import ConfigError
from pipeline.follow import Follower, Message
from pipeline.forgotten import Forgotten
from pipeline.models import Models
from pipeline.outcome import Ok, Outcome, Outgoing, Reject
from pipeline.settings import Settings
from pipeline.stages.incoming import read
from pipeline.stories import Stories
from pipeline.versions import compiled
from schemas import amendment, topics
from schemas.correction import key
from schemas.headers import enriched_headers, tombstone_headers
from schemas.mention import EnrichedMention, encode_over
from schemas.watchlist import decode_watchlist

__all__ = ["Enrich"]

_log = logging.getLogger(__name__)

_AT_ONCE: Final = 200_000
"""Characters of text that are enriched before anything else may run."""


class Enrich:
    """The stage between raw and enriched."""

    name = "enrich"
    source = topics.RAW
    # Its outputs tell it nothing that the next batch needs: copies and rates come by a topic of
    # their own, for which ``handle`` waits itself; tombstones that it writes to raw, corrections
    # and amendments come back as those of others do, at any time.
    ahead = True

    def __init__(self, settings: Settings) -> None:
        self._chain = Chain.build(settings)
        self._topic = settings.kafka.topic(topics.ENRICHED)
        self._corrections = settings.kafka.topic(topics.CORRECTIONS)
        self._changes = settings.kafka.topic(topics.AMENDMENTS)
        self._raw = settings.kafka.topic(topics.RAW)
        self._forgotten = Forgotten(settings)
        self._settings = settings
        self._models = Models()
        self._marks: Marks = {}
        self._marked: dict[str, list[str]] = {}  # the topics of the marks, by mention
        self._amendments: amendments.Amendments = {}
        self._chain.amend(self._amendments)
        self._relevances = Relevances()
        self._followers: list[Follower] = []
        self._stories = Stories(settings) if settings.enrichment.stories_window else None

    async def start(self) -> None:
        """Learn who is forgotten, and what is in force."""
        kafka = self._settings.kafka
        self._followers = [
            Follower(kafka.aiokafka(), kafka.topic(topic), apply)
            for topic, apply in (
                (topics.WATCHLIST, self.adopt_watchlist),
                (topics.CORRECTIONS, self.adopt_marks),
                (topics.AMENDMENTS, self.adopt_amendments),
                (topics.MODELS, self.adopt_models),
            )
        ]
        starting = [follower.start() for follower in self._followers]
        await asyncio.gather(self._forgotten.start(), *starting)

    async def adopt_models(self, messages: Sequence[Message]) -> None:
        """Put the newest of some published models in force, one a language."""
        changed: dict[str, None] = {}
        for message in messages:
            try:
                changed |= dict.fromkeys(self._models.adopt([message]))
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                _log.error("a message about models cannot be read: %s", error)
        for language in changed:
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

    async def adopt_watchlist(self, messages: Sequence[Message]) -> None:
        """Put the last of some published versions in force."""
        values = [value for _, value in messages if value is not None]
        if not values:
            return
        try:
            version = decode_watchlist(values[-1])
            watchlist = await asyncio.to_thread(compiled, version)
        except (msgspec.MsgspecError, ConfigError, ValueError) as error:
            # It was checked before it was published: this program must be older than it.
            _log.error("the watchlist's new version cannot be read, the old one stays: %s", error)
            return
        self._chain.watch(watchlist)
        _log.info("watchlist version %s is in force", version.version)

    async def handle(self, batch: Sequence[Record]) -> list[Outcome]:
        """Enrich what can be decoded; reject the rest.

        Raises:
            Retryable: it is not yet known what was said before.
        """
        outcomes: dict[int, Outcome] = {}
        mentions: dict[int, EnrichedMention] = {}
        for index, record in enumerate(batch):
            if record.value is None:
                outcomes[index] = self._deleted(record)
                continue
            decoded = read(record)
            if isinstance(decoded, Reject):
                outcomes[index] = decoded
            elif self._forgotten.hides(decoded):
                outcomes[index] = self._erase(decoded)
            else:
                mentions[index] = decoded
        texts: list[View] = []
        for part in portions(mentions.values(), _AT_ONCE, _characters):
            texts += self._chain.enrich(part)
            await asyncio.sleep(0)  # a signal, a health check or a rebalance may be waiting
        await self._look_back(list(mentions.values()), texts, batch)
        for index, mention in mentions.items():
            outcomes[index] = self._enriched(batch[index], mention)
        return [outcomes[index] for index in range(len(batch))]

    async def adopt_marks(self, messages: Sequence[Message]) -> None:
        """Learn from some new marks."""
        for message in messages:
            try:
                adopt(self._marks, [message])
            except msgspec.MsgspecError as error:
                _log.error("a correction cannot be read: %s", error)
        marks = dict(self._marks)
        self._marked = {}
        for mention, topic in marks:
            self._marked.setdefault(mention, []).append(topic)
        self._relevances = await asyncio.to_thread(Relevances, marks, self._relevances)
        self._chain.learn(self._relevances)

    async def adopt_amendments(self, messages: Sequence[Message]) -> None:
        """Know some new amendments."""
        for message in messages:
            try:
                amendments.adopt(self._amendments, [message])
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                _log.error("an amendment cannot be read: %s", error)

    async def close(self) -> None:
        """Stop following, and let go of connections."""
        closing = [self._forgotten.close(), *(each.close() for each in self._followers)]
        if self._stories is not None:
            closing.append(self._stories.close())
        await asyncio.gather(*closing)

    async def _look_back(
        self, mentions: Sequence[EnrichedMention], texts: Sequence[View], batch: Sequence[Record]
    ) -> None:
        if self._stories is None:
            return
        made = fingerprints(list(zip(texts, mentions, strict=True)))
        prints = {mention.id: print_ for mention, print_ in zip(mentions, made, strict=True)}
        deleted = [r.key.decode() for r in batch if r.value is None and r.key is not None]
        found = await self._stories.find(prints, deleted)
        for mention in mentions:
            copy, rate = found.copies.get(mention.id), found.rates.get(mention.id, 0)
            mention.duplicate = copy
            if copy is not None or rate:
                mention.noise = with_earlier(mention.noise, mention.author, copy, rate)

    def _deleted(self, record: Record) -> Ok:
        """Pass a tombstone on; what analysts said of the mention goes with it."""
        passed_on = Outgoing(self._topic, record.key, None, list(record.headers or ()))
        name = (record.key or b"").decode(errors="replace")
        said = [(self._corrections, key(name, topic)) for topic in self._marked.get(name, ())]
        said += [
            (self._changes, amendment.key((name, *place)))
            for place in self._amendments.get(name, ())
        ]
        return Ok((passed_on, *(Outgoing(topic, place, None, []) for topic, place in said)))

    def _erase(self, mention: EnrichedMention) -> Ok:
        headers = tombstone_headers(mention.id, mention.revision, mention.collector.source)
        return Ok((Outgoing(self._raw, mention.id.encode(), None, headers),))

    def _enriched(self, record: Record, mention: EnrichedMention) -> Ok:
        value = encode_over(record.value or b"", mention)
        headers = enriched_headers(mention, record.headers or ())
        return Ok((Outgoing(self._topic, record.key, value, headers),))


def _characters(mention: EnrichedMention) -> int:
    return len(mention.text) + len(mention.title or "")
