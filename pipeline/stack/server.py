"""One embedded server as a process of its own, which outlives the process that started it.

A server is known by the pid in its folder *and* by its folder's name in that process's command
line: a pid that was given to another program in the meantime is never signalled.
"""

import os
import re
import shutil
from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar, Final

import psutil
from msgspec import Struct
from rich.progress import Progress

from pipeline.errors import StackError
from pipeline.stack.java import Java

__all__ = ["DETACH", "ENVIRONMENT", "Server", "ServerState", "cause", "megabytes"]

ENVIRONMENT: Final = {"PATH": os.defpath, "LC_ALL": "C.UTF-8"}
"""All that a server sees of ours: no stray JAVA_OPTS, and file names beyond ASCII."""

# The shell goes, the server stays: it belongs to init, so nobody has to wait for it, and the pid
# is on disk before anything can go wrong on our side.
DETACH: Final = '"$@" & echo $! > pid'

_BESIDES_HEAP: Final = 300  # MB: classes, threads and buffers of either server, measured at rest
_UNITS: Final = {"m": 1, "g": 1024}
_EXCEPTION: Final = re.compile(r"((?:\w+\.)+(?:\w+\$)*\w*(?:Exception|Error): \S.*)$")


class ServerState(Struct, frozen=True):
    """One embedded server as it is."""

    name: str
    running: bool
    """Its process is there."""
    healthy: bool
    """It answers, and can do its work."""
    address: str
    version: str
    data: str
    """The folder that holds all it keeps."""
    log: str
    pid: int | None = None
    memory: int | None = None
    """Bytes in physical memory."""


class Server(ABC):
    """What Kafka and Elasticsearch have in common."""

    name: ClassVar[str]
    version: ClassVar[str]

    def __init__(self, folder: Path, host: str, port: int, heap: str) -> None:
        self.folder = folder
        self.host = host
        self.port = port
        self.heap = heap
        self.mark = f"-Dmentions.folder={folder}"
        """Stands in the command line of the server's process."""

    @property
    def address(self) -> str:
        """What a client is given to connect."""
        return f"{self.host}:{self.port}"

    @property
    def pid_file(self) -> Path:
        """Written by the server's own side, so that it is there even if its starter is killed."""
        return self.folder / "pid"

    @property
    def log(self) -> Path:
        """What the server said while it started."""
        return self.folder / "logs" / "start.log"

    @property
    def memory(self) -> int:
        """Megabytes it needs."""
        return megabytes(self.heap) + _BESIDES_HEAP

    @abstractmethod
    def fetch(self, progress: Progress) -> None:
        """Download the program where it is not in the cache."""

    @abstractmethod
    def launch(self, java: Java) -> None:
        """Start the process and return at once."""

    @abstractmethod
    def healthy(self) -> bool:
        """Ask the server; it need not be running."""

    def starting(self) -> bool:
        """Whether it runs, or something that will become it does."""
        return self.process() is not None

    def prepare(self) -> None:
        """Make the folders, and empty those that nothing lasting is kept in."""
        temporary = self.folder / "tmp"
        shutil.rmtree(temporary, ignore_errors=True)
        for folder in (temporary, self.folder / "logs", self.folder / "config"):
            folder.mkdir(parents=True, exist_ok=True)
        self.pid_file.unlink(missing_ok=True)

    def process(self) -> psutil.Process | None:
        """The server's process; None where it does not run."""
        try:
            process = psutil.Process(int(self.pid_file.read_text(encoding="ascii")))
            return process if self.mark in process.cmdline() else None
        except (OSError, ValueError, psutil.Error):  # no file, half a file, no such process
            return None

    def terminate(self) -> None:
        """Ask the process to end, if there is one."""
        if process := self.process():
            process.terminate()

    def kill(self) -> None:
        """End the process, if there is one, at once."""
        if process := self.process():
            process.kill()

    def state(self) -> ServerState:
        """How it is now."""
        process = self.process()
        return ServerState(
            name=self.name,
            running=process is not None,
            healthy=process is not None and self.healthy(),
            pid=process.pid if process else None,
            address=self.address,
            version=self.version,
            data=str(self.folder),
            log=str(self.log),
            memory=_resident(process) if process else None,
        )


def _resident(process: psutil.Process) -> int | None:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:  # it ended in this moment
        return None


def megabytes(heap: str) -> int:
    """``512m`` or ``1g`` as a number.

    Raises:
        StackError: it is neither.
    """
    number, unit = heap[:-1], heap[-1:].lower()
    if not number.isdecimal() or unit not in _UNITS:
        msg = f"heap {heap!r}: write it like 512m or 1g"
        raise StackError(msg)
    return int(number) * _UNITS[unit]


def cause(log: str) -> str:
    """The line of a dead server's log that says most: its last exception, else its last line."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    for line in reversed(lines):
        if found := _EXCEPTION.search(line):
            return found[1]
    return lines[-1] if lines else "it left no word"
