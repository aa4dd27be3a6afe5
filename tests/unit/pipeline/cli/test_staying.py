import signal
import subprocess
import sys
import time

import click
from click.testing import CliRunner
from prometheus_client import REGISTRY

from pipeline.cli._staying import turning
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
