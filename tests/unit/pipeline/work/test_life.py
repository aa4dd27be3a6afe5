"""What becomes of orders: who is first is first, who is late is told, nothing happens twice."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from pipeline.settings import Route, Settings
from pipeline.work import life
from pipeline.work.book import Shelf
from schemas.mention import Amended, Collector, EnrichedMention
from schemas.work import Order, Work, decode_order, decode_work, key

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
SETTINGS = Settings()
RULE = Route(team="press")


def mention(**fields: Any) -> EnrichedMention:
    made = EnrichedMention(
        id="t:1",
        revision=1,
        channel="forum",
        text="secret text",
        published_at=NOW,
        collected_at=NOW,
        collector=Collector(source="test"),
    )
    for name, value in fields.items():
        setattr(made, name, value)
    return made


ROUTED = life.routing(SETTINGS, RULE, mention(), NOW)


def order(action: str, by: str = "ada", minutes: int = 1, **fields: Any) -> Order:
    given = {"id": f"{action}-{by}-{minutes}", "team": "press", "mention": "t:1", "by": by}
    at = NOW + timedelta(minutes=minutes)
    return msgspec.convert({**given, "action": action, "at": at, **fields}, Order)


def after(*orders: Order) -> Work:
    known: Work | None = None
    for one in (ROUTED, *orders):
        known = life.decide(known, one) or known
    assert known is not None
    assert decode_work(msgspec.json.encode(known)) == known
    return known


def refusals(work: Work) -> list[str | None]:
    return [step.refused for step in work.steps[1:]]


def test_a_routed_mention_is_new_and_due() -> None:
    work = after()
    assert (work.state, work.assignee, work.number, work.since) == ("new", None, 1, NOW)
    assert work.subject.due == NOW + timedelta(hours=24)
    assert work.subject.escalates_at == NOW + timedelta(hours=12)
    assert b"secret" not in msgspec.json.encode(work)
    assert decode_order(msgspec.json.encode(ROUTED)) == ROUTED


@pytest.mark.parametrize(("priority", "hours"), [("high", 4), ("normal", 24), ("low", 72)])
def test_due_by_priority(priority: str, hours: int) -> None:
    rule = Route.model_validate({"team": "press", "priority": priority})
    subject = life.routing(SETTINGS, rule, mention(), NOW).subject
    assert subject
    assert (subject.priority, subject.due) == (priority, NOW + timedelta(hours=hours))


def test_from_new_to_answered_with_who_and_when() -> None:
    work = after(order("take"), order("answer", minutes=5, note="refund"))
    assert (work.state, work.assignee) == ("answered", "ada")
    assert work.changed_at == NOW + timedelta(minutes=5)
    assert [(s.action, s.by, s.note) for s in work.steps] == [
        ("route", "pipeline", None),
        ("take", "ada", None),
        ("answer", "ada", "refund"),
    ]


def test_of_two_who_take_it_the_first_has_it_and_the_second_is_told() -> None:
    work = after(order("take", "ada", 2), order("take", "bob", 1))
    assert (work.state, work.assignee) == ("assigned", "ada")
    assert refusals(work) == [None, "it is assigned to ada"]
    assert work.changed_at == NOW + timedelta(minutes=2)


def test_what_is_done_by_others_is_refused_and_what_is_assigned_anew_is_not() -> None:
    work = after(
        order("take"),
        order("dismiss", "bob"),
        order("assign", "eve", to="bob"),
        order("dismiss", "bob", 2),
        order("take", "ada", 3),
        order("assign", "eve", 4, to="ada"),
    )
    assert (work.state, work.assignee) == ("dismissed", "bob")
    assert refusals(work) == [
        None,
        "it is assigned to ada",
        None,
        None,
        "it was dismissed by bob",
        "it was dismissed by bob",
    ]


def test_it_is_opened_again_and_given_back() -> None:
    given_back = after(order("take"), order("reopen"))
    assert (given_back.state, given_back.assignee) == ("new", None)
    again = after(order("answer"), order("reopen", "bob"), order("take", "bob"))
    assert (again.state, again.assignee) == ("assigned", "bob")
    assert refusals(after(order("reopen"))) == ["nobody has taken it yet"]


def test_nothing_is_carried_out_twice() -> None:
    work = after(order("take"), order("reopen", minutes=2))
    assert life.decide(work, order("take")) is None
    assert life.decide(work, ROUTED) is None
    assert life.decide(after(order("dismiss")), ROUTED) is None


def test_what_nobody_takes_is_escalated_once() -> None:
    late = NOW + timedelta(hours=12)
    shelf = Shelf()
    shelf.adopt(key("press", "t:1"), msgspec.json.encode(after()))
    assert list(shelf.forsaken(late - timedelta(seconds=1))) == []
    (known,) = shelf.forsaken(late)
    escalated = life.decide(known, life.escalation(known, late))
    assert escalated
    assert (escalated.state, escalated.escalated_at) == ("new", late)
    assert life.decide(escalated, life.escalation(known, late)) is None
    shelf.adopt(key("press", "t:1"), msgspec.json.encode(escalated))
    assert list(shelf.forsaken(late + timedelta(days=9))) == []
    taken = after(order("take"))
    assert life.decide(taken, life.escalation(taken, late)) is None
    onward = life.handed_on(SETTINGS, escalated, "board", late)
    other = life.decide(None, onward)
    assert other
    assert (other.team, other.state, other.subject.priority) == ("board", "new", "high")
    assert other.subject.due == late + timedelta(hours=4)
    assert other.steps[0].note == "nobody of press has taken it"


def test_an_heir_has_time_to_take_what_it_inherits() -> None:
    late = NOW + timedelta(hours=20)  # it could have been escalated long ago
    inherited = life.decide(None, life.inherited(SETTINGS, after(), "board", late))
    assert inherited
    assert inherited.subject.due == after().subject.due
    assert inherited.subject.escalates_at == late + timedelta(hours=12)
    shelf = Shelf()
    shelf.adopt(key("board", "t:1"), msgspec.json.encode(inherited))
    assert list(shelf.forsaken(late + timedelta(hours=11))) == []
    assert [work.team for work in shelf.forsaken(late + timedelta(hours=12))] == ["board"]


def test_orders_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="no work of press"):
        life.decide(None, order("take"))
    with pytest.raises(ValueError, match="no work of press"):
        life.decide(None, order("route"))
    with pytest.raises(ValueError, match="does not say whom"):
        life.decide(after(), order("assign"))


def test_steps_are_bounded_and_the_first_stays() -> None:
    work = after(*(order("take", "bob" if n else "ada", n) for n in range(80)))
    assert len(work.steps) == 50
    assert work.steps[0].action == "route"
    assert work.steps[-1].order == "take-bob-79"
    assert work.number == 81


def test_old_and_reprocessed_mentions_are_no_new_work() -> None:
    amended = Amended(part="topic", name="Bahn", value="brand", by="ada", at=NOW)
    old = Collector(source="test", backfill=True)
    reading = Route(team="press", priority="none")
    cases = [
        (RULE, mention(), False, True),
        (RULE, mention(), True, False),
        (RULE, mention(amendments=(amended,)), True, True),
        (RULE, mention(collector=old), False, False),
        (reading, mention(), False, False),
    ]
    for rule, made, again, expected in cases:
        assert life.becomes_work(rule, made, again=again) is expected


def test_a_shelf_knows_what_is_done_and_forgets_what_is_deleted() -> None:
    shelf, place = Shelf(), key("press", "t:1")
    for work in (after(), after(order("dismiss"))):
        shelf.adopt(place, msgspec.json.encode(work))
        assert shelf.get(place) == work
        assert list(shelf) == [work]
    shelf.adopt(place, None)
    assert shelf.get(place) is None
    assert list(shelf) == []
