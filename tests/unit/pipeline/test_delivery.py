import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiokafka.errors import (
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    NotLeaderForPartitionError,
    OutOfOrderSequenceNumber,
)

from pipeline import delivery, metrics
from pipeline.delivery import Delivery, Record
from pipeline.errors import Fatal, Rejected, Retryable
from pipeline.outcome import Ok, Outcome, Outgoing, Reject, Retry
from schemas import topics


@dataclass
class Message:
    """A record that notes its acknowledgement."""

    offset: int
    value: bytes | None = b"{}"
    topic: str = "source"
    partition: int = 0
    timestamp: int = 0
    headers: Sequence[tuple[str, bytes]] = (("ce_id", b"1"),)
    acked: bool = False

    @property
    def key(self) -> bytes:
        return b"k%d" % self.offset


@dataclass
class Taken:
    """A batch that notes what became of it."""

    records: Sequence[Message]
    left: bool = False

    def ack(self) -> None:
        for record in self.records:
            record.acked = True

    def leave(self) -> None:
        self.left = True


Answer = Callable[[Outgoing], BaseException | None]


@dataclass
class Broker:
    """A producer whose confirmations are scripted."""

    answer: Answer = lambda _: None
    confirmed: list[Outgoing] = field(default_factory=list)

    async def send(
        self,
        topic: str,
        value: bytes | None = None,
        key: bytes | None = None,
        *,
        headers: Sequence[tuple[str, bytes]] | None = None,
    ) -> Awaitable[object]:
        message = Outgoing(topic, key, value, list(headers or ()))

        async def confirm() -> None:
            if error := self.answer(message):
                raise error
            self.confirmed.append(message)

        return confirm()


class Held:
    """A producer whose messages are confirmed when the test says so."""

    def __init__(self) -> None:
        self.sent: list[bytes | None] = []
        self._open: dict[bytes | None, asyncio.Future[object]] = {}

    async def send(
        self,
        topic: str,  # noqa: ARG002 - the producer's own
        value: bytes | None = None,  # noqa: ARG002
        key: bytes | None = None,
        *,
        headers: Sequence[tuple[str, bytes]] | None = None,  # noqa: ARG002
    ) -> Awaitable[object]:
        self.sent.append(key)
        self._open[key] = asyncio.get_running_loop().create_future()
        return self._open[key]

    def confirm(self, *keys: bytes) -> None:
        for key in keys:
            self._open.pop(key).set_result(None)

    def refuse(self, key: bytes, error: BaseException) -> None:
        self._open.pop(key).set_exception(error)


class Script:
    """A stage that answers by a function of the record and the number of the attempt."""

    name = "script"
    source = topics.RAW

    def __init__(self, answer: Callable[[Record, int], Outcome]) -> None:
        self._answer = answer
        self.seen: list[list[int]] = []

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    async def handle(self, batch: Sequence[Record]) -> Sequence[Outcome]:
        self.seen.append([record.offset for record in batch])
        return [self._answer(record, len(self.seen)) for record in batch]


def out(record: Record) -> Ok:
    return Ok((Outgoing("target", record.key, record.value, list(record.headers)),))


async def batches(*groups: Sequence[Message]) -> AsyncIterator[Taken]:
    for group in groups:
        yield Taken(group)


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "_BACKOFF", lambda _: 0.001)


def died(code: int) -> None:
    raise SystemExit(code)


async def run(stage: Script, broker: Broker, *groups: Sequence[Message]) -> None:
    await Delivery(stage, broker, die=died).run(batches(*groups))


async def test_outputs_are_published_in_order_and_then_acknowledged() -> None:
    messages = [Message(n) for n in range(5)]
    broker = Broker()
    sent = metrics.SENT.labels(Script.name, out(messages[0]).outputs[0].topic)
    before = sent._value.get()
    await run(Script(lambda record, _: out(record)), broker, messages[:3], messages[3:])
    assert [message.key for message in broker.confirmed] == [b"k0", b"k1", b"k2", b"k3", b"k4"]
    assert all(message.acked for message in messages)
    assert sent._value.get() == before + 5


async def test_only_what_failed_is_tried_again_and_order_is_kept() -> None:
    def answer(record: Record, attempt: int) -> Outcome:
        return Retry("busy") if record.offset == 1 and attempt < 3 else out(record)

    stage, broker = Script(answer), Broker()
    await run(stage, broker, [Message(n) for n in range(3)])
    assert stage.seen == [[0, 1, 2], [1], [1]]
    assert [message.key for message in broker.confirmed] == [b"k0", b"k1", b"k2"]


async def test_nothing_is_acknowledged_before_the_broker_confirmed() -> None:
    message = Message(0)
    acked_when_sent: list[bool] = []

    def answer(_: Outgoing) -> None:
        acked_when_sent.append(message.acked)

    await run(Script(lambda record, _: out(record)), Broker(answer), [message])
    assert acked_when_sent == [False]
    assert message.acked


async def test_a_rejected_record_is_dead_lettered_whole_with_the_reason() -> None:
    broker = Broker()
    await run(
        Script(lambda _, __: Reject("BadThing", "because")), broker, [Message(7, value=b"\xff\x00")]
    )
    (letter,) = broker.confirmed
    assert (letter.topic, letter.key, letter.value) == (topics.DEAD_LETTER.name, b"k7", b"\xff\x00")
    headers = dict(letter.headers)
    assert headers["ce_id"] == b"1"
    assert headers["dlq_stage"] == b"script"
    assert headers["dlq_error"] == b"BadThing"
    assert headers["dlq_reason"] == b"because"
    assert headers["dlq_topic"] == b"source"
    assert headers["dlq_offset"] == b"7"
    assert headers["dlq_attempts"] == b"1"


async def test_a_dead_letter_that_is_rejected_is_no_new_dead_letter() -> None:
    broker = Broker()
    letter, other = Message(0, topic=topics.DEAD_LETTER.name), Message(1)
    await run(Script(lambda _, __: Reject("BadThing", "because")), broker, [letter, other])
    assert [message.key for message in broker.confirmed] == [b"k1"]
    assert letter.acked


async def test_attempts_are_counted_for_the_record_that_is_rejected() -> None:
    def answer(_: Record, attempt: int) -> Outcome:
        return Retry("busy") if attempt < 3 else Reject("E", "r")

    broker = Broker()
    await run(Script(answer), broker, [Message(0)])
    assert dict(broker.confirmed[0].headers)["dlq_attempts"] == b"3"


@pytest.mark.parametrize("error", [ValueError("odd"), Rejected("odd"), RecursionError("odd")])
async def test_a_record_that_raises_does_not_take_its_neighbours_along(error: Exception) -> None:
    def answer(record: Record, _: int) -> Outcome:
        if record.offset == 1:
            raise error
        return out(record)

    broker = Broker()
    messages = [Message(n) for n in range(3)]
    await run(Script(answer), broker, messages)
    assert [(m.topic, m.key) for m in broker.confirmed] == [
        ("target", b"k0"),
        (topics.DEAD_LETTER.name, b"k1"),
        ("target", b"k2"),
    ]
    assert dict(broker.confirmed[1].headers)["dlq_error"] == type(error).__name__.encode()
    assert all(message.acked for message in messages)


async def test_retryable_makes_the_whole_batch_wait() -> None:
    def answer(record: Record, attempt: int) -> Outcome:
        if attempt < 4:
            raise Retryable("down")
        return out(record)

    stage, broker = Script(answer), Broker()
    await run(stage, broker, [Message(0), Message(1)])
    assert stage.seen == [[0, 1]] * 4
    assert len(broker.confirmed) == 2


@pytest.mark.parametrize("error", [NotLeaderForPartitionError(), KafkaTimeoutError()])
async def test_publishing_is_repeated_until_the_broker_confirms(error: Exception) -> None:
    failures = iter([error, error, None, None])
    broker = Broker(lambda message: next(failures) if message.key == b"k0" else None)
    messages = [Message(0), Message(1)]
    await run(Script(lambda record, _: out(record)), broker, messages)
    assert sorted(message.key or b"" for message in broker.confirmed) == [b"k0", b"k1"]
    assert all(message.acked for message in messages)


async def test_an_output_too_large_for_its_topic_is_dead_lettered() -> None:
    broker = Broker(
        lambda message: MessageSizeTooLargeError() if message.topic == "target" else None
    )
    await run(Script(lambda record, _: out(record)), broker, [Message(0)])
    (letter,) = broker.confirmed
    assert letter.topic == topics.DEAD_LETTER.name
    assert dict(letter.headers)["dlq_error"] == b"MessageTooLarge"


@pytest.mark.parametrize(
    "broker",
    [
        Broker(lambda _: MessageSizeTooLargeError()),
        Broker(lambda _: OutOfOrderSequenceNumber()),
    ],
    ids=["no room for the dead letter", "the producer is out of step"],
)
async def test_what_can_be_neither_delivered_nor_dead_lettered_ends_the_process(
    broker: Broker,
) -> None:
    message = Message(0)
    with pytest.raises(SystemExit) as ended:
        await run(Script(lambda record, _: out(record)), broker, [message])
    assert ended.value.code != 0
    assert not message.acked


async def test_a_stage_that_forgets_a_record_ends_the_process() -> None:
    class Forgetful(Script):
        async def handle(self, batch: Sequence[Record]) -> Sequence[Outcome]:
            return [out(record) for record in batch[1:]]

    messages = [Message(0), Message(1)]
    with pytest.raises(SystemExit):
        await run(Forgetful(lambda record, _: out(record)), Broker(), messages)
    assert not any(message.acked for message in messages)


async def test_deliver_says_what_is_fatal() -> None:
    loop = Delivery(Script(lambda record, _: out(record)), Broker(lambda _: ValueError("?")))
    with pytest.raises(Fatal):
        await loop.deliver([Message(0)])


async def test_what_is_let_go_stays_unacknowledged_and_so_does_what_follows_it() -> None:
    down = True

    def answer(record: Record, _: int) -> Outcome:
        return Retry("down") if down else out(record)

    first, second, third = (Taken([Message(n)]) for n in range(3))
    broker = Broker()
    loop = Delivery(Script(answer), broker, die=died)

    async def source() -> AsyncIterator[Taken]:
        nonlocal down
        yield first
        down = False
        yield second
        loop.take_up()
        yield third

    running = asyncio.create_task(loop.run(source()))
    while loop.beats < 3:  # noqa: ASYNC110 - what is awaited is that the loop keeps retrying
        await asyncio.sleep(0.001)
    loop.let_go()
    await running
    taken = (first, second, third)
    assert [batch.left for batch in taken] == [True, True, False]
    assert [batch.records[0].acked for batch in taken] == [False, False, True]
    assert [message.key for message in broker.confirmed] == [b"k2"]


async def test_what_can_be_settled_at_once_is_not_let_go() -> None:
    message = Message(0)
    loop = Delivery(Script(lambda record, _: out(record)), Broker(), die=died)

    async def source() -> AsyncIterator[Taken]:
        loop.let_go()
        yield Taken([message])

    await loop.run(source())
    assert message.acked


async def test_an_outage_is_reported_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    def answer(record: Record, attempt: int) -> Outcome:
        return Retry("the index is away") if attempt < 20 else out(record)

    with caplog.at_level(logging.WARNING, "pipeline.delivery"):
        await run(Script(answer), Broker(), [Message(0)])
    assert [record.getMessage() for record in caplog.records] == [
        "script: waiting since 0 s: the index is away"
    ]


async def test_what_follows_a_failed_message_of_its_key_is_sent_again_behind_it() -> None:
    failing = [KafkaTimeoutError(), None]

    def answer(message: Outgoing) -> BaseException | None:
        return failing.pop(0) if message.value == b"v1" and failing else None

    broker = Broker(answer)
    records = [Message(0, b"v1"), Message(0, None), Message(1, b"other")]
    await run(Script(lambda record, _: out(record)), broker, records)
    mine = [message.value for message in broker.confirmed if message.key == b"k0"]
    assert mine[-2:] == [b"v1", None]
    assert [m.value for m in broker.confirmed if m.key == b"k1"] == [b"other"]


async def test_a_topic_that_does_not_answer_is_asked_once_a_round() -> None:
    asked: list[bytes | None] = []

    class Deaf(Broker):
        async def send(
            self,
            topic: str,
            value: bytes | None = None,
            key: bytes | None = None,
            *,
            headers: Sequence[tuple[str, bytes]] | None = None,
        ) -> Awaitable[object]:
            asked.append(key)
            if len(asked) == 1:
                raise KafkaTimeoutError
            return await super().send(topic, value, key, headers=headers)

    broker = Deaf()
    await run(Script(lambda record, _: out(record)), broker, [Message(n) for n in range(3)])
    assert asked == [b"k0", b"k0", b"k1", b"k2"]
    assert [message.key for message in broker.confirmed] == [b"k0", b"k1", b"k2"]


async def test_a_confirmation_that_does_not_come_is_an_outage_that_can_be_left(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(delivery, "_CONFIRM_WITHIN", 0.001)

    loop = Delivery(Script(lambda record, _: out(record)), Held(), die=died)
    batch = Taken([Message(0)])

    async def source() -> AsyncIterator[Taken]:
        yield batch

    with caplog.at_level(logging.WARNING, "pipeline.delivery"):
        running = asyncio.create_task(loop.run(source()))
        while loop.beats < 3:  # noqa: ASYNC110 - what is awaited is that the loop goes on waiting
            await asyncio.sleep(0.001)
        assert loop.waiting_for == "the broker does not confirm 1 messages"
        loop.let_go()
        await running
    assert batch.left
    assert [record.getMessage() for record in caplog.records] == [
        "script: waiting since 0 s: the broker does not confirm 1 messages"
    ]


async def test_a_letter_that_is_too_large_is_cut_and_says_so() -> None:
    def answer(message: Outgoing) -> BaseException | None:
        large = len(message.value or b"") > 2_000_000
        return MessageSizeTooLargeError() if large else None

    broker = Broker(answer)
    message = Message(0, b"x" * 5_000_000, headers=[("own", b"1" * 100)])
    await run(Script(lambda *_: Reject("Bad", "why")), broker, [message])
    (letter,) = broker.confirmed
    assert letter.value == b"x" * 1_048_576
    headers = dict(letter.headers)
    assert headers["dlq_truncated"] == b"5000000"
    assert headers["dlq_offset"] == b"0"
    assert "own" not in headers
    assert message.acked


class Ahead(Script):
    """A stage that does not ask what became of its outputs.

    Args:
        held: handling its second batch takes until the test sets ``free``.
    """

    ahead = True

    def __init__(self, *, held: bool = False) -> None:
        super().__init__(lambda record, _: out(record))
        self.free = asyncio.Event()
        if not held:
            self.free.set()

    async def handle(self, batch: Sequence[Record]) -> Sequence[Outcome]:
        outcomes = await super().handle(batch)
        if len(self.seen) > 1:
            await self.free.wait()
        return outcomes


class Running:
    """A loop with two batches: messages 0 and 1, and message 2; more come later, if at all."""

    def __init__(self, stage: Script | None = None, broker: Held | None = None) -> None:
        self.stage = stage or Ahead()
        self.broker = broker or Held()
        self.codes: list[int] = []
        self.loop = Delivery(self.stage, self.broker, die=self.codes.append)
        self.first, self.second = Taken([Message(0), Message(1)]), Taken([Message(2)])
        self.coming: asyncio.Queue[Taken | None] = asyncio.Queue()
        for batch in (self.first, self.second):
            self.coming.put_nowait(batch)
        self.running = asyncio.create_task(self.loop.run(self._batches()))

    async def _batches(self) -> AsyncIterator[Taken]:
        while batch := await self.coming.get():
            yield batch

    async def end(self) -> None:
        self.coming.put_nowait(None)
        await self.running

    @property
    def acked(self) -> list[int]:
        messages = [*self.first.records, *self.second.records]
        return [message.offset for message in messages if message.acked]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - nobody says when
            await asyncio.sleep(0.001)


async def a_while() -> None:
    """For what must not happen to happen."""
    await asyncio.sleep(0.01)


async def test_the_next_batch_is_handled_while_the_one_before_is_on_its_way() -> None:
    it = Running()
    await until(lambda: it.stage.seen == [[0, 1], [2]])
    assert it.broker.sent == [b"k0", b"k1"]
    assert it.acked == []
    it.broker.confirm(b"k0", b"k1")
    await until(lambda: it.broker.sent == [b"k0", b"k1", b"k2"])
    assert it.acked == [0, 1]
    it.broker.confirm(b"k2")
    await until(lambda: it.acked == [0, 1, 2])  # although none comes after it
    await it.end()


async def test_outputs_have_left_before_a_stage_that_may_block_works_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(delivery, "_HEAD_START", 0.02)
    left: list[str] = []

    class Slow(Held):
        """Takes its time for each message, and a few turns of the loop to write them."""

        async def send(self, *message: Any, **more: Any) -> Awaitable[object]:
            time.sleep(0.03)  # noqa: ASYNC251 - as a producer that packs hundreds
            self._writing = asyncio.create_task(self._write())
            return await super().send(*message, **more)

        async def _write(self) -> None:
            for _ in range(6):
                await asyncio.sleep(0)
            left.append("outputs")

    class Noting(Ahead):
        async def handle(self, batch: Sequence[Record]) -> Sequence[Outcome]:
            left.append("next")
            return await super().handle(batch)

    it = Running(Noting(), Slow())
    await until(lambda: len(left) == 4)
    assert left == ["next", "outputs", "outputs", "next"]
    it.running.cancel()


async def test_a_stage_that_asks_for_its_outputs_is_handed_nothing_ahead() -> None:
    it = Running(Script(lambda record, _: out(record)))
    await until(lambda: it.broker.sent == [b"k0", b"k1"])
    await a_while()
    assert it.stage.seen == [[0, 1]]
    it.broker.confirm(b"k0", b"k1")
    await until(lambda: it.stage.seen == [[0, 1], [2]])
    assert it.acked == [0, 1]
    it.running.cancel()


@pytest.mark.parametrize("order", [(b"k0", b"k1"), (b"k1", b"k0")])
async def test_nothing_is_sent_before_all_of_the_batch_before_is_confirmed(
    order: tuple[bytes, bytes],
) -> None:
    it = Running()
    await until(lambda: len(it.stage.seen) == 2)
    for key in order:
        await a_while()
        assert it.broker.sent == [b"k0", b"k1"]
        assert it.acked == []
        it.broker.confirm(key)
    await until(lambda: it.broker.sent == [b"k0", b"k1", b"k2"])
    assert it.acked == [0, 1]
    it.running.cancel()


async def test_what_failed_is_sent_again_before_the_next_batch() -> None:
    it = Running()
    await until(lambda: len(it.stage.seen) == 2)
    it.broker.refuse(b"k0", KafkaTimeoutError())
    it.broker.confirm(b"k1")
    await until(lambda: it.broker.sent == [b"k0", b"k1", b"k0"])
    await a_while()
    assert it.broker.sent == [b"k0", b"k1", b"k0"]
    assert it.acked == []
    it.broker.confirm(b"k0")
    await until(lambda: it.broker.sent[3:] == [b"k2"])
    it.running.cancel()


@pytest.mark.parametrize("soon", [False, True], ids=["", "taken up before it is its turn"])
async def test_what_was_handled_ahead_of_a_batch_that_is_left_is_left(
    monkeypatch: pytest.MonkeyPatch, soon: bool
) -> None:
    monkeypatch.setattr(delivery, "_CONFIRM_WITHIN", 0.001)
    stage = Ahead(held=True)
    it = Running(stage)
    await until(lambda: len(stage.seen) == 2)
    it.loop.let_go()
    await until(lambda: it.first.left)
    if soon:
        it.loop.take_up()
    stage.free.set()
    await until(lambda: it.second.left)
    third, fourth = Taken([Message(3)]), Taken([Message(4)])
    it.coming.put_nowait(third)
    await until(lambda: third.left)
    assert it.broker.sent == [b"k0", b"k1"]
    assert it.acked == []
    it.loop.take_up()
    it.coming.put_nowait(fourth)
    await until(lambda: it.broker.sent[2:] == [b"k4"])
    it.broker.confirm(b"k4")
    await it.end()
    assert fourth.records[0].acked


async def test_a_batch_may_be_left_while_the_one_before_is_delivered() -> None:
    class Busy(Ahead):
        async def handle(self, batch: Sequence[Record]) -> Sequence[Outcome]:
            outcomes = await super().handle(batch)
            return [Retry("down")] if batch[0].offset == 2 else outcomes

    it = Running(Busy())
    await until(lambda: it.loop.waiting_for == "down")
    it.loop.let_go()
    await until(lambda: it.second.left)
    assert not it.first.left
    it.broker.confirm(b"k0", b"k1")
    await it.end()
    assert it.acked == [0, 1]


async def test_what_cannot_be_delivered_ends_the_process_beside_what_is_handled() -> None:
    it = Running()
    await until(lambda: len(it.stage.seen) == 2)
    it.broker.refuse(b"k0", OutOfOrderSequenceNumber())
    it.broker.confirm(b"k1")
    with pytest.raises(ExceptionGroup) as raised:
        await it.running
    assert raised.value.subgroup(Fatal)
    assert set(it.codes) == {70}
    assert it.acked == []
    assert it.broker.sent == [b"k0", b"k1"]


async def test_what_cannot_be_delivered_ends_the_process_although_no_batch_comes() -> None:
    it = Running()
    await until(lambda: len(it.stage.seen) == 2)
    it.broker.confirm(b"k0", b"k1")
    await until(lambda: it.broker.sent[2:] == [b"k2"])
    await a_while()
    it.broker.refuse(b"k2", OutOfOrderSequenceNumber())
    await until(lambda: it.codes == [70])
    with pytest.raises(ExceptionGroup):
        await it.running
    assert it.acked == [0, 1]


@pytest.mark.parametrize("handling", [True, False])
async def test_nothing_is_under_way_after_the_end(handling: bool) -> None:
    others = asyncio.all_tasks()
    it = Running(Ahead(held=handling))
    await until(lambda: len(it.stage.seen) == 2)
    if not handling:
        it.broker.confirm(b"k0", b"k1")
        await until(lambda: it.broker.sent[2:] == [b"k2"])
        await a_while()
    it.running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await it.running
    assert asyncio.all_tasks() == others
    assert 2 not in it.acked


async def test_a_batch_that_was_handled_does_not_hide_what_the_one_before_waits_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(delivery, "_BACKOFF", lambda _: 60)
    stage = Ahead(held=True)
    it = Running(stage)
    await until(lambda: len(stage.seen) == 2)
    it.broker.refuse(b"k0", KafkaTimeoutError())
    it.broker.confirm(b"k1")
    await until(lambda: it.loop.waiting_for is not None)
    stage.free.set()
    await a_while()
    assert it.loop.waiting_for == "publishing to target: KafkaTimeoutError()"
    it.loop.let_go()
    await until(lambda: it.second.left)
    await until(lambda: it.loop.waiting_for is None)
    await it.end()
