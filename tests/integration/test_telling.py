"""A channel that fails is seen by all, and a message it may have had comes again as it was."""

import json
from datetime import UTC, datetime
from typing import Any

import msgspec

from pipeline import admin
from pipeline.alerts.watch import published
from schemas import topics
from tests.support.desk import Desk
from tests.support.installation import Installation, json_lines
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
        wait(lambda: len(told(other)) == 2, "the other hears of the second")
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
        wait(lambda: len(told(other)) == 3, "the other hears of the third")
        wait(lambda: standing(installation)["desk"]["state"] == "told", "all is told")
        wait(lambda: {"2", "3"} <= {name for _, ids in told(desk) for name in ids}, "both came")
        assert installation.stop(notifier) == 0

        keys = dict(told(desk))
        assert all(keys[key] == ids for key, ids in told(desk))
        bodies = {headers["idempotency-key"]: body for headers, body in desk.got}
        assert all(bodies[headers["idempotency-key"]] == body for headers, body in desk.got)
        # Who drops what has a known key was told everything once.
        assert sorted(name for ids in keys.values() for name in ids) == ["1", "2", "3"]
        assert sorted(name for _, ids in told(other) for name in ids) == ["1", "2", "3"]
        marks = {
            (mark["value"]["channel"], mark["value"]["alert"])
            for mark in installation.tail("mentions.notified")
        }
        ids = {one.id for one in published(installation.settings)}
        assert marks == {(name, each) for name in ("desk", "other") for each in ids}
