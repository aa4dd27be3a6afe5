"""A process that reads one source as an agent does, to be killed.

What an agent writes to Kafka goes to a folder: ``published``, a line of id and revision for each
item, and ``progress``, how far it was read.
"""

import json
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from agents.ledger import Ledger
from agents.publisher import Tally
from agents.source import Item, Refused, Source, build
from agents.task import Task
from schemas.cursor import Progress

__all__ = ["STILL", "Folder", "published", "run"]

STILL: Final = "still"
"""The file that says that the process stands still in mid-page."""


def published(folder: Path) -> list[tuple[str, str]]:
    """Id and revision of all that was written, in that order."""
    path = folder / "published"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [(id_, revision) for id_, _, revision in (line.rpartition(" ") for line in lines)]


class Folder:
    """Publisher and cursors in one; what is written stays though the process is killed.

    Args:
        path: the folder.
        enough: how many items to write; then it stands still in mid-page.
    """

    def __init__(self, path: Path, enough: int | None) -> None:
        self._published = path / "published"
        self._progress = path / "progress"
        self._still = path / STILL
        self._enough = enough
        self._written = 0

    def publish(self, items: Sequence[Item], source: str, *, undated: bool) -> Tally:  # noqa: ARG002
        """Append items, in two goes."""
        half = len(items) // 2
        self._append(items[:half])
        if self._enough is not None and self._written >= self._enough:
            self._still.touch()
            threading.Event().wait()  # to be killed
        self._append(items[half:])
        return Tally(published=len(items))

    def _append(self, items: Sequence[Item]) -> None:
        lines = [f"{one.id} {one.revision}\n" for one in items if not isinstance(one, Refused)]
        with self._published.open("ab", buffering=0) as file:
            file.write("".join(lines).encode())  # in one call, all of it or nothing
        self._written += len(lines)

    def cover(self, ledger: Sequence[Any]) -> None:
        """The ledger is of no interest here."""

    def write(self, name: str, progress: Progress) -> None:  # noqa: ARG002 - there is one source
        """Keep the progress, all of it or what was kept before."""
        new = self._progress.with_suffix(".new")
        new.write_bytes(msgspec.json.encode(progress))
        new.replace(self._progress)

    def read(self) -> Progress | None:
        """How far it was read."""
        if not self._progress.exists():
            return None
        return msgspec.json.decode(self._progress.read_bytes(), type=Progress)


def run(folder: Path, enough: int | None = None) -> None:
    """Read the source of ``folder/table`` once, or for ever where it listens.

    Args:
        folder: of ``Folder``.
        enough: see there.

    Raises:
        SystemExit: the reading failed.
    """
    source = build(json.loads((folder / "table").read_text(encoding="utf-8")))
    assert isinstance(source, Source)
    kept: Any = Folder(folder, enough)
    name, kind = source.config.name, source.config.type
    turned_away: list[Task] = []  # nobody else reads here
    task = Task(source, kept.read(), kept, kept, Ledger(name, kind), again=turned_away.append)
    task.run()
    assert not turned_away
    source.close()
    if task.failed:
        sys.exit(1)
