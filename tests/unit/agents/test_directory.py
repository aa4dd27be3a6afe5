"""How the file and the topic agree about the sources."""

from collections.abc import Sequence
from typing import Any

import pytest

from agents.directory import Directory
from agents.publisher import Message
from schemas.sources import SourceEntry, decode_source

PRESS = {"type": "feeds", "name": "press", "urls": ["https://example.org/rss"]}
BLOGS = {"type": "feeds", "name": "blogs", "urls": ["https://example.org/blog"]}


class Publisher:
    def __init__(self) -> None:
        self.written: list[tuple[str, SourceEntry | None]] = []

    def send(self, messages: Sequence[Message], *, within: float | None = None) -> None:
        assert within is None
        for message in messages:
            entry = None if message.value is None else decode_source(message.value)
            self.written.append((message.key.decode(), entry))


@pytest.fixture
def publisher() -> Publisher:
    return Publisher()


@pytest.fixture
def directory(publisher: Publisher) -> Directory:
    made: Any = Directory
    found: Directory = made({}, publisher)
    return found


def test_the_file_is_written_once(directory: Directory, publisher: Publisher) -> None:
    directory.apply([PRESS, BLOGS])
    assert [name for name, _ in publisher.written] == ["press", "blogs"]
    directory.apply([PRESS, BLOGS])
    assert len(publisher.written) == 2, "twice is once"


def test_a_change_keeps_what_was_ordered(directory: Directory, publisher: Publisher) -> None:
    directory.entries["press"] = SourceEntry(table=PRESS, origin="file", paused=True)
    directory.apply([{**PRESS, "every": 60}])
    ((name, entry),) = publisher.written
    assert (name, entry and entry.paused, entry and entry.table["every"]) == ("press", True, 60)


def test_what_left_the_file_goes_and_what_was_added_stays(
    directory: Directory, publisher: Publisher
) -> None:
    directory.entries["press"] = SourceEntry(table=PRESS, origin="file")
    directory.entries["added"] = SourceEntry(table=PRESS)
    directory.apply([BLOGS])
    assert ("press", None) in publisher.written
    assert sorted(directory.entries) == ["added", "blogs"]


def test_an_agent_without_sources_in_its_file_removes_nothing(
    directory: Directory, publisher: Publisher
) -> None:
    directory.entries["press"] = SourceEntry(table=PRESS, origin="file")
    directory.apply([])
    assert publisher.written == []
