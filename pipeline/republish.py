"""Publishes mentions again under their revisions, and never takes the last word from a newer one.

What was read from the index may be old by the time it is published: a newer revision or a deletion
that came meanwhile stands before it on ``mentions.enriched``, and compaction would keep the old
one. So whoever publishes again begins before reading (``republishing``); at the end all that was
said since is read from the topic, and what is newer than a copy behind it is published once more,
as it was. The topic itself is asked, because it is never behind.

Guarantee: when ``republishing`` has ended, by an error too, the newest that was said of each
mention is what was said last. Killed in between (-9), a process may leave an old version last on
the topic, but never in the index.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeAlias

import msgspec
from kafka import TopicPartition
from msgspec import Struct

from pipeline import admin
from pipeline.settings import Settings
from schemas import headers, topics
from schemas.mention import EnrichedMention

__all__ = ["Republisher", "republishing"]

_SHOWN_WITHIN: Final = timedelta(minutes=10)
"""The index shows what the stage has committed after its refresh interval, seconds by default."""

_Word: TypeAlias = tuple[int, bool]
"""A revision, and whether it is a deletion, which ends versions up to its own: in order of time."""


class _Revised(Struct):
    revision: int


_revised = msgspec.json.Decoder(_Revised)


class Republisher:
    """Publishes, and remembers what; ``republishing`` makes and ends it."""

    def __init__(self, settings: Settings, reader: Any, producer: Any) -> None:  # noqa: ANN401 - kafka-python has no types
        self.overtaken = 0
        """Of the mentions published, how many had been replaced or deleted meanwhile."""
        self._topic = settings.kafka.topic(topics.ENRICHED)
        self._reader = reader
        self._producer = producer
        self._version = b""
        self._said: dict[bytes, _Word] = {}
        self._into: set[TopicPartition] = set()
        self._confirmed = True
        self._starts = admin.done(settings, "index")
        before = int((datetime.now(UTC) - _SHOWN_WITHIN).timestamp() * 1_000)
        for partition, at in reader.offsets_for_times(dict.fromkeys(self._starts, before)).items():
            if at:
                self._starts[partition] = min(self._starts[partition], at.offset)

    def publish(self, messages: Iterable[tuple[EnrichedMention, bytes]], version: bytes) -> None:
        """Publish mentions, each with its value, and wait for the brokers.

        Args:
            messages: what to publish.
            version: the watchlist version that it was done with, for the header.
        """
        self._version = version
        self._confirmed = False
        sent = []
        for mention, value in messages:
            key = mention.id.encode()
            self._said[key] = mention.revision, False
            made = [*headers.enriched_headers(mention, ()), (headers.REPROCESSED, version)]
            sent.append(self._producer.send(self._topic, key=key, value=value, headers=made))
        for confirmation in sent:
            self._into.add(TopicPartition(self._topic, confirmation.get().partition))
        self._confirmed = True

    def settle(self) -> None:
        """Let the newest have the last word."""
        partitions = self._into if self._confirmed else set(self._starts)
        self._reader.assign(list(partitions))
        for partition in partitions:
            self._reader.seek(partition, self._starts[partition])
        newer: dict[bytes, Any] = {}
        behind: set[bytes] = set()
        """Mentions whose newest version is not their last."""
        overtaken: set[bytes] = set()
        while partitions:
            for record in self._news(partitions):
                known = self._said.get(record.key)
                if known is None or (word := _word(record)) is None:
                    continue
                if word > known:
                    self._said[record.key] = word
                    newer[record.key] = record
                if record.key in newer:
                    (behind.add if word < known else behind.discard)(record.key)
            if not behind:
                break
            overtaken |= behind
            sent = [self._again(newer[key]) for key in behind]
            for confirmation in sent:
                confirmation.get()
        self.overtaken = len(overtaken)

    def _again(self, record: Any) -> Any:  # noqa: ANN401
        """Publish a message once more, as it was; whoever heard it before is not to be alerted."""
        given = list(record.headers)
        if record.value is not None and not headers.reprocessed(given):
            given.append((headers.REPROCESSED, self._version))
        return self._producer.send(self._topic, key=record.key, value=record.value, headers=given)

    def _news(self, partitions: set[TopicPartition]) -> Iterator[Any]:
        """What was written since this was asked before."""
        ends = self._reader.end_offsets(list(partitions))
        # By position: compaction leaves offsets without a record.
        while any(self._reader.position(each) < ends[each] for each in partitions):
            for batch in self._reader.poll(timeout_ms=500).values():
                yield from batch


@contextmanager
def republishing(settings: Settings) -> Iterator[Republisher]:
    """Begin before the index is read, end when all is published.

    Raises:
        ConfigError: no broker answers, or a topic is missing.
    """
    with admin.consumer(settings) as reader, admin.producer(settings) as producer:
        made = Republisher(settings, reader, producer)
        try:
            yield made
        finally:
            made.settle()


def _word(record: Any) -> _Word | None:  # noqa: ANN401
    """What a message says of its mention; None where it cannot be read, as no stage can."""
    if record.value is None:
        return headers.revision(record.headers, record.timestamp), True
    try:
        return _revised.decode(record.value).revision, False
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
