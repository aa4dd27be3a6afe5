"""Enriches what is indexed again, with what is in force now: watchlist, models, analysts' words.

Guarantee: only what changes is published, with the revision it had, so that running it twice is
running it once and a newer version that comes meanwhile wins in the index; on the topic too
(``pipeline.republish``). What this version does not know of a message stays in it. Each message
says in a header that it was reprocessed; such messages alert nobody.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Final

from elasticsearch import Elasticsearch
from msgspec import Struct

from pipeline import amendments, corrections, models, versions
from pipeline.enrich.chain import Chain
from pipeline.enrich.noise import rate_told, with_earlier
from pipeline.enrich.relevance import Relevances
from pipeline.enrich.sentiment.second import rests_on
from pipeline.errors import ConfigError
from pipeline.republish import republishing
from pipeline.search import history
from pipeline.search.history import Stored
from pipeline.settings import Settings
from schemas.mention import EnrichedMention, encode, encode_over

__all__ = ["Result", "changed", "in_force", "run"]

_BATCH: Final = 500


class Result(Struct):
    """What was done."""

    looked_at: int = 0
    changed: int = 0
    """Mentions that were published again."""
    overtaken: int = 0
    """Of these, replaced or deleted meanwhile: what is newer was published once more after them."""


def run(
    settings: Settings,
    client: Elasticsearch,
    since: datetime | None,
    topic: str | None = None,
    done: Callable[[int], None] = lambda _: None,
) -> Result:
    """Enrich the mentions of a period again.

    Args:
        settings: where everything is.
        client: a connected client.
        since: by ``published_at``; everything by default.
        topic: publish only where the matches of this watchlist topic change.
        done: told after each batch how many mentions it had.

    Raises:
        ConfigError: no broker answers, a topic is missing, or this program is older than what is
            in force.
        elasticsearch.ApiError: the request is refused.
        elasticsearch.TransportError: no answer.
    """
    chain = in_force(settings)
    version = chain.watchlist.by.version.encode()
    result = Result()
    with republishing(settings) as again:
        for batch in _batched(history.stored(client, settings.elasticsearch.alias, since)):
            found = changed(chain, batch, topic)
            again.publish(
                ((one.mention, encode_over(one.value, one.mention)) for one in found), version
            )
            result.looked_at += len(batch)
            result.changed += len(found)
            done(len(batch))
    result.overtaken = again.overtaken
    return result


def changed(chain: Chain, batch: Sequence[Stored], topic: str | None = None) -> list[Stored]:
    """Enrich mentions again; returns those in which something changes, or a topic's matches do.

    What was found of what was said before (near copies, the author's rate) stays as it was when the
    mention came, and so does the second pass's word where the first pass is the same as then.
    """
    mentions = [one.mention for one in batch]
    before = [_content(mention, topic) for mention in mentions]
    earlier = [(mention.sentiment, rate_told(mention.noise)) for mention in mentions]
    chain.enrich(mentions)
    for mention, (tone, rate) in zip(mentions, earlier, strict=True):
        first = mention.sentiment
        if tone is not None and first is not None and rests_on(tone, first.by.version):
            mention.sentiment = tone
        mention.noise = with_earlier(mention.noise, mention.author, mention.duplicate, rate)
    return [
        one for one, old in zip(batch, before, strict=True) if _content(one.mention, topic) != old
    ]


def in_force(settings: Settings) -> Chain:
    """The chain as the enrich stage has it now.

    Raises:
        ConfigError: no broker answers, a topic is missing, or this program is older than what is
            in force.
    """
    chain = Chain.build(settings)
    if known := versions.read(settings):
        chain.watch(versions.compiled(known[-1]))
    chain.learn(Relevances(corrections.read(settings)))
    chain.amend(amendments.read(settings))
    trained = models.read(settings)
    for language in {language for language, _ in trained.versions()}:
        try:
            chain.use(trained.active(language))
        except ValueError as error:
            msg = f"the model in force for {language} cannot be read: {error}"
            raise ConfigError(msg) from error
    return chain


def _content(mention: EnrichedMention, topic: str | None) -> object:
    """What must differ for a mention to be published."""
    if topic is not None:
        return [match for match in mention.matches if match.topic == topic]
    processed, mention.processed_at = mention.processed_at, None
    content = encode(mention)
    mention.processed_at = processed
    return content


def _batched(mentions: Iterator[Stored]) -> Iterator[list[Stored]]:
    while batch := list(islice(mentions, _BATCH)):
        yield batch
