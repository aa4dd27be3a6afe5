"""How long it takes until something can be used."""

import subprocess
import sys
import time
from collections.abc import Mapping
from statistics import median
from typing import Any

import httpx

from benchmarks.bench import Servers, started
from pipeline import admin

__all__ = ["startup"]

COMMANDS: Mapping[str, tuple[list[str], str]] = {
    "mentions --help": (["--help"], ""),
    "mentions enrich, one line": (["enrich"], '{"text": "Der Zug war pünktlich."}\n'),
}


def startup(to: Servers, *, rounds: int) -> dict[str, float]:
    """Seconds, the median of several rounds."""
    # The worker first: it needs servers, which are busy for a while after their own start.
    ready = round(median(_ready(to, number) for number in range(rounds)), 3)
    found = {
        name: round(median(_seconds(arguments, stdin) for _ in range(rounds)), 3)
        for name, (arguments, stdin) in COMMANDS.items()
    }
    return {**found, "worker ready": ready}


def _seconds(arguments: list[str], stdin: str) -> float:
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "pipeline", *arguments],
        input=stdin.encode(),
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return time.perf_counter() - began


def _ready(to: Servers, number: int) -> float:
    """From the start of an enrich worker to its ``/ready``."""
    name = f"ready{number}."
    kafka = to.settings.kafka.model_copy(update={"prefix": name})
    admin.apply(to.settings.model_copy(update={"kafka": kafka}))
    port = 18_700 + number
    env = to.environment(MENTIONS_KAFKA__PREFIX=name, MENTIONS_WORKER__PORT=str(port))
    command = [sys.executable, "-m", "pipeline", "worker", "--stages", "enrich"]
    began = time.perf_counter()
    with started(command, env, to.folder / f"{name}log"):
        while True:
            answer: Any = None
            try:
                answer = httpx.get(f"http://127.0.0.1:{port}/ready", timeout=1)
            except httpx.TransportError:
                time.sleep(0.02)
            if answer is not None and answer.is_success:
                return time.perf_counter() - began
            time.sleep(0.02)
