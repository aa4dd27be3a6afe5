"""Channels are told in time and once; one that fails is seen, and sent the same again."""

import json
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from msgspec.structs import replace

from pipeline import admin
from pipeline.alerts.watch import published
from pipeline.settings import Route, Settings
from pipeline.work import life
from schemas import decode_enriched, encode, topics
from schemas.mention import Duplicate, Producer
from schemas.work import key
from tests.support.desk import Desk
from tests.support.installation import Installation, json_lines
from tests.support.messages import mention
from tests.support.news import alert

CHANNELS = """
[[channels]]
name = "desk"
url = "env:DESK_URL"

[[channels]]
name = "other"
url = "env:OTHER_URL"
"""


def alerted(installation: Installation, *names: str, severity: str = "warning") -> None:
    """Something is alerted now."""
    now = datetime.now(UTC)
    made = [alert(name, at=now, since=now, severity=severity) for name in names]
    admin.publish(
        installation.settings,
        topics.ALERTS,
        [(one.id.encode(), msgspec.json.encode(one)) for one in made],
    )


def standing(installation: Installation) -> dict[str, dict[str, Any]]:
    """What ``mentions status`` says of each channel."""
    rows = json_lines(installation.run("status", "--json").stdout)
    return {row["channel"]: row for row in rows if "channel" in row}


def told(desk: Desk) -> list[tuple[str, list[str]]]:
    """Each request's key, and the ids it tells."""
    return [
        (headers["idempotency-key"], [one["id"][11:] for one in json.loads(body)["alerts"]])
        for headers, body in desk.got
    ]


def test_a_failing_channel_is_seen_and_nothing_is_doubled_under_another_key(
    installation: Installation,
) -> None:
    wait = installation.wait
    installation.configure(CHANNELS)
    with Desk() as desk, Desk() as other:
        installation.env |= {"DESK_URL": desk.url, "OTHER_URL": other.url}
        assert standing(installation) == {}

        # Errors on the channel's side: it may have taken it.
        desk.status = 500
        alerted(installation, "1")
        notifier = installation.start("alerts", "notify")
        wait(lambda: len(desk.got) >= 2, "it is tried again")
        wait(lambda: standing(installation)["desk"]["state"] == "waiting", "that is said")
        desk_now = standing(installation)["desk"]
        assert desk_now["error"] == "it answers 500"
        assert desk_now["attempts"] >= 1
        assert "content" not in desk_now
        wait(lambda: standing(installation)["other"]["state"] == "told", "another is told")
        installation.env["COLUMNS"] = "200"
        shown = installation.run("status").stdout
        assert "it answers 500" in shown
        assert desk.url not in shown
        assert desk.url not in installation.log(notifier)

        # Killed while it waits, and more happens before another goes on.
        installation.kill(notifier)
        alerted(installation, "2")
        desk.status, desk.cut = 200, True
        notifier = installation.start("alerts", "notify")
        wait(lambda: len(dict(told(other))) == 2, "the other hears of the second")
        wait(lambda: len(desk.got) >= 3, "it is tried again")
        assert len({(key, *ids) for key, ids in told(desk)}) == 1

        # The channel has it, and the process dies before it knows.
        installation.kill(notifier)
        desk.cut = False
        desk.answering.clear()
        before = len(desk.got)
        notifier = installation.start("alerts", "notify")
        wait(lambda: len(desk.got) > before, "it is being told")
        installation.kill(notifier)
        desk.answering.set()
        alerted(installation, "3", severity="critical")
        notifier = installation.start("alerts", "notify")
        wait(lambda: len(dict(told(other))) == 3, "the other hears of the third")
        wait(lambda: standing(installation)["desk"]["state"] == "told", "all is told")
        wait(lambda: {"2", "3"} <= {name for _, ids in told(desk) for name in ids}, "both came")
        assert installation.stop(notifier) == 0

        for channel in (desk, other):
            bodies = {headers["idempotency-key"]: body for headers, body in channel.got}
            assert all(bodies[headers["idempotency-key"]] == body for headers, body in channel.got)
            # Who drops what has a known key was told everything once.
            once = dict(told(channel)).values()
            assert sorted(name for ids in once for name in ids) == ["1", "2", "3"]
        marks = {
            (mark["value"]["channel"], mark["value"]["alert"])
            for mark in installation.tail("mentions.notified")
        }
        ids = {one.id for one in published(installation.settings)}
        assert marks == {(name, each) for name in ("desk", "other") for each in ids}


def test_of_several_notifiers_one_tells_and_another_takes_over(
    installation: Installation,
) -> None:
    wait, log = installation.wait, installation.log
    installation.configure(CHANNELS)
    with Desk() as desk, Desk() as other:
        installation.env |= {"DESK_URL": desk.url, "OTHER_URL": other.url}
        both = [installation.start("alerts", "notify") for _ in range(2)]

        def telling() -> list[bool]:
            return ["telling 2 channels" in log(each) for each in both]

        wait(lambda: any(telling()), "one tells")
        for name in ("1", "2", "3"):
            alerted(installation, name)
            wait(lambda name=name: name in told_names(other), f"{name} is told")  # type: ignore[misc]
        assert sum(telling()) == 1
        (first,) = [each for each, tells in zip(both, telling(), strict=True) if tells]
        installation.kill(first)
        alerted(installation, "4")
        wait(lambda: "4" in told_names(other), "the other takes over")
        wait(lambda: "4" in told_names(desk), "for all channels")
        for channel in (desk, other):
            once = dict(told(channel)).values()
            assert sorted(name for ids in once for name in ids) == ["1", "2", "3", "4"]


def told_names(desk: Desk) -> list[str]:
    """What was told, in its order."""
    return [name for _, ids in told(desk) for name in ids]


ROUTES = """
[[routes]]
team = "desk"

[[channels]]
name = "team"
url = "env:DESK_URL"
alerts = false
teams = ["desk"]
timezone = "Europe/Berlin"
digest = ["{digest}"]
"""


def worked(installation: Installation, number: int, **fields: Any) -> None:
    """A routed mention is the team's work now."""
    now = datetime.now(UTC)
    settings = Settings(routes=(Route(team="desk", priority=fields.pop("priority", "normal")),))
    made = decode_enriched(encode(replace(mention(number), published_at=now)))
    if story := fields.pop("story", None):
        by = Producer(name="test", version="1")
        made.duplicate = Duplicate(of=story, similarity=0.9, by=by)
    work = life.decide(None, life.routing(settings, settings.routes[0], made, now))
    assert work
    value = msgspec.json.encode(replace(work, **fields))
    admin.publish(installation.settings, topics.WORK, [(key("desk", made.id), value)])


def test_a_digest_and_what_waited_come_in_their_time(installation: Installation) -> None:
    wait, now = installation.wait, datetime.now(UTC)
    worked(installation, 1)
    worked(installation, 2, story="push:1")
    worked(installation, 3, priority="low")
    worked(installation, 4, escalated_at=now)
    local = now.astimezone(ZoneInfo("Europe/Berlin"))
    routes = ROUTES.format(digest=f"{local:%H:%M}")
    installation.env["MENTIONS_LANGUAGE"] = "en"

    def news(desk: Desk) -> list[list[dict[str, Any]]]:
        return [json.loads(body)["work"] for _, body in desk.got]

    with Desk() as desk:
        installation.env["DESK_URL"] = desk.url
        # At night: what nobody has taken, and the sum at its time, in one message.
        installation.configure(f'{routes}quiet = "00:00-23:59"\n')
        notifier = installation.start("alerts", "notify")
        wait(lambda: len(desk.got) == 1, "what is urgent and the digest are told")
        assert installation.stop(notifier) == 0
        ((escalated, digest),) = news(desk)
        assert escalated["id"] == "escalated:desk:push:4"
        assert (digest["kind"], digest["count"]) == ("digest", 4)
        assert digest["why"] == "desk: 4 new, 1 escalated"
        assert set(digest["mentions"]) == {f"push:{n}" for n in (1, 2, 3, 4)}
        first = datetime.now(UTC)

        # By day, but within the cool-down: it waits, and comes together, near copies once. Low
        # priority is left to the digest, which is not told twice.
        installation.configure(f"{routes}cooldown = 1\n")
        notifier = installation.start("alerts", "notify")
        wait(lambda: len(desk.got) == 2, "the rest is told")
        assert (datetime.now(UTC) - first).total_seconds() > 50
        counts = {one["id"]: one["count"] for one in news(desk)[1]}
        assert counts == {"new:desk:push:1": 2, "new:desk:push:4": 1}

        # What is critical does not wait.
        worked(installation, 5, escalated_at=datetime.now(UTC))
        wait(lambda: len(desk.got) == 3, "it is told at once", 45)
        assert [one["id"] for one in news(desk)[2]] == ["escalated:desk:push:5"]
        assert installation.stop(notifier) == 0
