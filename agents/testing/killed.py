"""A process that reads is killed, again and again."""

import json
import signal
import time
from collections.abc import Callable, Mapping
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, ClassVar, Final

import pytest

from agents.testing.processes import Apart
from agents.testing.reader import STILL, published, run

__all__ = ["KillContract"]

_KILLS: Final = 3
_PATIENCE: Final = 60.0  # seconds for what takes one or two


class KillContract(Apart):
    """kill -9 in mid-page loses nothing, doubles no more than that page, and ids are stable.

    Inherit, and give the fixture ``described``: the table of a source with many pages, or one that
    listens. The process is ``agents.testing.reader``; it stands still in mid-page to be killed.
    """

    number: ClassVar[int] = 600
    """How many mentions there are in the end; a page has less than an eighth of them."""

    @pytest.mark.timeout(180)
    def test_kill_nine_in_mid_page_loses_nothing(
        self, described: Mapping[str, Any], tmp_path: Path
    ) -> None:
        folder = tmp_path / "kept"
        folder.mkdir()
        (folder / "table").write_text(json.dumps(described), encoding="utf-8")
        some = self.number // 8
        for _ in range(_KILLS):
            with self.running(run, folder, some) as process:
                _wait(process, (folder / STILL).exists)
            assert process.exitcode == -signal.SIGKILL
            (folder / STILL).unlink()
        with self.running(run, folder) as process:
            _wait(process, lambda: len(dict(published(folder))) >= self.number)
        found = published(folder)
        revisions = dict(found)
        assert len(revisions) == self.number
        assert all(revisions[id_] == revision for id_, revision in found), "of one version each"
        assert len(found) < self.number + _KILLS * some, "it began anew each time"


def _wait(process: BaseProcess, until: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while True:
        ended = process.exitcode  # before it is looked at what it has done
        if until():
            return
        assert ended is None, f"it has ended, with {ended}, and that was not all"
        assert time.monotonic() < deadline, f"not within {_PATIENCE:.0f} s"
        time.sleep(0.02)
