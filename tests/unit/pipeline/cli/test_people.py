from collections.abc import Iterator

import pytest
from click.testing import CliRunner

from pipeline.cli import mentions, people
from pipeline.errors import Retryable


def test_people_are_renewed_through_an_outage_and_ready_only_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(people, "_LOOK_EVERY", 0.001)
    monkeypatch.setattr(people, "_AGAIN_AFTER", 0.01)
    done: list[str] = []

    def renew() -> Iterator[str]:
        for topic in ("a", "b"):
            done.append(topic)
            if len(done) == 2:
                raise Retryable
            yield topic

    def over() -> bool:
        return len(done) >= 8

    turns: list[int] = []
    people._keep_up(renew, 0.02, over, lambda: turns.append(len(done)))
    assert done == ["a", "b", "a", "b", "a", "b", "a", "b"]
    assert turns
    assert turns[0] >= 4  # not before all topics were renewed once


def test_pages_are_for_what_goes_on() -> None:
    run = CliRunner().invoke(mentions, ["people", "--update", "--port", "9105"])
    assert run.exit_code == 2
    assert "--port is for --every" in run.output
