"""Real servers that can be hurt: behind wires, Elasticsearch's data on a small disk of its own."""

import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import httpx

from pipeline.settings import Settings
from pipeline.stack import Stack
from pipeline.stack.java import find
from pipeline.stack.kafka import Kafka
from pipeline.stack.server import Server
from tests.support.proxy import Proxy

__all__ = ["Servers"]

_DISK_MB: Final = 1_600
_LEFT_MB: Final = 60  # below the flood stage of the embedded server (100 MB)
_LOOK_AT_DISK: Final = "10s"  # the shortest that Elasticsearch allows
_UP_WITHIN: Final = 120.0


class _WiredKafka(Kafka):
    """A broker with a second listener, which is known to its clients by the wire's address."""

    inner: int
    wire: int

    def _configure(self, data: Path) -> Path:
        path = super()._configure(data)
        lines = []
        for line in path.read_text(encoding="ascii").splitlines():
            name = line.partition("=")[0]
            if name == "listeners":
                line = f"{line},WIRE://127.0.0.1:{self.inner}"  # noqa: PLW2901
            if name == "advertised.listeners":
                line = f"{line},WIRE://127.0.0.1:{self.wire}"  # noqa: PLW2901
            lines.append(line)
        security = "PLAINTEXT:PLAINTEXT,WIRE:PLAINTEXT,CONTROLLER:PLAINTEXT"
        lines.append(f"listener.security.protocol.map={security}")
        path.write_text("\n".join(lines) + "\n", encoding="ascii")
        return path


class Servers:
    """Kafka and Elasticsearch of their own; clients reach them over ``kafka`` and ``search``."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        """How to reach the servers themselves, past the wires."""
        self._stack = Stack(settings)
        search, broker = self._stack.servers
        wired = _WiredKafka(broker.folder, broker.host, broker.port, broker.heap)
        with socket.create_server(("127.0.0.1", 0)) as free:
            wired.inner = free.getsockname()[1]
        self.kafka = Proxy("127.0.0.1", wired.inner)
        self.search = Proxy(search.host, search.port)
        self._search: Server = search
        self._kafka = wired
        self._stack.servers = (search, wired)
        self._disk = search.folder / "data"
        self._ballast = self._disk / "ballast"
        self.small_disk = False
        """Whether the disk could be made: mounting takes root."""

    @contextlib.contextmanager
    def running(self) -> Iterator["Servers"]:
        """Both up; down and unmounted at the end."""
        with self.kafka, self.search:
            self._kafka.wire = self.kafka.port
            self._mount()
            try:
                self._stack.up()
                self._look_at_disk_often()
                yield self
            finally:
                self.kafka.restore()
                self.search.restore()
                self._stack.down()
                if self.small_disk:
                    umount = ["umount", "--lazy", str(self._disk)]
                    subprocess.run(umount, check=True)

    def kill_kafka(self, seconds: float) -> None:
        """kill -9, and start again after a while."""
        self._kill(self._kafka, seconds)

    def kill_search(self, seconds: float) -> None:
        """kill -9, and start again after a while."""
        self._kill(self._search, seconds)

    def fill_disk(self, seconds: float) -> None:
        """Leave so little room that Elasticsearch makes its indices read-only; then make room."""
        free = shutil.disk_usage(self._disk).free
        with self._ballast.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, max(free - (_LEFT_MB << 20), 1))
        time.sleep(seconds)
        self._ballast.unlink()

    def _kill(self, server: Server, seconds: float) -> None:
        server.kill()
        while server.process():
            time.sleep(0.05)
        time.sleep(seconds)
        server.launch(find())
        deadline = time.monotonic() + _UP_WITHIN
        while not server.healthy():
            if time.monotonic() > deadline:
                msg = f"{server.name} did not come back: {server.log.read_text()[-2000:]}"
                raise RuntimeError(msg)
            time.sleep(0.1)

    def _mount(self) -> None:
        self._disk.mkdir(parents=True)
        mount = ["mount", "-t", "tmpfs", "-o", f"size={_DISK_MB}m", "tmpfs", str(self._disk)]
        self.small_disk = subprocess.run(mount, capture_output=True, check=False).returncode == 0

    def _look_at_disk_often(self) -> None:
        answer = httpx.put(
            f"{self.settings.elasticsearch.url}/_cluster/settings",
            json={"persistent": {"cluster.info.update.interval": _LOOK_AT_DISK}},
            trust_env=False,
        )
        answer.raise_for_status()
