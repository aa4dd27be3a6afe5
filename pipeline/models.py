"""The trained sentiment models in Kafka: published here, read here, put in force, taken back.

A model is one message; another one, a language, says which version is in force and which were
before it. Guarantee: what ``publish`` or ``roll_back`` returned is confirmed by the brokers.
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from pipeline import held
from pipeline.enrich.sentiment import model as shipping
from pipeline.enrich.sentiment.model import Model, decode, encode
from pipeline.errors import ConfigError
from pipeline.settings import Settings
from schemas import topics
from schemas.models import SHIPPED, InForce

__all__ = ["Models", "publish", "read", "roll_back"]

_REMEMBERED: Final = 50


class Models:
    """What stands in the topic, as far as it was read."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], bytes] = {}
        self._in_force: dict[str, InForce] = {}

    def adopt(self, messages: Iterable[tuple[bytes | None, bytes | None]]) -> list[str]:
        """Take in some messages, in their order.

        Returns:
            The languages for which another version is in force now.
        """
        before = dict(self._in_force)
        for key, value in messages:
            kind, language, version = (*(key or b"").decode().split(":"), "", "")[:3]
            if kind == "model" and value is not None:
                self._known[language, version] = value
            elif kind == "active":
                self._in_force[language] = (
                    InForce() if value is None else msgspec.json.decode(value, type=InForce)
                )
        return [
            language
            for language, found in self._in_force.items()
            if found.version != before.get(language, InForce()).version
        ]

    def in_force(self, language: str) -> InForce:
        """Which version judges a language."""
        return self._in_force.get(language, InForce())

    def versions(self) -> list[tuple[str, str]]:
        """The languages and versions there are, the oldest first."""
        return list(self._known)

    def get(self, language: str, version: str) -> Model:
        """A model.

        Raises:
            ValueError: there is none, or it cannot be read.
        """
        if version == SHIPPED:
            return shipping.shipped(language)
        if (data := self._known.get((language, version))) is None:
            msg = f"there is no model {version} for {language}"
            raise ValueError(msg)
        return decode(data)

    def active(self, language: str) -> Model:
        """The model in force.

        Raises:
            ValueError: it cannot be read.
        """
        return self.get(language, self.in_force(language).version)


def read(settings: Settings) -> Models:
    """All models.

    Raises:
        ConfigError: no broker answers, or there is no such topic.
    """
    models = Models()
    models.adopt((record.key, record.value) for record in held.read(settings, topics.MODELS))
    return models


def publish(settings: Settings, model: Model) -> None:
    """Put a model in force; it is there before the message that says so.

    Raises:
        ConfigError: no broker answers, or the model is too large.
    """
    data = encode(model)
    if len(data) > shipping.LIMIT:
        msg = f"the model has {len(data)} bytes, more than the {shipping.LIMIT} it may have"
        raise ConfigError(msg)
    found = read(settings).in_force(model.language)
    if found.version == model.version:
        return
    before = (found.version, *found.before)[:_REMEMBERED]
    _send(
        settings,
        (f"model:{model.language}:{model.version}", data),
        (f"active:{model.language}", msgspec.json.encode(InForce(model.version, before))),
    )


def roll_back(settings: Settings, language: str, to: str | None = None) -> InForce:
    """Put an earlier version in force again.

    Args:
        settings: how to reach Kafka.
        language: the language it is about.
        to: a version, or ``SHIPPED``; by default the one that was in force before.

    Raises:
        ConfigError: no broker answers, or there is no such version.
    """
    models = read(settings)
    found = models.in_force(language)
    if to is None:
        if not found.before:
            msg = f"no model was in force for {language} before {found.version}"
            raise ConfigError(msg)
        to, before = found.before[0], found.before[1:]
    else:
        before = (found.version, *found.before)[:_REMEMBERED]
    if to != SHIPPED and (language, to) not in models.versions():
        msg = f"there is no model {to} for {language}; 'mentions models list' names them"
        raise ConfigError(msg)
    now = InForce(to, before)
    _send(settings, (f"active:{language}", msgspec.json.encode(now)))
    return now


def _send(settings: Settings, *messages: tuple[str, bytes]) -> None:
    for key, value in messages:  # each is there before the next is sent
        held.publish(settings, topics.MODELS, [(key.encode(), value)])
