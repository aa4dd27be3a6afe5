"""Watches ``mentions.enriched`` and publishes ``mentions.alerts``.

Guarantee: at least once, under the same id. The state is what the topic says: on starting, nine
weeks are read to learn what is usual, the last day is looked at, and what was alerted before is not
alerted again; so a process may be killed and started at any time. One process does it all, because
what is usual of a topic is spread over all partitions; a second one would say the same.

Nobody is alerted by what was enriched again, or collected as back-fill.
"""

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
from kafka import TopicPartition
from kafka.errors import KafkaError
from tenacity import RetryCallState, retry, retry_if_exception_type, wait_random_exponential

from pipeline import admin
from pipeline.alerts.engine import Engine
from pipeline.alerts.history import DAY, MINUTE, Fact, facts
from pipeline.alerts.rules import Limits
from pipeline.errors import ConfigError
from pipeline.reader import records
from pipeline.settings import Settings
from schemas import headers, topics
from schemas.alert import Alert, decode_alert
from schemas.headers import Headers, alert_headers
from schemas.mention import EnrichedMention, decode_enriched

__all__ = ["LEARN", "confirmed", "engine", "published", "replay", "watch"]

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
    limits = Limits(wanted.chance, wanted.least, wanted.followers)
    return Engine(wanted.kinds, limits, frozenset(wanted.topics) or None, fired)


def published(settings: Settings, since: datetime | None = None) -> list[Alert]:
    """The alerts there are, the oldest first.

    Raises:
        ConfigError: no broker answers, or there is no such topic.
    """
    found = {
        record.key: decode_alert(record.value)
        for record in records(settings, settings.kafka.topic(topics.ALERTS))
        if record.value is not None
    }
    chosen = [alert for alert in found.values() if since is None or alert.at >= since]
    return sorted(chosen, key=lambda alert: (alert.at, alert.id))


def replay(
    made: Engine, mentions: Iterable[EnrichedMention], since: float, until: float
) -> Iterator[Alert]:
    """Feed mentions in the order in which they were said: learn before ``since``, alert after.

    Args:
        made: a new engine.
        mentions: in order.
        since: seconds since 1970.
        until: where the clock stops.
    """
    clock = since
    for mention in mentions:
        for fact in facts(mention):
            if fact.at < since:
                made.learn(fact)
                continue
            while clock < fact.at:
                yield from made.tick(clock)
                clock += 10 * MINUTE
            yield from made.feed(fact)
    while clock < until:
        yield from made.tick(clock)
        clock += 10 * MINUTE


def watch(
    settings: Settings,
    tell: Callable[[Alert], None],
    stopped: Callable[[], bool] = lambda: False,
) -> None:
    """Watch until stopped.

    Args:
        settings: where everything is, and the rules.
        tell: told each alert once the brokers confirmed it.
        stopped: asked every second.

    Raises:
        ConfigError: no broker answers, or a topic is missing.
    """
    made = engine(settings, published(settings))
    name = settings.kafka.topic(topics.ALERTS)
    with _log_of_mentions(settings) as read, admin.producer(settings) as producer:

        def send(alerts: Iterable[Alert]) -> None:
            for alert in alerts:
                about = alert_headers(alert.id, alert.kind, alert.at)
                confirmed(producer, name, alert.id.encode(), msgspec.json.encode(alert), about)
                tell(alert)

        send(_catch_up(made, read))
        _log.info("%d topics are known; watching", len(made.histories))
        while not stopped():
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
    value: bytes,
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


@contextmanager
def _log_of_mentions(settings: Settings) -> Iterator[Callable[[], list[Fact] | None]]:
    """A function that reads on: the facts that came, None once where the end is reached."""
    name = settings.kafka.topic(topics.ENRICHED)
    with admin.consumer(settings) as reader:
        partitions = [TopicPartition(name, n) for n in reader.partitions_for_topic(name) or ()]
        if not partitions:
            msg = f"no topic {name}; create it with 'mentions topics create'"
            raise ConfigError(msg)
        reader.assign(partitions)
        start = int((datetime.now(UTC) - LEARN).timestamp() * 1_000)
        ends = reader.end_offsets(partitions)
        for partition, at in reader.offsets_for_times(dict.fromkeys(partitions, start)).items():
            reader.seek(partition, at.offset if at else ends[partition])
        behind = True

        def read() -> list[Fact] | None:
            nonlocal behind
            if behind and all(reader.position(p) >= ends[p] for p in partitions):
                behind = False
                return None
            found = reader.poll(timeout_ms=_POLL_MS)
            return [fact for batch in found.values() for one in batch for fact in _facts(one)]

        yield read


def _facts(record: Any) -> Iterator[Fact]:  # noqa: ANN401 - kafka-python has no types
    if record.value is None or headers.reprocessed(record.headers):
        return
    try:
        mention = decode_enriched(record.value)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        # The index stage reads the same message and sends it to the dead letters.
        _log.warning("%s cannot be read: %s", record.key, error)
        return
    yield from facts(mention)
