"""``mentions sources test`` ends by itself."""

import itertools
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from agents import source as registry
from agents.source import Cursor, Page, Refused, SourceConfig
from pipeline.cli import mentions

TICK = 0.05
TABLE = """
[[sources]]
type = "mastodon"
name = "tags"
hashtags = ["bahn"]
"""


class Quiet:
    """A stream that has been read, and then has nothing to say."""

    def __init__(self, said: int) -> None:
        self.config = SourceConfig(type="x", name="tags")
        self.said = said
        self.closed = self.left = False

    def poll(self, cursor: Cursor | None) -> Iterator[Page]:  # noqa: ARG002
        try:
            found = [Refused(f"{number}", b"", "Odd", "odd") for number in range(self.said)]
            yield Page(found, {})
            for _ in itertools.count():
                time.sleep(TICK)
                yield Page([], {}, until=int(time.time() * 1000))
        finally:
            self.left = True

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def config(tmp_path: Path) -> str:
    (tmp_path / "mentions.toml").write_text(TABLE, encoding="utf-8")
    return str(tmp_path / "mentions.toml")


def test_a_quiet_stream_is_listened_to_for_as_long_as_is_said(
    config: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    quiet: Any = Quiet(said=2)
    monkeypatch.setattr(registry, "build", lambda _: quiet)
    started = time.monotonic()
    shown = CliRunner().invoke(
        mentions, ["-c", config, "sources", "test", "tags", "--listen", "0.5"]
    )
    seconds = time.monotonic() - started
    assert shown.exit_code == 0, shown.output
    assert "tags would publish 2" in shown.output
    assert seconds >= 0.5
    assert quiet.left
    assert quiet.closed


def test_a_limit_ends_it_earlier(config: str, monkeypatch: pytest.MonkeyPatch) -> None:
    quiet: Any = Quiet(said=3)
    monkeypatch.setattr(registry, "build", lambda _: quiet)
    asked = ["-c", config, "sources", "test", "tags", "--limit", "2", "--listen", "3600"]
    shown = CliRunner().invoke(mentions, asked)
    assert shown.exit_code == 0, shown.output
    assert "tags would publish 2" in shown.output
    assert quiet.closed
