"""Who is told what, when, and how a webhook knows that it is us."""

import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from pipeline.errors import ConfigError, Retryable
from pipeline.notify import _Line, quiet, sender, wants, words
from pipeline.settings import NotifyChannel
from pipeline.work.telling import Story
from schemas.alert import Alert
from tests.support.desk import Desk

NOW = datetime(2026, 1, 7, 12, tzinfo=UTC)


def alert(name: str = "1", **fields: Any) -> Alert:
    made = Alert(
        id=f"spike:Bahn:{name}",
        kind="spike",
        topic="Bahn",
        severity="warning",
        at=NOW,
        since=NOW,
        observed=9,
        why="9 mentions",
        mentions=("t:1",),
    )
    return msgspec.structs.replace(made, **fields)


def channel(**fields: Any) -> NotifyChannel:
    return NotifyChannel.model_validate({"name": "desk", "url": "env:DESK_URL"} | fields)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, True),
        ({"severity": "critical"}, False),
        ({"severity": "info"}, True),
        ({"kinds": ["leak"]}, False),
        ({"kinds": ["spike", "leak"], "topics": ["Bahn"]}, True),
        ({"topics": ["Bus"]}, False),
    ],
)
def test_a_channel_is_told_what_it_wants(fields: dict[str, Any], *, expected: bool) -> None:
    assert wants(channel(**fields), alert()) is expected


def test_a_channel_knows_rules_by_their_names() -> None:
    rising = alert(rule="term")
    assert wants(channel(kinds=["term"]), rising)
    assert not wants(channel(kinds=["spike"]), rising)
    assert "term: Bahn" in words([rising])[0]


@pytest.mark.parametrize(
    ("hours", "at", "expected"),
    [
        ("22:00-07:00", "21:30", True),  # 22:30 in Berlin
        ("22:00-07:00", "05:59", True),
        ("22:00-07:00", "06:00", False),
        ("12:00-13:00", "11:00", True),
        ("12:00-13:00", "12:00", False),
    ],
)
def test_quiet_hours_are_local(hours: str, at: str, *, expected: bool) -> None:
    clock = datetime.strptime(f"2026-01-07 {at} +0000", "%Y-%m-%d %H:%M %z")
    assert quiet(channel(quiet=hours), clock) is expected
    assert not quiet(channel(), clock)


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    with Desk() as made:
        monkeypatch.setenv("DESK_URL", made.url)
        monkeypatch.setenv("DESK_KEY", "hush")
        yield made


def test_a_webhook_can_check_who_sent_what(desk: Desk) -> None:
    send = sender(channel(secret="env:DESK_KEY"))  # noqa: S106 - its name
    send([alert("1"), alert("2")])
    send([alert("1"), alert("2")])
    (first, content), (second, _) = desk.got
    expected = hmac.new(
        b"hush", first["x-mentions-timestamp"].encode() + b"." + content, hashlib.sha256
    ).hexdigest()
    assert first["x-mentions-signature"] == f"sha256={expected}"
    assert [one["id"] for one in json.loads(content)["alerts"]] == ["spike:Bahn:1", "spike:Bahn:2"]
    assert first["idempotency-key"] == second["idempotency-key"]


def test_a_channel_that_refuses_is_told_later_and_its_address_is_not(desk: Desk) -> None:
    line = _Line(channel(), set())
    desk.status = 503
    assert not line.tell([alert()])
    assert line.due([alert()], NOW) == []  # not before some seconds have passed
    line._again_at = 0.0
    assert line.due([alert()], NOW) == [alert()]
    desk.status = 200
    assert line.tell([alert()])
    assert line.due([alert()], NOW) == []
    desk.status = 404
    with pytest.raises(Retryable) as refused:
        sender(channel())([alert()])
    assert desk.url not in str(refused.value)


def test_what_waits_is_told_together_the_most_severe_first(desk: Desk) -> None:
    line = _Line(channel(quiet="00:00-23:59"), {"spike:Bahn:told"})
    everything = [
        alert("told"),
        alert("night"),
        alert("old", at=NOW - timedelta(days=2), severity="critical"),
        alert("now", severity="critical"),
    ]
    assert [one.id for one in line.due(everything, NOW)] == ["spike:Bahn:now"]
    awake = _Line(channel(), set())
    assert [one.id[11:] for one in awake.due(everything, NOW)] == ["now", "told", "night"]
    assert desk.got == []


def test_people_read_a_title_and_a_line_each() -> None:
    title, text = words([alert("1", severity="critical"), alert("2")])
    assert title == "critical: spike: Bahn and 1 more"
    assert text.count("9 mentions") == 2


def test_apprise_is_asked_for_everything_else(monkeypatch: pytest.MonkeyPatch, desk: Desk) -> None:
    monkeypatch.setenv("DESK_URL", desk.url.replace("http://", "json://"))
    sender(channel())([alert()])
    ((_, content),) = desk.got
    assert json.loads(content)["title"] == "warning: spike: Bahn"
    desk.status = 500
    with pytest.raises(Retryable):
        sender(channel())([alert()])


@pytest.mark.parametrize("url", ["", "nonsense"])
def test_an_address_that_is_none_is_refused_without_being_shown(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("DESK_URL", url)
    with pytest.raises(ConfigError, match="channel 'desk'") as refused:
        sender(channel())
    assert "nonsense" not in str(refused.value)


def story(name: str = "1", **fields: Any) -> Story:
    made = Story(
        id=f"new:press:{name}",
        kind="new",
        teams=("press",),
        topic="Bahn",
        severity="warning",
        at=NOW,
        due=NOW,
        why="1 mention",
        count=1,
        mentions=("t:1",),
    )
    return msgspec.structs.replace(made, **fields)


def test_a_channel_is_told_the_work_of_its_teams() -> None:
    assert not wants(channel(), story())
    assert wants(channel(teams=["press"]), story())
    assert wants(channel(teams=["press"]), alert())
    assert not wants(channel(teams=["press"], alerts=False), alert())
    assert not wants(channel(teams=["board"]), story())
    assert not wants(channel(teams=["press"], severity="critical"), story())


def test_work_waits_for_the_end_of_quiet_hours_and_of_the_cool_down(desk: Desk) -> None:
    everything = [
        story("normal"),
        story("late", kind="escalated", severity="critical"),
        story("sum", kind="digest", severity="info"),
    ]
    urgent = ["late", "sum"]
    asleep = _Line(channel(teams=["press"], quiet="00:00-23:59"), set())
    assert [one.id[10:] for one in asleep.due(everything, NOW)] == urgent
    tired = _Line(channel(teams=["press"], cooldown=30), set(), NOW - timedelta(minutes=29))
    assert [one.id[10:] for one in tired.due(everything, NOW)] == urgent
    assert tired.due(everything, NOW + timedelta(minutes=1))[1:] == [everything[0], everything[2]]
    assert tired.tell(everything, NOW)
    later = [*everything, story("next")]
    assert tired.due(later, NOW + timedelta(minutes=29)) == []
    assert tired.due(later, NOW + timedelta(minutes=30)) == later[-1:]
    (_, content) = desk.got[0]
    told = json.loads(content)
    assert told["alerts"] == []
    assert [one["kind"] for one in told["work"]] == ["new", "escalated", "digest"]


def test_people_read_what_it_is_and_how_much() -> None:
    title, text = words([story(why="3 mentions for press"), alert()])
    assert title == "warning: new: Bahn and 1 more"
    assert "3 mentions for press" in text
