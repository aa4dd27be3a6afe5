"""The stage that decides: one batch sees what it has decided itself; what cannot be is rejected."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from pipeline.admin import wanted
from pipeline.outcome import Ok, Outcome, Reject
from pipeline.settings import Retention, Route, Settings
from pipeline.settings import Work as SettingsWork
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


def adopted(stage: Work, *orders: Order) -> None:
    """What these orders led to stands on the topic."""
    works: dict[bytes, Any] = {}
    for one in orders:
        place = key(one.team, one.mention)
        works[place] = life.decide(works.get(place), one)
    for place, work in works.items():
        stage._book.shelf.adopt(place, msgspec.json.encode(work))


def removed(stage: Work, mention: str = "t:1", *more: Order) -> None:
    """Work of a team that has no route."""
    subject = life.routing(SETTINGS, SETTINGS.routes[0], MENTION, NOW).subject
    adopted(stage, order("route", "x", team="old", mention=mention, subject=subject), *more)


async def test_the_work_of_a_team_that_is_no_more_ends(stage: Work) -> None:
    removed(stage)
    removed(stage, "t:2", order("take", "ada", team="old", mention="t:2"))
    removed(stage, "t:3", order("answer", "ada", team="old", mention="t:3"))
    adopted(stage, life.routing(SETTINGS, SETTINGS.routes[0], MENTION, datetime.now(UTC)))
    orders = list(stage._due(NOW))
    assert [(one.action, one.team, one.mention) for one in orders] == [
        ("dismiss", "old", "t:1"),
        ("dismiss", "old", "t:2"),
    ]
    # Ordered twice, as two processes may, it is done once.
    outcomes = await stage.handle([message(one) for one in (*orders, *stage._due(NOW))])
    assert [said(each) for each in outcomes] == [[("old", "dismissed")]] * 2 + [[], []]
    (out,) = outcomes[1].outputs  # type: ignore[union-attr]
    done = decode_work(out.value or b"")
    assert (done.assignee, done.steps[-1].by) == ("ada", "pipeline")
    assert done.steps[-1].note == "old is no team any more"


async def test_an_heir_gets_the_work_as_it_was_due(stage: Work) -> None:
    stage._settings = SETTINGS.model_copy(update={"work": SettingsWork(heir="board")})
    removed(stage)
    outcomes = await stage.handle([message(one) for one in stage._due(NOW)])
    assert [said(each) for each in outcomes] == [[("board", "new")], [("old", "dismissed")]]
    (out,) = outcomes[0].outputs  # type: ignore[union-attr]
    work = decode_work(out.value or b"")
    assert work.subject.due == NOW + timedelta(hours=24)
    assert work.steps[0].note == "old is no team any more"


def test_a_team_that_this_process_does_not_know_yet_keeps_its_work(stage: Work) -> None:
    later = datetime.now(UTC) + timedelta(seconds=1)
    subject = life.routing(SETTINGS, SETTINGS.routes[0], MENTION, NOW).subject
    adopted(stage, order("route", "x", team="young", at=later, subject=subject))
    assert list(stage._due(NOW)) == []
    # And without any route nobody is removed: this process knows of no teams at all.
    made = Work(Settings())
    made._book = stage._book
    removed(made)
    assert list(made._due(NOW)) == []


async def test_a_deleted_mention_is_no_work_of_a_removed_team_either(stage: Work) -> None:
    removed(stage, "t:1", order("answer", "ada", team="old"))
    adopted(stage, life.routing(SETTINGS, SETTINGS.routes[0], MENTION, NOW))
    outcomes = await stage.handle([message(life.deletion("board", "t:1", NOW))] * 2)
    assert [said(each) for each in outcomes] == [[None, None], []]


async def test_what_was_done_long_ago_goes_and_what_is_open_stays() -> None:
    settings = SETTINGS.model_copy(update={"retention": Retention(work_days=30)})
    assert "delete" not in wanted(settings)["mentions.work"].config["cleanup.policy"]
    stage = Work(settings)
    stage._book = Known()  # type: ignore[assignment]

    def known(mention: str, days: int, *orders: str) -> bytes:
        at = datetime.now(UTC) - timedelta(days=days)
        routed = life.routing(settings, settings.routes[0], replace(MENTION, id=mention), at)
        work = life.decide(None, routed)
        for action in orders:
            work = life.decide(work, order(action, "ada", mention=mention, at=at))
        place = key("press", mention)
        stage._book.shelf.adopt(place, msgspec.json.encode(work))
        return place

    old, again = known("t:2", 40, "answer"), known("t:3", 40, "dismiss")
    known("t:4", 40)
    known("t:5", 40, "take")
    known("t:6", 20, "answer")
    reopened = message(order("reopen", "bob", mention="t:3", at=datetime.now(UTC)))
    refused = Record(b"no order", b"?", topic="mentions.work-orders")
    rejected, outcome = await stage.handle([refused, reopened])
    assert isinstance(rejected, Reject)
    assert isinstance(outcome, Ok)
    assert [(out.key, out.value is None) for out in outcome.outputs] == [
        (again, False),
        (old, True),
    ]
