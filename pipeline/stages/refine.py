"""refine: ``mentions.enriched`` → a second look at the tone of what matters → the same topic.

Off by default (``second_pass.on``). What matters is said by ``[second_pass]``: a large reach, a
team that gets it, a first pass that is unsure. The heavier model is
``pipeline.enrich.sentiment.second``; it revises ``sentiment`` and leaves everything else as it is.
A mention with stars is left alone, its author has said it; and so is a tone that an analyst set.

The result is the same mention, under its revision, with the header ``ce_refined``: the offset of
what it was made of. Everybody downstream gets it as they get an edit. An older result never has the
last word on the topic: while it was made, an edit or a deletion may have come, which then stands
before it. So when this stage reads a result of its own, it reads again what came between, and
publishes what is newer once more, behind it, with the same header, so that this is looked after in
turn. It settles with the first quiet moment of a mention. Stateless, so that a kill changes
nothing; stopped for good between a result and its reading back, it leaves the older one last on
the topic, never in the index.

Unit of parallelism: the process, up to the topic's partitions. What cannot be read is the stage
index's to set aside: it reads the same message.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

from aiokafka import TopicPartition

from pipeline.delivery import Record
from pipeline.enrich import amend
from pipeline.enrich.passages import passages
from pipeline.enrich.sentiment.second import NAME, READ, Look, Reader, Second
from pipeline.enrich.text import View, view
from pipeline.lookback import Lookback, Stretch, Word, word
from pipeline.outcome import Ok, Outcome, Outgoing, Reject
from pipeline.settings import Settings
from pipeline.stages.incoming import read
from pipeline.stages.route import fits
from schemas import topics
from schemas.headers import REFINED, first
from schemas.mention import EnrichedMention, Sentiment, encode_over

__all__ = ["Refine"]

_AT_ONCE: Final = 64
_SETTLED: Final = frozenset({NAME, amend.BY.name})
"""Whose word is not looked at again: its own, and an analyst's."""


class Refine:
    """The stage beside the stream of enriched mentions."""

    name = "refine"
    source = topics.ENRICHED
    at_once = _AT_ONCE
    """Records that are handled together: some two seconds of work where all of them matter."""

    def __init__(self, settings: Settings) -> None:
        self._wanted = settings.second_pass
        self._rules = settings.routes
        self._topic = settings.kafka.topic(topics.ENRICHED)
        self._lookback = Lookback(settings.kafka.aiokafka(), NAME)
        self._second = Second(Reader())

    async def start(self) -> None:
        """Nothing to do: the first question connects."""

    async def handle(self, batch: Sequence[Record]) -> list[Outcome]:
        """Look after results that came back, then look again at what matters.

        Raises:
            Retryable: Kafka does not say what came meanwhile.
        """
        outputs = await self._settle(batch)
        chosen = self._chosen(batch)
        tones = await asyncio.to_thread(self._judge, list(chosen.values()))
        for (index, mention), tone in zip(chosen.items(), tones, strict=True):
            record = batch[index]
            mention.sentiment = tone
            value = encode_over(record.value or b"", mention)
            outputs[index] = self._after(record, record.offset, value)
        return [Ok((outputs[i],)) if i in outputs else Ok() for i in range(len(batch))]

    async def close(self) -> None:
        """Let go of the connection."""
        await self._lookback.close()

    def _judge(self, chosen: Sequence[EnrichedMention]) -> list[Sentiment]:
        return self._second.judge(
            [
                Look(
                    _read(mention),
                    mention.language.code,
                    mention.sentiment,
                    view(mention.title) if mention.title else None,
                )
                for mention in chosen
                if mention.sentiment is not None
            ]
        )

    async def _settle(self, batch: Sequence[Record]) -> dict[int, Outgoing]:
        """For each result that came back behind something newer: that, once more."""
        stretches: dict[int, Stretch] = {}
        own: dict[int, Word] = {}
        for index, record in enumerate(batch):
            made_of = first(record.headers or (), REFINED)
            said = word(record, NAME)
            if made_of is None or not made_of.isdigit() or record.key is None or said is None:
                continue
            own[index] = said
            partition = TopicPartition(record.topic, record.partition)
            stretches[index] = Stretch(partition, record.key, int(made_of), record.offset)
        newest = await self._lookback.newest(stretches) if stretches else {}
        return {
            index: self._after(newer, batch[index].offset, newer.value)
            for index, (said, newer) in newest.items()
            if said > own[index]
        }

    def _chosen(self, batch: Sequence[Record]) -> dict[int, EnrichedMention]:
        """What to look at again, by its place; of several versions of a mention the newest."""
        newest: dict[bytes | None, tuple[Word, int]] = {}
        for index, record in enumerate(batch):
            said = word(record, NAME)
            if said is not None and (record.key not in newest or said >= newest[record.key][0]):
                newest[record.key] = said, index
        chosen = {}
        for _, index in newest.values():
            record = batch[index]
            if record.value is None or first(record.headers or (), REFINED) is not None:
                continue
            mention = read(record)
            # What cannot be read is read by the stage index too, which sets it aside.
            if not isinstance(mention, Reject) and self._matters(mention):
                chosen[index] = mention
        return chosen

    def _matters(self, mention: EnrichedMention) -> bool:
        tone, wanted = mention.sentiment, self._wanted
        if tone is None or mention.rating is not None or tone.by.name in _SETTLED:
            return False
        if mention.language.code not in self._second.languages:
            return False
        return (
            tone.confidence < wanted.unsure
            or _reach(mention) >= wanted.followers
            or (wanted.routed and any(fits(rule, mention) for rule in self._rules))
        )

    def _after(self, record: Record, offset: int, value: bytes | None) -> Outgoing:
        """A message behind which nothing newer stands, as far as ``offset``."""
        given = [pair for pair in record.headers or () if pair[0] != REFINED]
        return Outgoing(self._topic, record.key, value, [*given, (REFINED, b"%d" % offset)])


def _read(mention: EnrichedMention) -> View:
    """What to look at: where a match stands too far behind, the beginning and around it."""
    text = view(mention.text)
    places = [
        text.place(span)
        for match in mention.matches
        if match.where == "text"
        for span in match.spans
    ]
    behind = any(end > READ for _, end in places)
    return text.cut(passages(text, places, READ)) if behind else text


def _reach(mention: EnrichedMention) -> int:
    return (mention.author.followers or 0) if mention.author else 0
