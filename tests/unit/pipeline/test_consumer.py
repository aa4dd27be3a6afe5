"""What may be committed. Reading and rebalancing for real: tests/integration."""

from collections.abc import Mapping

import pytest
from faust.transport.drivers.aiokafka import Consumer
from faust.types import TP
from hypothesis import given
from hypothesis import strategies as st

from pipeline.consumer import PollConsumer, Progress

ONE, TWO = TP("mentions.raw", 0), TP("mentions.raw", 1)


def test_what_is_done_is_committed_partition_by_partition() -> None:
    progress = Progress()
    first = {ONE: progress.hand_out(ONE, 5, 7), TWO: progress.hand_out(TWO, 0, 0)}
    second = {ONE: progress.hand_out(ONE, 8, 8)}
    assert first == {ONE: (5, 8), TWO: (0, 1)}
    progress.finish(first)
    assert progress.committable() == {ONE: 8, TWO: 1}
    progress.commit({ONE: 8, TWO: 1})
    assert progress.committable() == {}
    progress.finish(second)
    assert progress.committable() == {ONE: 9}
    assert progress.committed(ONE) == 8


def test_nothing_is_committed_past_what_was_left() -> None:
    progress = Progress()
    ranges = [{ONE: progress.hand_out(ONE, n, n + 1)} for n in (0, 2, 4)]
    progress.finish(ranges[0])
    progress.finish(ranges[2])
    assert progress.committable() == {ONE: 2}


def test_a_hole_before_the_first_commit_is_not_jumped() -> None:
    progress = Progress()
    progress.hand_out(ONE, 3, 3)
    progress.finish({ONE: progress.hand_out(ONE, 4, 4)})
    assert progress.committable() == {ONE: 3}


def test_offsets_that_compaction_left_out_do_not_hold_up() -> None:
    progress = Progress()
    for first, last in ((3, 3), (10, 17)):
        progress.finish({ONE: progress.hand_out(ONE, first, last)})
    assert progress.committable() == {ONE: 18}


def test_after_going_back_what_was_in_hand_and_what_is_read_again_both_count() -> None:
    progress = Progress()
    progress.finish({ONE: progress.hand_out(ONE, 0, 1)})
    late = {ONE: progress.hand_out(ONE, 2, 4)}
    progress.go_back(ONE, 2)
    again = {ONE: progress.hand_out(ONE, 2, 3)}
    progress.finish(late)
    progress.finish(again)
    assert progress.committable() == {ONE: 5}
    progress.finish({ONE: progress.hand_out(ONE, 4, 5)})
    assert progress.committable() == {ONE: 6}


def test_going_back_to_the_first_record_counts_from_there() -> None:
    progress = Progress()
    progress.hand_out(ONE, 3, 9)
    progress.go_back(ONE, 3)
    assert progress.hand_out(ONE, 5, 6) == (3, 7)


def test_offsets_without_a_record_are_done_when_nothing_is_in_hand() -> None:
    progress = Progress()
    progress.go_back(ONE, 0)
    held = {ONE: progress.hand_out(ONE, 0, 4)}
    progress.skip(ONE, 6)
    assert progress.committable() == {}
    progress.finish(held)
    progress.skip(ONE, 6)
    assert progress.committable() == {ONE: 6}
    progress.skip(ONE, 2)
    assert progress.committable() == {ONE: 6}


def test_what_is_finished_after_the_partition_went_elsewhere_is_not_committed() -> None:
    progress = Progress()
    held = {ONE: progress.hand_out(ONE, 0, 1)}
    progress.forget([ONE])
    progress.finish(held)
    assert progress.committable() == {}


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(0, 3), st.booleans()), max_size=20))
def test_the_offset_is_the_end_of_what_is_done_without_a_gap(
    polls: list[tuple[int, int, bool]],
) -> None:
    progress = Progress()
    at, expected, whole = 0, 0, True
    ranges = []
    for length, compacted, finished in polls:
        first = at + compacted
        at = first + length
        ranges.append((progress.hand_out(ONE, first, at - 1), finished))
        if len(ranges) == 1:
            expected = first
    for held, finished in ranges:
        whole = whole and finished
        if finished:
            progress.finish({ONE: held})
        if whole:
            expected = held[1]
    assert progress.committable() == ({ONE: expected} if polls else {})


class Bare(PollConsumer):
    """A consumer without a broker: what is committed is scripted, seeks are noted."""

    def __init__(self, committed: Mapping[TP, int | None]) -> None:
        self._progress = Progress()
        self._read_offset = dict(committed)
        self.seeks: dict[TP, int] = {}

    def assignment(self) -> set[TP]:
        return set(self._read_offset)

    async def earliest_offsets(self, *partitions: TP) -> Mapping[TP, int]:
        return dict.fromkeys(partitions, 3)

    async def _seek(self, partition: TP, offset: int) -> None:
        self.seeks[partition] = offset


async def test_where_nothing_is_committed_going_back_is_going_to_the_first_record(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def nothing(_: object) -> None: ...

    # aiokafka seeks only to offsets above 0: records given up in a rebalance would be skipped.
    monkeypatch.setattr(Consumer, "perform_seek", nothing)
    consumer = Bare({ONE: None, TWO: 7})
    given_up = consumer._progress.hand_out(ONE, 3, 9)
    assert given_up == (3, 10)
    await consumer.perform_seek()
    assert consumer.seeks == {ONE: 3}
    consumer._progress.finish({ONE: consumer._progress.hand_out(ONE, 3, 4)})
    assert consumer._progress.committable() == {ONE: 5}
    assert consumer._progress.committed(TWO) == 7
