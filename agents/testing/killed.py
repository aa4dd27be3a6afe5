"""A process that reads is killed, again and again."""

import json
import signal
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Final

import pytest

__all__ = ["KillContract"]

_KILLS: Final = 3
_PATIENCE: Final = 60.0  # seconds; a process that is started anew imports a lot first


class KillContract(ABC):
    """kill -9 in mid-page loses nothing, and ids and revisions are stable.

    Inherit, and give the fixture ``described``: the table of a source with many pages, or one that
    listens. The process is ``agents.testing.reader``.
    """

    number: ClassVar[int] = 600
    """How many mentions there are in the end."""

    @pytest.fixture
    @abstractmethod
    def described(self) -> Mapping[str, Any]:
        """The source's table."""

    @pytest.mark.timeout(180)
    def test_kill_nine_in_mid_page_loses_nothing(
        self, described: Mapping[str, Any], tmp_path: Path
    ) -> None:
        folder = tmp_path / "kept"
        folder.mkdir()
        (folder / "table").write_text(json.dumps(described), encoding="utf-8")
        for _ in range(_KILLS):
            before = _published(folder)
            enough = len(before) + self.number // 8  # some pages, and no whole number of them
            with _reading(folder) as process:
                _wait(process, lambda enough=enough: len(_published(folder)) > enough)  # type: ignore[misc]
            assert process.returncode == -signal.SIGKILL
        assert len(dict(_published(folder))) < self.number, "all was read before the last kill"
        with _reading(folder) as process:
            _wait(process, lambda: len(dict(_published(folder))) >= self.number)
        found = _published(folder)
        revisions = dict(found)
        assert len(revisions) == self.number
        assert all(revisions[id_] == revision for id_, revision in found), "of one version each"
        assert len(found) < 2 * self.number, "it began anew each time"


@contextmanager
def _reading(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that reads, killed at the end."""
    command = [sys.executable, "-m", "agents.testing.reader", str(folder)]
    with subprocess.Popen(command) as process:  # noqa: S603 - our own
        try:
            yield process
        finally:
            process.kill()


def _published(folder: Path) -> list[tuple[str, str]]:
    """Id and revision of all that was written, in that order."""
    path = folder / "published"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [(id_, revision) for id_, _, revision in (line.rpartition(" ") for line in lines)]


def _wait(process: subprocess.Popen[bytes], until: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not until():
        assert process.poll() in {None, 0}, "it has failed"
        assert time.monotonic() < deadline, f"not within {_PATIENCE:.0f} s"
        time.sleep(0.02)
