"""Watches ``mentions.enriched`` and publishes ``mentions.alerts``.

Guarantee: at least once, under the same id. The state is what the topic says: on starting, nine
weeks are read to learn what is usual, the last day is looked at, and what was alerted before is not
alerted again; so a process may be killed and started at any time. One process does it all, because
what is usual of a topic is spread over all partitions; a second one would say the same. Beside it
are read ``mentions.coverage`` (what was read of each source) and ``mentions.leaks`` (documents to
look for), which take effect as they come.

Nobody is alerted by what was enriched again, or collected as back-fill.
"""

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
from kafka import TopicPartition
from kafka.errors import KafkaError
from tenacity import RetryCallState, retry, retry_if_exception_type, wait_random_exponential

from pipeline import admin
from pipeline.advice import language
from pipeline.alerts.engine import Engine
from pipeline.alerts.history import DAY, MINUTE, Fact, facts
from pipeline.alerts.leaks import Prints, key_of
from pipeline.alerts.ledger import KEPT
from pipeline.alerts.rules import Limits
from pipeline.errors import ConfigError
from pipeline.reader import records
from pipeline.settings import Settings
from schemas import headers, topics
from schemas.alert import Alert, decode_alert
from schemas.coverage import Coverage, decode_coverage
from schemas.headers import Headers, alert_headers
from schemas.mention import decode_enriched

__all__ = ["LEARN", "confirmed", "engine", "prints", "published", "replay", "watch"]

_log = logging.getLogger(__name__)

LEARN: Final = timedelta(weeks=9)
"""How much of the past is read to learn what is usual."""
_CATCH_UP: Final = DAY
_POLL_MS: Final = 1_000
_SAY_AGAIN_AFTER: Final = 5
"""Attempts between two reports of one outage; each takes half a minute at most."""


def engine(settings: Settings, fired: Iterable[Alert] = ()) -> Engine:
    """An engine with the settings' rules."""
    wanted = settings.alerts
    lang = language(settings.language)
    limits = Limits(wanted.chance, wanted.least, wanted.followers, lang)
    return Engine(wanted.kinds, limits, frozenset(wanted.topics) or None, fired)


def published(settings: Settings, since: datetime | None = None) -> list[Alert]:
    """The alerts there are, the oldest first.

    Raises:
        ConfigError: no broker answers, or there is no such topic.
    """
    found: dict[bytes | None, Alert] = {}
    for record in records(settings, settings.kafka.topic(topics.ALERTS)):
        if record.value is None:
            continue
        try:
            found[record.key] = decode_alert(record.value)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            # The record stage reads the same message and sends it to the dead letters.
            _log.error("alert %s cannot be read: %s", record.key, error)
    chosen = [alert for alert in found.values() if since is None or alert.at >= since]
    return sorted(chosen, key=lambda alert: (alert.at, alert.id))


def replay(
    made: Engine,
    found: Iterable[Fact],
    since: float,
    until: float,
    ledger: Iterable[Coverage] = (),
) -> Iterator[Alert]:
    """Feed facts in the order in which they were said: learn before ``since``, alert after.

    Args:
        made: a new engine.
        found: in order.
        since: seconds since 1970.
        until: where the clock stops.
        ledger: what was read of the sources, in the order in which it was written.
    """
    clock = since
    said = iter(ledger)
    message = next(said, None)

    def ticks(end: float) -> Iterator[Alert]:
        nonlocal clock, message
        while clock < end:
            # What was written later was not known then.
            while message is not None and message.end.timestamp() <= clock:
                made.note(message)
                message = next(said, None)
            yield from made.tick(clock)
            clock += 10 * MINUTE

    for fact in found:
        if fact.at < since:
            made.learn(fact)
            continue
        yield from ticks(fact.at)
        yield from made.feed(fact)
    yield from ticks(until)


def watch(
    settings: Settings,
    tell: Callable[[Alert], None],
    stopped: Callable[[], bool] = lambda: False,
    turn: Callable[[], None] = lambda: None,
) -> None:
    """Watch until stopped.

    Args:
        settings: where everything is, and the rules.
        tell: told each alert once the brokers confirmed it.
        stopped: asked every second.
        turn: told as often, once all that there was is taken in.

    Raises:
        ConfigError: no broker answers, or a topic is missing.
    """
    made = engine(settings, published(settings))
    name = settings.kafka.topic(topics.ALERTS)
    with _log_of_mentions(settings, made) as read, admin.producer(settings) as producer:

        def send(alerts: Iterable[Alert]) -> None:
            for alert in alerts:
                about = alert_headers(alert.id, alert.kind, alert.at)
                confirmed(producer, name, alert.id.encode(), msgspec.json.encode(alert), about)
                tell(alert)

        send(_catch_up(made, read))
        _log.info("%d topics are known; watching", len(made.histories))
        while not stopped():
            turn()
            for found in read() or ():
                send(made.feed(found))
            send(made.tick(time.time()))


def _say(state: RetryCallState) -> None:
    if state.attempt_number % _SAY_AGAIN_AFTER == 1 and state.outcome is not None:
        _log.warning("Kafka does not answer, waiting: %s", state.outcome.exception())


@retry(
    retry=retry_if_exception_type(KafkaError),
    wait=wait_random_exponential(multiplier=0.5, max=30),
    before_sleep=_say,
)
def confirmed(
    producer: Any,  # noqa: ANN401 - kafka-python has no types
    topic: str,
    key: bytes,
    value: bytes | None,
    headers: Headers = (),
) -> None:
    """Publish a message; an outage is waited out, because its moment does not come again."""
    producer.send(topic, key=key, value=value, headers=list(headers)).get()


def _catch_up(made: Engine, read: Callable[[], list[Fact] | None]) -> Iterator[Alert]:
    """Take in what is there: learn from the past, look at the last day."""
    since = time.time() - _CATCH_UP
    backlog: list[Fact] = []
    while (batch := read()) is not None:
        for fact in batch:
            if fact.at < since:
                made.learn(fact)
            else:
                backlog.append(fact)
    for fact in sorted(backlog):
        yield from made.feed(fact)


class _Log:
    """Reads on: what was read of sources goes to the engine, documents to look for are learnt."""

    def __init__(self, settings: Settings, made: Engine) -> None:
        self._engine = made
        self.mentions, self.coverage, self.leaks = (
            settings.kafka.topic(topic)
            for topic in (topics.ENRICHED, topics.COVERAGE, topics.LEAKS)
        )
        self._prints = prints(settings)
        self._since = time.time() - _CATCH_UP

    def take(self, batches: Mapping[Any, Sequence[Any]]) -> list[Fact]:
        """The facts of a poll."""
        found: list[Fact] = []
        for partition, batch in sorted(batches.items(), key=lambda pair: pair[0].topic):
            for record in batch:
                if partition.topic == self.mentions:
                    found += self._facts(record)
                elif partition.topic == self.coverage:
                    self._note(record)
                else:
                    self._prints.learn(record.key, record.value)
        return found

    def _note(self, record: Any) -> None:  # noqa: ANN401 - kafka-python has no types
        try:
            self._engine.note(decode_coverage(record.value or b""))
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            # The record stage reads the same message and sends it to the dead letters.
            _log.warning("coverage of %s cannot be read: %s", record.key, error)

    def _facts(self, record: Any) -> Iterator[Fact]:  # noqa: ANN401 - kafka-python has no types
        if record.value is None or headers.reprocessed(record.headers):
            return
        try:
            mention = decode_enriched(record.value)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            # The index stage reads the same message and sends it to the dead letters.
            _log.warning("%s cannot be read: %s", record.key, error)
            return
        late = mention.published_at.timestamp() >= self._since
        yield from facts(mention, self._prints if late else None)


def prints(settings: Settings) -> Prints:
    """What looks for documents; it knows none yet."""
    return Prints(key_of(settings) if settings.privacy.key() else None)


@contextmanager
def _log_of_mentions(settings: Settings, made: Engine) -> Iterator[Callable[[], list[Fact] | None]]:
    """A function that reads on: the facts that came, None once where the end is reached."""
    log = _Log(settings, made)
    with admin.consumer(settings) as reader:

        def partitions(name: str) -> list[TopicPartition]:
            found = [TopicPartition(name, n) for n in reader.partitions_for_topic(name) or ()]
            if not found:
                msg = f"no topic {name}; create it with 'mentions topics create'"
                raise ConfigError(msg)
            return found

        mentions, coverage, leaks = map(partitions, (log.mentions, log.coverage, log.leaks))
        ends = reader.end_offsets([*mentions, *coverage, *leaks])
        reader.assign(leaks)  # first, because what is looked for must be known
        reader.seek_to_beginning(*leaks)
        while any(reader.position(p) < ends[p] for p in leaks):
            log.take(reader.poll(timeout_ms=_POLL_MS))
        places = {partition: reader.position(partition) for partition in leaks}
        for some, back in ((mentions, LEARN), (coverage, timedelta(seconds=KEPT))):
            moment = int((datetime.now(UTC) - back).timestamp() * 1_000)
            for partition, at in reader.offsets_for_times(dict.fromkeys(some, moment)).items():
                places[partition] = at.offset if at else ends[partition]
        reader.assign(list(places))
        for partition, offset in places.items():
            reader.seek(partition, offset)
        behind = True

        def read() -> list[Fact] | None:
            nonlocal behind
            if behind and all(reader.position(p) >= ends[p] for p in (*mentions, *coverage)):
                behind = False
                return None
            return log.take(reader.poll(timeout_ms=_POLL_MS))

        yield read
