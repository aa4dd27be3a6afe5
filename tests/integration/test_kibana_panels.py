"""Every panel's question, put to the real server over the demo's mentions, finds something."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import elasticsearch
import pytest
from click.testing import CliRunner

from pipeline.cli import mentions as command
from pipeline.kibana.dashboards import ALL
from pipeline.kibana.questions import answered, ask, questions
from pipeline.outcome import Ok
from pipeline.search.client import connect, connect_sync
from pipeline.search.probe import probe
from pipeline.search.templates import apply
from pipeline.search.writer import Upsert, Writer
from pipeline.settings import Elasticsearch, Settings
from tests.support import demo


@pytest.fixture
def config(settings: Settings, unique: str) -> Elasticsearch:
    return settings.elasticsearch.model_copy(update={"alias": unique})


@pytest.fixture
def client(config: Elasticsearch) -> Iterator[elasticsearch.Elasticsearch]:
    with connect_sync(config) as made:
        apply(made, config, probe(made))
        yield made


async def test_every_panel_finds_something_in_the_demo_s_mentions(
    client: elasticsearch.Elasticsearch,
    config: Elasticsearch,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with connect(config) as there:
        batch = [Upsert(each) for each in demo.mentions(datetime.now(UTC), tmp_path)]
        outcomes = await Writer(there, config.alias).write(batch)
    assert {type(outcome) for outcome in outcomes} == {Ok}
    client.indices.refresh(index=config.alias)

    asked = list(questions())
    assert {question.where for question in asked} >= {board.name for board in ALL}
    named = {field for question in asked for field in question.fields}
    known = client.field_caps(index=config.alias, fields=sorted(named))["fields"]
    assert set(known) >= named
    counted = {field for question in asked for field in _aggregated(question.body)}
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
