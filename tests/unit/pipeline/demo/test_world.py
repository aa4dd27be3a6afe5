from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agents.files import Files, FilesConfig
from agents.incoming import read
from agents.push import PushConfig
from agents.source import build
from pipeline.demo.world import World, _batches
from pipeline.settings import Settings, load
from schemas.mention import RawMention

AROUND = datetime(2026, 11, 24, 5, 30, tzinfo=UTC)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with closing(World(AROUND, tmp_path)) as world:
        yield world


@pytest.fixture
def config(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Settings:
    monkeypatch.setenv("MENTIONS_PUSH_TOKEN", world.token)
    monkeypatch.chdir(tmp_path)
    return load(world.render())


def collected(config: Settings) -> Iterator[RawMention]:
    """What the configured sources make of the world's files."""
    for table in config.sources:
        if table["type"] == "files":
            for page in Files(FilesConfig.model_validate(table)).poll(None):
                for item in page.items:
                    assert isinstance(item, RawMention), item
                    yield item


def pushed(world: World, config: Settings) -> Iterator[list[RawMention]]:
    """What the endpoint makes of the world's requests."""
    (table,) = [table for table in config.sources if table["type"] == "push"]
    endpoint = PushConfig.model_validate(table)
    for steps in _batches(world._steps()):
        if steps[0].mention is not None:
            body: Any = [step.mention for step in steps]
            yield read(msgspec.json.encode(body), endpoint, endpoint.channel, endpoint.max_items)


def test_the_example_configuration_is_right_for_every_source(config: Settings) -> None:
    for table in config.sources:
        build(table).close()
    assert {route.team for route in config.routes} == {"press", "service", "security"}
    assert "confidential" in {topic.kind for topic in config.watchlist}


def test_all_that_is_expected_is_collected_once(world: World, config: Settings) -> None:
    from_files = [mention.id for mention in collected(config)]
    from_push = {mention.id for batch in pushed(world, config) for mention in batch}
    assert len(from_files) == len(set(from_files))
    deleted = {step.id for step in world._steps() if step.mention is None}
    from_feeds = {mention for mention in world.expected_ids if mention.startswith("feeds:")}
    assert len(from_feeds) == 34
    assert world.expected_ids == set(from_files) | (from_push - deleted) | from_feeds
    assert len(deleted) == 3


def test_threads_times_and_ratings_survive_the_tables(config: Settings) -> None:
    mentions = {mention.id: mention for mention in collected(config)}
    comment = mentions["files:video/v002"]
    assert comment.thread
    assert comment.thread.kind == "reply"
    assert comment.thread.parent_id == comment.thread.root_id == "files:video/v001"
    review = mentions["files:review/r002"]
    assert review.rating
    assert (review.rating.value, review.rating.best) == (2.0, 5.0)
    assert review.tags == ("Brise 2",)
    assert review.published_at == datetime(2026, 10, 26, 20, 3, tzinfo=UTC)
    for mention in mentions.values():
        if mention.thread and mention.thread.parent_id:
            assert mention.thread.parent_id in mentions


def test_edits_are_newer_revisions_and_deletions_follow(world: World, config: Settings) -> None:
    steps = world._steps()
    assert steps == sorted(steps, key=lambda step: step.at)
    revisions: dict[str, list[int]] = {}
    for batch in pushed(world, config):
        for mention in batch:
            revisions.setdefault(mention.id, []).append(mention.revision)
    edited = {name: found for name, found in revisions.items() if len(found) > 1}
    assert len(edited) == 5
    assert all(found == sorted(set(found)) for found in edited.values())


def test_a_taken_port_is_avoided(world: World, tmp_path: Path) -> None:
    with closing(World(AROUND, tmp_path)) as other:
        assert other.render().read_text() != world.render().read_text()
