import json
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from kafka.errors import (
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    OutOfOrderSequenceNumberError,
)
from msgspec import structs

from agents import publisher as module
from agents.errors import SourceError, Unconfirmed
from agents.mention import make
from agents.publisher import Message, Publisher, Tally
from agents.source import Deletion, Refused, SourceConfig
from schemas import forgotten, headers, topics
from schemas.mention import RawMention, decode_raw

CONFIG = SourceConfig(type="files", name="it")


def mention(number: int = 1, **fields: Any) -> RawMention:
    at = datetime(2026, 1, 5, tzinfo=UTC)
    given = {"id": f"files:{number}", "channel": "news", "text": "a", "published_at": at}
    return make({**given, **fields}, CONFIG)


@dataclass
class Future:
    error: KafkaError | None
    is_done: bool = True

    def get(self, timeout: float) -> None:
        assert timeout > 0
        if self.error:
            raise self.error


@dataclass
class Producer:
    """A producer whose confirmations are scripted."""

    answer: Callable[[Message], KafkaError | None] = lambda _: None
    done: bool = True
    confirmed: list[Message] = field(default_factory=list)
    made: int = 0
    closed: int = 0

    def __call__(self, **_: object) -> "Producer":
        self.made += 1
        return self

    def send(
        self, topic: str, value: bytes | None, *, key: bytes, headers: list[tuple[str, bytes]]
    ) -> Future:
        message = Message(topic, key, value, headers)
        error = self.answer(message)
        if error is None:
            self.confirmed.append(message)
        return Future(error, self.done)

    def close(self, timeout: float) -> None:
        assert timeout >= 0
        self.closed += 1


@pytest.fixture
def producer(monkeypatch: pytest.MonkeyPatch) -> Producer:
    made = Producer()
    monkeypatch.setattr(module, "KafkaProducer", made)
    monkeypatch.setattr(module, "_LOOK_UP_EVERY", 0.01)
    return made


def times(count: int, error: KafkaError) -> Callable[[Message], KafkaError | None]:
    left = [error] * count
    return lambda _: left.pop() if left else None


def dead(message: Message) -> dict[str, str]:
    return {name: value.decode() for name, value in message.headers}


def test_a_mention_is_keyed_by_its_id_and_says_what_it_is(producer: Producer) -> None:
    one = mention()
    assert Publisher({}).publish([one], "it") == Tally(published=1)
    (message,) = producer.confirmed
    assert (message.topic, message.key) == (topics.RAW.name, b"files:1")
    assert message.value is not None
    assert decode_raw(message.value) == one
    assert message.headers == headers.mention_headers(one)


def test_a_deletion_is_a_tombstone(producer: Producer) -> None:
    Publisher({}, raw="x").publish([Deletion("files:1", 7)], "it")
    (message,) = producer.confirmed
    assert (message.topic, message.key, message.value) == ("x", b"files:1", None)
    assert headers.revision(message.headers, 0) == 7


@pytest.mark.usefixtures("producer")
def test_what_is_on_the_topic_as_it_is_is_not_published_again() -> None:
    publisher = Publisher({})
    first, edited = mention(text="a"), mention(text="b")
    assert publisher.publish([first, mention(text="a")], "it") == Tally(published=1, unchanged=1)
    assert publisher.publish([mention(text="a")], "it") == Tally(unchanged=1)
    assert publisher.publish([edited, first], "it") == Tally(published=2)
    publisher.publish([Deletion("files:1", 7)], "it")
    assert publisher.publish([first], "it") == Tally(published=1)


@pytest.mark.usefixtures("producer")
def test_what_others_may_have_changed_since_is_published_again() -> None:
    publisher = Publisher({})
    publisher.publish([mention(1)], "it")
    publisher.publish([mention(2)], "other")
    publisher.adopt({"it"})
    assert publisher.publish([mention(1)], "it") == Tally(published=1)
    assert publisher.publish([mention(2)], "other") == Tally(unchanged=1)
    later = structs.replace(mention(2), revision=9)
    assert publisher.publish([later], "other", undated=True) == Tally(published=1)
    again = structs.replace(later, revision=10)
    assert publisher.publish([again], "other", undated=True) == Tally(unchanged=1)
    assert publisher.publish([again], "other") == Tally(published=1)


def test_authors_go_by_pseudonyms_where_there_is_a_salt(producer: Producer) -> None:
    made = mention(author={"handle": "erika", "followers": 3})
    Publisher({}, salt=b"s").publish([made], "it")
    (message,) = producer.confirmed
    author = decode_raw(message.value or b"").author
    assert author is not None
    assert author.handle == forgotten.pseudonym("erika", b"s")
    assert b"erika" not in (message.value or b"")


def test_what_was_not_confirmed_is_published_again(producer: Producer) -> None:
    producer.answer = lambda _: KafkaTimeoutError("away")
    publisher = Publisher({})
    with pytest.raises(Unconfirmed):
        publisher.publish([mention()], "it", within=0.01)
    producer.answer = lambda _: None
    assert publisher.publish([mention()], "it") == Tally(published=1)


@pytest.mark.parametrize(
    "broken",
    [
        {"text": 3},
        {"text": "half a pair \ud800"},
        {"published_at": datetime(2026, 1, 1)},
        {"id": "no type"},
        {"id": ["no", "text"]},
        {"id": None},
        {"collected_at": None},
        {"collector": object()},
    ],
)
def test_what_breaks_the_schema_goes_to_the_dead_letters(
    producer: Producer, broken: dict[str, object]
) -> None:
    bad = structs.replace(mention(2), **broken)
    tally = Publisher({}).publish([mention(1), bad, mention(3)], "it")
    assert tally == Tally(published=2, rejected=1)
    (letter,) = [m for m in producer.confirmed if m.topic == topics.DEAD_LETTER.name]
    assert letter.value is not None
    # json reads half a surrogate pair, msgspec does not.
    assert json.loads(letter.value)["channel"] == "news"
    said = dead(letter)
    assert said["dlq_stage"] == "agent"
    assert said["dlq_error"]
    assert said["dlq_reason"]
    assert said["ce_source"] == "/sources/it"


@pytest.mark.parametrize("name", [["a"], None, 7])
def test_a_deletion_of_nothing_goes_to_the_dead_letters(producer: Producer, name: Any) -> None:
    tally = Publisher({}).publish([Deletion(name, 7), mention(1)], "it")
    assert tally == Tally(published=1, rejected=1)
    letter, _ = producer.confirmed
    assert (letter.topic, letter.key) == (topics.DEAD_LETTER.name, str(name).encode())
    assert json.loads(letter.value or b"") == {"id": name, "revision": 7}


def test_an_endless_id_fits_into_a_dead_letter(producer: Producer) -> None:
    limit = topics.DEAD_LETTER.max_message_bytes
    endless = structs.replace(mention(), id="files:" + "\N{SNOWMAN}" * 700_000)

    def answer(message: Message) -> KafkaError | None:
        about = sum(len(name) + len(value) for name, value in message.headers)
        size = len(message.key) + len(message.value or b"") + about
        return MessageSizeTooLargeError() if size > limit else None

    producer.answer = answer
    assert Publisher({}).publish([endless], "it") == Tally(rejected=1)
    (letter,) = producer.confirmed
    assert letter.key.decode() == "files:" + "\N{SNOWMAN}" * ((4_096 - 6) // 3)
    assert letter.value is not None
    assert len(letter.value) > 4_000_000
    assert dead(letter)["ce_id"].startswith("files:")


def test_a_refused_item_arrives_as_it_was(producer: Producer) -> None:
    refused = Refused("files:/a.csv:3", b"\xff,1", "BadRow", "x" * 9_999)
    assert Publisher({}).publish([refused], "it") == Tally(rejected=1)
    (letter,) = producer.confirmed
    assert (letter.key, letter.value) == (b"files:/a.csv:3", b"\xff,1")
    said = dead(letter)
    assert said["dlq_error"] == "BadRow"
    assert len(said["dlq_reason"]) == 2_000
    assert (said["dlq_topic"], said["dlq_partition"]) == (topics.RAW.name, "-1")
    assert said["dlq_attempts"] == "1"
    assert datetime.fromisoformat(said["dlq_at"]).tzinfo


def test_only_what_failed_is_sent_again(producer: Producer) -> None:
    failures = iter([None, KafkaTimeoutError(), None])
    producer.answer = lambda _: next(failures, None)
    Publisher({}).publish([mention(1), mention(2), mention(3)], "it")
    assert [m.key for m in producer.confirmed] == [b"files:1", b"files:3", b"files:2"]
    assert producer.made == 1


def test_a_producer_that_cannot_go_on_is_replaced(producer: Producer) -> None:
    producer.answer = times(1, OutOfOrderSequenceNumberError())
    Publisher({}).publish([mention()], "it")
    assert (producer.made, producer.closed) == (2, 1)
    assert len(producer.confirmed) == 1


def test_a_producer_that_never_answers_is_replaced(
    producer: Producer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_STUCK_AFTER", 0.05)
    producer.done = False  # as a future of kafka-python whose sender waits for InitProducerId
    producer.answer = times(6, KafkaTimeoutError("not yet"))

    def close(timeout: float) -> None:
        assert timeout == 0
        producer.closed += 1
        producer.answer, producer.done = (lambda _: None), True

    monkeypatch.setattr(producer, "close", close)
    Publisher({}).publish([mention()], "it")
    assert (producer.made, producer.closed) == (2, 1)
    assert [message.key for message in producer.confirmed] == [b"files:1"]


def test_kafka_that_cannot_be_reached_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, producer: Producer, caplog: pytest.LogCaptureFixture
) -> None:
    left = [KafkaTimeoutError("no broker"), KafkaTimeoutError("no broker")]

    def connect(**options: object) -> Producer:
        if left:
            raise left.pop()
        return producer(**options)

    monkeypatch.setattr(module, "KafkaProducer", connect)
    with caplog.at_level(logging.WARNING):
        Publisher({}).publish([mention()], "it")
    assert len(producer.confirmed) == 1
    assert [r.message for r in caplog.records if "waiting for Kafka" in r.message][1:] == []


def test_a_mention_that_is_too_large_is_dead_lettered_whole(producer: Producer) -> None:
    def answer(message: Message) -> KafkaError | None:
        return MessageSizeTooLargeError() if message.topic == topics.RAW.name else None

    producer.answer = answer
    Publisher({}).publish([mention()], "it")
    (letter,) = producer.confirmed
    assert letter.topic == topics.DEAD_LETTER.name
    assert letter.value is not None
    assert decode_raw(letter.value) == mention_like(letter.value)
    assert dead(letter)["dlq_error"] == "MessageTooLarge"
    assert dead(letter)["ce_source"] == "/sources/it"


def mention_like(value: bytes) -> RawMention:
    return structs.replace(mention(), collected_at=decode_raw(value).collected_at)


def test_a_cursor_that_is_too_large_is_an_error_of_its_source(producer: Producer) -> None:
    producer.answer = lambda _: MessageSizeTooLargeError()
    with pytest.raises(SourceError, match="too large"):
        Publisher({}).send([Message("cursors", b"it", b"{}")])


@pytest.mark.parametrize("done", [True, False])
def test_waiting_ends_with_the_caller_s_time(producer: Producer, *, done: bool) -> None:
    producer.answer = lambda _: KafkaTimeoutError()
    producer.done = done
    with pytest.raises(Unconfirmed):
        Publisher({}).publish([mention()], "it", within=0.2)
    assert producer.confirmed == []


@pytest.mark.parametrize("done", [True, False])
def test_waiting_ends_with_the_process(producer: Producer, *, done: bool) -> None:
    producer.answer = lambda _: KafkaTimeoutError()
    producer.done = done
    stopping = threading.Event()
    threading.Timer(0.2, stopping.set).start()
    with pytest.raises(Unconfirmed):
        Publisher({}, stopping=stopping).publish([mention()], "it")
