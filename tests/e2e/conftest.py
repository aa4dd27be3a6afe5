"""A checkout as a newcomer has it: the project's files, and nothing that was built."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.stack import spare

HERE = Path(__file__).parents[2]


class Checkout:
    """A copy of the project in a folder of its own, with ports of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],  # noqa: S607
            cwd=HERE,
            capture_output=True,
            check=True,
        )
        for name in listed.stdout.decode().split("\0"):
            if name and (HERE / name).exists():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(HERE / name, folder / name)
        self.names = {path.name for path in folder.iterdir()}
        """What stood at the top before anything was run."""
        settings = spare(folder / ".mentions")
        self.env = {
            **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
            **{name: value for name, value in os.environ.items() if name.startswith("PIP_")},
            "LANG": "C.UTF-8",
            "TERM": "xterm-256color",
            "MENTIONS_KAFKA__BOOTSTRAP": settings.kafka.bootstrap,
            "MENTIONS_ELASTICSEARCH__URL": settings.elasticsearch.url,
            "MENTIONS_STACK__KAFKA_HEAP": "384m",
            "MENTIONS_STACK__ELASTICSEARCH_HEAP": "512m",
        }
        if "MENTIONS_CACHE" in os.environ:
            self.env["MENTIONS_CACHE"] = os.environ["MENTIONS_CACHE"]

    def run(self, command: str, *, code: int = 0, timeout: float = 600) -> str:
        """Run a line of shell, insist on its exit code, and return all that it printed."""
        done = subprocess.run(
            ["bash", "-euc", command],  # noqa: S607 - what a user has
            cwd=self.folder,
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert done.returncode == code, f"{command}: {done.returncode}\n{done.stdout}"
        return done.stdout


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    folder = tmp_path_factory.mktemp("checkout")
    made = Checkout(folder)
    yield made
    if (folder / ".venv/bin/mentions").exists():
        made.run(".venv/bin/mentions down")
