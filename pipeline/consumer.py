"""Faust's consumer, reading by the poll and remembering what is done by the range.

Faust hands every record through its streams on its own, which costs some 100 µs each, and keeps
lists of acknowledged offsets whose gaps it may commit past. Here the records of one poll travel as
one message, so that this cost is paid once a poll, and what is acknowledged is a range of each
partition: the committed offset moves when a range continues what is done before it, and never past
one that was left.

What Faust acknowledges by itself without it having been handled (it does so with messages that are
still in a stream when a rebalance begins) counts as left: only ``Poll.deliver`` says it is done.

Unit of parallelism: the process. Group, assignor, rebalancing, web and the rest stay Faust's.
"""

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Final, TypeAlias

from aiokafka.errors import KafkaError
from aiokafka.structs import ConsumerRecord
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from faust.types.tuples import ConsumerMessage, ack_lock
from mode.utils.futures import notify

__all__ = ["Poll", "PollConsumer", "PollTransport", "Progress", "Ranges"]

# Faust files each message under a partition. A poll has many: all are filed under this one, by
# their running number.
_EVERY: Final = TP("", -1)

Ranges: TypeAlias = Mapping[TP, tuple[int, int]]
"""Per partition the offset of the first record, and one past the last."""


class Progress:
    """How far each partition is handed out, done and committed."""

    def __init__(self) -> None:
        self._next: dict[TP, int] = {}
        self._done: dict[TP, int] = {}
        self._committed: dict[TP, int] = {}

    def hand_out(self, tp: TP, first: int, last: int) -> tuple[int, int]:
        """The range of a partition's records with these offsets.

        It begins where the one before it ends: offsets between the two do not exist any more.
        """
        begin = self._next.get(tp, first)
        self._next[tp] = last + 1
        self._done.setdefault(tp, begin)
        return begin, last + 1

    def finish(self, ranges: Ranges) -> None:
        """These records are done; of no effect where something before them is not."""
        for tp, (begin, end) in ranges.items():
            done = self._done.get(tp)
            if done is not None and begin <= done < end:
                self._done[tp] = end

    def committable(self) -> dict[TP, int]:
        """Offsets that may be committed and are not."""
        return {tp: done for tp, done in self._done.items() if done > self._committed.get(tp, -1)}

    def committed(self, tp: TP) -> int:
        """Up to where a partition is committed; 0 where that is unknown."""
        return self._committed.get(tp, 0)

    def commit(self, offsets: Mapping[TP, int]) -> None:
        """The broker knows these offsets."""
        self._committed.update(offsets)

    def go_back(self, tp: TP, offset: int) -> None:
        """Reading goes on from here: the committed offset, or the first where there is none."""
        self._next[tp] = self._committed[tp] = offset
        self._done[tp] = max(self._done.get(tp, offset), offset)

    def in_hand(self, tp: TP) -> bool:
        """Whether a record was handed out that is not done yet."""
        return self._next.get(tp) != self._done.get(tp)

    def skip(self, tp: TP, offset: int) -> None:
        """Nothing stands before this offset that was not handed out."""
        if not self.in_hand(tp) and offset > self._next.get(tp, offset):
            self._next[tp] = self._done[tp] = offset

    def forget(self, tps: Iterable[TP]) -> None:
        """These partitions are somebody else's now."""
        for tp in tps:
            for known in (self._next, self._done, self._committed):
                known.pop(tp, None)


class Poll(ConsumerMessage):
    """The records of one poll, as one message of Faust's.

    Args:
        number: counts the polls of a consumer.
        records: in order, partition by partition; at least one.
        ranges: where they stand.
        generation: of the consumer group's assignment.
    """

    def __init__(
        self,
        number: int,
        records: Sequence[ConsumerRecord],
        ranges: Ranges,
        generation: int,
    ) -> None:
        first = records[0]
        super().__init__(
            first.topic,
            first.partition,
            number,
            first.timestamp / 1_000,
            first.timestamp_type,
            [],
            None,
            b"",
            None,
            tp=TP(first.topic, first.partition),
            generation_id=generation,
        )
        self.records = records
        self.ranges = ranges
        self.delivered = False

    def deliver(self) -> None:
        """Say that all of it is done; to be acknowledged next."""
        self.delivered = True


class PollConsumer(driver.Consumer):
    """A consumer of polls."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - Faust's own
        self._polls = 0
        self._progress = Progress()
        super().__init__(*args, **kwargs)

    def lag(self) -> dict[TP, tuple[int, int]]:
        """Of each partition owned: messages not yet committed, and the committed offset."""
        found = {}
        for tp in self.assignment():
            committed = self._progress.committed(tp)
            found[tp] = (max((self.highwater(tp) or 0) - committed, 0), committed)
        return found

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, Poll]]:  # noqa: ASYNC109 - Faust's
        """What came since the last poll, if anything came within ``timeout`` seconds."""
        records, _ = await self._wait_next_records(timeout)
        if self.should_stop:
            return
        if not self.flow_active:
            # A rebalance has begun meanwhile; what was fetched is read again by the next owner.
            try:
                await self.perform_seek()
            except (KafkaError, AssertionError) as error:
                # The assignment changed under it. The end of the rebalance seeks again.
                self.log.warning("going back to what is committed: %r", error)
            return
        if not records:
            await self._pass_over()
            return
        ranges = {}
        every: list[ConsumerRecord] = []
        for (topic, partition), found in records.items():
            tp = TP(topic, partition)
            ranges[tp] = self._progress.hand_out(tp, found[0].offset, found[-1].offset)
            every += found
        self._polls += 1
        yield _EVERY, Poll(self._polls, every, ranges, self.app.consumer_generation_id)

    async def perform_seek(self) -> None:
        """Go back to what is committed."""
        await super().perform_seek()
        offsets = {tp: self._read_offset[tp] for tp in self.assignment()}
        # Where nothing is committed aiokafka leaves the position as it is, which may be past
        # records that were fetched and given up.
        bare = [tp for tp, offset in offsets.items() if not offset]
        if bare:
            first = await self.earliest_offsets(*bare)
            offsets |= {TP(*tp): offset for tp, offset in first.items()}
            for tp in bare:
                await self._seek(tp, offsets[tp])
        for tp, offset in offsets.items():
            self._progress.go_back(tp, offset)

    async def _pass_over(self) -> None:
        """Take offsets that hold no record, such as the ends of transactions, for done."""
        for tp in self.assignment():
            behind = (self.highwater(tp) or 0) > self._progress.committed(tp)
            if behind and not self._progress.in_hand(tp):
                self._progress.skip(tp, await self.position(tp) or 0)

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Wait for what is in hand, commit what is done, and forget the partitions."""
        await super().on_partitions_revoked(revoked)
        self._progress.forget(revoked)

    def ack(self, message: Poll) -> bool:
        """Note that a poll is done; or, unless it was delivered, that nobody works on it."""
        with ack_lock:
            if message.acked:
                return False
            message.acked = True
            self._unacked_messages.discard(message)
            if message.delivered:
                self._progress.finish(message.ranges)
            notify(self._waiting_for_ack)
            return True

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[TP]:  # noqa: ANN401
        wanted = self._progress.committable()
        return (tp for tp in wanted if topics is None or tp in topics or tp.topic in topics)

    def _filter_committable_offsets(self, tps: Iterable[TP]) -> dict[TP, int]:
        wanted = self._progress.committable()
        return {tp: wanted[tp] for tp in tps if tp in wanted}

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        # Faust takes a commit that failed for done; here it is tried again.
        done: bool = await super()._commit(offsets)
        if done:
            self._progress.commit(offsets)
        return done

    def on_buffer_full(self, tp: TP) -> None:
        """Nothing: a full stream makes the next poll wait, all partitions alike."""

    def on_buffer_drop(self, tp: TP) -> None:
        """Nothing, as above."""

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Nothing: Faust only logs what the watchdog of ``pipeline.app`` acts upon."""


class PollTransport(driver.Transport):
    """Faust's aiokafka transport with this consumer."""

    Consumer: ClassVar[type] = PollConsumer
