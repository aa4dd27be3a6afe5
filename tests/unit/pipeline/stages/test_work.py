"""The stage that decides: one batch sees what it has decided itself; what cannot be is rejected."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from pipeline.outcome import Ok, Outcome, Reject
from pipeline.settings import Route, Settings
from pipeline.stages.work import Work
from pipeline.work import life
from pipeline.work.book import Shelf
from schemas.mention import Collector, EnrichedMention
from schemas.work import Order, decode_work, key
from tests.support.records import Record

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SETTINGS = Settings(routes=(Route(team="press", escalate_to="board"), Route(team="board")))
MENTION = EnrichedMention(
    id="t:1",
    revision=1,
    channel="forum",
    text="x",
    published_at=NOW,
    collected_at=NOW,
    collector=Collector(source="test"),
)


class Known:
    """A book that stands still."""

    def __init__(self) -> None:
        self.shelf = Shelf()

    async def catch_up(self) -> None:
        """Nothing is written."""


@pytest.fixture
def stage() -> Work:
    made = Work(SETTINGS)
    made._book = Known()  # type: ignore[assignment]
    return made


def message(order: Order) -> Record:
    place = key(order.team, order.mention)
    return Record(place, msgspec.json.encode(order), topic="mentions.work-orders")


def order(action: str, by: str, **fields: Any) -> Order:
    given = {"id": f"{action}-{by}", "team": "press", "mention": "t:1", "by": by, "at": NOW}
    return msgspec.convert({**given, "action": action, **fields}, Order)


def said(outcome: Outcome) -> list[tuple[str, str] | None]:
    assert isinstance(outcome, Ok)
    works = [out.value and decode_work(out.value) for out in outcome.outputs]
    return [(work.team, work.state) if work else None for work in works]


async def test_orders_of_one_batch_follow_each_other(stage: Work) -> None:
    routed = life.routing(SETTINGS, SETTINGS.routes[0], MENTION, NOW)
    batch = [routed, routed, order("take", "ada"), order("take", "bob"), order("delete", "x")]
    outcomes = await stage.handle([message(one) for one in (*batch, routed)])
    assert [said(outcome) for outcome in outcomes] == [
        [("press", "new")],
        [],
        [("press", "assigned")],
        [("press", "assigned")],
        [None],
        [("press", "new")],  # collected again: it is new to everybody
    ]
    # Nothing is kept but what the topic says.
    assert said((await stage.handle([message(order("delete", "x"))]))[0]) == []


async def test_what_is_escalated_is_another_team_s_too(stage: Work) -> None:
    routed = life.routing(SETTINGS, SETTINGS.routes[0], MENTION, NOW)
    known = life.decide(None, routed)
    assert known
    batch = [message(one) for one in (routed, *[life.escalation(known, NOW)] * 2)]
    outcomes = await stage.handle(batch)
    assert [said(outcome) for outcome in outcomes] == [
        [("press", "new")],
        [("press", "new"), ("board", "new")],
        [],
    ]


async def test_a_kill_between_two_messages_loses_no_escalation(stage: Work) -> None:
    routed = life.routing(SETTINGS, SETTINGS.routes[0], MENTION, NOW)
    known = life.decide(None, routed)
    assert known
    order_ = life.escalation(known, NOW)
    escalated = life.decide(known, order_)
    stage._book.shelf.adopt(key("press", "t:1"), msgspec.json.encode(escalated))
    (outcome,) = await stage.handle([message(order_)])
    assert said(outcome) == [("board", "new")]


async def test_what_was_deleted_is_not_escalated(stage: Work) -> None:
    (outcome,) = await stage.handle([message(order("escalate", "pipeline"))])
    assert said(outcome) == []


async def test_what_cannot_be_is_rejected_with_its_reason(stage: Work) -> None:
    wrong = message(order("take", "ada"))
    batch = [
        wrong,
        Record(b"x", wrong.value),
        Record(b"x", None),
        Record(b"x", b"\xff"),
        Record(b"x", b'{"id": ""}'),
    ]
    outcomes = await stage.handle(batch)
    assert all(isinstance(outcome, Reject) for outcome in outcomes)
    assert [outcome.error for outcome in outcomes if isinstance(outcome, Reject)] == [
        "ValueError",
        "KeyMismatch",
        "DecodeError",
        "DecodeError",
        "ValidationError",
    ]
