"""What becomes of an order: a pure function of what is the case and of what is wanted.

The order in which orders stand on their topic decides. Who comes too late is told: the step has the
reason. A mention becomes a team's work once; that it is routed again, because it was edited,
enriched again or replayed, changes nothing.
"""

import uuid
from datetime import datetime, timedelta
from typing import Any, Final

from msgspec.structs import replace

from pipeline.settings import Route, Settings
from schemas.mention import EnrichedMention
from schemas.work import Action, Order, Priority, Step, Subject, Work

__all__ = [
    "DONE",
    "PIPELINE",
    "becomes_work",
    "decide",
    "deletion",
    "done",
    "ending",
    "escalation",
    "handed_on",
    "inherited",
    "routing",
]

PIPELINE: Final = "pipeline"
"""Who gives the orders that nobody gives."""
DONE: Final = frozenset({"answered", "dismissed"})
_MOST_STEPS: Final = 50
_CLOSING: Final[dict[Action, str]] = {"answer": "answered", "dismiss": "dismissed"}


def decide(known: Work | None, order: Order) -> Work | None:
    """What is the case after an order.

    Returns:
        None where it changes nothing and nobody has to be told: the work is there already, the
        order was carried out before, or what it escalates was taken meanwhile.

    Raises:
        ValueError: there is no such work, or the order lacks what it is about.
    """
    if known is None:
        # What was deleted meanwhile is not escalated.
        return _begun(order) if order.action != "escalate" else None
    if order.action == "route" or done(known, order):
        return None
    if order.action == "escalate":
        forsaken = known.state == "new" and known.escalated_at is None
        return _with(known, order, escalated_at=order.at) if forsaken else None
    if order.by == PIPELINE and known.state in DONE:
        return None  # a team that is no more left it done
    refused = _refused(known, order)
    return _with(known, order, refused, **({} if refused else _changes(known, order)))


def done(known: Work, order: Order) -> bool:
    """Whether an order was decided before."""
    return any(step.order == order.id for step in known.steps)


def _changes(known: Work, order: Order) -> dict[str, Any]:
    """What an order that is not refused changes."""
    match order.action:
        case "take":
            return {"state": "assigned", "assignee": order.by}
        case "assign" if order.to is not None:
            return {"state": "assigned", "assignee": order.to}
        case "reopen":
            return {"state": "new", "assignee": None}
        case "answer" | "dismiss":
            who = known.assignee or order.by
            return {"state": _CLOSING[order.action], "assignee": who}
    msg = f"an order to {order.action} does not say whom"
    raise ValueError(msg)


def _refused(known: Work, order: Order) -> str | None:
    """Why an order comes too late."""
    if order.action == "reopen":
        return "nobody has taken it yet" if known.state == "new" else None
    if known.state in DONE:
        return f"it was {known.state} by {_closer(known)}"
    if order.action != "assign" and known.assignee not in {None, order.by} and order.by != PIPELINE:
        return f"it is assigned to {known.assignee}"
    return None


def _closer(known: Work) -> str | None:
    """Who did it; the assignee where that is so long ago that the step is gone."""
    done = (
        step.by for step in reversed(known.steps) if step.action in _CLOSING and not step.refused
    )
    return next(done, known.assignee)


def _begun(order: Order) -> Work:
    if order.action != "route" or order.subject is None:
        msg = f"{order.mention} is no work of {order.team}, there is nothing to {order.action}"
        raise ValueError(msg)
    return Work(
        team=order.team,
        mention=order.mention,
        state="new",
        number=1,
        since=order.at,
        changed_at=order.at,
        subject=order.subject,
        steps=(_step(order),),
    )


def _with(known: Work, order: Order, refused: str | None = None, **changes: object) -> Work:
    steps = (*known.steps, _step(order, refused))
    if len(steps) > _MOST_STEPS:
        steps = (steps[0], *steps[1 - _MOST_STEPS :])
    return replace(
        known,
        number=known.number + 1,
        changed_at=known.changed_at if refused else order.at,
        steps=steps,
        **changes,
    )


def _step(order: Order, refused: str | None = None) -> Step:
    return Step(
        order=order.id,
        action=order.action,
        by=order.by,
        at=order.at,
        to=order.to,
        note=order.note,
        refused=refused,
    )


def becomes_work(rule: Route, mention: EnrichedMention, *, again: bool) -> bool:
    """Whether a mention that is routed to a team is work for it.

    Not what was said long ago and is only now collected; and what is published ``again`` only
    where an analyst's word may be what brought it to the team.
    """
    if rule.priority == "none" or mention.collector.backfill:
        return False
    return not again or bool(mention.amendments)


def routing(settings: Settings, rule: Route, mention: EnrichedMention, now: datetime) -> Order:
    """The order that makes a mention a team's work."""
    assert rule.priority != "none"  # noqa: S101 - asked before
    due, escalates_at = _times(settings, rule.priority, now)
    subject = Subject(
        priority=rule.priority,
        due=due,
        escalates_at=escalates_at,
        published_at=mention.published_at,
        channel=mention.channel,
        site=mention.site,
        topics=tuple(dict.fromkeys(match.topic for match in mention.matches)),
        language=code if (code := mention.language.code) != "und" else None,
        label=mention.sentiment.label if mention.sentiment else None,
        story=mention.duplicate.of if mention.duplicate else None,
    )
    return _own("route", rule.team, mention.id, now, subject=subject)


def deletion(team: str, mention_id: str, now: datetime) -> Order:
    """The order that ends the work on a deleted mention."""
    return _own("delete", team, mention_id, now)


def escalation(known: Work, now: datetime) -> Order:
    """The order that escalates work which nobody has taken."""
    return _own("escalate", known.team, known.mention, now)


def handed_on(settings: Settings, known: Work, team: str, now: datetime) -> Order:
    """The order that makes escalated work another team's, too: it is urgent by then."""
    due, escalates_at = _times(settings, "high", now)
    subject = replace(known.subject, priority="high", due=due, escalates_at=escalates_at)
    order = _own("route", team, known.mention, now, subject=subject)
    return replace(order, note=f"nobody of {known.team} has taken it")


def ending(known: Work, now: datetime, heir: str | None) -> Order:
    """The order that ends the work of a team that is no more."""
    note = f"{known.team} is no team any more"
    made = _own("dismiss", known.team, known.mention, now)
    return replace(made, note=f"{note}, {heir} has it" if heir else note)


def inherited(settings: Settings, known: Work, heir: str, now: datetime) -> Order:
    """The order that makes the work of a team that is no more another's, due as it was.

    The heir has as long to take it as with work of its own, before it is escalated.
    """
    _, in_time = _times(settings, known.subject.priority, now)
    subject = replace(known.subject, escalates_at=max(known.subject.escalates_at, in_time))
    made = _own("route", heir, known.mention, now, subject=subject)
    return replace(made, note=f"{known.team} is no team any more")


def _times(settings: Settings, priority: Priority, now: datetime) -> tuple[datetime, datetime]:
    hours = timedelta(hours=getattr(settings.work, priority))
    return now + hours, now + hours * settings.work.escalate


def _own(
    action: Action, team: str, mention_id: str, now: datetime, *, subject: Subject | None = None
) -> Order:
    return Order(
        id=uuid.uuid4().hex,
        team=team,
        mention=mention_id,
        action=action,
        by=PIPELINE,
        at=now,
        subject=subject,
    )
