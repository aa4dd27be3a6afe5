"""Every panel's question, put to the real server over the demo's mentions, finds something."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import elasticsearch
import msgspec
import pytest
from click.testing import CliRunner

from pipeline.cli import mentions as command
from pipeline.delivery import Stage, dead_letter
from pipeline.kibana.dashboards import ALL
from pipeline.kibana.data_views import VIEWS
from pipeline.kibana.questions import answered, ask, questions
from pipeline.outcome import Ok, Reject
from pipeline.search.client import connect, connect_sync
from pipeline.search.probe import probe
from pipeline.search.templates import apply
from pipeline.search.writer import Upsert, Writer
from pipeline.settings import Elasticsearch, Settings
from pipeline.stages.archive import Archive
from pipeline.stages.record import Record as Recorder
from schemas.coverage import Coverage, Stretch, encode_coverage
from schemas.figures import Figures
from tests.support import demo
from tests.support.records import Record


@pytest.fixture
def config(settings: Settings, unique: str) -> Elasticsearch:
    return settings.elasticsearch.model_copy(update={"alias": unique})


@pytest.fixture
def client(config: Elasticsearch) -> Iterator[elasticsearch.Elasticsearch]:
    with connect_sync(config) as made:
        apply(made, config, probe(made))
        yield made


async def written(stage: Stage, records: list[Record]) -> None:
    """Let a stage handle records, all of which it takes."""
    await stage.start()
    try:
        assert {type(outcome) for outcome in await stage.handle(records)} == {Ok}
    finally:
        await stage.close()


def said_by_agents(now: datetime) -> list[Record]:
    """A source that answers and has a gap, and one that does not."""
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
        Record(None, encode_coverage(Coverage(**made)), topic="mentions.coverage")
        for made in (
            {**base, "source": "press", "polls": 1, "complete": span, "gap": span},
            {**base, "source": "it", "polls": 1, "errors": {"RateLimited": 1}},
        )
    ]


def said_by_workers(now: datetime) -> list[Record]:
    """Two stretches of one process: it worked, then waited."""
    base: dict[str, Any] = {"stage": "enrich", "process": "host:1", "start": now, "end": now}
    return [
        Record(None, msgspec.json.encode(Figures(**made)), topic="mentions.figures")
        for made in (
            {**base, "received": 5, "rejected": 1, "errors": {"Odd": 1}, "batches": 1},
            {**base, "start": now - timedelta(minutes=1), "lag": 9, "waiting_for": "Kafka"},
        )
    ]


async def test_every_panel_finds_something_in_the_demo_s_mentions(
    client: elasticsearch.Elasticsearch,
    config: Elasticsearch,
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with connect(config) as there:
        batch = [Upsert(each) for each in demo.mentions(datetime.now(UTC), tmp_path)]
        outcomes = await Writer(there, config.alias).write(batch)
    assert {type(outcome) for outcome in outcomes} == {Ok}
    mine = settings.model_copy(update={"elasticsearch": config})
    now = datetime.now(UTC)
    await written(Recorder(mine), [*said_by_agents(now), *said_by_workers(now)])
    refused = Record(b"a", b"{}", headers=[("ce_source", b"/sources/press")])
    letter = dead_letter(refused, "enrich", Reject("Odd", "it is"), 1, "mentions.dead-letter")
    archived = Record(letter.key, letter.value, list(letter.headers or ()), letter.topic)
    await written(Archive(mine), [archived])
    client.indices.refresh(index=f"{config.alias}*")

    asked = list(questions())
    assert {question.where for question in asked} >= {board.name for board in ALL}
    for view in VIEWS:
        these = [question for question in asked if question.view is view]
        named = {field for question in these for field in question.fields}
        known = client.field_caps(index=view.index(config.alias), fields=sorted(named))["fields"]
        assert set(known) >= named
        counted = {field for question in these for field in _aggregated(question.body)}
        assert {name for name in counted if not _countable(known[name])} == set()

    silent = {
        (question.where, question.title)
        for question in asked
        if not answered(ask(client, config.alias, question))
    }
    assert silent == set()

    monkeypatch.setenv("MENTIONS_ELASTICSEARCH__URL", config.url)
    monkeypatch.setenv("MENTIONS_ELASTICSEARCH__ALIAS", config.alias)
    result = CliRunner().invoke(command, ["kibana", "check"])
    assert result.exit_code == 0, result.output

    for month in client.indices.get(index=config.alias):
        client.indices.delete(index=month)
    client.indices.create(index=f"{config.alias}-2026.01")
    result = CliRunner().invoke(command, ["kibana", "check"])
    assert result.exit_code == 1
    assert "NOTHING" in result.output


def _aggregated(body: object) -> Iterator[str]:
    if isinstance(body, dict):
        for key, value in body.items():
            if key == "field" and isinstance(value, str):
                yield value
            else:
                yield from _aggregated(value)


def _countable(kinds: dict[str, dict[str, bool]]) -> bool:
    return all(kind["aggregatable"] for kind in kinds.values())
