"""The embedded Elasticsearch: a single node without security, for loopback only.

Elasticsearch refuses to run as root. Started by root it runs as ``nobody``, with one capability
more than that user has: to enter and read folders that only root may (CAP_DAC_READ_SEARCH).
So its program and its data may lie anywhere, /root included, and stay where they belong.
"""

import json
import os
import pwd
import shutil
import signal
import subprocess
from pathlib import Path
from typing import ClassVar, Final

import httpx
from rich.progress import Progress

from pipeline.errors import StackError
from pipeline.stack import artifacts
from pipeline.stack.java import Java
from pipeline.stack.server import ENVIRONMENT, Server

__all__ = ["LEAST_DISK_MB", "Elasticsearch"]

_COORDINATE: Final = "org.elasticsearch.distribution.integ-test-zip:elasticsearch"
_STAND_IN: Final = "nobody"

LEAST_DISK_MB: Final = 300
"""Free space below which no new index is placed."""


class Elasticsearch(Server):
    """One Elasticsearch node."""

    name: ClassVar[str] = "Elasticsearch"
    version: ClassVar[str] = "9.5.3"

    _program: Path
    _launcher: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """Its URL."""
        return f"http://{self.host}:{self.port}"

    def fetch(self, progress: Progress) -> None:
        """Download and unpack it where it is not in the cache."""
        self._program = artifacts.unzipped(self.name, self.version, _COORDINATE, progress)

    def launch(self, java: Java) -> None:
        """Write the configuration and start the launcher, which goes when the node is ready."""
        self.prepare()
        self._configure()
        with self.log.open("wb") as log:
            self._launcher = subprocess.Popen(  # noqa: S603 - our own command
                [
                    *self._as_user(),
                    "bash",  # zip files know no executable bit
                    str(self._program / "bin" / "elasticsearch"),
                    "--daemonize",
                    f"--pidfile={self.pid_file}",
                ],
                cwd=self.folder,
                env={
                    **ENVIRONMENT,
                    "HOME": str(self.folder),
                    "ES_JAVA_HOME": str(java.home),
                    "ES_PATH_CONF": str(self.folder / "config"),
                    "ES_TMPDIR": str(self.folder / "tmp"),
                    # The launcher is small and short-lived: compiling it well does not pay.
                    "CLI_JAVA_OPTS": "-XX:TieredStopAtLevel=1 -XX:-UsePerfData",
                },
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def starting(self) -> bool:
        """Whether the launcher or the node runs."""
        return self._launching() or super().starting()

    def healthy(self) -> bool:
        """Whether all its data can be read and written."""
        try:
            answer = httpx.get(f"{self.address}/_cluster/health", timeout=2, trust_env=False)
            return not self._launching() and answer.json().get("status") in {"green", "yellow"}
        except (httpx.HTTPError, ValueError):
            return False

    def terminate(self) -> None:
        """Ask the node to end, and the launcher while it is there."""
        if self._launcher and self._launching():
            os.killpg(self._launcher.pid, signal.SIGTERM)
        super().terminate()

    def kill(self) -> None:
        """End launcher and node at once."""
        if self._launcher and self._launching():
            os.killpg(self._launcher.pid, signal.SIGKILL)
        super().kill()

    def _launching(self) -> bool:
        return self._launcher is not None and self._launcher.poll() is None

    def _as_user(self) -> list[str]:
        """What goes before the command to become another user, and give that user the folder."""
        if os.geteuid() != 0:
            return []
        if not shutil.which("setpriv"):
            msg = "Elasticsearch refuses to run as root: install util-linux, or use another user"
            raise StackError(msg)
        user = pwd.getpwnam(_STAND_IN)
        for path in (self.folder, *self.folder.rglob("*")):
            os.lchown(path, user.pw_uid, user.pw_gid)
        return [
            "setpriv",
            f"--reuid={user.pw_uid}",
            f"--regid={user.pw_gid}",
            "--clear-groups",
            "--inh-caps=+dac_read_search",
            "--ambient-caps=+dac_read_search",
            "--securebits=+no_setuid_fixup",  # else access(2) would leave the capability out
        ]

    def _configure(self) -> None:
        config = self.folder / "config"
        shutil.copytree(self._program / "config", config, dirs_exist_ok=True)
        settings = {
            "cluster.name": "mentions",
            "node.name": "embedded",
            "discovery.type": "single-node",
            "network.host": self.host,
            "http.port": self.port,
            "transport.port": 0,  # nobody else joins: any port will do
            "path.data": str(self.folder / "data"),
            "path.logs": str(self.folder / "logs"),
            "path.repo": str(self.folder / "snapshots"),
            "xpack.security.enabled": False,
            # The defaults are shares of the disk: on a large disk that is 90 % full they would
            # make every index read-only with many gigabytes to spare.
            "cluster.routing.allocation.disk.watermark.low": f"{LEAST_DISK_MB}mb",
            "cluster.routing.allocation.disk.watermark.high": f"{LEAST_DISK_MB * 2 // 3}mb",
            "cluster.routing.allocation.disk.watermark.flood_stage": f"{LEAST_DISK_MB // 3}mb",
        }
        lines = [f"{key}: {json.dumps(value)}\n" for key, value in settings.items()]  # is YAML too
        (config / "elasticsearch.yml").write_text("".join(lines), encoding="utf-8")
        options = [self.mark, f"-Xms{self.heap}", f"-Xmx{self.heap}", "-XX:-UsePerfData"]
        extra = config / "jvm.options.d" / "embedded.options"
        extra.parent.mkdir(exist_ok=True)
        extra.write_text("\n".join(options) + "\n", encoding="utf-8")
