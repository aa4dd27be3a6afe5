"""Every panel's question, put to the real server over what real stages made of the demo."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import elasticsearch
import msgspec
import pytest

from pipeline.kibana.dashboards import ALL
from pipeline.kibana.data_views import VIEWS
from pipeline.kibana.questions import answered, ask, questions
from schemas.alert import Alert
from schemas.coverage import Coverage, Stretch, encode_coverage
from schemas.figures import Figures
from schemas.headers import alert_headers
from tests.support import demo
from tests.support.installation import Installation, json_lines
from tests.support.messages import Message, message, publish

EVERY: dict[str, Any] = {"match_all": {}}
SOON_DUE = """
[work]
high = 0.0005
normal = 0.0005
low = 0.0005
"""


def said_by_agents(now: datetime) -> list[Message]:
    """A source that answers and has a gap, and two that do not."""
    start = now - timedelta(minutes=1)
    span = Stretch(start=start, end=now)
    base: dict[str, Any] = {
        "kind": "feeds",
        "agent": "host:1",
        "start": start,
        "end": now,
        "expected": 60.0,
    }
    return [
        (None, encode_coverage(Coverage(**made)), [])
        for made in (
            {**base, "source": "press", "polls": 1, "complete": span, "gap": span},
            {
                **base,
                "source": "it",
                "polls": 1,
                "errors": {"RateLimited": 1},
                "limited_seconds": 9.0,
                "dark": True,
            },
            {**base, "source": "tags", "expected": 7200.0, "errors": {"Odd": 1}, "dark": True},
        )
    ]


def said_by_workers(now: datetime) -> list[Message]:
    """Two stretches of one process: it worked, then waited."""
    base: dict[str, Any] = {"stage": "enrich", "process": "host:1", "start": now, "end": now}
    return [
        (None, msgspec.json.encode(Figures(**made)), [])
        for made in (
            {
                **base,
                "received": 5,
                "rejected": 1,
                "errors": {"Odd": 1},
                "batches": 1,
                "seconds": 0.5,
            },
            {
                **base,
                "start": now - timedelta(minutes=1),
                "lag": 9,
                "retried": 3,
                "waiting_for": "Kafka",
            },
        )
    ]


def counted(installation: Installation, index: str, query: dict[str, Any]) -> int:
    """How many documents beside the mentions fit a query, now."""
    name = f"{installation.alias}-{index}"
    installation.client.indices.refresh(index=name, ignore_unavailable=True)
    found = installation.client.count(index=name, query=query, ignore_unavailable=True)
    return int(found["count"])


def work_through(installation: Installation) -> None:
    """Let the pipeline make of the demo what it makes: mentions, dead letters, teams' work."""
    now = datetime.now(UTC)
    told = demo.raw(now)
    installation.configure(demo.CONFIG + SOON_DUE)
    installation.run("topics", "create")
    broken: Message = (b"a", b"{}", [("ce_source", b"/sources/press")])
    publish(installation, "mentions.raw", [*map(message, told), broken])
    publish(installation, "mentions.coverage", said_by_agents(now))
    publish(installation, "mentions.figures", said_by_workers(now))
    installation.start("worker")
    installation.wait(lambda: installation.count() == len(told), "all is indexed")
    installation.wait(lambda: counted(installation, "dead-letters", EVERY) == 1, "a dead letter")
    escalated = {"exists": {"field": "escalated_at"}}
    installation.wait(lambda: counted(installation, "work", escalated) > 0, "work is escalated")


def do_work(installation: Installation) -> None:
    """Somebody takes one piece of work and answers another."""
    first, second, *_ = json_lines(installation.run("work", "list", "--json").stdout)
    for action, one in (("take", first), ("answer", second)):
        installation.run("work", action, one["mention"], "--team", one["team"])
    done = {"term": {"state": "answered"}}
    installation.wait(lambda: counted(installation, "work", done) == 1, "it is indexed")


def alert(installation: Installation) -> None:
    """What rules find in the indexed history is published, as it would have been at its time."""
    found = installation.run("alerts", "backtest", "--since", "7d", "--json").stdout
    alerts = [msgspec.convert(line, Alert) for line in json_lines(found)]
    assert "crisis" in {one.name for one in alerts}
    publish(
        installation,
        "mentions.alerts",
        [
            (one.id.encode(), msgspec.json.encode(one), alert_headers(one.id, one.kind, one.at))
            for one in alerts
        ],
    )
    installation.wait(
        lambda: counted(installation, "alerts", EVERY) == len(alerts), "alerts are indexed"
    )


def test_every_panel_finds_something_in_the_demo(installation: Installation) -> None:
    work_through(installation)
    do_work(installation)
    alert(installation)
    installation.run("people", "--update")
    client, alias = installation.client, installation.alias
    client.indices.refresh(index=f"{alias}*")

    asked = list(questions())
    assert {question.where for question in asked} >= {board.name for board in ALL}
    for view in VIEWS:
        these = [question for question in asked if question.view is view]
        named = {field for question in these for field in question.fields}
        known = client.field_caps(index=view.index(alias), fields=sorted(named))["fields"]
        assert set(known) >= named
        grouped = {field for question in these for field in _aggregated(question.body)}
        assert {name for name in grouped if not _countable(known[name])} == set()

    silent = {
        (question.where, question.title)
        for question in asked
        if not answered(ask(client, alias, question))
    }
    assert silent == set()
    check_that_filters_reach_every_view(client, alias)
    check_that_every_source_is_named(client, alias)

    installation.run("kibana", "check")
    for month in client.indices.get(index=alias):
        client.indices.delete(index=month)
    client.indices.create(index=f"{alias}-2026.01")
    assert "NOTHING" in installation.run("kibana", "check", code=1).stdout


def check_that_filters_reach_every_view(client: elasticsearch.Elasticsearch, alias: str) -> None:
    """A control's filter, as Kibana puts it to all panels, finds its own in each view."""
    board: dict[str, dict[str, str]] = {
        "": {"topics": "Brise", "channel": "microblog", "language.code": "de"},
        "-alerts": {"topics": "Brise"},
        "-people": {"topics": "Brise", "channel": "microblog", "language.code": "de"},
        "-work": {"topics": "Brise", "channel": "microblog", "language.code": "de"},
    }
    for suffix, chosen in board.items():
        total = client.count(index=alias + suffix)["count"]
        for field, value in chosen.items():
            filtered: dict[str, Any] = {"match_phrase": {field: value}}
            found = client.count(index=alias + suffix, query=filtered)["count"]
            assert 0 < found < total, (suffix, field)


def check_that_every_source_is_named(client: elasticsearch.Elasticsearch, alias: str) -> None:
    """One that has only a gap among what held sources up; one never read before all others."""
    found = {
        question.title: ask(client, alias, question)["aggregations"]["groups0"]["buckets"]
        for question in questions()
        if question.where == "coverage" and "groups0" in question.body.get("aggs", {})
    }
    held = {
        bucket["key"]: [error["key"] for error in bucket["groups1"]["buckets"]]
        for bucket in found["What held sources up, with and without errors"]
    }
    assert held == {"press": ["__missing__"], "it": ["RateLimited"], "tags": ["Odd"]}
    until = found["Complete until: all sources, the oldest first"]
    assert [bucket["key"] for bucket in until][-1] == "press"
    assert {bucket["key"] for bucket in until} == set(held)
    assert [bucket["key"] for bucket in found["Gaps by source"]] == ["press"]


@pytest.mark.parametrize(("name", "path"), [("alerts", "topic"), ("work", "subject.topics")])
def test_an_index_that_is_there_learns_the_filters_names(
    installation: Installation, name: str, path: str
) -> None:
    """What was written before is found by them, too."""
    client, index = installation.client, f"{installation.alias}-{name}"
    field, _, inner = path.partition(".")
    found = client.indices.get_index_template(name=index)["index_templates"][0]
    template = found["index_template"]["template"]
    earlier = {field: template["mappings"]["properties"][field]}
    client.indices.delete_index_template(name=index)
    client.indices.create(
        index=index,
        settings=template["settings"],
        mappings={"dynamic": False, "properties": earlier},
    )
    document = {field: {inner: "Brise"} if inner else "Brise"}
    client.index(index=index, document=document, refresh=True)
    query = {"match_phrase": {"topics": "Brise"}}
    assert client.count(index=index, query=query)["count"] == 0
    installation.run("index", "apply")
    assert client.count(index=index, query=query)["count"] == 1
    installation.run("index", "diff")


def _aggregated(body: object) -> Iterator[str]:
    if isinstance(body, dict):
        for key, value in body.items():
            if key == "field" and isinstance(value, str):
                yield value
            else:
                yield from _aggregated(value)


def _countable(kinds: dict[str, dict[str, bool]]) -> bool:
    return all(kind["aggregatable"] for kind in kinds.values())
