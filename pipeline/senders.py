"""What tells a message to a channel: signed webhooks, and all that apprise knows.

A message is fixed before it is sent, and its key is made of it: a webhook that is sent the same
again, after a kill or a lost answer, can drop the double by its ``Idempotency-Key``.
"""

import hashlib
import hmac
import time
from collections.abc import Iterable, Sequence
from typing import Any, Final, Protocol, TypeAlias

import msgspec
from msgspec import Struct
from pydantic import SecretStr, TypeAdapter, ValidationError

from agents.secret import Secret
from pipeline.advice import Language
from pipeline.errors import ConfigError, Retryable
from pipeline.kibana.words import ALERT_RULES, Words
from pipeline.kibana.words import SEVERITIES as HOW_URGENT
from pipeline.settings import NotifyChannel
from pipeline.work.telling import Story
from schemas.alert import Alert

__all__ = [
    "SEVERITIES",
    "Message",
    "News",
    "NotTaken",
    "Sender",
    "Unfit",
    "sender",
    "signature",
    "words",
    "worst_first",
]

SEVERITIES: Final = ("info", "warning", "critical")
_TIMEOUT: Final = 20.0
_OK: Final = range(200, 300)
_REFUSALS: Final = range(400, 500)
_UNDECIDED: Final = {408, 409, 425, 429}
"""Refusals of the request as it came, not of what it says; 409 says that its key is in work."""
_UNFIT: Final = {400, 413, 422}
"""Refusals of what it says."""

_AGAIN: Final = Words("vielleicht schon gemeldet", "perhaps told before")
_MORE: Final = Words(" und {n} weitere", " and {n} more")
_NAMES: Final = ALERT_RULES | {
    "new": Words("Neue Arbeit", "New work"),
    "escalated": Words("Eskaliert", "Escalated"),
    "digest": Words("Überblick", "Digest"),
}
"""What is told, as people call it."""

News: TypeAlias = Alert | Story
"""What can be told."""


class NotTaken(Retryable):
    """The channel certainly did not take it: it may be told otherwise next time."""


class Unfit(NotTaken):
    """The channel answers, and refuses what the message says: it may take less of it."""


class _Body(Struct, frozen=True, omit_defaults=True):
    alerts: tuple[Alert, ...]
    work: tuple[Story, ...] = ()


class Message(Struct, frozen=True):
    """What a channel is told at once."""

    id: str
    """Made of the channel's name and the content; a webhook's ``Idempotency-Key``."""
    content: bytes
    """JSON: ``alerts`` and, where there is any, ``work``."""
    again: bool = False
    """Whether it may have been told before."""

    @classmethod
    def of(cls, channel: str, news: Sequence[News]) -> "Message":
        """Some news for a channel."""
        content = msgspec.json.encode(
            _Body(
                tuple(one for one in news if isinstance(one, Alert)),
                tuple(one for one in news if isinstance(one, Story)),
            )
        )
        return cls(hashlib.sha256(f"{channel}\n".encode() + content).hexdigest()[:32], content)

    def news(self) -> list[News]:
        """What it tells, the most severe first.

        Raises:
            msgspec.MsgspecError: another version wrote it.
        """
        told = msgspec.json.decode(self.content, type=_Body)
        return worst_first([*told.alerts, *told.work])


class Sender(Protocol):
    """Tells a message to one channel."""

    def __call__(self, message: Message) -> None:
        """Tell it.

        Raises:
            Unfit: the channel refuses what it says.
            NotTaken: the channel certainly did not take it.
            Retryable: it is not known whether it did. All say why, without the address.
        """


def worst_first(news: Iterable[News]) -> list[News]:
    """The most severe first, of these the oldest."""
    return sorted(news, key=lambda one: (-SEVERITIES.index(one.severity), one.at))


def signature(secret: str, timestamp: str, content: bytes) -> str:
    """HMAC-SHA256 over ``<timestamp>.<body>``, in hexadecimal digits."""
    return hmac.new(secret.encode(), f"{timestamp}.".encode() + content, hashlib.sha256).hexdigest()


def sender(channel: NotifyChannel, lang: Language = "en") -> Sender:
    """What tells messages to a channel, to people in that language.

    Raises:
        ConfigError: its address or key is not there, or no address.
    """
    url = _resolved(channel, "url", channel.url)
    if url.startswith(("http://", "https://")):
        key = _resolved(channel, "secret", channel.secret) if channel.secret else None
        return _Webhook(url, key)
    return _Apprise(channel.name, url, lang)


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
        self._errors: Any = (httpx.HTTPError, httpx.InvalidURL)
        self._unsent: Any = (httpx.ConnectError, httpx.ConnectTimeout, httpx.InvalidURL)

    def __call__(self, message: Message) -> None:
        stamp = str(int(time.time()))
        headers = {"content-type": "application/json", "idempotency-key": message.id}
        if self._key is not None:
            headers["x-mentions-timestamp"] = stamp
            headers["x-mentions-signature"] = (
                f"sha256={signature(self._key, stamp, message.content)}"
            )
        try:
            answer = self._client.post(self._url, content=message.content, headers=headers)
        except self._errors as error:
            # The error's own message may hold the address.
            kind = NotTaken if isinstance(error, self._unsent) else Retryable
            raise kind(type(error).__name__) from None
        if answer.status_code not in _OK:
            msg = f"it answers {answer.status_code}"
            raise _meant(answer.status_code)(msg)


def _meant(status: int) -> type[Retryable]:
    """What an answer that is no yes says of the message; redirects are not followed."""
    if status in _UNFIT:
        return Unfit
    return NotTaken if status in _REFUSALS and status not in _UNDECIDED else Retryable


class _Apprise:
    """Everything that apprise knows."""

    def __init__(self, name: str, url: str, lang: Language) -> None:
        import apprise  # noqa: PLC0415 - slow to import, and only needed here

        self._lang = lang
        self._all = apprise.Apprise()
        if not self._all.add(url):
            msg = f"channel {name!r}: its url is no address that apprise knows"
            raise ConfigError(msg)

    def __call__(self, message: Message) -> None:
        title, text = words(message.news(), self._lang)
        if message.again:  # mail and chat know no key to drop the double by
            title += f" ({_AGAIN[self._lang]})"
        if not self._all.notify(title=title, body=text):
            # Its no may be an answer that came too late, or one of several who did not take it.
            msg = "it did not say that it took the message"
            raise Retryable(msg)


def words(news: Sequence[News], lang: Language = "en") -> tuple[str, str]:
    """A title and a text, for people."""
    title = "{}: {}: {}".format(*_head(news[0], lang))
    if len(news) > 1:
        title += _MORE[lang].format(n=len(news) - 1)
    lines = [
        f"{one.at:%Y-%m-%d %H:%M} UTC {' '.join(_head(one, lang))}: {one.why}"
        f"\n  {', '.join(one.mentions[:3])}"
        for one in news
    ]
    return title, "\n".join(lines)


def _head(one: News, lang: Language) -> tuple[str, str, str]:
    """How urgent, what, and about what; a rule that has no word yet is named as it is."""
    name = _NAMES[one.name][lang] if one.name in _NAMES else one.name
    return HOW_URGENT[one.severity][lang], name, one.topic
