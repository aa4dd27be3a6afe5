"""What is told of work: once a story, again when nobody takes it, and summed up at set times."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from pipeline.settings import NotifyChannel
from pipeline.work.telling import digest, stories
from schemas.work import Subject, Work

NOW = datetime(2026, 1, 7, 7, 30, tzinfo=UTC)  # 08:30 in Berlin


def work(number: int, *, story: str | None = None, team: str = "press", **fields: Any) -> Work:
    due = NOW + timedelta(hours=number)
    subject = Subject(
        priority=fields.pop("priority", "normal"),
        due=fields.pop("due", due),
        escalates_at=due,
        published_at=NOW,
        channel="forum",
        topics=("Bahn",),
        label="negative",
        story=story,
    )
    made = Work(
        team=team,
        mention=f"t:{number}",
        state="new",
        number=1,
        since=NOW - timedelta(minutes=number),
        changed_at=NOW,
        subject=subject,
    )
    return msgspec.structs.replace(made, **fields)


def channel(**fields: Any) -> NotifyChannel:
    given = {"name": "desk", "url": "env:X", "teams": ["press"], "digest": ["08:30", "15:00"]}
    return NotifyChannel.model_validate(given | fields)


def test_near_copies_are_one_story_and_counted() -> None:
    some = [work(3, story="t:1"), work(1), work(2, story="t:1"), work(9), work(4, team="board")]
    found = {one.id: one for one in stories(some)}
    assert found.keys() == {"new:press:t:1", "new:press:t:9", "new:board:t:4"}
    story = found["new:press:t:1"]
    assert (story.count, story.mentions) == (3, ("t:1", "t:2", "t:3"))
    assert story.at == NOW - timedelta(minutes=3)
    assert story.why == "3 mentions for press, negative on forum, due 2026-01-07 08:30 UTC"
    # What comes later has the id of what was told.
    assert [one.id for one in stories([*some[:3], work(7, story="t:1")])] == ["new:press:t:1"]


def test_people_may_read_german() -> None:
    late = [work(1, escalated_at=NOW), work(2, story="t:1")]
    told = {one.kind: one.why for one in stories(late, "de")}
    new = "2 Erwähnungen für press, negativ auf forum, fällig 2026-01-07 08:30 UTC"
    assert told == {"new": new, "escalated": f"niemand hat es übernommen: {new}"}
    summed = digest(channel(), late, NOW, "de")
    assert summed
    assert summed.why == "press: 2 neu, 1 eskaliert"


def test_what_somebody_has_taken_is_no_news() -> None:
    assert list(stories([work(1, state="assigned", assignee="ada")])) == []


def test_what_nobody_takes_is_told_again_and_is_critical() -> None:
    new, escalated = stories([work(1, escalated_at=NOW), work(2, story="t:1")])
    assert (new.id, new.severity) == ("new:press:t:1", "warning")
    assert (escalated.id, escalated.severity) == ("escalated:press:t:1", "critical")
    assert escalated.at == NOW
    assert escalated.why.startswith("nobody has taken it: 2 mentions for press")


def test_low_priority_is_for_those_who_want_everything() -> None:
    (story,) = stories([work(1, priority="low")])
    assert story.severity == "info"


def test_a_digest_sums_up_a_channel_s_teams_at_its_times() -> None:
    some = [
        work(1, due=NOW - timedelta(hours=1), escalated_at=NOW),
        work(2, state="assigned", assignee="ada"),
        work(3, team="board"),
    ]
    made = digest(channel(), some, NOW)
    assert made
    assert made.why == "press: 1 new, 1 assigned, 1 overdue, 1 escalated"
    assert (made.count, made.mentions) == (2, ("t:1", "t:2"))
    again = digest(channel(), some, NOW + timedelta(minutes=59))
    assert again
    assert again.id == made.id == "digest:desk:2026-01-07T08:30:00+01:00"
    for at in (NOW - timedelta(seconds=1), NOW + timedelta(hours=1)):
        assert digest(channel(), some, at) is None
    assert digest(channel(), some[2:], NOW) is None
    assert digest(channel(teams=[]), some, NOW) is None
