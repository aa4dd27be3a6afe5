"""The pipeline's own processes, kept running as a supervisor would."""

import contextlib
import os
import shutil
import signal
import struct
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

__all__ = ["ROLES", "Processes"]

ROLES: Final[Mapping[str, tuple[tuple[str, ...], int]]] = {
    "agent": (("agent",), 2),
    "enrich": (("worker", "--stages", "enrich"), 2),
    "index": (("worker", "--stages", "index"), 2),
    "route": (("worker", "--stages", "route"), 2),
    "archive": (("worker", "--stages", "archive"), 1),
    "record": (("worker", "--stages", "record"), 1),
    "work": (("worker", "--stages", "work"), 1),
}
"""Role → arguments of ``mentions``, and how many processes."""

_CLOCK: Final = Path(__file__).with_name("clock.c")
_OFFSET: Final = struct.Struct("=q")
_AGAIN_AFTER: Final = 1.0  # seconds until a process that ended is started again
_EX_STUCK: Final = 75
_STOP_WITHIN: Final = 20.0  # seconds; they promise 15


class Processes:
    """Starts the processes, and starts again what ends.

    Args:
        env: the settings, as environment.
        folder: where they log, one file a process.
    """

    def __init__(self, env: Mapping[str, str], folder: Path) -> None:
        self._folder = folder
        self._env = dict(env)
        self._clock = folder / "clock"
        self._clock.write_bytes(_OFFSET.pack(0))
        library = folder / "clock.so"
        compiler = shutil.which("cc")
        self.has_clock = compiler is not None
        """Whether the processes have a clock that can be set: that takes a C compiler."""
        if compiler:
            build = [compiler, "-shared", "-fPIC", "-O2", "-o", str(library), str(_CLOCK), "-ldl"]
            subprocess.run(build, check=True)
            self._env |= {"LD_PRELOAD": str(library), "CLOCK_FILE": str(self._clock)}
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._told: set[int] = set()
        self._slept: set[int] = set()
        self.ended: Counter[str] = Counter()
        """Processes that ended without being told or killed, by name and exit code."""

    @contextlib.contextmanager
    def running(self) -> Iterator["Processes"]:
        """All of them, until the end."""
        for role, (_, count) in ROLES.items():
            for number in range(count):
                self._start(f"{role}-{number}")
        keeper = threading.Thread(target=self._keep)
        keeper.start()
        try:
            yield self
        finally:
            self._over.set()
            keeper.join()
            self._stop()

    def pick(self, roles: tuple[str, ...], draw: float) -> str:
        """The name of a process of these roles, by a number from 0 to 1."""
        names = sorted(name for name in self._running if name.rpartition("-")[0] in roles)
        return names[int(draw * len(names))]

    def kill(self, name: str) -> None:
        """kill -9; it is started again a moment later."""
        self._signal(name, signal.SIGKILL)

    def terminate(self, name: str) -> None:
        """SIGTERM, as in an upgrade; it is started again when it has ended."""
        process = self._signal(name, signal.SIGTERM)
        try:
            process.wait(_STOP_WITHIN)
        except subprocess.TimeoutExpired as error:
            msg = f"{name} has not ended {_STOP_WITHIN:.0f} s after SIGTERM"
            raise TimeoutError(msg) from error

    def suspend(self, name: str, seconds: float) -> None:
        """SIGSTOP, and go on after a while; a worker that wakes up ends, and is started again."""
        process = self._signal(name, signal.SIGSTOP, told=False)
        self._slept.add(process.pid)
        time.sleep(seconds)
        os.killpg(process.pid, signal.SIGCONT)

    def jump(self, clock: int, seconds: float) -> None:
        """Set every process's clock off by ``clock`` seconds, for a while."""
        self._set(clock)
        time.sleep(seconds)
        self._set(0)

    def _set(self, clock: int) -> None:
        # In place: the processes have mapped this very file.
        with self._clock.open("r+b") as file:
            file.write(_OFFSET.pack(clock))

    def _signal(self, name: str, number: int, *, told: bool = True) -> subprocess.Popen[bytes]:
        with self._lock:
            process = self._running[name]
            if told:
                self._told.add(process.pid)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, number)
        return process

    def _start(self, name: str) -> None:
        arguments, _ = ROLES[name.rpartition("-")[0]]
        with (self._folder / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                [sys.executable, "-m", "pipeline", *arguments],
                env=self._env,
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _keep(self) -> None:
        while not self._over.wait(_AGAIN_AFTER):
            with self._lock:
                for name, process in list(self._running.items()):
                    code = process.poll()
                    if code is None:
                        continue
                    slept = process.pid in self._slept and code == _EX_STUCK
                    if process.pid not in self._told and not slept:
                        self.ended[f"{name.rpartition('-')[0]}: {code}"] += 1
                    self._start(name)

    def _stop(self) -> None:
        for process in self._running.values():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
        for process in self._running.values():
            try:
                process.wait(_STOP_WITHIN)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
