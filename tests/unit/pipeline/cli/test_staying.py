import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner
from prometheus_client import REGISTRY

from pipeline.cli import _staying, mentions
from pipeline.cli._staying import turning
from pipeline.errors import PipelineError, Retryable
from pipeline.settings import Settings

STUBBORN = """
import time
from agents import turning
turning.STOP_WITHIN = 0.3
from pipeline.cli._staying import until_signalled
stopped = until_signalled()
print("ready", flush=True)
while True:
    time.sleep(60)
"""


def test_a_signal_ends_it_even_while_it_waits_for_something_else() -> None:
    with subprocess.Popen([sys.executable, "-c", STUBBORN], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 75


def test_prometheus_sees_when_the_loop_of_a_command_came_round() -> None:
    def seen() -> float:
        found = REGISTRY.get_sample_value("mentions_turned_timestamp_seconds", {"loop": "look"})
        assert found is not None
        return found

    @click.command("look")
    def command() -> None:
        loop = turning(Settings())
        began = seen()
        assert began >= asked
        loop.turn()
        assert seen() > began

    asked = time.time()
    CliRunner().invoke(command, catch_exceptions=False)


@pytest.mark.parametrize("trouble", [Retryable, PipelineError])
def test_it_goes_on_through_an_outage_and_is_ready_once_all_was_done(
    monkeypatch: pytest.MonkeyPatch, trouble: type[PipelineError]
) -> None:
    monkeypatch.setattr(_staying, "_LOOK_EVERY", 0.001)
    monkeypatch.setattr(_staying, "_AGAIN_AFTER", 0.01)
    done: list[str] = []

    def steps() -> Iterator[str]:
        for topic in ("a", "b"):
            done.append(topic)
            if len(done) == 2:
                raise trouble
            yield topic

    def over() -> bool:
        return len(done) >= 8

    turns: list[int] = []
    _staying._again(steps, 0.02, over, lambda: turns.append(len(done)))
    assert done == ["a", "b", "a", "b", "a", "b", "a", "b"]
    assert turns
    assert turns[0] >= 4  # not before all was done once


@pytest.mark.parametrize("command", [("people", "--update"), ("retention", "--apply")])
def test_pages_are_for_what_goes_on(command: tuple[str, str]) -> None:
    name, flag = command
    run = CliRunner().invoke(mentions, [name, flag, "--port", "9105"])
    assert run.exit_code == 2
    assert "--port is for --every" in run.output
    run = CliRunner().invoke(mentions, [name, "--every", "1h"])
    assert run.exit_code == 2
    assert f"--every is for {flag}" in run.output
    run = CliRunner().invoke(mentions, [name, flag, "--every", "soon"])
    assert run.exit_code == 2
    assert "is not like 30m, 2h, 1d" in run.output
