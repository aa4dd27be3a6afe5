"""Publishes what agents found; returns only when the broker has confirmed all of it.

Guarantee: at least once. Kafka being away means waiting, said once a minute; a message is given up
only when the process stops or the caller's time is over, and then the cursor has not moved, so it
is read again. What the schema does not accept goes to the dead letters, never nowhere.
"""

import json
import logging
import threading
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import nullcontext
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from kafka import KafkaProducer
from kafka.errors import KafkaError, MessageSizeTooLargeError
from msgspec import Struct, structs
from tenacity import (
    RetryCallState,
    RetryError,
    Retrying,
    retry_if_exception_type,
    stop_after_delay,
    stop_any,
    stop_when_event_set,
    wait_random_exponential,
)
from tenacity.nap import sleep_using_event
from tenacity.stop import stop_base

from agents.errors import SourceError, Unconfirmed
from agents.repeats import Repeats
from agents.source import Deletion, Item, Refused
from agents.traces import HEADER, traces
from schemas import headers, topics
from schemas.coverage import Coverage, encode_coverage
from schemas.forgotten import anonymous
from schemas.mention import RawMention, decode_raw, encode

__all__ = ["Message", "Publisher", "Tally"]

_log = logging.getLogger(__name__)

_CLIENT: Final[Mapping[str, Any]] = {
    "acks": "all",
    "enable_idempotence": True,
    "compression_type": "lz4",
    "linger_ms": 5,
    "batch_size": 131_072,
    "max_request_size": topics.DEAD_LETTER.max_message_bytes,
    "allow_auto_create_topics": False,
    # Short enough that an outage is noticed, said, and does not hold up the end of the process.
    "bootstrap_timeout_ms": 5_000,
    "max_block_ms": 5_000,
    "request_timeout_ms": 10_000,
    "delivery_timeout_ms": 30_000,
}
_SAY_AGAIN_AFTER: Final = 60.0  # seconds between two reports of one outage
_STUCK_AFTER: Final = 45.0  # seconds; the client itself should give up after 30
_LOOK_UP_EVERY: Final = 0.5  # seconds between two looks at whether to stop
_REASON_LIMIT: Final = 2_000  # bytes of an error message that are worth keeping
_NAME_LIMIT: Final = 4_096  # bytes of a key, eight times what an id may have
_ENVELOPE: Final = 65_536  # bytes that headers and framing may add to a value

# A plugin may build anything: ids that are lists, texts that are half surrogates.
_BROKEN: Final = (msgspec.MsgspecError, TypeError, AttributeError, UnicodeError)


class _StuckError(KafkaError):
    """The client has not even said that it failed.

    kafka-python 3.0 waits for ever for the answer to InitProducerId where the connection broke
    under it (``Sender.run_once``), and meanwhile lets no message expire.
    """


class Message(Struct, frozen=True):
    """A record to write."""

    topic: str
    key: bytes
    value: bytes | None
    headers: list[tuple[str, bytes]] = []


class Tally(Struct):
    """What became of some items."""

    published: int = 0
    rejected: int = 0
    unchanged: int = 0
    """Left out, because exactly this is on the topic already."""


class Publisher:
    """One idempotent producer for all sources of a process; safe to use from many threads.

    Args:
        options: connection options in kafka-python's words.
        raw: the topic for mentions and tombstones.
        dead_letters: the topic for what the schema refuses.
        coverage: the topic for the ledger.
        stopping: when set, waiting ends with ``Unconfirmed``.
        salt: for pseudonyms in place of authors' names; None leaves the names.
    """

    def __init__(
        self,
        options: Mapping[str, Any],
        *,
        raw: str = topics.RAW.name,
        dead_letters: str = topics.DEAD_LETTER.name,
        coverage: str = topics.COVERAGE.name,
        stopping: threading.Event | None = None,
        salt: bytes | None = None,
    ) -> None:
        self._salt = salt
        self._options = {**options, **_CLIENT}
        self._raw = raw
        self._dead_letters = dead_letters
        self._coverage = coverage
        self._stopping = stopping or threading.Event()
        self._repeats = Repeats()
        self._traces = traces()
        self._lock = threading.Lock()
        self._producer: Any = None
        self._said_at = -_SAY_AGAIN_AFTER

    def publish(
        self,
        items: Sequence[Item],
        source: str,
        *,
        undated: bool = False,
        within: float | None = None,
    ) -> Tally:
        """Publish items of a source and wait for the broker, for ever or ``within`` seconds.

        Args:
            items: what was read.
            source: its name.
            undated: see ``Page``.
            within: seconds; None waits for ever.

        Raises:
            Unconfirmed: the time is over, or the process is stopping.
        """
        with self._traces.collecting(source) if items else nullcontext(()) as traced:
            return self._page(items, source, traced, undated=undated, within=within)

    def _page(
        self,
        items: Sequence[Item],
        source: str,
        traced: headers.Headers,
        *,
        undated: bool,
        within: float | None,
    ) -> Tally:
        tally = Tally()
        fresh: dict[str, bytes] = {}
        messages = []
        for item in items:
            if isinstance(item, RawMention) and self._repeated(item, fresh, undated=undated):
                tally.unchanged += 1
                continue
            if isinstance(item, Deletion) and isinstance(item.id, str):
                fresh.pop(item.id, None)
                self._repeats.forget(item.id)
            message = self._message(item, source, tally)
            message.headers.extend(traced)
            messages.append(message)
        self.send(messages, within=within)
        self._repeats.remember(fresh.items(), source)
        return tally

    def adopt(self, sources: Collection[str]) -> None:
        """Publish of sources that another process may have read whatever they say, even again."""
        self._repeats.forget_sources(sources)

    def _repeated(self, mention: RawMention, fresh: dict[str, bytes], *, undated: bool) -> bool:
        """Whether exactly this was published before; if not, note it in ``fresh``."""
        try:
            made = self._repeats.fingerprint(mention, undated=undated)
            last = fresh.get(mention.id)
        except _BROKEN:
            return False  # ``_message`` says what is wrong
        if last == made or (last is None and self._repeats.known(mention.id, made)):
            return True
        fresh[mention.id] = made
        return False

    def cover(self, ledger: Sequence[Coverage], *, within: float | None = None) -> None:
        """Write messages of the ledger and wait for the broker, for ever or ``within`` seconds.

        Raises:
            Unconfirmed: the time is over, or the process is stopping.
        """
        self.send(
            [Message(self._coverage, one.source.encode(), encode_coverage(one)) for one in ledger],
            within=within,
        )

    def send(self, messages: Iterable[Message], *, within: float | None = None) -> None:
        """Write messages and wait for the broker.

        Raises:
            SourceError: a message is too large for a topic that must take it whole.
            Unconfirmed: the time is over, or the process is stopping.
        """
        pending = list(messages)
        ends: list[stop_base] = [stop_when_event_set(self._stopping)]
        deadline = None
        if within is not None:
            ends.append(stop_after_delay(within))
            deadline = time.monotonic() + within
        retrying = Retrying(
            retry=retry_if_exception_type(KafkaError),
            wait=wait_random_exponential(multiplier=0.2, max=5),
            stop=stop_any(*ends),
            sleep=sleep_using_event(self._stopping),
            before_sleep=self._say,
        )
        try:
            retrying(self._attempt, pending, deadline)
        except RetryError as error:
            reason = error.last_attempt.exception()
            msg = f"Kafka has not confirmed {len(pending)} messages: {reason}"
            raise Unconfirmed(msg) from error

    def close(self, seconds: float = 2.0) -> None:
        """Let go of the connection; what is unconfirmed by then is read again later."""
        with self._lock:
            if self._producer is not None:
                self._producer.close(timeout=seconds)
                self._producer = None

    def _attempt(self, pending: list[Message], deadline: float | None) -> None:
        """Send all that is pending, and leave in it what was not confirmed."""
        producer = self._connected()
        sent = [(message, self._write(producer, message)) for message in pending]
        failure: KafkaError | None = None
        unsettled = []
        stuck_at = time.monotonic() + _STUCK_AFTER
        for message, future in sent:
            error = (
                future
                if isinstance(future, KafkaError)
                else self._settle(future, deadline, stuck_at)
            )
            if isinstance(error, MessageSizeTooLargeError):
                unsettled.append(self._too_large(message))
                failure = error
            elif error is not None:
                unsettled.append(message)
                failure = error
        pending[:] = unsettled
        if failure is not None:
            if not failure.retriable and not isinstance(failure, MessageSizeTooLargeError):
                self._discard(producer)
            raise failure

    def _connected(self) -> Any:  # noqa: ANN401 - kafka-python has no types
        with self._lock:
            if self._producer is None:
                self._producer = KafkaProducer(**self._options)
            return self._producer

    def _discard(self, producer: Any) -> None:  # noqa: ANN401
        """Drop a producer that cannot go on, for instance after its sequence was broken."""
        with self._lock:
            if self._producer is producer:
                self._producer = None
        producer.close(timeout=0)

    def _write(self, producer: Any, message: Message) -> Any:  # noqa: ANN401
        if self._stopping.is_set():
            return KafkaError("stopping")
        try:
            return producer.send(
                message.topic, message.value, key=message.key, headers=message.headers
            )
        except KafkaError as error:
            return error

    def _settle(
        self,
        future: Any,  # noqa: ANN401
        deadline: float | None,
        stuck_at: float,
    ) -> KafkaError | None:
        """Wait for one confirmation; returns what went wrong."""
        while True:
            try:
                future.get(timeout=_LOOK_UP_EVERY)
            except KafkaError as error:
                over = deadline is not None and time.monotonic() >= deadline
                if future.is_done or over or self._stopping.is_set():
                    return error
                if time.monotonic() > stuck_at:
                    return _StuckError("no answer: trying again with a new connection")
            else:
                return None

    def _say(self, state: RetryCallState) -> None:
        now = time.monotonic()
        if now - self._said_at >= _SAY_AGAIN_AFTER and state.outcome is not None:
            self._said_at = now
            seconds = state.seconds_since_start or 0.0
            _log.warning("waiting for Kafka since %.0f s: %s", seconds, state.outcome.exception())

    def _message(self, item: Item, source: str, tally: Tally) -> Message:
        if isinstance(item, Refused):
            tally.rejected += 1
            return self._dead(item, source)
        try:
            if isinstance(item, Deletion):
                about = headers.tombstone_headers(item.id, item.revision, source)
                message = Message(self._raw, item.id.encode(), None, about)
                tally.published += 1
                return message
            if self._salt is not None and item.author is not None:
                item = structs.replace(item, author=anonymous(item.author, self._salt))
            # What leaves here can be read by everyone.
            value = encode(item)
            decode_raw(value)
            about = headers.mention_headers(item)
        except _BROKEN as error:
            tally.rejected += 1
            return self._dead(_refused(item, error), source)
        tally.published += 1
        return Message(self._raw, item.id.encode(), value, about)

    def _dead(self, item: Refused, source: str) -> Message:
        key = _cut(item.key, _NAME_LIMIT)
        explained = {
            "dlq_stage": "agent",
            "dlq_error": _cut(item.error, _REASON_LIMIT),
            "dlq_reason": _cut(item.reason, _REASON_LIMIT),
            # It has never been on a topic: this is the one it was meant for.
            "dlq_topic": self._raw,
            "dlq_partition": "-1",
            "dlq_offset": "-1",
            "dlq_attempts": "1",
            "dlq_at": datetime.now(UTC).isoformat(),
        }
        return Message(
            self._dead_letters,
            key.encode(),
            item.value[: topics.DEAD_LETTER.max_message_bytes - _ENVELOPE],
            [
                *headers.refused_headers(key, source),
                *((name, text.encode()) for name, text in explained.items()),
            ],
        )

    def _too_large(self, message: Message) -> Message:
        if message.topic != self._raw or message.value is None:
            msg = f"{message.key.decode()}: too large for {message.topic}"
            raise SourceError(msg)
        size = len(message.value)
        reason = f"{size} bytes are more than {self._raw} takes"
        key = message.key.decode()
        source = headers.first(message.headers, "ce_source") or b""
        refused = Refused(key, message.value, "MessageTooLarge", reason)
        letter = self._dead(refused, source.decode().removeprefix("/sources/"))
        letter.headers.extend(header for header in message.headers if header[0] == HEADER)
        return letter


def _cut(text: str, limit: int) -> str:
    """As many whole characters as fit into so many bytes."""
    return text.encode(errors="replace")[:limit].decode(errors="ignore")


def _refused(item: RawMention | Deletion, error: Exception) -> Refused:
    """The dead letter of an item that breaks the schema, readable whatever is wrong with it."""
    # json escapes half surrogates, msgspec refuses them.
    value = json.dumps(msgspec.to_builtins(item, enc_hook=repr), default=repr).encode()
    return Refused(str(getattr(item, "id", "")), value, type(error).__name__, str(error))
