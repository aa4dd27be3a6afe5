"""Who is told what, when, and what becomes of it where a channel does not take it."""

import json
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from kafka.errors import KafkaConnectionError
from prometheus_client import REGISTRY

from pipeline import admin
from pipeline import notify as module
from pipeline.alerts.watch import published
from pipeline.errors import ConfigError
from pipeline.notify import _Line, quiet, wants
from pipeline.senders import Message, words
from pipeline.settings import Settings
from pipeline.work.book import Copy
from schemas.alert import Notified
from schemas.delivery import Delivery
from tests.support.desk import Desk
from tests.support.news import NOW, alert, channel, story


class Ledger:
    """Keeps what would stand on topics."""

    def __init__(self) -> None:
        self.states: list[Delivery] = []
        self.marks: list[Notified] = []

    def note(self, delivery: Delivery) -> None:
        self.states.append(delivery)

    def mark(self, mark: Notified) -> None:
        self.marks.append(mark)


def line(ledger: Ledger | None = None, told: tuple[str, ...] = (), **fields: Any) -> _Line:
    """A channel's line; the ledger's last word is what it knows from before."""
    ledger = ledger or Ledger()
    last = fields.pop("last", None)
    before = ledger.states[-1] if ledger.states else None
    return _Line(channel(**fields), ledger, set(told), last=last, before=before)


def tell(made: _Line, *news: Any, now: datetime = NOW) -> bool | None:
    """Tell what is due, at once; None where nothing is."""
    made._again_at = 0.0
    message = made.message(news, now)
    return None if message is None else made.tell(message, now)


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
    assert "New term: Bahn" in words([rising])[0]


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
        yield made


def keys(desk: Desk) -> list[str]:
    return [headers["idempotency-key"] for headers, _ in desk.got]


def test_a_channel_that_refuses_is_told_later_and_all_can_see_why(desk: Desk) -> None:
    ledger = Ledger()
    made = line(ledger)
    desk.status = 503
    assert tell(made, alert()) is False
    assert made.due([alert()], NOW) == []  # not before some seconds have passed
    assert tell(made, alert()) is False
    waiting = ledger.states[-1]
    assert (waiting.state, waiting.attempts, waiting.error) == ("waiting", 2, "it answers 503")
    assert REGISTRY.get_sample_value("mentions_channel_failures", {"channel": "desk"}) == 2
    assert waiting.again_at is not None
    assert waiting.again_at > NOW
    assert ledger.marks == []
    desk.status = 200
    assert tell(made, alert()) is True
    assert [mark.alert for mark in ledger.marks] == ["spike:Bahn:1"]
    assert (ledger.states[-1].state, ledger.states[-1].content) == ("told", None)
    assert REGISTRY.get_sample_value("mentions_channel_failures", {"channel": "desk"}) == 0
    assert tell(made, alert()) is None
    assert [state.state for state in ledger.states] == ["sending", "waiting", "waiting", "told"]


@pytest.mark.parametrize("fault", ["error", "cut", "kill"])
def test_what_may_have_been_taken_is_sent_again_as_it_was(desk: Desk, fault: str) -> None:
    ledger = Ledger()
    first = line(ledger)
    if fault == "kill":  # between the sending and the mark
        message = first.message([alert("1"), story(count=1)], NOW)
        assert message is not None
        first.tell(message, NOW)
        del ledger.states[1:], ledger.marks[:]
    else:
        desk.status, desk.cut = 500, fault == "cut"
        assert tell(first, alert("1"), story(count=1)) is False
    desk.status, desk.cut = 200, False
    # More came meanwhile, and the story grew; another process goes on.
    news = [alert("1"), alert("2", severity="critical"), story(count=2)]
    second = line(ledger)
    assert tell(second, *news) is True
    assert keys(desk)[0] == keys(desk)[1]
    assert desk.got[0][1] == desk.got[1][1]
    assert tell(second, *news) is True
    assert [one["id"] for one in json.loads(desk.got[2][1])["alerts"]] == ["spike:Bahn:2"]
    assert len(set(keys(desk))) == 2
    assert tell(second, *news) is None


def test_what_was_certainly_not_taken_makes_room_for_what_is_worse(desk: Desk) -> None:
    made = line()
    desk.status = 404
    assert tell(made, alert("1")) is False
    desk.status = 200
    assert tell(made, alert("1"), alert("2", severity="critical")) is True
    told = [one["id"] for one in json.loads(desk.got[1][1])["alerts"]]
    assert told == ["spike:Bahn:2", "spike:Bahn:1"]
    assert len(set(keys(desk))) == 2


@pytest.mark.parametrize("status", [404, 500])
def test_what_is_no_news_any_more_is_given_up_and_counted(desk: Desk, status: int) -> None:
    ledger = Ledger()
    made = line(ledger)
    desk.status = status
    assert tell(made, alert("1"), alert("2", at=NOW - timedelta(hours=12))) is False
    half = NOW + timedelta(hours=13)
    assert tell(made, alert("1"), now=half) is False
    assert (ledger.states[-1].state, ledger.states[-1].lost) == ("waiting", 1)
    later = NOW + timedelta(hours=25)
    assert tell(made, now=later) is None
    assert (ledger.states[-1].state, ledger.states[-1].lost) == ("given up", 2)
    assert ledger.states[-1].content is None
    desk.status = 200
    assert tell(made, alert("3", at=later), now=later) is True
    assert (ledger.states[-1].state, ledger.states[-1].lost) == ("told", 2)


def test_what_was_sent_before_a_long_sleep_is_not_told_days_later(desk: Desk) -> None:
    ledger = Ledger()
    desk.status = 500
    tell(line(ledger), alert())
    desk.got.clear()
    assert tell(line(ledger), now=NOW + timedelta(days=2)) is None
    assert (ledger.states[-1].state, ledger.states[-1].lost) == ("given up", 1)
    assert desk.got == []


def test_what_may_have_been_told_waits_for_the_end_of_quiet_hours_too(desk: Desk) -> None:
    ledger = Ledger()
    desk.status = 500
    tell(line(ledger), alert())
    desk.status = 200
    asleep = line(ledger, quiet="00:00-23:59")
    assert tell(asleep, alert()) is None
    assert tell(asleep, alert(), alert("now", severity="critical")) is True
    assert keys(desk)[0] == keys(desk)[1]


def test_what_another_version_sent_is_told_anew(desk: Desk) -> None:
    ledger = Ledger()
    made = Message.of("desk", [alert()])
    ledger.note(
        Delivery(
            channel="desk", id=made.id, state="sending", at=NOW, since=NOW, content='{"alarms":[]}'
        )
    )
    assert tell(line(ledger), alert()) is True
    assert json.loads(desk.got[0][1])["alerts"][0]["id"] == "spike:Bahn:1"


def test_what_waits_is_told_together_the_most_severe_first(desk: Desk) -> None:
    made = line(told=("spike:Bahn:told",), quiet="00:00-23:59")
    everything = [
        alert("told"),
        alert("night"),
        alert("old", at=NOW - timedelta(days=2), severity="critical"),
        alert("now", severity="critical"),
    ]
    assert [one.id for one in made.due(everything, NOW)] == ["spike:Bahn:now"]
    assert [one.id[11:] for one in line().due(everything, NOW)] == ["now", "told", "night"]
    assert desk.got == []


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
    asleep = line(teams=["press"], quiet="00:00-23:59")
    assert [one.id[10:] for one in asleep.due(everything, NOW)] == urgent
    tired = line(teams=["press"], cooldown=30, last=NOW - timedelta(minutes=29))
    assert [one.id[10:] for one in tired.due(everything, NOW)] == urgent
    assert tired.due(everything, NOW + timedelta(minutes=1))[1:] == [everything[0], everything[2]]
    assert tell(tired, *everything, now=NOW + timedelta(minutes=1)) is True
    later = [*everything, story("next")]
    assert tired.due(later, NOW + timedelta(minutes=30)) == []
    assert tired.due(later, NOW + timedelta(minutes=31)) == later[-1:]
    (_, content) = desk.got[0]
    told = json.loads(content)
    assert told["alerts"] == []
    assert [one["kind"] for one in told["work"]] == ["escalated", "new", "digest"]


def test_a_digest_that_may_have_been_told_is_not_sent_for_ever(desk: Desk) -> None:
    ledger = Ledger()
    desk.status = 500
    made = line(ledger)
    assert tell(made, story("sum", kind="digest", severity="info")) is False
    assert tell(made, now=NOW + timedelta(hours=23)) is False
    assert tell(made, now=NOW + timedelta(hours=24)) is None
    assert (ledger.states[-1].state, ledger.states[-1].lost) == ("given up", 0)


def rounds(made: _Line, *news: Any, now: datetime = NOW) -> int:
    """Tell until nothing is due; how often that took."""
    made._again_at = 0.0
    for count in range(100):
        message = made.message(news, now)
        if message is None:
            return count
        made.tell(message, now)
    pytest.fail("it never ends")


def marked(ledger: Ledger) -> set[str]:
    return {mark.alert.rpartition(":")[2] for mark in ledger.marks}


def failures() -> float | None:
    return REGISTRY.get_sample_value("mentions_channel_failures", {"channel": "desk"})


def test_what_a_channel_refuses_to_be_told_holds_up_nothing_else(desk: Desk) -> None:
    ledger = Ledger()
    made = line(ledger)
    desk.answers[b"spike:Bahn:7"] = 422
    news = [alert(str(n)) for n in range(10, 29)] + [alert("7")]
    assert rounds(made, *news) < 12
    assert marked(ledger) == {str(n) for n in range(10, 29)}
    refused = [headers["idempotency-key"] for headers, body in desk.got if b"Bahn:7" in body]
    assert len(refused) == len(set(refused)) <= 6  # ever fewer together
    # What is worse comes at once, while it waits by itself.
    assert made.due([alert("7"), alert("8", severity="critical")], NOW)[0].id == "spike:Bahn:8"
    assert rounds(made, alert("7"), alert("8", severity="critical")) == 1
    # It is tried again, and counted where it was no use.
    made._refused = dict.fromkeys(made._refused, 0.0)
    assert rounds(made, alert("7")) == 1
    assert (ledger.states[-1].state, ledger.states[-1].error) == ("waiting", "it answers 422")
    assert tell(made, alert("7"), now=NOW + timedelta(days=1)) is None
    assert (ledger.states[-1].state, ledger.states[-1].lost) == ("given up", 1)


def test_a_channel_that_refuses_everything_for_a_while_loses_nothing(desk: Desk) -> None:
    ledger = Ledger()
    made = line(ledger)
    news = [alert(str(n)) for n in range(5)]
    desk.status = 400
    assert rounds(made, *news) == 7  # all five, two, and each by itself
    desk.status = 200
    made._refused = dict.fromkeys(made._refused, 0.0)
    rounds(made, *news)
    assert marked(ledger) == {"0", "1", "2", "3", "4"}


def test_what_is_critical_does_not_wait_for_what_stays_undecided(desk: Desk) -> None:
    ledger = Ledger()
    made = line(ledger)
    desk.answers[b"spike:Bahn:7"] = 500
    news = [alert("7"), *(alert(str(n), severity="critical") for n in (8, 9))]
    assert tell(made, alert("7")) is False
    first = keys(desk)[0]
    assert [tell(made, *news) for _ in range(4)] == [False, False, True, True]
    assert marked(ledger) == {"8", "9"}
    # What stays undecided stays as it was, over a kill, too.
    made = line(ledger, told=("spike:Bahn:8", "spike:Bahn:9"))
    del desk.answers[b"spike:Bahn:7"]
    assert tell(made, *news) is True
    assert [key for key in keys(desk) if key == first] == [first] * 4
    assert ledger.states[-1].state == "told"


def test_who_tells_no_more_sends_nothing(desk: Desk) -> None:
    ledger = Ledger()
    made = line(ledger)
    message = made.message([alert()], NOW)
    assert message is not None
    assert made.tell(message, NOW, lambda: False) is False
    assert (desk.got, ledger.marks) == ([], [])
    assert [state.state for state in ledger.states] == ["sending"]
    assert tell(line(ledger), alert()) is True
    assert keys(desk) == [message.id]


@pytest.mark.parametrize("kind", ["new", "digest"])
def test_what_is_no_more_to_be_told_is_neither_waited_for_nor_lost(desk: Desk, kind: str) -> None:
    ledger = Ledger()
    made = line(ledger, teams=["press"])
    desk.status = 404
    work = story(kind=kind)
    assert tell(made, work) is False
    assert (ledger.states[-1].state, failures()) == ("waiting", 1)
    assert tell(made, work) is False
    # Somebody has taken it, or the digest's hour is over.
    assert tell(made) is None
    assert (ledger.states[-1].state, failures()) == ("given up", 0)
    assert tell(made, now=NOW + timedelta(days=2)) is None
    assert ledger.states[-1].lost == 0


def test_what_waits_is_known_after_a_restart(desk: Desk) -> None:
    ledger = Ledger()
    desk.status = 404
    assert tell(line(ledger), alert()) is False
    second = line(ledger)
    assert tell(second, alert()) is False
    assert tell(second, now=NOW + timedelta(days=1)) is None
    assert (ledger.states[-1].state, ledger.states[-1].lost) == ("given up", 1)


@pytest.mark.usefixtures("desk")
def test_a_flood_is_told_before_the_cool_down_and_what_expires_is_counted() -> None:
    ledger = Ledger()
    made = line(ledger, cooldown=30)
    assert rounds(made, *(alert(str(n)) for n in range(45))) == 3
    assert len(ledger.marks) == 45
    # What is critical comes within the cool-down, and takes nothing else along.
    later = NOW + timedelta(minutes=1)
    assert rounds(made, alert("x", severity="critical"), alert("y"), now=later) == 1
    assert {"x"} == marked(ledger) - {str(n) for n in range(45)}
    asleep = line(Ledger(), quiet="00:00-23:59")
    assert tell(asleep, alert()) is None
    assert tell(asleep, now=NOW + timedelta(days=1)) is None
    assert REGISTRY.get_sample_value("mentions_channel_lost", {"channel": "desk"}) == 1


def test_only_who_tells_shows_how_it_stands(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Ledger()
    desk.status = 404
    tell(line(ledger), alert())
    module._hide()
    made = line(ledger)
    assert failures() is None
    monkeypatch.setattr(module, "_lines", lambda *_: [made])
    assert module._taken_over(Settings(), ledger, "en") == [made]
    assert failures() == 1


@pytest.mark.parametrize("error", [KafkaConnectionError("away"), ConfigError("away")])
def test_an_outage_at_the_take_over_is_waited_out(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(module, "_lines", fail)
    assert module._taken_over(Settings(), Ledger(), "en") is None


class Record:
    """A message of a topic."""

    key = b"x"

    def __init__(self, value: bytes | None) -> None:
        self.value = value


@pytest.mark.usefixtures("desk")
def test_what_cannot_be_read_is_left_out(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    mark = Notified(channel="desk", alert="spike:Bahn:1", at=NOW)
    found = {
        "mentions.notified": [b"{}", None, msgspec.json.encode(mark)],
        "mentions.alerts": [b"{", None, msgspec.json.encode(alert())],
    }

    def records(_: Settings, name: str) -> Iterator[Record]:
        return map(Record, found.get(name, []))

    monkeypatch.setattr(module, "records", records)
    monkeypatch.setattr("pipeline.alerts.watch.records", records)
    settings = Settings.model_validate({"channels": [{"name": "desk", "url": "env:DESK_URL"}]})
    (made,) = module._lines(settings, Ledger(), "en")
    assert made.told == {"spike:Bahn:1"}
    assert published(settings) == [alert()]
    assert caplog.text.count("cannot be read") == 2


def test_who_lost_its_place_for_a_moment_reads_anew_what_was_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    polls: list[float] = []
    read: list[str] = []

    class Place:
        """Is ours all the time, but for a moment between two polls."""

        def __init__(self, *given: Any) -> None:
            self.release = given[-1]

        def poll(self, seconds: float) -> set[int]:
            polls.append(seconds)
            if len(polls) == 3:
                self.release({0})
            return {0}

        def close(self) -> None:
            """Nothing to let go of."""

    monkeypatch.setattr(module, "Ownership", Place)
    monkeypatch.setattr(admin, "producer", lambda _: nullcontext())
    monkeypatch.setattr(Copy, "of", lambda _: nullcontext())
    monkeypatch.setattr(module, "_news", lambda *_: None)
    monkeypatch.setattr(module, "_LOOK_EVERY", 0.0)

    def lines(*_: object) -> list[_Line]:
        read.append("all")
        return []

    monkeypatch.setattr(module, "_lines", lines)
    module.notify(Settings(), lambda: len(polls) >= 6)
    assert read == ["all"] * 3  # at the start, when it began to tell, and after the loss
