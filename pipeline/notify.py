"""Tells alerts and work to people: mail, chat and whatever else apprise knows, signed webhooks.

Guarantee: every alert and story that a channel wants is told once the channel takes it, for as
long as it is news, which is a day, and marked on ``mentions.notified`` then. What waits together is
told together, in one message. It is written to ``mentions.deliveries`` before it is sent: after a
kill, a lost answer or an error on the channel's side the very same message is sent again, under the
same key. What could not be told stands there too, and why; what was no news any more by the time it
could have been told is counted as lost. An outage of Kafka is waited out.

A message that a channel refuses for what it says is told in ever smaller parts; what is refused by
itself, too, is tried by itself from time to time, and holds up nothing else. Beside a message that
stays undecided, what is critical is told by itself; it is not written down before, and sent again
after a kill under the same key, unless it is work that grew meanwhile.

One process tells all channels, others stand by: it is who owns the one partition of deliveries in a
consumer group, asked again before each message is sent. Only what is under way in that moment may
be told by two, under the same key. Each channel has its own backoff, so that one that is away holds
up none.
"""

import logging
import threading
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
from pipeline.senders import SEVERITIES, Message, News, NotTaken, Unfit, sender, worst_first
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
_UNDECIDED_LONG: Final = 3
"""Attempts after which what is critical does not wait for an undecided message any more."""
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
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:  # a newer version's
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
        self._began: datetime | None = None
        """When it was told something last that was not told within a cool-down."""
        self._send = sender(channel, lang)
        self._again_at = 0.0
        self._most = _MOST_TOGETHER
        """How much is told at once; less after the channel refused what it was told."""
        self._refused: dict[str, float] = {}
        """What it refused by itself, by id, and when that is tried again."""
        self._state = before
        message = self._undecided()
        news = message.news() if message is not None and before is not None else ()
        # What was no news any more when that was written was counted then.
        self._waiting = {one.id: one for one in news if before and one.at > before.at - _NEWS}
        """What is still to be told, by id."""

    def due(self, news: Iterable[News], now: datetime) -> list[News]:
        """What is to be told now, the most severe first."""
        if time.monotonic() < self._again_at:
            return []
        hushed = quiet(self.channel, now)
        resting = self._resting(now)
        found = [
            one
            for one in news
            if self._owed(one, now)
            and (one.severity == "critical" or one.kind == "digest" or not (hushed or resting))
        ]
        taken = [one for one in found if one.id not in self._refused]
        if taken:
            return worst_first(taken)[: self._most]
        moment = time.monotonic()
        return [one for one in worst_first(found) if self._refused[one.id] <= moment][:1]

    def _resting(self, now: datetime) -> bool:
        """Whether its cool-down lasts: not in the very moment in which it begins.

        All that is due then is told, in as many messages as it takes.
        """
        rest = timedelta(minutes=self.channel.cooldown)
        return self._last is not None and now != self._began and now - self._last < rest

    def _owed(self, one: News, now: datetime) -> bool:
        return one.id not in self.told and one.at > now - _NEWS and wants(self.channel, one)

    def message(self, news: Sequence[News], now: datetime) -> Message | None:
        """What is to be sent now: what may have been told already comes first, and unchanged."""
        self._look(news, now)
        if time.monotonic() < self._again_at:
            return None
        due = self.due(news, now)
        undecided = self._undecided()
        if undecided is None:
            return Message.of(self.channel.name, due) if due else None
        held = undecided.news()
        known = {one.id for one in held}
        others = self.due([one for one in news if one.id not in known], now)
        beside = [one for one in others if one.severity == "critical"]
        if beside and self._beside_its_turn():
            return Message.of(self.channel.name, beside[:1])
        urgent = due or any(one.severity == "critical" for one in held)
        return undecided if urgent or not quiet(self.channel, now) else None

    def _beside_its_turn(self) -> bool:
        """Whether something else is tried, now that a message has been undecided for long."""
        attempts = 0 if self._state is None else self._state.attempts
        return attempts >= _UNDECIDED_LONG and attempts % 2 == 1

    def tell(
        self, message: Message, now: datetime, ours: Callable[[], bool] = lambda: True
    ) -> bool:
        """Try; a channel that refuses is tried again later, ever more seldom.

        Args:
            message: what ``message`` gave.
            now: when.
            ours: whether it is still this process that tells; asked last before sending.
        """
        news = message.news()
        before = self._state
        beside = before is not None and before.content is not None and before.id != message.id
        if before is None or not beside:
            state = self._begun(message, len(news), now)
            if before is None or (before.id, before.content) != (state.id, state.content):
                self._note(state)
        else:
            state = before
        if not ours():
            return False
        try:
            self._send(message)
        except Retryable as error:
            self._failed(state, news, error, now, beside=beside)
            return False
        if not self._resting(now):
            self._began = now
        self._last = now
        self._most = min(_MOST_TOGETHER, 2 * self._most)
        self.told.update(one.id for one in news)
        for one in news:
            self._waiting.pop(one.id, None)
            self._refused.pop(one.id, None)
            self._ledger.mark(
                Notified(channel=self.channel.name, alert=one.id, at=now, together=len(news))
            )
        if not beside:
            self._note(msgspec.structs.replace(state, state="told", at=now, content=None))
        return True

    def _begun(self, message: Message, together: int, now: datetime) -> Delivery:
        before = self._state
        away = before is not None and before.state in _AWAY
        return Delivery(
            channel=self.channel.name,
            id=message.id,
            state="sending",
            at=now,
            since=before.since if before is not None and away else now,
            attempts=before.attempts if before is not None and away else 0,
            together=together,
            lost=before.lost if before is not None else 0,
            content=message.content.decode(),
        )

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
        self,
        state: Delivery,
        news: Sequence[News],
        error: Retryable,
        now: datetime,
        *,
        beside: bool,
    ) -> None:
        attempts = state.attempts + 1
        wait = 0.0 if isinstance(error, Unfit) else min(2.0**attempts, _LONGEST_WAIT)
        if isinstance(error, Unfit):
            # It answers, and others need not wait for what it does not want.
            self._most = max(1, len(news) // 2)
            if len(news) == 1:
                self._refused[news[0].id] = time.monotonic() + _LONGEST_WAIT
                wait = _LONGEST_WAIT
        else:
            self._again_at = time.monotonic() + wait
        name, count = self.channel.name, len(news)
        _log.warning("channel %s: %d alerts wait, again in %.0f s: %s", name, count, wait, error)
        # What was certainly not taken is put together anew, with what came meanwhile.
        over = isinstance(error, NotTaken) and not beside
        self._note(
            msgspec.structs.replace(
                state,
                state="waiting",
                at=now,
                attempts=attempts,
                again_at=now + timedelta(seconds=wait),
                error=str(error)[:300],
                content=None if over else state.content,
            )
        )

    def _look(self, news: Iterable[News], now: datetime) -> None:
        """See what waits, and say what was never taken and is no news any more.

        What is there no more for another reason, as work that somebody has taken, waits no more.
        """
        since = now - _NEWS
        # A digest that is late is left out: the next one has it.
        old = [one for one in self._waiting.values() if one.at <= since and one.kind != "digest"]
        self._waiting = {one.id: one for one in news if self._owed(one, now)}
        self._refused = {name: at for name, at in self._refused.items() if name in self._waiting}
        message = self._undecided()
        over = message is not None and all(one.at <= since for one in message.news())
        content = None if self._state is None or over else self._state.content
        idle = not self._waiting and content is None
        away = self._state is not None and self._state.state in _AWAY
        if not (old or over or (away and idle)):
            return
        if old:
            _log.error("channel %s: %d alerts are no news any more", self.channel.name, len(old))
        state = self._state or self._begun(Message.of(self.channel.name, old), len(old), now)
        state = msgspec.structs.replace(state, at=now, lost=state.lost + len(old), content=content)
        if idle or self._state is None:
            state = msgspec.structs.replace(state, state="given up", again_at=None)
        self._note(state)

    def show(self) -> None:
        """Show Prometheus how it stands, from before."""
        if self._state is not None:
            self._count(self._state)

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
    lost = threading.Event()
    place = Ownership(
        settings.kafka.kafka_python(), topic, settings.kafka.group("notify"), lambda _: lost.set()
    )

    def ours(seconds: float = 0.0) -> bool:
        """Whether this process tells, without a break since the channels were read."""
        return bool(place.poll(seconds)) and not lost.is_set()

    with admin.producer(settings) as producer, Copy.of(settings) as work, closing(place):
        ledger = _Topics(settings, producer)
        _lines(settings, ledger, lang)  # so that a mistake ends it at once
        lines: list[_Line] | None = None
        while not stopped():
            turn()
            if not ours(_STAND_BY):
                if lines is not None:
                    _log.warning("another process tells the channels now")
                    _hide()
                # Even if it is ours again by now: others may have told something.
                lines = None
                lost.clear()
                continue
            if lines is None and (lines := _taken_over(settings, ledger, lang)) is None:
                continue
            now = datetime.now(UTC)
            news = _news(settings, work, now, lang)
            for line in lines if news is not None else ():
                summed = digest(line.channel, work.shelf.open(), now, lang)
                every = [*(news or ()), *([summed] if summed else ())]
                while ours() and (message := line.message(every, now)):
                    turn()
                    line.tell(message, now, ours)
            until = time.monotonic() + _LOOK_EVERY
            while time.monotonic() < until and not stopped():
                time.sleep(0.2)


def _taken_over(settings: Settings, ledger: _Ledger, lang: Language) -> list[_Line] | None:
    """The channels, with what others have told them; None during an outage."""
    try:
        lines = _lines(settings, ledger, lang)
    except (ConfigError, KafkaError) as error:
        # It could be read at the start: this is an outage.
        _log.warning("waiting: %s", error)
        return None
    for line in lines:
        line.show()
    _log.info("telling %d channels", len(lines))
    return lines


def _hide() -> None:
    """Leave it to whoever tells to show Prometheus how it stands."""
    metrics.CHANNEL_FAILURES.clear()
    metrics.CHANNEL_LOST.clear()


def _lines(settings: Settings, ledger: _Ledger, lang: Language) -> list[_Line]:
    """The channels as they are known."""
    told: dict[str, dict[str, datetime]] = {}
    for record in records(settings, settings.kafka.topic(topics.NOTIFIED)):
        if record.value is not None:
            try:
                mark = msgspec.json.decode(record.value, type=Notified)
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:  # a newer version's
                _log.error("the mark %s cannot be read: %s", record.key, error)
            else:
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


def _news(settings: Settings, work: Copy, now: datetime, lang: Language) -> list[News] | None:
    """What is news now; None during an outage."""
    try:
        work.catch_up()
        return [*published(settings, now - _NEWS), *stories(work.shelf.open(), lang)]
    except (ConfigError, KafkaError) as error:
        # It could be read at the start: this is an outage.
        _log.warning("waiting: %s", error)
        return None
