"""Tells alerts and work to people: mail, chat and whatever else apprise knows, signed webhooks.

Guarantee: every alert and story that a channel wants is told once the channel takes it, for as
long as it is news, which is a day, and marked on ``mentions.notified`` then. What waits together is
told together, in one message. It is written to ``mentions.deliveries`` before it is sent: after a
kill, a lost answer or an error on the channel's side the very same message is sent again, under the
same key. What could not be told stands there too, and why. An outage of Kafka is waited out.

One process tells all channels, others stand by: it is who owns the one partition of deliveries in a
consumer group. Each channel has its own backoff, so that one that is away holds up none.
"""

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol
from zoneinfo import ZoneInfo

import msgspec
from kafka.errors import KafkaError

from agents.ownership import Ownership
from pipeline import admin, metrics
from pipeline.advice import Language, language
from pipeline.alerts.watch import confirmed, published
from pipeline.errors import ConfigError, Retryable
from pipeline.reader import records
from pipeline.senders import SEVERITIES, Message, News, NotTaken, sender, worst_first
from pipeline.settings import NotifyChannel, Settings
from pipeline.work.book import Copy
from pipeline.work.telling import Story, digest, stories
from schemas import topics
from schemas.alert import Notified
from schemas.delivery import Delivery, decode_delivery

__all__ = ["deliveries", "notify", "quiet", "wants"]

_log = logging.getLogger(__name__)

_NEWS: Final = timedelta(days=1)
_MOST_TOGETHER: Final = 20
_LONGEST_WAIT: Final = 600.0
_LOOK_EVERY: Final = 5.0
_STAND_BY: Final = 0.5
_AWAY: Final = frozenset({"sending", "waiting"})
"""While a channel has not taken its message."""


def wants(channel: NotifyChannel, one: News) -> bool:
    """Whether a channel is told something at all; a digest is made for its channel."""
    if one.kind == "digest":
        return True
    if SEVERITIES.index(one.severity) < SEVERITIES.index(channel.severity):
        return False
    if isinstance(one, Story):
        return not set(one.teams).isdisjoint(channel.teams)
    return (
        channel.alerts
        and (not channel.kinds or one.name in channel.kinds)
        and (not channel.topics or one.topic in channel.topics)
    )


def quiet(channel: NotifyChannel, now: datetime) -> bool:
    """Whether it is one of the channel's quiet hours."""
    if channel.quiet is None:
        return False
    start, _, end = channel.quiet.partition("-")
    clock = f"{now.astimezone(ZoneInfo(channel.timezone)):%H:%M}"
    return start <= clock < end if start <= end else clock >= start or clock < end


def deliveries(settings: Settings) -> dict[str, Delivery]:
    """How it stands with each channel that was ever told something.

    Raises:
        ConfigError: no broker answers, or there is no such topic.
    """
    found: dict[str, Delivery] = {}
    for record in records(settings, settings.kafka.topic(topics.DELIVERIES)):
        try:
            said = decode_delivery(record.value or b"")
        except msgspec.MsgspecError as error:  # a newer version's
            _log.error("delivery of %s cannot be read: %s", record.key, error)
        else:
            found[said.channel] = said
    return found


class _Ledger(Protocol):
    """What outlives the process."""

    def note(self, delivery: Delivery) -> None:
        """Say how it stands with a channel."""

    def mark(self, mark: Notified) -> None:
        """Say what a channel was told."""


class _Line:
    """One channel, and what it waits for."""

    def __init__(
        self,
        channel: NotifyChannel,
        ledger: _Ledger,
        told: set[str],
        *,
        last: datetime | None = None,
        before: Delivery | None = None,
        lang: Language = "en",
    ) -> None:
        self.channel = channel
        self.told = told
        self._ledger = ledger
        self._last = last
        """When it was told something last."""
        self._send = sender(channel, lang)
        self._again_at = 0.0
        self._waiting: dict[str, datetime] = {}
        """What it did not take, by id, and when that happened."""
        self._state = before
        if before is not None:
            self._count(before)
        if (message := self._undecided()) is not None:
            self._waits(message.news())

    def due(self, news: Iterable[News], now: datetime) -> list[News]:
        """What is to be told now, the most severe first."""
        if time.monotonic() < self._again_at:
            return []
        hushed = quiet(self.channel, now)
        rest = timedelta(minutes=self.channel.cooldown)
        resting = self._last is not None and now - self._last < rest
        found = [
            one
            for one in news
            if one.id not in self.told
            and one.at > now - _NEWS
            and wants(self.channel, one)
            and (one.severity == "critical" or one.kind == "digest" or not (hushed or resting))
        ]
        return worst_first(found)[:_MOST_TOGETHER]

    def message(self, news: Iterable[News], now: datetime) -> Message | None:
        """What is to be sent now: what may have been told already comes first, and unchanged."""
        self._give_up(now)
        if time.monotonic() < self._again_at:
            return None
        due = self.due(news, now)
        undecided = self._undecided()
        if undecided is None:
            return Message.of(self.channel.name, due) if due else None
        urgent = due or any(one.severity == "critical" for one in undecided.news())
        return undecided if urgent or not quiet(self.channel, now) else None

    def tell(self, message: Message, now: datetime) -> bool:
        """Try; a channel that refuses is tried again later, ever more seldom."""
        news = message.news()
        before = self._state
        away = before is not None and before.state in _AWAY
        state = Delivery(
            channel=self.channel.name,
            id=message.id,
            state="sending",
            at=now,
            since=before.since if before is not None and away else now,
            attempts=before.attempts if before is not None and away else 0,
            together=len(news),
            lost=before.lost if before is not None else 0,
            content=message.content.decode(),
        )
        if before is None or (before.id, before.content) != (state.id, state.content):
            self._note(state)
        try:
            self._send(message)
        except Retryable as error:
            self._failed(state, news, error, now)
            return False
        self._last = now
        self.told.update(one.id for one in news)
        for one in news:
            self._waiting.pop(one.id, None)
            self._ledger.mark(
                Notified(channel=self.channel.name, alert=one.id, at=now, together=len(news))
            )
        self._note(msgspec.structs.replace(state, state="told", at=now, content=None))
        return True

    def _undecided(self) -> Message | None:
        """What was sent, and nobody knows whether it was taken."""
        if self._state is None or self._state.content is None:
            return None
        content = self._state.content.encode()
        message = Message(self._state.id, content, again=True)
        try:
            message.news()
        except msgspec.MsgspecError as error:
            # Another version's: it cannot be known what it tells, so it is told anew.
            _log.error("channel %s: %s: what was sent cannot be read", self.channel.name, error)
            self._state = msgspec.structs.replace(self._state, content=None)
            return None
        return message

    def _failed(
        self, state: Delivery, news: Sequence[News], error: Retryable, now: datetime
    ) -> None:
        attempts = state.attempts + 1
        wait = min(2.0**attempts, _LONGEST_WAIT)
        self._again_at = time.monotonic() + wait
        name, count = self.channel.name, len(news)
        _log.warning("channel %s: %d alerts wait, again in %.0f s: %s", name, count, wait, error)
        self._waits(news, now - _NEWS)
        self._note(
            msgspec.structs.replace(
                state,
                state="waiting",
                at=now,
                attempts=attempts,
                again_at=now + timedelta(seconds=wait),
                error=str(error)[:300],
                # What was certainly not taken is put together anew, with what came meanwhile.
                content=None if isinstance(error, NotTaken) else state.content,
            )
        )

    def _waits(self, news: Iterable[News], since: datetime | None = None) -> None:
        """Remember what is to be told; a digest that is late is left out."""
        self._waiting.update(
            (one.id, one.at)
            for one in news
            if one.kind != "digest" and (since is None or one.at > since)
        )

    def _give_up(self, now: datetime) -> None:
        """Say what was never taken, and is no news any more."""
        since = now - _NEWS
        old = [name for name, at in self._waiting.items() if at <= since]
        message = self._undecided()
        over = message is not None and all(one.at <= since for one in message.news())
        if self._state is None or not (old or over):
            return
        for name in old:
            del self._waiting[name]
        _log.error("channel %s: %d alerts are no news any more", self.channel.name, len(old))
        state = msgspec.structs.replace(self._state, at=now, lost=self._state.lost + len(old))
        if over:
            state = msgspec.structs.replace(state, content=None)
        if not self._waiting:
            state = msgspec.structs.replace(state, state="given up", content=None, again_at=None)
        self._note(state)

    def _note(self, state: Delivery) -> None:
        self._ledger.note(state)
        self._state = state
        self._count(state)

    def _count(self, state: Delivery) -> None:
        """Show it to Prometheus."""
        vain = state.attempts if state.state in _AWAY else 0
        metrics.CHANNEL_FAILURES.labels(self.channel.name).set(vain)
        metrics.CHANNEL_LOST.labels(self.channel.name).set(state.lost)


class _Topics:
    """The ledger in Kafka."""

    def __init__(self, settings: Settings, producer: Any) -> None:  # noqa: ANN401 - kafka-python has no types
        self._producer = producer
        self._deliveries = settings.kafka.topic(topics.DELIVERIES)
        self._notified = settings.kafka.topic(topics.NOTIFIED)

    def note(self, delivery: Delivery) -> None:
        key, value = delivery.channel.encode(), msgspec.json.encode(delivery)
        confirmed(self._producer, self._deliveries, key, value)

    def mark(self, mark: Notified) -> None:
        key = msgspec.json.encode([mark.channel, mark.alert])
        confirmed(self._producer, self._notified, key, msgspec.json.encode(mark))


def notify(
    settings: Settings,
    stopped: Callable[[], bool] = lambda: False,
    turn: Callable[[], None] = lambda: None,
) -> None:
    """Tell alerts and work to the settings' channels until stopped.

    Args:
        settings: where everything is, and the channels.
        stopped: asked several times a second.
        turn: told every few seconds that all is well.

    Raises:
        ConfigError: a channel cannot be told anything; or at the start no broker answers, or a
            topic is missing.
    """
    lang, topic = language(settings.language), settings.kafka.topic(topics.DELIVERIES)
    place = Ownership(
        settings.kafka.kafka_python(), topic, settings.kafka.group("notify"), lambda _: None
    )
    with admin.producer(settings) as producer, Copy.of(settings) as work, closing(place):
        ledger = _Topics(settings, producer)
        _lines(settings, ledger, lang)  # so that a mistake ends it at once
        lines: list[_Line] | None = None
        while not stopped():
            turn()
            if not place.poll(_STAND_BY):
                if lines is not None:
                    _log.warning("another process tells the channels now")
                lines = None
                continue
            if lines is None and (lines := _taken_over(settings, ledger, lang)) is None:
                continue
            now = datetime.now(UTC)
            news = _news(settings, work, now, lang)
            for line in lines:
                summed = digest(line.channel, work.shelf.open(), now, lang)
                every = [*news, *([summed] if summed else [])]
                while place.poll(0.0) and (message := line.message(every, now)):
                    turn()
                    line.tell(message, now)
            until = time.monotonic() + _LOOK_EVERY
            while time.monotonic() < until and not stopped():
                time.sleep(0.2)


def _taken_over(settings: Settings, ledger: _Ledger, lang: Language) -> list[_Line] | None:
    """The channels, with what others have told them; None during an outage."""
    try:
        lines = _lines(settings, ledger, lang)
    except ConfigError as error:
        # It could be read at the start: this is an outage.
        _log.warning("waiting: %s", error)
        return None
    _log.info("telling %d channels", len(lines))
    return lines


def _lines(settings: Settings, ledger: _Ledger, lang: Language) -> list[_Line]:
    """The channels as they are known."""
    told: dict[str, dict[str, datetime]] = {}
    for record in records(settings, settings.kafka.topic(topics.NOTIFIED)):
        if record.value is not None:
            mark = msgspec.json.decode(record.value, type=Notified)
            told.setdefault(mark.channel, {})[mark.alert] = mark.at
    before = deliveries(settings)
    return [
        _Line(
            channel,
            ledger,
            set(found),
            last=max(found.values(), default=None),
            before=before.get(channel.name),
            lang=lang,
        )
        for channel in settings.channels
        for found in (told.get(channel.name, {}),)
    ]


def _news(settings: Settings, work: Copy, now: datetime, lang: Language) -> list[News]:
    try:
        work.catch_up()
        return [*published(settings, now - _NEWS), *stories(work.shelf.open(), lang)]
    except (ConfigError, KafkaError) as error:
        # It could be read at the start: this is an outage.
        _log.warning("waiting: %s", error)
        return []
