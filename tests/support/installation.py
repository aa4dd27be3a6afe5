"""An installation of the pipeline for one test: the command, its configuration, what came out."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from elasticsearch import ApiError
from elasticsearch.helpers import scan

from pipeline import admin
from pipeline.cli import mentions
from pipeline.search import lifecycle, templates
from pipeline.search.client import connect_sync
from pipeline.search.probe import probe
from pipeline.settings import Settings

__all__ = ["Installation", "json_lines"]

_NOT_YET = 503


def json_lines(output: str) -> list[dict[str, Any]]:
    """The objects of ``--json``. ``str.splitlines`` would also end a line within a text."""
    return [json.loads(line) for line in output.split("\n") if line]


class Installation:
    """Runs the ``mentions`` command against the test's servers."""

    def __init__(self, folder: Path, settings: Settings, prefix: str) -> None:
        self.folder = folder
        self.config = folder / "mentions.toml"
        self.config.write_text("", encoding="utf-8")
        self.alias = prefix
        self.settings = settings.model_copy(
            update={
                "kafka": settings.kafka.model_copy(update={"prefix": f"{prefix}."}),
                "elasticsearch": settings.elasticsearch.model_copy(update={"alias": prefix}),
            }
        )
        self.env = {
            **os.environ,
            "MENTIONS_CONFIG": str(self.config),
            "MENTIONS_KAFKA__BOOTSTRAP": settings.kafka.bootstrap,
            "MENTIONS_KAFKA__PREFIX": f"{prefix}.",
            "MENTIONS_ELASTICSEARCH__URL": settings.elasticsearch.url,
            "MENTIONS_ELASTICSEARCH__ALIAS": prefix,
        }
        self.client = connect_sync(settings.elasticsearch)
        self._started: list[subprocess.Popen[bytes]] = []

    def prepare(self) -> None:
        """``topics create`` and ``index apply``, without two programs to start for each test."""
        admin.apply(self.settings)
        search, can = self.settings.elasticsearch, probe(self.client)
        lifecycle.apply(self.client, search, self.settings.retention, can)
        templates.apply(self.client, search, can)

    def configure(self, content: str) -> None:
        self.config.write_text(content, encoding="utf-8")

    def run(
        self, *arguments: str, stdin: str = "", code: int = 0, timeout: float = 120
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end and insist on its exit code."""
        done = subprocess.run(
            [sys.executable, "-m", "pipeline", *arguments],
            env=self.env,
            cwd=self.folder,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert done.returncode == code, f"{arguments}: {done.returncode}\n{done.stderr}"
        return done

    def look(self, *arguments: str) -> list[dict[str, Any]]:
        """What a command shows with ``--json``, run in this very process.

        For what is asked again and again until it is so: a program each time would keep a core
        busy that what is waited for, or another test, could use.
        """
        while True:
            done = CliRunner().invoke(
                mentions, [*arguments, "--json"], env=self.env, catch_exceptions=False
            )
            if "ApiError(503" not in done.stderr:
                break
            time.sleep(0.2)  # an index of this moment has no shard yet
        assert done.exit_code == 0, f"{arguments}: {done.exit_code}\n{done.stderr}"
        return json_lines(done.stdout)

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start a command in a process group of its own, its output in the test's folder."""
        with (self.folder / f"{len(self._started)}-{arguments[0]}.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "pipeline", *arguments],
                env=self.env,
                cwd=self.folder,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._started.append(process)
        return process

    def log(self, process: subprocess.Popen[bytes]) -> str:
        """What a started command has printed."""
        number = self._started.index(process)
        (path,) = self.folder.glob(f"{number}-*.log")
        return path.read_text(encoding="utf-8")

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """kill -9."""
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)

    def stop(self, process: subprocess.Popen[bytes]) -> int:
        """SIGTERM, as a supervisor does; returns the exit code."""
        process.terminate()
        return process.wait(30)

    def documents(self) -> dict[str, dict[str, Any]]:
        """Everything in the index, by id; fails when an id is there twice."""
        self.client.indices.refresh(index=f"{self.alias}*", allow_no_indices=True)
        found: dict[str, dict[str, Any]] = {}
        for hit in scan(self.client, index=self.alias, ignore_unavailable=True):
            assert hit["_id"] not in found, f"{hit['_id']} is in two indices"
            found[hit["_id"]] = hit["_source"]
        return found

    def stored(self, index: str) -> int:
        """How many documents an index has; none as long as it is being made."""
        answer = self.client.options(ignore_status=503).count(index=index, ignore_unavailable=True)
        return int(answer.get("count", 0))

    def count(self) -> int:
        """How many mentions can be found now."""
        if not self.client.indices.exists_alias(name=self.alias):
            return 0
        try:
            return int(self.client.count(index=self.alias)["count"])
        except ApiError as error:
            if error.status_code != _NOT_YET:  # an index of this moment has no shard yet
                raise
            return 0

    def tail(self, topic: str) -> list[dict[str, Any]]:
        """All messages of a topic."""
        return self.look("tail", topic, "--since", "1d")

    def wait(self, until: Callable[[], bool], what: str, seconds: float = 180) -> None:
        deadline = time.monotonic() + seconds
        while not until():
            if time.monotonic() > deadline:
                pytest.fail(f"{what} did not happen within {seconds:.0f} s\n{self._logs()}")
            time.sleep(0.2)

    def _logs(self) -> str:
        logs: Sequence[Path] = sorted(self.folder.glob("*.log"))
        return "\n".join(f"== {log.name}\n{log.read_text()[-3000:]}" for log in logs)

    def close(self) -> None:
        for process in self._started:
            if process.poll() is None:
                self.kill(process)
        self.client.close()
