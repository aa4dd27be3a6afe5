"""Enriches what is indexed again, with the watchlist in force and the models of this program.

Guarantee: only what changes is published, with the revision it had, so that running it twice is
running it once and a newer version that comes meanwhile wins in the index. Each message says in a
header that it was reprocessed; such messages alert nobody. What was deleted meanwhile is deleted
again behind them.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import msgspec
from elasticsearch import Elasticsearch, NotFoundError
from msgspec import Struct

from pipeline import admin, corrections, versions
from pipeline.enrich.chain import Chain
from pipeline.enrich.relevance import Relevances
from pipeline.search import history
from pipeline.settings import Settings
from schemas import headers, topics
from schemas.mention import EnrichedMention, encode

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Result", "publish", "run"]

_BATCH: Final = 500
_INDEXED_WITHIN: Final = 60.0
"""Seconds to wait for the index stage before deletions are looked for."""


class Result(Struct):
    """What was done."""

    looked_at: int = 0
    changed: int = 0
    """Mentions that were published again."""
    deleted: int = 0
    """Of these, deleted meanwhile, and deleted again."""
    settled: bool = True
    """The index had taken up everything when deletions were looked for."""


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
        ConfigError: no broker answers, or a topic is missing.
        elasticsearch.ApiError: the request is refused.
        elasticsearch.TransportError: no answer.
    """
    chain = Chain.build(settings)
    if known := versions.read(settings):
        chain.watch(versions.compiled(known[-1]))
    chain.learn(Relevances(corrections.read(settings)))
    version = chain.watchlist.by.version.encode()
    alias = settings.elasticsearch.alias
    result = Result()
    published: dict[str, EnrichedMention] = {}
    with admin.producer(settings) as producer:
        for batch in _batched(history.mentions(client, alias, since)):
            before = [_content(mention, topic) for mention in batch]
            chain.enrich(batch)
            changed = [
                mention
                for mention, old in zip(batch, before, strict=True)
                if _content(mention, topic) != old
            ]
            publish(producer, settings, changed, version)
            published |= {mention.id: _slim(mention) for mention in changed}
            result.looked_at += len(batch)
            result.changed += len(changed)
            done(len(batch))
        if published:
            result.settled = _await_index(settings)
            result.deleted = _delete_again(producer, settings, client, published)
    return result


def _content(mention: EnrichedMention, topic: str | None) -> object:
    """What must differ for a mention to be published."""
    if topic is not None:
        return [match for match in mention.matches if match.topic == topic]
    processed, mention.processed_at = mention.processed_at, None
    content = encode(mention)
    mention.processed_at = processed
    return content


def publish(
    producer: Any,  # noqa: ANN401 - kafka-python has no types
    settings: Settings,
    mentions: "Iterable[EnrichedMention]",
    version: bytes,
) -> None:
    """Publish mentions again under their revisions, and wait for the brokers.

    Args:
        producer: a confirming producer.
        settings: where to.
        mentions: what to publish.
        version: what they were done with, for the header.
    """
    name = settings.kafka.topic(topics.ENRICHED)
    sent = [
        producer.send(
            name,
            key=mention.id.encode(),
            value=encode(mention),
            headers=[
                *headers.enriched_headers(mention, ()),
                (headers.REPROCESSED, version),
            ],
        )
        for mention in mentions
    ]
    for confirmation in sent:
        confirmation.get()


def _slim(mention: EnrichedMention) -> EnrichedMention:
    """Without what takes room: all that a deletion needs."""
    return msgspec.structs.replace(mention, text="", entities=(), matches=(), targets=())


def _await_index(settings: Settings) -> bool:
    """Wait until the index stage has taken up what was published; False where it does not."""
    deadline = time.monotonic() + _INDEXED_WITHIN
    while any(lag.lag for lag in admin.lag(settings) if lag.stage == "index"):
        if time.monotonic() > deadline:
            return False
        time.sleep(1)
    return True


def _delete_again(
    producer: Any,  # noqa: ANN401
    settings: Settings,
    client: Elasticsearch,
    published: dict[str, EnrichedMention],
) -> int:
    """Publish the tombstones of what was deleted while it was being read.

    The index knows better than to bring it back; the topic, compacted, would not.
    """
    name = settings.kafka.topic(topics.ENRICHED)
    sent = []
    for mention_id, revision in _deletions(client, settings.elasticsearch.alias, list(published)):
        mention = published[mention_id]
        if revision >= mention.revision:
            tombstone = headers.tombstone_headers(mention_id, revision, mention.collector.source)
            sent.append(producer.send(name, key=mention_id.encode(), headers=tombstone))
    for confirmation in sent:
        confirmation.get()
    return len(sent)


def _deletions(client: Elasticsearch, alias: str, ids: Sequence[str]) -> Iterator[tuple[str, int]]:
    """The deleted ones among some mentions, and the revision up to which they are."""
    for start in range(0, len(ids), _BATCH):
        try:
            answer = client.mget(index=f"{alias}-tombstones", ids=ids[start : start + _BATCH])
        except NotFoundError:
            return
        for found in answer["docs"]:
            if found.get("found") and found["_source"]["deleted"]:
                yield found["_id"], found["_version"]


def _batched(mentions: Iterator[EnrichedMention]) -> Iterator[list[EnrichedMention]]:
    while batch := list(islice(mentions, _BATCH)):
        yield batch
