"""The life of a routed mention: for each team it is work, from new to answered or dismissed.

People and the pipeline say on ``mentions.work-orders`` what is to be done; the topic has one
partition, so it says who came first. The stage ``work`` decides in that order and writes what is
the case to ``mentions.work``, compacted by team and mention. An order that comes too late changes
nothing and stands among the steps, with the reason: nobody is overruled without being told.
Neither topic holds what a mention says.
"""

from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta, Struct

from schemas.about import About
from schemas.mention import Channel, Id, Instant, Label, TopicName

__all__ = [
    "Action",
    "Order",
    "Priority",
    "State",
    "Step",
    "Subject",
    "Team",
    "Work",
    "decode_order",
    "decode_work",
    "key",
]

Action: TypeAlias = Literal[
    "route", "take", "assign", "answer", "dismiss", "reopen", "escalate", "delete"
]
State: TypeAlias = Literal["new", "assigned", "answered", "dismissed"]
Priority: TypeAlias = Literal["low", "normal", "high"]
Team: TypeAlias = Annotated[str, Meta(pattern="^[a-z0-9][a-z0-9_-]{0,62}$"), About("press")]
Person: TypeAlias = Annotated[str, Meta(min_length=1, max_length=512), About("ada", personal=True)]
Note: TypeAlias = Annotated[str, Meta(max_length=1_000), About("a refund was promised")]
OrderId: TypeAlias = Annotated[
    str, Meta(min_length=1, max_length=64), About("0af7651916cd43dd8448eb211c80319c")
]


class Subject(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a list of work shows of a mention, and when it has to be done."""

    priority: Priority
    """How urgent it is, as the route says."""
    due: Instant
    """When it has to be answered or dismissed."""
    escalates_at: Instant
    """When it is escalated if nobody has taken it."""
    published_at: Instant
    """When the mention was said."""
    channel: Channel
    """The kind of place it was said in."""
    site: Annotated[str, Meta(max_length=253), About("forum.example.org")] | None = None
    """The host name it was said on."""
    topics: Annotated[tuple[TopicName, ...], Meta(max_length=200)] = ()
    """The watchlist topics it matches."""
    language: Annotated[str, Meta(pattern="^[a-z]{2,3}$"), About("de")] | None = None
    """The language of the text, ISO 639-1; None where the text does not tell."""
    label: Label | None = None
    """The tone of the whole text."""
    story: Id | None = None
    """The mention that leads the story of which this one is a near copy."""


class Order(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What somebody wants to be done about a piece of work."""

    id: OrderId
    """Names the order: the same one counts once."""
    team: Team
    """Whose work it is."""
    mention: Id
    """The mention."""
    action: Annotated[Action, About("take")]
    """What is to be done; ``route``, ``escalate`` and ``delete`` are the pipeline's own."""
    by: Person
    """Who wants it."""
    at: Instant
    """When it was said."""
    to: Person | None = None
    """With ``assign``: to whom."""
    note: Note | None = None
    """Why, or what was answered."""
    subject: Subject | None = None
    """With ``route``: what it is about."""


class Step(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one order."""

    order: OrderId
    """The order's id."""
    action: Annotated[Action, About("take")]
    """What was wanted."""
    by: Person
    """Who wanted it."""
    at: Instant
    """When it was said."""
    to: Person | None = None
    """With ``assign``: to whom."""
    note: Note | None = None
    """Why, or what was answered."""
    refused: Annotated[str, Meta(max_length=1_200), About("it is assigned to ada")] | None = None
    """Why it changed nothing; None where it was done."""


class Work(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A mention that a team has to deal with, as it is now."""

    team: Team
    """Whose work it is."""
    mention: Id
    """The mention."""
    state: Annotated[State, About("assigned")]
    """``new``: nobody has taken it. ``answered`` and ``dismissed``: it is done."""
    number: Annotated[int, Meta(ge=1), About(2, unit="count")]
    """Orders its versions; each change makes it one more."""
    assignee: Person | None = None
    """Who has taken it, or was given it; stays when it is done."""
    since: Instant
    """When it was routed."""
    changed_at: Instant
    """When it last changed; an order that was refused does not count."""
    escalated_at: Instant | None = None
    """When it was escalated, because nobody had taken it."""
    subject: Subject
    """What it is about, and when it is due."""
    steps: Annotated[tuple[Step, ...], Meta(max_length=50)] = ()
    """All orders with who and when, the first and the newest 49."""


def key(team: str, mention_id: str) -> bytes:
    """The Kafka key of work and of its orders."""
    return msgspec.json.encode([team, mention_id])


_orders = msgspec.json.Decoder(Order)
_works = msgspec.json.Decoder(Work)


def decode_order(value: bytes) -> Order:
    """Read the value of a message on ``mentions.work-orders``.

    Raises:
        msgspec.DecodeError: it is not JSON.
        msgspec.ValidationError: a field is missing, of the wrong type or out of bounds.
    """
    return _orders.decode(value)


def decode_work(value: bytes) -> Work:
    """Read the value of a message on ``mentions.work``.

    Raises:
        msgspec.DecodeError: it is not JSON.
        msgspec.ValidationError: a field is missing, of the wrong type or out of bounds.
    """
    return _works.decode(value)
