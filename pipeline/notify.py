"""Tells alerts and work to people: mail, chat and whatever else apprise knows, signed webhooks.

Guarantee: every alert and story that a channel wants is told once the channel takes it, for as
long as it is news, which is a day, and marked on ``mentions.notified`` then. A kill between the two
tells it again: all carry their ids, and a webhook's request its ``Idempotency-Key``. What waits
together is told together, in one message. An outage of Kafka is waited out.

One process tells all channels; each has its own backoff, so that one that is away holds up none.
"""

import hashlib
import hmac
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol, TypeAlias
from zoneinfo import ZoneInfo

import msgspec
from kafka.errors import KafkaError
from pydantic import SecretStr, TypeAdapter, ValidationError

from agents.secret import Secret
from pipeline import admin
from pipeline.alerts.watch import confirmed, published
from pipeline.errors import ConfigError, Retryable
from pipeline.reader import records
from pipeline.settings import NotifyChannel, Settings
from pipeline.work.book import Copy
from pipeline.work.telling import Story, digest, stories
from schemas import topics
from schemas.alert import Alert, Notified

__all__ = ["News", "Sender", "body", "notify", "quiet", "sender", "signature", "wants", "words"]

_log = logging.getLogger(__name__)

_NEWS: Final = timedelta(days=1)
_MOST_TOGETHER: Final = 20
_TIMEOUT: Final = 20.0
_LONGEST_WAIT: Final = 600.0
_LOOK_EVERY: Final = 5.0
_SEVERITIES: Final = ("info", "warning", "critical")
_OK: Final = range(200, 300)


News: TypeAlias = Alert | Story
"""What can be told."""


class Sender(Protocol):
    """Tells some news to one channel."""

    def __call__(self, news: Sequence[News]) -> None:
        """Tell them.

        Raises:
            Retryable: the channel did not take them; the message says why, without the address.
        """


def wants(channel: NotifyChannel, one: News) -> bool:
    """Whether a channel is told something at all; a digest is made for its channel."""
    if one.kind == "digest":
        return True
    if _SEVERITIES.index(one.severity) < _SEVERITIES.index(channel.severity):
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


def body(news: Sequence[News]) -> bytes:
    """What a webhook is sent: ``alerts`` and, where there is any, ``work``."""
    told = {"alerts": [one for one in news if isinstance(one, Alert)]}
    work = [one for one in news if isinstance(one, Story)]
    return msgspec.json.encode({**told, "work": work} if work else told)


def signature(secret: str, timestamp: str, content: bytes) -> str:
    """HMAC-SHA256 over ``<timestamp>.<body>``, in hexadecimal digits."""
    return hmac.new(secret.encode(), f"{timestamp}.".encode() + content, hashlib.sha256).hexdigest()


def sender(channel: NotifyChannel) -> Sender:
    """What tells alerts to a channel.

    Raises:
        ConfigError: its address or key is not there, or no address.
    """
    url = _resolved(channel, "url", channel.url)
    if url.startswith(("http://", "https://")):
        key = _resolved(channel, "secret", channel.secret) if channel.secret else None
        return _Webhook(url, key)
    return _Apprise(channel.name, url)


def _resolved(channel: NotifyChannel, what: str, reference: str) -> str:
    try:
        found: SecretStr = TypeAdapter(Secret).validate_python(reference)
    except ValidationError as error:
        why = error.errors()[0]["msg"].removeprefix("Value error, ")
        msg = f"channel {channel.name!r}: {what}: {why}"
        raise ConfigError(msg) from error
    return found.get_secret_value()


class _Webhook:
    """Posts JSON; any answer of 2xx is a yes."""

    def __init__(self, url: str, key: str | None) -> None:
        import httpx  # noqa: PLC0415 - only where there is a webhook

        self._url = url
        self._key = key
        self._client = httpx.Client(timeout=_TIMEOUT, follow_redirects=False)
        self._errors = (httpx.HTTPError, httpx.InvalidURL)

    def __call__(self, news: Sequence[News]) -> None:
        content = body(news)
        stamp = str(int(time.time()))
        same = hashlib.sha256("\n".join(one.id for one in news).encode()).hexdigest()
        headers = {"content-type": "application/json", "idempotency-key": same[:32]}
        if self._key is not None:
            headers["x-mentions-timestamp"] = stamp
            headers["x-mentions-signature"] = f"sha256={signature(self._key, stamp, content)}"
        try:
            answer = self._client.post(self._url, content=content, headers=headers)
        except self._errors as error:
            raise Retryable(type(error).__name__) from None  # the message may hold the address
        if answer.status_code not in _OK:
            msg = f"it answers {answer.status_code}"
            raise Retryable(msg)


class _Apprise:
    """Everything that apprise knows."""

    def __init__(self, name: str, url: str) -> None:
        import apprise  # noqa: PLC0415 - slow to import, and only needed here

        self._all = apprise.Apprise()
        if not self._all.add(url):
            msg = f"channel {name!r}: its url is no address that apprise knows"
            raise ConfigError(msg)

    def __call__(self, news: Sequence[News]) -> None:
        title, text = words(news)
        if not self._all.notify(title=title, body=text):
            msg = "it did not take the message"
            raise Retryable(msg)


def words(news: Sequence[News]) -> tuple[str, str]:
    """A title and a text, for people."""
    first = news[0]
    title = f"{first.severity}: {first.name}: {first.topic}"
    if len(news) > 1:
        title += f" and {len(news) - 1} more"
    lines = [
        f"{one.at:%Y-%m-%d %H:%M} UTC {one.severity} {one.name} {one.topic}: {one.why}"
        f"\n  {', '.join(one.mentions[:3])}"
        for one in news
    ]
    return title, "\n".join(lines)


class _Line:
    """One channel, and what it waits for."""

    def __init__(
        self, channel: NotifyChannel, told: set[str], last: datetime | None = None
    ) -> None:
        self.channel = channel
        self.told = told
        self._last = last
        """When it was told something last."""
        self._send = sender(channel)
        self._failures = 0
        self._again_at = 0.0

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
        found.sort(key=lambda one: (-_SEVERITIES.index(one.severity), one.at))
        return found[:_MOST_TOGETHER]

    def tell(self, news: Sequence[News], now: datetime | None = None) -> bool:
        """Try; a channel that refuses is tried again later, ever more seldom."""
        try:
            self._send(news)
        except Retryable as error:
            self._failures += 1
            wait = min(2.0**self._failures, _LONGEST_WAIT)
            self._again_at = time.monotonic() + wait
            name, count = self.channel.name, len(news)
            _log.warning(
                "channel %s: %d alerts wait, again in %.0f s: %s", name, count, wait, error
            )
            return False
        self._failures = 0
        self._last = now or datetime.now(UTC)
        self.told.update(one.id for one in news)
        return True


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
    told: dict[str, dict[str, datetime]] = {}
    for record in records(settings, settings.kafka.topic(topics.NOTIFIED)):
        if record.value is not None:
            mark = msgspec.json.decode(record.value, type=Notified)
            told.setdefault(mark.channel, {})[mark.alert] = mark.at
    lines = [
        _Line(channel, set(found), max(found.values(), default=None))
        for channel in settings.channels
        for found in (told.get(channel.name, {}),)
    ]
    _log.info("telling %d channels", len(lines))
    with admin.producer(settings) as producer, Copy.of(settings) as work:
        while not stopped():
            turn()
            now = datetime.now(UTC)
            news = _news(settings, work, now)
            for line in lines:
                summed = digest(line.channel, work.shelf.open(), now)
                while due := line.due([*news, *([summed] if summed else [])], now):
                    turn()
                    if line.tell(due, now):
                        _mark(settings, producer, line.channel.name, due)
            until = time.monotonic() + _LOOK_EVERY
            while time.monotonic() < until and not stopped():
                time.sleep(0.2)


def _news(settings: Settings, work: Copy, now: datetime) -> list[News]:
    try:
        work.catch_up()
        return [*published(settings, now - _NEWS), *stories(work.shelf.open())]
    except (ConfigError, KafkaError) as error:
        # It could be read at the start: this is an outage.
        _log.warning("waiting: %s", error)
        return []


def _mark(
    settings: Settings,
    producer: Any,  # noqa: ANN401 - kafka-python has no types
    channel: str,
    news: Sequence[News],
) -> None:
    name = settings.kafka.topic(topics.NOTIFIED)
    at = datetime.now(UTC)
    for one in news:
        mark = Notified(channel=channel, alert=one.id, at=at, together=len(news))
        key = msgspec.json.encode([channel, one.id])
        confirmed(producer, name, key, msgspec.json.encode(mark))
