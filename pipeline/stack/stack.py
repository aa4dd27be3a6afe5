"""The embedded servers, started and stopped together.

Two ``up`` are one, in sequence or at once. The servers outlive the process that started them. An
``up`` that fails or is interrupted stops what it had started.
"""

import ipaddress
import os
import random
import socket
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from rich.console import Console
from rich.progress import Progress

from pipeline.errors import StackError
from pipeline.settings import Settings
from pipeline.stack import java, preflight
from pipeline.stack.artifacts import cache_folder
from pipeline.stack.corenlp import CoreNLP
from pipeline.stack.elasticsearch import Elasticsearch
from pipeline.stack.kafka import Kafka
from pipeline.stack.lock import lock
from pipeline.stack.progress import bars
from pipeline.stack.server import Server, ServerState, cause

__all__ = ["Stack", "spare"]

_PORTS: Final = range(20_000, 32_000)
"""Below those that Linux gives to outgoing connections."""
_START: Final = 120.0  # seconds; ten times what a slow machine needs
_STOP: Final = 30.0  # seconds to end by itself: Elasticsearch writes its last segments


class Stack:
    """One Kafka and one Elasticsearch where the settings say they are reached.

    Args:
        settings: where, and with how much memory.
        ner: with the named-entity sidecar; one that was started before belongs to it either way.

    Raises:
        StackError: the settings name servers that cannot be embedded.
    """

    def __init__(self, settings: Settings, *, ner: bool = False) -> None:
        self.settings = settings
        self.data = settings.stack.data.absolute()
        if settings.kafka.security != "PLAINTEXT":
            msg = f"kafka.security is {settings.kafka.security}: the embedded Kafka has none"
            raise StackError(msg)
        self.servers: tuple[Server, ...] = (
            # Elasticsearch is the slower one, so it goes first.
            Elasticsearch(
                self.data / "elasticsearch",
                *_loopback("elasticsearch.url", settings.elasticsearch.url),
                settings.stack.elasticsearch_heap,
            ),
            Kafka(
                self.data / "kafka",
                *_loopback("kafka.bootstrap", f"//{settings.kafka.bootstrap}"),
                settings.stack.kafka_heap,
            ),
        )
        sidecar = self.data / "corenlp"
        if ner or sidecar.exists():
            where = _loopback("enrichment.corenlp", settings.enrichment.corenlp)
            self.servers += (CoreNLP(sidecar, *where, settings.stack.corenlp_heap),)

    def up(self, progress: Progress | None = None) -> tuple[ServerState, ...]:
        """Start what does not run, and wait until both are healthy.

        Args:
            progress: shows downloads and start-up, if the caller has started it; see ``bars``.

        Raises:
            StackError: one cannot run; its text says why and what to do.
        """
        progress = progress or bars(Console(quiet=True))
        with lock(self.data):
            missing = [server for server in self.servers if server.process() is None]
            try:
                if missing:
                    self._start(missing, progress)
                self._await_health(progress)
            except BaseException:
                self._stop(missing)
                raise
        return self.state()

    def down(self) -> tuple[str, ...]:
        """Stop what runs; returns the names of what did.

        Raises:
            StackError: one does not end.
        """
        if not self.data.exists():
            return ()
        with lock(self.data):
            running = [server for server in self.servers if server.process()]
            self._stop(running)
        return tuple(server.name for server in running)

    def state(self) -> tuple[ServerState, ...]:
        """How each server is now."""
        return tuple(server.state() for server in self.servers)

    def _start(self, servers: Sequence[Server], progress: Progress) -> None:
        preflight.check(servers, self.data, cache_folder())
        found = java.find()
        for server in servers:
            server.fetch(progress)
        for server in servers:
            server.launch(found)

    def _await_health(self, progress: Progress) -> None:
        tasks = {s: progress.add_task(f"{s.name} {s.version}", total=None) for s in self.servers}
        deadline = time.monotonic() + _START
        while tasks:
            for server, task in list(tasks.items()):
                # First alive, then healthy: another's server may answer at this address.
                if not server.starting():
                    why = cause(_read(server.log))
                    msg = f"{server.name} ended while it started: {why} (see {server.log})"
                    raise StackError(msg)
                if server.healthy():
                    progress.update(task, total=1, completed=1)
                    del tasks[server]
                elif time.monotonic() > deadline:
                    msg = (
                        f"{server.name} runs but did not become healthy within {_START:.0f} s: "
                        f"see {server.log.parent}; `mentions down` stops it"
                    )
                    raise StackError(msg)
            time.sleep(0.1)

    def _stop(self, servers: Sequence[Server]) -> None:
        for server in servers:
            server.terminate()
        if not _until(lambda: not any(s.starting() for s in servers), _STOP):
            for server in servers:
                server.kill()
            if not _until(lambda: not any(s.starting() for s in servers), _STOP):
                names = ", ".join(s.name for s in servers if s.starting())
                msg = f"{names} cannot be stopped: a process that ignores kill waits for its disk"
                raise StackError(msg)


def _loopback(key: str, url: str) -> tuple[str, int]:
    """Host and port of a setting that must name one address of this machine."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        host = "127.0.0.1" if host == "localhost" else host
        if not port or "," in url or not ipaddress.ip_address(host).is_loopback:
            raise ValueError  # noqa: TRY301 - one message for all that is wrong
        if parts.scheme not in {"", "http"} or parts.path.strip("/"):
            raise ValueError  # noqa: TRY301 - same
    except ValueError as error:
        msg = (
            f"{key} is {url.lstrip('/')}: the embedded servers need one plain address of this "
            "machine, like 127.0.0.1:9092; a server elsewhere is not ours to start or stop"
        )
        raise StackError(msg) from error
    return (f"[{host}]" if ":" in host else host), port


def _until(done: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def _read(log: Path) -> str:
    try:
        return log.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        return os.strerror(error.errno or 0)


def spare(data: Path, *, kafka_heap: str = "384m", elasticsearch_heap: str = "512m") -> Settings:
    """Settings for small servers of one's own: on free ports, with their data in a folder."""
    kafka, elasticsearch = _free_port(), _free_port()
    heaps = {"kafka_heap": kafka_heap, "elasticsearch_heap": elasticsearch_heap}
    return Settings.model_validate(
        {
            "kafka": {"bootstrap": f"127.0.0.1:{kafka}"},
            "elasticsearch": {"url": f"http://127.0.0.1:{elasticsearch}"},
            "stack": {"data": data, **heaps},
        }
    )


def _free_port() -> int:
    """A port that no connection is given by itself: one may be needed again after a restart."""
    while True:
        port = random.choice(_PORTS)
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        return port
