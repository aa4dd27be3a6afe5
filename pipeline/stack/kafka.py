"""The embedded Kafka: broker and controller in one KRaft process."""

import base64
import json
import shutil
import socket
import subprocess
import uuid
from pathlib import Path
from typing import Any, ClassVar, Final

from kafka import KafkaAdminClient
from kafka.errors import KafkaError
from rich.progress import Progress

from pipeline.errors import StackError
from pipeline.stack import artifacts
from pipeline.stack.java import Java
from pipeline.stack.server import DETACH, ENVIRONMENT, Server, cause

__all__ = ["Kafka"]

_COORDINATES: Final = ("org.apache.kafka:kafka_2.13", "org.apache.kafka:kafka-tools")

_LOGGING: Final = """\
appender.console.type=Console
appender.console.name=console
appender.console.layout.type=PatternLayout
appender.console.layout.pattern=[%d] %p %m (%c)%n
appender.console.filter.threshold.type=ThresholdFilter
appender.console.filter.threshold.level=warn
appender.file.type=RollingFile
appender.file.name=file
appender.file.fileName=logs/server.log
appender.file.filePattern=logs/server.%i.log
appender.file.layout.type=PatternLayout
appender.file.layout.pattern=[%d] %p %m (%c)%n
appender.file.policies.type=Policies
appender.file.policies.size.type=SizeBasedTriggeringPolicy
appender.file.policies.size.size=10MB
appender.file.strategy.type=DefaultRolloverStrategy
appender.file.strategy.max=3
rootLogger.level=info
rootLogger.appenderRef.console.ref=console
rootLogger.appenderRef.file.ref=file
"""


class Kafka(Server):
    """One Kafka broker."""

    name: ClassVar[str] = "Kafka"
    version: ClassVar[str] = "4.3.1"

    _program: Path

    def fetch(self, progress: Progress) -> None:
        """Download the jars where they are not in the cache."""
        self._program = artifacts.jars(self.name, self.version, _COORDINATES, progress)

    def launch(self, java: Java) -> None:
        """Format the storage the first time, then start."""
        self.prepare()
        (self.folder / "config" / "log4j2.properties").write_text(_LOGGING, encoding="ascii")
        data = self.folder / "data"
        with self.log.open("wb") as log:
            if not data.exists():
                self._format(java, data, log)
            config = self._configure(data)
            subprocess.run(  # noqa: S603 - our own command
                ["/bin/sh", "-c", DETACH, "sh", *self._command(java, "kafka.Kafka"), str(config)],
                cwd=self.folder,
                env=ENVIRONMENT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                check=True,
            )

    def healthy(self) -> bool:
        """Whether the broker takes part in its cluster."""
        try:
            # The client logs every refused connection as an error: it is only asked when one works.
            socket.create_connection((self.host, self.port), timeout=1).close()
            client = KafkaAdminClient(bootstrap_servers=self.address, bootstrap_timeout_ms=2000)
        except (OSError, KafkaError):
            return False
        try:
            brokers = client.describe_cluster()["brokers"]
        except KafkaError:
            return False
        finally:
            client.close()
        return any(not broker.get("is_fenced") for broker in brokers)

    def _command(self, java: Java, main: str) -> list[str]:
        return [
            str(java.home / "bin" / "java"),
            self.mark,
            f"-Xmx{self.heap}",
            "-XX:+UseG1GC",
            "-XX:+ExitOnOutOfMemoryError",
            "-XX:-UsePerfData",  # would leave files in /tmp
            f"-Djava.io.tmpdir={self.folder / 'tmp'}",
            f"-Dlog4j2.configurationFile={self.folder / 'config' / 'log4j2.properties'}",
            "-cp",
            f"{self._program}/*",
            main,
        ]

    def _format(self, java: Java, data: Path, log: Any) -> None:  # noqa: ANN401 - a binary file
        """Give the storage its identity; it gets its name when that is done, so never half."""
        draft = data.with_name("data.new")
        shutil.rmtree(draft, ignore_errors=True)
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        done = subprocess.run(  # noqa: S603 - our own command
            [
                *self._command(java, "kafka.tools.StorageTool"),
                "format",
                f"--cluster-id={cluster}",
                f"--config={self._configure(draft)}",
            ],
            cwd=self.folder,
            env=ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            check=False,
        )
        if done.returncode:
            why = cause(self.log.read_text(encoding="utf-8", errors="replace"))
            msg = f"Kafka could not lay out its storage: {why} (see {self.log})"
            raise StackError(msg)
        draft.rename(data)

    def _configure(self, data: Path) -> Path:
        with socket.create_server((self.host, 0)) as free:
            controller = f"{self.host}:{free.getsockname()[1]}"
        properties = {
            "process.roles": "broker,controller",
            "node.id": 1,
            "controller.quorum.voters": f"1@{controller}",
            "controller.listener.names": "CONTROLLER",
            "listeners": f"PLAINTEXT://{self.address},CONTROLLER://{controller}",
            "advertised.listeners": f"PLAINTEXT://{self.address}",
            "log.dirs": data,
            # Topics come from the table of topics, never from a typing error.
            "auto.create.topics.enable": "false",
            "offsets.topic.replication.factor": 1,
            "transaction.state.log.replication.factor": 1,
            "transaction.state.log.min.isr": 1,
            "share.coordinator.state.topic.replication.factor": 1,
            "share.coordinator.state.topic.min.isr": 1,
            # One broker has nothing to spread: 50 partitions each would only slow the start.
            "offsets.topic.num.partitions": 4,
            "transaction.state.log.num.partitions": 4,
            "group.initial.rebalance.delay.ms": 0,
            # The default, 128 MB, is a quarter of the heap.
            "log.cleaner.dedupe.buffer.size": 16 * 1024 * 1024,
        }
        # Java reads this file as Latin-1 with the escapes that JSON has too.
        lines = [f"{key}={json.dumps(str(value))[1:-1]}\n" for key, value in properties.items()]
        path = self.folder / "config" / "server.properties"
        path.write_text("".join(lines), encoding="ascii")
        return path
