"""What an analyst changes of a mention's findings: an event that survives enriching it again.

The topic ``mentions.amendments`` has one partition and is compacted by mention, part and name: the
last word counts, a null value takes it back. Whether a mention is about a topic at all, which other
mentions are judged by too, is ``schemas.correction``.
"""

from typing import Annotated, Final, Literal, TypeAlias, get_args

import msgspec
from msgspec import Meta, Struct

from schemas.about import About
from schemas.mention import EntityKind, Id, Instant, Kind, Label, Part

__all__ = ["Amendment", "Place", "Value", "decode_amendment", "key", "place"]

Value: TypeAlias = Literal[
    "negative", "neutral", "positive",
    "brand", "product", "theme", "competitor", "person", "campaign", "confidential",
    "organisation", "place", "work", "event", "other",
]  # fmt: skip
"""A tone, or the kind of a topic or of an entity."""

Place: TypeAlias = tuple[str, Part, str]
"""Mention, part and name: one thing that can be amended."""

_WORDS: Final[dict[str, frozenset[str | None]]] = {
    "sentiment": frozenset(get_args(Label)),
    "target": frozenset(get_args(Label)),
    "topic": frozenset((*get_args(Kind), None)),
    "entity": frozenset((*get_args(EntityKind), None)),
}


class Amendment(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One finding of one mention, as an analyst sees it."""

    mention: Id
    """The mention it is about."""
    part: Annotated[Part, About("target")]
    """What is amended: the tone of the text or towards a topic, a topic, an entity."""
    name: Annotated[str, Meta(max_length=512), About("Acme", personal=True)] = ""
    """The topic, or the entity as written in the text; empty for the tone of the text."""
    value: Annotated[Value, About("positive")] | None = None
    """The tone, or the kind of the topic or entity. None: it is none."""
    by: Annotated[str, Meta(max_length=512), About("ada", personal=True)]
    """Who says so."""
    at: Instant
    """When."""
    note: Annotated[str, Meta(max_length=1_000), About("irony")] | None = None
    """Why."""

    def __post_init__(self) -> None:
        """Refuse what says nothing.

        Raises:
            ValueError: the value is none for this part, or the name is missing or one too many.
        """
        if self.value not in _WORDS[self.part]:
            msg = f"{self.value!r} is nothing that a {self.part} can be"
            raise ValueError(msg)
        if bool(self.name) == (self.part == "sentiment"):
            msg = f"a {self.part} has {'no' if self.name else 'a'} name"
            raise ValueError(msg)


def key(where: Place) -> bytes:
    """The Kafka key of an amendment."""
    return msgspec.json.encode(where)


def place(message_key: bytes | None) -> Place:
    """What the Kafka key of an amendment says.

    Raises:
        msgspec.MsgspecError: it is no such key.
    """
    return _places.decode(message_key or b"")


_places = msgspec.json.Decoder(tuple[str, Part, str])
_decoder = msgspec.json.Decoder(Amendment)


def decode_amendment(value: bytes) -> Amendment:
    """Read the value of a message on ``mentions.amendments``.

    Raises:
        msgspec.DecodeError: it is not JSON.
        msgspec.ValidationError: a field is missing, of the wrong type or out of bounds, or the
            value is none for this part.
    """
    return _decoder.decode(value)
