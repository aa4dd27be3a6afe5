"""The dead letters: what was refused, why, and back it goes.

A dead letter is the refused message, byte for byte, with headers that explain it (see
``pipeline.delivery.dead_letter``). Its position in the topic, ``partition:offset``, is its name.

What was done about a letter is a mark under that name on
``mentions.dead-letter-marks`` (compacted),
so that a replay can be interrupted and started again: a letter is marked after the broker confirmed
its return. A kill in between returns it twice, which ends at the index.

A letter returns with its own headers, the number of its returns (``dlq_replays``) and what happened
to it before (``dlq_history``, the older refusals as JSON); a message that is refused again carries
both into its new letter.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Literal, TypeAlias

import msgspec
from kafka import KafkaProducer
from kafka.errors import KafkaError
from msgspec import Struct

from pipeline import admin
from pipeline.errors import ConfigError, PipelineError
from pipeline.reader import records
from pipeline.search.letters import HISTORY, Refusal, history, refused_at
from pipeline.settings import Settings
from schemas import topics
from schemas.dead import Mark

__all__ = ["Filter", "Letter", "drop", "letters", "replay"]

_OWN: Final = "dlq_"
_BATCH: Final = 500
_CONFIRM_WITHIN: Final = 60.0  # seconds
Action: TypeAlias = Literal["replayed", "dropped"]


class Letter(Struct, frozen=True):
    """One refused message."""

    position: str
    """``partition:offset`` in the dead-letter topic."""
    at: datetime
    stage: str
    error: str
    reason: str
    topic: str
    """Where it was read."""
    source: str
    """The configured source that collected it, where known."""
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    attempts: int
    replays: int
    """How often it was sent back before."""
    mark: Mark | None = None


class Filter(Struct, frozen=True):
    """Which letters are meant; what is left out lets everything through."""

    stage: str | None = None
    error: str | None = None
    source: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    positions: frozenset[str] = frozenset()
    marked: bool = False
    """Whether letters that were replayed or dropped count too."""

    def lets(self, letter: Letter) -> bool:
        """Whether the letter is meant."""
        return (
            self.stage in {None, letter.stage}
            and self.error in {None, letter.error}
            and self.source in {None, letter.source}
            and (self.since is None or letter.at >= self.since)
            and (self.until is None or letter.at < self.until)
            and (not self.positions or letter.position in self.positions)
            and (self.marked or letter.mark is None)
        )


def letters(settings: Settings, wanted: Filter) -> Iterator[Letter]:
    """The letters that a filter means, partition by partition, the oldest first.

    Raises:
        ConfigError: no broker answers, or a topic is missing.
    """
    marks = _marks(settings)
    for record in records(settings, settings.kafka.topic(topics.DEAD_LETTER), since=wanted.since):
        letter = _letter(record, marks)
        if wanted.lets(letter):
            yield letter


def replay(
    settings: Settings, chosen: Sequence[Letter], done: Callable[[int], None] = lambda _: None
) -> None:
    """Send letters back to the topic they were read from, in order, and mark them.

    Args:
        settings: how to reach Kafka.
        chosen: letters of one or more partitions, in their order.
        done: told after each confirmed batch how many letters it had.

    Raises:
        ConfigError: a letter does not say where it was read.
        PipelineError: the broker refuses a letter; those before its batch are back and marked.
    """
    for letter in chosen:
        if not letter.topic.startswith(settings.kafka.prefix) or not letter.topic:
            msg = f"dead letter {letter.position} does not say which topic it was read from"
            raise ConfigError(msg)
        if "dlq_truncated" in dict(letter.headers):
            msg = f"dead letter {letter.position} was too large to be kept whole: collect it again"
            raise ConfigError(msg)
    with admin.producer(settings) as producer:
        for batch in _batched(chosen):
            sent = [
                producer.send(
                    letter.topic,
                    key=letter.key,
                    value=letter.value,
                    headers=_returning(letter),
                )
                for letter in batch
            ]
            for letter, confirmation in zip(batch, sent, strict=True):
                _confirm(letter, confirmation)
            _mark(settings, producer, batch, "replayed")
            done(len(batch))


def drop(
    settings: Settings, chosen: Sequence[Letter], done: Callable[[int], None] = lambda _: None
) -> None:
    """Mark letters as done with; they stay in the topic until its retention ends."""
    with admin.producer(settings) as producer:
        for batch in _batched(chosen):
            _mark(settings, producer, batch, "dropped")
            done(len(batch))


def _marks(settings: Settings) -> dict[str, Mark]:
    """The newest mark of each letter."""
    found = {}
    for record in records(settings, settings.kafka.topic(topics.DEAD_LETTER_MARKS)):
        try:
            mark = msgspec.json.decode(record.value or b"", type=Mark)
        except msgspec.MsgspecError:
            continue  # not written by ``_mark``; a letter too many in a list does no harm
        found[(record.key or b"").decode(errors="replace")] = mark
    return found


def _letter(record: Any, marks: dict[str, Mark]) -> Letter:  # noqa: ANN401 - kafka-python has no types
    # The newest refusal stands last: an earlier one may have come along.
    headers = {name: value.decode(errors="replace") for name, value in record.headers}
    position = f"{record.partition}:{record.offset}"
    return Letter(
        position=position,
        at=refused_at(headers.get("dlq_at"), record.timestamp),
        stage=headers.get("dlq_stage", ""),
        error=headers.get("dlq_error", ""),
        reason=headers.get("dlq_reason", ""),
        topic=headers.get("dlq_topic", ""),
        source=headers.get("ce_source", "").removeprefix("/sources/"),
        key=record.key,
        value=record.value,
        headers=tuple(record.headers),
        attempts=_number(headers.get("dlq_attempts")),
        replays=_number(headers.get("dlq_replays")),
        mark=marks.get(position),
    )


def _number(text: str | None) -> int:
    return int(text) if text and text.isdigit() else 0


def _returning(letter: Letter) -> list[tuple[str, bytes]]:
    """The headers of a letter on its way back."""
    found = dict(letter.headers)
    refusals = [
        *history(found.get("dlq_history")),
        Refusal(letter.at.isoformat(), letter.stage, letter.error, letter.reason),
    ]
    return [
        *((name, value) for name, value in letter.headers if not name.startswith(_OWN)),
        ("dlq_replays", str(letter.replays + 1).encode()),
        ("dlq_history", msgspec.json.encode(refusals[-HISTORY:])),
    ]


def _confirm(letter: Letter, confirmation: Any) -> None:  # noqa: ANN401 - kafka-python has no types
    try:
        confirmation.get(timeout=_CONFIRM_WITHIN)
    except KafkaError as error:
        msg = (
            f"dead letter {letter.position}: {error}; "
            "what was replayed is marked, so start again, without this one if it is its own fault"
        )
        raise PipelineError(msg) from error


def _mark(
    settings: Settings, producer: KafkaProducer, batch: Sequence[Letter], action: Action
) -> None:
    name = settings.kafka.topic(topics.DEAD_LETTER_MARKS)
    value = msgspec.json.encode(Mark(action, datetime.now(UTC)))
    sent = [producer.send(name, key=letter.position.encode(), value=value) for letter in batch]
    for letter, confirmation in zip(batch, sent, strict=True):
        _confirm(letter, confirmation)


def _batched(chosen: Sequence[Letter]) -> Iterator[Sequence[Letter]]:
    for start in range(0, len(chosen), _BATCH):
        yield chosen[start : start + _BATCH]
