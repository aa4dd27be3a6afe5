"""Servers that are set up as docker-compose.yml sets them up, without containers."""

import json
import os
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from pipeline.settings import Settings
from pipeline.stack.java import find
from tests.support.deploy import ROOT, settings_of
from tests.support.quick import QuickKafka
from tests.support.secure import SecureElasticsearch

__all__ = ["Certified", "ComposedElasticsearch", "ComposedKafka"]

_PLACE: Final = "/certificates"


class Certified:
    """The folder that the service ``certificates`` fills, by its own command."""

    def __init__(self, service: Mapping[str, Any], folder: Path) -> None:
        self.folder = folder
        self.authority = folder.with_name(f"{folder.name}-authority")
        snapshots = folder.with_name(f"{folder.name}-snapshots")
        for each in (folder, self.authority, snapshots):
            each.mkdir(exist_ok=True)
        *shell, script = service["entrypoint"]
        (mounted,) = [v["source"] for v in service["volumes"] if v["target"] == script]
        place, _, _, *others = service["command"]
        assert [place, *others] == [_PLACE, "/authority", "/snapshots"]
        me = f"{os.getuid()}:{os.getgid()}"
        folders = [str(self.authority), str(snapshots)]
        self._command = [*shell, str(ROOT / mounted), str(folder), me, me, *folders]
        self.make()

    def make(self) -> None:
        """Make what is missing, renew what ends."""
        done = subprocess.run(self._command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    def here(self, text: str) -> str:
        """A setting with the folder's own place in it."""
        return text.replace(_PLACE, str(self.folder))

    def settings(self, environment: Mapping[str, Any], **others: str) -> Settings:
        """What a service's environment makes, with these certificates."""
        named = {name: self.here(str(value)) for name, value in environment.items()}
        return settings_of({**named, **others})


class ComposedKafka(QuickKafka):
    """The broker, with the environment of its service."""

    certified: Certified
    environment: Mapping[str, str]
    settings: Settings
    """A client's."""

    def healthy(self) -> bool:
        try:
            socket.create_connection((self.host, self.port), timeout=1).close()
            options = self.settings.kafka.kafka_python()
            KafkaAdminClient(**options, bootstrap_timeout_ms=2000).close()
        except (OSError, KafkaError):
            return False
        return True

    def check(self, command: str) -> int:
        """Run the health check of the service; returns its exit code."""
        heap, program, *arguments = self.certified.here(command).split()
        name, _, limit = heap.partition("=")
        assert name == "KAFKA_HEAP_OPTS"  # by default the broker's, for which there is room once
        assert program == "/opt/kafka/bin/kafka-broker-api-versions.sh"
        place = arguments.index("--bootstrap-server") + 1
        assert arguments[place] == "localhost:9092"
        arguments[place] = f"localhost:{self.port}"
        main = "org.apache.kafka.tools.BrokerApiVersionsCommand"
        *java, classes, jars, _ = self._command(find(), main)
        done = subprocess.run(
            [*java, limit, classes, jars, main, *arguments],
            env={"PATH": os.environ["PATH"]},
            capture_output=True,
            timeout=60,
            check=False,
        )
        return done.returncode

    def _configure(self, data: Path) -> Path:
        path = super()._configure(data)
        known = dict(
            line.split("=", 1) for line in path.read_text(encoding="ascii").splitlines() if line
        )
        given = {
            name.removeprefix("KAFKA_").lower().replace("_", "."): value
            for name, value in self.environment.items()
            if name.startswith("KAFKA_") and name not in {"KAFKA_LOG_DIRS", "KAFKA_HEAP_OPTS"}
        }
        voters = known["controller.quorum.voters"]
        controller = voters.partition("@")[2]
        assert given["listeners"] == "CLIENTS://:9092,CONTROLLER://:9093"
        given["listeners"] = f"CLIENTS://127.0.0.1:{self.port},CONTROLLER://{controller}"
        assert given["advertised.listeners"] == "CLIENTS://kafka:9092"
        given["advertised.listeners"] = f"CLIENTS://127.0.0.1:{self.port}"
        given["controller.quorum.voters"] = voters
        known |= {name: json.dumps(self.certified.here(v))[1:-1] for name, v in given.items()}
        lines = [f"{name}={value}\n" for name, value in known.items()]
        path.write_text("".join(lines), encoding="ascii")
        return path


class ComposedElasticsearch(SecureElasticsearch):
    """A node, with the environment of its service."""

    certified: Certified
    environment: Mapping[str, str]

    def _configure(self) -> None:
        folder = self.certified.folder
        self.certificates = SimpleNamespace(  # type: ignore[assignment]
            ca=folder / "ca.crt", key=folder / "elasticsearch.key"
        )
        super()._configure()
        config = self.folder / "config"
        (config / "certificates").mkdir(exist_ok=True)
        for name in ("ca.crt", "elasticsearch.crt", "elasticsearch.key"):
            (config / "certificates" / name).write_bytes((folder / name).read_bytes())
        path = config / "elasticsearch.yml"
        given = {n: v for n, v in self.environment.items() if n.startswith("xpack.security.")}
        lines = [
            line
            for line in path.read_text(encoding="utf-8").splitlines()
            if not line.startswith(("xpack.security.http", "xpack.security.tr", *given))
        ]
        lines += [f"{name}: {value}" for name, value in given.items()]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
