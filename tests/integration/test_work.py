"""Routed mentions are work: taken once, escalated when nobody does, over kills and replays."""

import json
import subprocess
import sys
import time
from typing import Any

from schemas import headers
from tests.support.desk import Desk
from tests.support.installation import Installation, json_lines
from tests.support.messages import Message, mention, message, publish

CONFIG = """
[[watchlist]]
topic = "Bahn"
kind = "brand"
terms = ["Bahn"]

[[watchlist]]
topic = "Bus"
kind = "brand"
terms = ["Bus"]

[[routes]]
team = "desk"
topics = ["Bahn"]

[[routes]]
team = "urgent"
topics = ["Bus"]
priority = "high"
escalate_to = "desk"

[[routes]]
team = "archive"
priority = "none"

[work]
high = 0.002
"""
CHANNEL = """
[[channels]]
name = "desk"
url = "env:DESK_URL"
alerts = false
teams = ["desk", "urgent"]
"""
REPROCESSED = (headers.REPROCESSED, b"1-0123456789ab")


def works(installation: Installation, *arguments: str) -> dict[tuple[str, str], dict[str, Any]]:
    """What is listed, by mention and team."""
    found = installation.look("work", "list", *arguments)
    return {(one["mention"], one["team"]): one for one in found}


def indexed(installation: Installation) -> dict[tuple[str, str], dict[str, Any]]:
    installation.client.indices.refresh(index=f"{installation.alias}-work", allow_no_indices=True)
    answer = installation.client.search(index=f"{installation.alias}-work*", size=100)
    return {
        (hit["_source"]["mention"], hit["_source"]["team"]): hit["_source"]
        for hit in answer["hits"]["hits"]
    }


def take(installation: Installation, who: str, name: str) -> subprocess.Popen[str]:
    """Somebody takes a mention; several may do so at once."""
    return subprocess.Popen(
        [sys.executable, "-m", "pipeline", "work", "take", name],
        env={**installation.env, "LOGNAME": who},
        cwd=installation.folder,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_work_is_done_once_by_one_and_never_comes_back(installation: Installation) -> None:
    run, wait = installation.run, installation.wait
    installation.configure(CONFIG)
    run("topics", "create")
    installation.start("worker", "--stages", "enrich,route,record,index")
    deciding = installation.start("worker", "--stages", "work")
    texts = {1: "Die Bahn kommt", 2: "Bahn zu spät", 3: "Die Bahn ist toll", 4: "Kein Thema"}
    publish(installation, "mentions.raw", [message(mention(n, text=t)) for n, t in texts.items()])
    wait(lambda: len(works(installation)) == 3, "three mentions are work")
    assert len(json_lines(run("work", "list", "--json").stdout)) == 3
    assert {team for _, team in works(installation)} == {"desk"}

    # Two take the same at the same time: one has it, the other is told who.
    rivals = {who: take(installation, who, "push:1") for who in ("ada", "bob")}
    said = {who: rival.communicate(timeout=60)[1] for who, rival in rivals.items()}
    codes = {who: rival.returncode for who, rival in rivals.items()}
    assert sorted(codes.values()) == [0, 1], said
    (winner,) = [who for who, code in codes.items() if code == 0]
    (loser,) = codes.keys() - {winner}
    assert f"it is assigned to {winner}" in said[loser]
    installation.env["LOGNAME"] = winner

    # What is ordered while nobody decides is decided afterwards, in its order.
    installation.kill(deciding)
    late = run("work", "dismiss", "push:2", "--note", "spam", code=1)
    assert "nobody has decided yet" in late.stderr
    publish(installation, "mentions.raw", [message(mention(5, text="Der Bus kommt"))])
    deciding = installation.start("worker", "--stages", "work")
    wait(lambda: ("push:2", "desk") not in works(installation), "the order is carried out")
    run("work", "answer", "push:1", "--note", "called back")
    installation.kill(deciding)
    installation.start("worker", "--stages", "work")

    # Nobody takes the urgent one: it is escalated, and another team has it too.
    wait(lambda: ("push:5", "desk") in works(installation), "it is escalated")
    urgent = works(installation, "--escalated")
    # The other team does not take it either, seconds later.
    assert {("push:5", "urgent")} <= set(urgent) <= {("push:5", "urgent"), ("push:5", "desk")}
    assert [step["action"] for step in urgent["push:5", "urgent"]["steps"]] == ["route", "escalate"]
    assert "escalated" in run("work", "list").stdout

    before = check_that_nothing_becomes_work_twice(installation, texts)
    wait(lambda: indexed(installation).keys() == {*before, ("push:7", "desk")}, "it is indexed")
    check_the_index(installation, winner, loser)
    check_notifications(installation)


def check_that_nothing_becomes_work_twice(
    installation: Installation, texts: dict[int, str]
) -> dict[tuple[str, str], dict[str, Any]]:
    """Edited, enriched again or routed again, it is no new work; returns what there was."""
    before = works(installation, *(f"--state={s}" for s in ("new", "answered", "dismissed")))
    edit = message(mention(1, text="Die Bahn kommt doch", revision=2))
    key, value, about = message(mention(2, text="Bahn zu spät"))
    again: Message = (key, value, [*about, REPROCESSED])
    unknown = message(mention(6, text="Auch die Bahn"))
    publish(installation, "mentions.raw", [edit, message(mention(3, text=texts[3]))])
    fresh: Message = (unknown[0], unknown[1], [*unknown[2], REPROCESSED])
    publish(installation, "mentions.raw", [again, fresh, message(mention(7, text="Bahn!"))])
    installation.wait(lambda: ("push:7", "desk") in works(installation), "what comes last is work")
    states = [f"--state={state}" for state in ("new", "answered", "dismissed")]
    after = works(installation, *states)
    del after["push:7", "desk"]
    assert after.keys() == before.keys()
    # The urgent one goes on being escalated meanwhile.
    for name in before.keys() - {("push:5", "desk"), ("push:5", "urgent")}:
        assert after[name] == before[name]
    return before


def check_the_index(installation: Installation, winner: str, loser: str) -> None:
    """Everybody sees it, and what is deleted goes everywhere."""
    run = installation.run
    answered = indexed(installation)["push:1", "desk"]
    assert (answered["state"], answered["assignee"], answered["open"]) == (
        "answered",
        winner,
        False,
    )
    assert answered["seconds"] > 0
    steps = [(step["by"], step["action"], "refused" in step) for step in answered["steps"]]
    assert steps == [
        ("pipeline", "route", False),
        (winner, "take", False),
        (loser, "take", True),
        (winner, "answer", False),
    ]
    assert "called back" in run("work", "show", "push:1").stdout
    gone: Message = (b"push:1", None, headers.tombstone_headers("push:1", 1 << 50, "posts"))
    publish(installation, "mentions.raw", [gone])
    installation.wait(
        lambda: ("push:1", "desk") not in indexed(installation), "the deletion is indexed"
    )
    assert "is no work" in run("work", "show", "push:1", code=1).stderr
    assert "say whose with --team: desk, urgent" in run("work", "take", "push:5", code=1).stderr


def check_notifications(installation: Installation) -> None:
    """A channel that was away is told each story once, counted, also over a kill."""
    text = "Die Bahn hat heute schon wieder eine ganze Stunde Verspätung gehabt"
    for number in (8, 9):  # the first leads the story, and two partitions have no order
        publish(installation, "mentions.raw", [message(mention(number, text=text))])
        place = (f"push:{number}", "desk")
        installation.wait(lambda place=place: place in works(installation), "a copy is work")  # type: ignore[misc]
    installation.configure(CONFIG + CHANNEL)
    expected = {
        *(f"new:desk:push:{n}" for n in (3, 5, 7, 8)),
        *("new:urgent:push:5", "escalated:urgent:push:5", "escalated:desk:push:5"),
    }
    with Desk() as desk:
        installation.env["DESK_URL"] = desk.url
        desk.status = 503
        first = installation.start("alerts", "notify")
        installation.wait(lambda: "alerts wait" in installation.log(first), "a refusal")
        desk.got.clear()
        desk.status = 200

        def marked() -> set[str]:
            return {one["value"]["alert"] for one in installation.tail("mentions.notified")}

        installation.wait(lambda: marked() == expected, "all is told and marked")
        installation.kill(first)
        second = installation.start("alerts", "notify")
        installation.wait(lambda: "telling 1" in installation.log(second), "it is up again")
        time.sleep(6)  # it looks every five seconds
        told = [one for _, body in desk.got for one in json.loads(body)["work"]]
        assert sorted(one["id"] for one in told) == sorted(expected)
        assert {one["id"]: one["count"] for one in told}["new:desk:push:8"] == 2
        assert all(header["idempotency-key"] for header, _ in desk.got)
        assert text not in json.dumps(told)
        assert installation.stop(second) == 0


TEAMS = """
[[watchlist]]
topic = "Bahn"
kind = "brand"
terms = ["Bahn"]

[[routes]]
team = "desk"
topics = ["Bahn"]
"""
OLD = """
[[routes]]
team = "old"
topics = ["Bahn"]
"""
HEIR = """
[work]
heir = "heir"

[[routes]]
team = "heir"
sites = ["nowhere.example"]
"""


def test_the_work_of_a_team_without_a_route_ends_or_is_inherited(
    installation: Installation,
) -> None:
    run, wait = installation.run, installation.wait
    states = [f"--state={state}" for state in ("new", "assigned", "answered", "dismissed")]
    installation.configure(TEAMS + OLD)
    run("topics", "create")
    worker = installation.start("worker", "--stages", "enrich,route,work,record")
    made = [message(mention(n, text="Die Bahn kommt")) for n in (1, 2, 3)]
    publish(installation, "mentions.raw", made)
    wait(lambda: len(works(installation)) == 6, "all is work of both")
    run("work", "take", "push:1", "--team", "old")
    run("work", "answer", "push:2", "--team", "old")
    assert installation.stop(worker) == 0

    installation.configure(TEAMS + HEIR)
    run("topics", "create")
    installation.start("worker", "--stages", "enrich,route,work,record")
    wait(lambda: len(works(installation, "--team", "old")) == 0, "nothing is open")
    wait(lambda: len(works(installation, "--team", "heir")) == 2, "it is the heir's")
    after = works(installation, *states)
    assert {name: after[name, "old"]["state"] for name in ("push:1", "push:2", "push:3")} == {
        "push:1": "dismissed",
        "push:2": "answered",
        "push:3": "dismissed",
    }
    assert {work["state"] for (_, team), work in after.items() if team == "desk"} == {"new"}
    assert (
        "old is no team any more, heir has it"
        in run("work", "show", "push:1", "--team", "old").stdout
    )
    for name in ("push:1", "push:3"):
        old, new = (after[name, team]["subject"] for team in ("old", "heir"))
        assert new["escalates_at"] > old["escalates_at"]
        assert new == old | {"escalates_at": new["escalates_at"]}

    gone: Message = (b"push:2", None, headers.tombstone_headers("push:2", 1 << 50, "posts"))
    publish(installation, "mentions.raw", [gone])
    wait(
        lambda: not {name for name in works(installation, *states) if name[0] == "push:2"},
        "a deleted mention is nobody's, nor of a team without a route",
    )
