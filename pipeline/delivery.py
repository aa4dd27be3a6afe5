"""THE consume-deliver-acknowledge loop, used by every stage.

Guarantee: at least once. A message is acknowledged after its outputs, or its dead letter, are
confirmed by the broker, and not before; a process killed at any moment leaves nothing lost. What is
doubled by a kill ends at Elasticsearch, whose writes are idempotent.

Order: the outputs of a batch are published in the order of its messages once all of it is settled
and every output of the batch before is confirmed, so the versions of one mention stay in order
through retries. A stage that does not ask what became of its outputs may be handed the next batch
while those of the one before are on their way (``Stage.source``): that batch waits for its turn,
and when the one before is left, so is it. A kill then repeats two batches, not one.

Waiting: an outage is waited out in place, with capped, jittered backoff, and is reported once a
minute. When the batch's partitions are taken away, or the process stops, a batch that waits is left
unacknowledged, and so is all that comes after it: the next owner handles them.

Unit of parallelism: the process, up to the partition count; one loop a process.
"""

import asyncio
import contextlib
import logging
import os
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple, Protocol

from aiokafka.errors import (
    BrokerNotAvailableError,
    KafkaError,
    KafkaTimeoutError,
    KafkaUnavailableError,
    MessageSizeTooLargeError,
)
from tenacity import AsyncRetrying, RetryCallState, retry_if_result, wait_random_exponential

from agents.traces import traces
from pipeline import metrics
from pipeline.errors import Fatal, Rejected, Retryable
from pipeline.outcome import Ok, Outcome, Outgoing, Reject, Retry
from schemas import topics
from schemas.headers import first

__all__ = ["Batch", "Delivery", "Producer", "Record", "Stage", "dead_letter"]

_log = logging.getLogger(__name__)

_BACKOFF: Final = wait_random_exponential(multiplier=0.2, max=30)
_SAY_AGAIN_AFTER: Final = 60.0  # seconds between two reports of one outage
_REASON_LIMIT: Final = 2_000  # bytes of an error message that are worth keeping
_EX_SOFTWARE: Final = 70
_CONFIRM_WITHIN: Final = 5.0  # seconds after which an answer that does not come is an outage
_HEAD_START: Final = 0.001
"""Seconds for outputs to leave the process, before a stage that does not give way works on."""
_CUT: Final = "dlq_truncated"
"""The header of a dead letter that was too large to be kept whole: its bytes before."""
_VALUE_KEPT: Final = 1_048_576  # bytes
_KEY_KEPT: Final = 1_024  # bytes

_HANDLING: Final = "handling"
_PUBLISHING: Final = "publishing"
"""What may be waited for at the same time, of a batch and of the one before it."""

# aiokafka does not call these retriable, but they mean no more than "no broker answers now".
_UNREACHABLE: Final = (BrokerNotAvailableError, KafkaTimeoutError, KafkaUnavailableError)


class Record(Protocol):
    """A consumed message: raw bytes and where they stood."""

    @property
    def topic(self) -> str: ...  # noqa: D102 - Kafka's own words
    @property
    def partition(self) -> int: ...  # noqa: D102
    @property
    def offset(self) -> int: ...  # noqa: D102
    @property
    def timestamp(self) -> int:
        """Milliseconds since 1970."""

    @property
    def key(self) -> bytes | None: ...  # noqa: D102
    @property
    def value(self) -> bytes | None: ...  # noqa: D102
    @property
    def headers(self) -> Sequence[tuple[str, bytes]]: ...  # noqa: D102


class Batch(Protocol):
    """Records that are taken and acknowledged together."""

    @property
    def records(self) -> Sequence[Record]:
        """In the order of each partition."""

    def ack(self) -> None:
        """All of it is done: the committed offsets may move past it."""

    def leave(self) -> None:
        """It is not done, and nobody works on it: its next owner reads it again."""


class Stage(Protocol):
    """What a stage file defines: a topic in, a function, topics out."""

    name: str
    source: topics.Topic
    """What it reads. A stage that reads more names that too: ``beside``, a tuple of topics. A
    slow one names how many records to hand in at most: ``at_once``. One that handles each batch
    alike, whether the outputs of the one before are published by then or not, says so: ``ahead =
    True``. It does not wait for the broker then."""

    async def start(self) -> None:
        """Get ready; called once, in the worker's event loop."""

    async def handle(self, batch: Sequence[Record]) -> Sequence[Outcome]:
        """Say of each record, in order, what became of it.

        May raise ``Retryable`` when nothing of the batch could be done. Any other exception makes
        the loop hand in the records one by one, and reject the one that raises alone.
        """

    async def close(self) -> None:
        """Let go of connections."""


class Producer(Protocol):
    """The part of ``AIOKafkaProducer`` that is used here."""

    async def send(
        self,
        topic: str,
        value: bytes | None = None,
        key: bytes | None = None,
        *,
        headers: Sequence[tuple[str, bytes]] | None = None,
    ) -> Awaitable[object]:
        """Put a message into the buffer; the result is awaited for the broker's confirmation."""


class _AbandonedError(Exception):
    """The batch is no longer ours: leave it unacknowledged."""


class _Handled(NamedTuple):
    """A batch whose outputs are known, and not yet sent."""

    records: Sequence[Record]
    outgoing: list[tuple[int, Outgoing]]
    """Outputs and dead letters, in order, each with the index of its record."""
    attempts: Sequence[int]
    """How often each record was handed in."""


class Delivery:
    """The loop of one stage in one process.

    Args:
        stage: what to do with a batch.
        producer: idempotent, ``acks=all``.
        dead_letters: the name of the dead-letter topic on this cluster.
        die: ends the process at once, without acknowledging anything; tests replace it.
    """

    def __init__(
        self,
        stage: Stage,
        producer: Producer,
        *,
        dead_letters: str = topics.DEAD_LETTER.name,
        die: Callable[[int], None] = os._exit,
    ) -> None:
        self._stage = stage
        self._producer = producer
        self._dead_letters = dead_letters
        self._die = die
        self._traces = traces()
        self._letting_go = asyncio.Event()
        self._left_some = False
        self._said_at = -_SAY_AGAIN_AFTER
        self._waiting: dict[str, str] = {}
        self.beats = 0
        """Counts settled batches and retries: it stands still only when the loop is stuck."""

    @property
    def waiting_for(self) -> str | None:
        """Why what is in hand is being tried again, None when it is not."""
        return next(iter(self._waiting.values()), None)

    def let_go(self) -> None:
        """From now on wait for nothing: what cannot be settled at once goes elsewhere."""
        self._letting_go.set()

    def take_up(self) -> None:
        """Wait for outages again: nothing that was handed out before is still to come."""
        self._letting_go.clear()
        self._left_some = False

    async def run(self, batches: AsyncIterator[Batch]) -> None:
        """Take batches until there are no more, and acknowledge what is delivered."""
        ahead = getattr(self._stage, "ahead", False)
        before: asyncio.Task[bool] | None = None
        async with asyncio.TaskGroup() as group:  # no publication outlives it
            async for batch in batches:
                if before is not None and before.done():
                    before = None  # if it was left, it is not this batch's concern any more
                began = time.perf_counter(), time.time_ns()
                handled = await self._take(batch)
                if handled is None:
                    continue
                if before is not None and not await before:
                    self._leave(batch)  # it would overtake what comes before it
                    continue
                finishing = self._finish(batch, handled, *began)
                if not ahead:
                    await finishing
                    continue
                before = group.create_task(finishing)
                await asyncio.sleep(0)  # now the producer has them
                await asyncio.wait([before], timeout=_HEAD_START)

    async def deliver(self, records: Sequence[Record]) -> None:
        """Handle a batch, publish its outputs and dead letters, and return once all is confirmed.

        Raises:
            Fatal: something can be neither delivered nor dead-lettered.
        """
        await self._publish(await self._work(records))

    async def _take(self, batch: Batch) -> _Handled | None:
        """Handle a batch; None when it was left."""
        if self._left_some:
            batch.leave()  # in vain, because what comes before it is read again
            return None
        metrics.RECEIVED.labels(self._stage.name).inc(len(batch.records))
        try:
            return await self._work(batch.records)
        except _AbandonedError:
            self._leave(batch)
            return None
        except Exception:
            self._end()
            raise

    async def _finish(self, batch: Batch, handled: _Handled, started: float, since: int) -> bool:
        """Publish and acknowledge a batch; False when it was left."""
        try:
            await self._publish(handled)
        except _AbandonedError:
            self._leave(batch)
            return False
        except Exception:
            self._end()
            raise
        batch.ack()
        self.beats += 1
        metrics.BATCH_SECONDS.labels(self._stage.name).observe(time.perf_counter() - started)
        self._traces.settled(self._stage.name, batch.records, since)
        return True

    def _end(self) -> None:
        # Acknowledging would lose the batch, and so would going on past it.
        _log.critical("%s: cannot go on", self._stage.name, exc_info=True)
        self._die(_EX_SOFTWARE)

    def _leave(self, batch: Batch) -> None:
        _log.info("%s: %d messages go to their next owner", self._stage.name, len(batch.records))
        self._left_some = True
        batch.leave()

    async def _work(self, records: Sequence[Record]) -> _Handled:
        """Hand in a batch, and collect what it is to publish."""
        settled, attempts = await self._settle(records)
        outgoing: list[tuple[int, Outgoing]] = []
        for index, (record, outcome) in enumerate(zip(records, settled, strict=True)):
            if isinstance(outcome, Reject):
                letter = self._reject(record, outcome, attempts[index])
                outgoing.extend((index, made) for made in letter)
            else:
                outgoing.extend((index, output) for output in outcome.outputs)
        return _Handled(records, outgoing, attempts)

    async def _settle(self, records: Sequence[Record]) -> tuple[list[Ok | Reject], list[int]]:
        """Hand in the batch until nothing is left to retry; returns outcomes and attempts."""
        settled: dict[int, Ok | Reject] = {}
        attempts = [0] * len(records)

        async def attempt() -> str | None:
            pending = [index for index in range(len(records)) if index not in settled]
            reason = None
            outcomes = await self._handle([records[index] for index in pending])
            for index, outcome in zip(pending, outcomes, strict=True):
                attempts[index] += 1
                if isinstance(outcome, Retry):
                    reason = outcome.reason
                else:
                    settled[index] = outcome
            if reason is not None:
                metrics.RETRIED.labels(self._stage.name).inc(len(records) - len(settled))
            return reason

        await self._until_done(_HANDLING, attempt)
        return [settled[index] for index in range(len(records))], attempts

    async def _handle(self, batch: Sequence[Record]) -> Sequence[Outcome]:
        try:
            outcomes = await self._stage.handle(batch)
        except Fatal:
            raise
        except Retryable as error:
            return [Retry(str(error))] * len(batch)
        except Exception as error:  # noqa: BLE001 - whatever it is must end in the dead letters
            if len(batch) == 1:
                level = logging.DEBUG if isinstance(error, Rejected) else logging.WARNING
                _log.log(level, "%s: rejected: %s", self._stage.name, error, exc_info=True)
                return [Reject(type(error).__name__, str(error))]
            # One by one, so that the one that raises does not take its neighbours along.
            return [outcome for record in batch for outcome in await self._handle([record])]
        if len(outcomes) != len(batch):
            msg = f"{self._stage.name}: {len(outcomes)} outcomes for {len(batch)} messages"
            raise Fatal(msg)
        return outcomes

    async def _publish(self, handled: _Handled) -> None:
        """Send in order and wait for every confirmation; what fails is sent again."""
        records, outgoing, attempts = handled

        async def attempt() -> str | None:
            nonlocal outgoing
            results = await self._send([message for _, message in outgoing])
            failed: list[tuple[int, Outgoing]] = []
            broken: set[tuple[str, bytes | None]] = set()
            sent: Counter[str] = Counter()
            reason = None
            for (index, message), error in zip(outgoing, results, strict=True):
                place = message.topic, message.key
                if error is None and place not in broken:
                    sent[message.topic] += 1
                    continue
                broken.add(place)
                if error is None:
                    # It stands before one of its own key that failed: again, behind that.
                    failed.append((index, message))
                elif isinstance(error, MessageSizeTooLargeError):
                    failed.append((index, self._oversized(records, index, message, attempts)))
                    reason = "a message is too large for its topic"
                elif isinstance(error, KafkaError) and (
                    error.retriable or isinstance(error, _UNREACHABLE)
                ):
                    failed.append((index, message))
                    reason = f"publishing to {message.topic}: {error!r}"
                else:
                    msg = f"{self._stage.name}: publishing to {message.topic}"
                    raise Fatal(msg) from error  # nobody reads counters of a process that ends now
            for topic, count in sent.items():
                metrics.SENT.labels(self._stage.name, topic).inc(count)
            outgoing = failed
            return reason

        await self._until_done(_PUBLISHING, attempt)

    async def _send(self, messages: Sequence[Outgoing]) -> list[BaseException | None]:
        """One result a message: None when the broker confirmed it, else the error."""
        results: list[BaseException | None] = [None] * len(messages)
        waiting: dict[int, asyncio.Future[object]] = {}
        down: dict[str, KafkaError] = {}
        for position, message in enumerate(messages):
            if message.topic in down:
                results[position] = down[message.topic]  # each would be waited for on its own
                continue
            try:
                confirmation = await self._producer.send(
                    message.topic, message.value, message.key, headers=message.headers
                )
            except MessageSizeTooLargeError as error:
                results[position] = error
            except KafkaError as error:
                results[position] = down[message.topic] = error
            else:
                waiting[position] = asyncio.ensure_future(confirmation)
        await self._confirmed(waiting.values())
        for position, answer in waiting.items():
            results[position] = answer.exception()
        return results

    async def _confirmed(self, answers: Collection[asyncio.Future[object]]) -> None:
        """Wait until the broker has answered for each; it may take as long as an outage."""
        since = time.monotonic()
        for answer in answers:  # all of one request are there when the first is
            while not answer.done():
                if (await asyncio.wait([answer], timeout=_CONFIRM_WITHIN))[0]:
                    break
                missing = sum(not each.done() for each in answers)
                reason = f"the broker does not confirm {missing} messages"
                self._waits(_PUBLISHING, reason, time.monotonic() - since)
                if self._letting_go.is_set():
                    raise _AbandonedError

    def _oversized(
        self, records: Sequence[Record], index: int, message: Outgoing, attempts: Sequence[int]
    ) -> Outgoing:
        """What is sent instead of a message that the broker finds too large.

        For an output it is the record's dead letter; for a dead letter, its beginning: the record
        can be that much larger when it came in more tightly compressed.
        """
        record = records[index]
        if message.topic == self._dead_letters:
            where = f"{record.topic}[{record.partition}]@{record.offset}"
            if first(message.headers, _CUT) is not None:
                msg = f"{self._stage.name}: not even the beginning of {where} can be dead-lettered"
                raise Fatal(msg)
            _log.error("%s: %s is too large for a dead letter: cut", self._stage.name, where)
            return _cut(message)
        reason = f"{len(message.value or b'')} bytes are more than {message.topic} takes"
        rejection = Reject("MessageTooLarge", reason)
        metrics.REJECTED.labels(self._stage.name, rejection.error).inc()
        return dead_letter(record, self._stage.name, rejection, attempts[index], self._dead_letters)

    def _reject(self, record: Record, outcome: Reject, attempts: int) -> list[Outgoing]:
        metrics.REJECTED.labels(self._stage.name, outcome.error).inc()
        if record.topic == self._dead_letters:
            # It stays where it is. A letter about a letter would be read by the same stage, for
            # ever.
            where = f"{record.partition}:{record.offset}"
            _log.warning("%s: dead letter %s: %s", self._stage.name, where, outcome.reason)
            return []
        return [dead_letter(record, self._stage.name, outcome, attempts, self._dead_letters)]

    async def _until_done(self, work: str, attempt: Callable[[], Awaitable[str | None]]) -> None:
        """Repeat until ``attempt`` returns None; it returns why it has to be repeated."""

        def say(state: RetryCallState) -> None:
            if state.outcome is not None:
                self._waits(work, str(state.outcome.result()), state.seconds_since_start or 0.0)

        try:
            await AsyncRetrying(
                retry=retry_if_result(lambda reason: reason is not None),
                wait=_BACKOFF,
                before_sleep=say,
                sleep=self._sleep,
            )(attempt)
        finally:
            self._waiting.pop(work, None)

    def _waits(self, work: str, reason: str, seconds: float) -> None:
        """Note what is waited for, and say so once a minute."""
        self.beats += 1
        self._waiting[work] = reason
        now = time.monotonic()
        if now - self._said_at >= _SAY_AGAIN_AFTER:
            self._said_at = now
            _log.warning("%s: waiting since %.0f s: %s", self._stage.name, seconds, reason)

    async def _sleep(self, seconds: float) -> None:
        """Sleep, unless the batch is taken away."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._letting_go.wait(), seconds)
        if self._letting_go.is_set():
            raise _AbandonedError


def dead_letter(record: Record, stage: str, outcome: Reject, attempts: int, topic: str) -> Outgoing:
    """The dead letter of a record: the original, whole, and headers that explain it."""
    explained = {
        "dlq_stage": stage,
        "dlq_error": outcome.error,
        "dlq_reason": outcome.reason.encode(errors="replace")[:_REASON_LIMIT].decode(
            errors="ignore"
        ),
        "dlq_topic": record.topic,
        "dlq_partition": str(record.partition),
        "dlq_offset": str(record.offset),
        "dlq_attempts": str(attempts),
        "dlq_at": datetime.now(UTC).isoformat(),
    }
    own = record.headers or ()
    if record.value is not None and first(own, "content-type") is None:
        explained["content-type"] = "application/octet-stream"  # nobody says what it is
    return Outgoing(
        topic=topic,
        key=record.key,
        value=record.value,
        headers=[
            *own,
            *((name, text.encode(errors="replace")) for name, text in explained.items()),
        ],
    )


def _cut(letter: Outgoing) -> Outgoing:
    """The beginning of a letter, with its own headers alone, and how large it was."""
    value, key = letter.value or b"", letter.key
    explained = [pair for pair in letter.headers if pair[0].startswith("dlq_")]
    return Outgoing(
        topic=letter.topic,
        key=key and key[:_KEY_KEPT],
        value=value[:_VALUE_KEPT],
        headers=[*explained, (_CUT, b"%d" % len(value))],
    )
