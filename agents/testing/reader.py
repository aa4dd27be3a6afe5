"""A process that reads one source as an agent does, to be killed.

What an agent writes to Kafka goes to a folder: ``published``, a line of id and revision for each
item, and ``progress``, how far it was read.
"""

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from agents.ledger import Ledger
from agents.publisher import Tally
from agents.source import Item, Refused, Source, build
from agents.task import Task
from schemas.cursor import Progress

__all__ = ["Folder", "run"]

_PAUSE = 0.05  # seconds in the middle of each page, so that there is one to be killed in


class Folder:
    """Publisher and cursors in one; what is written stays though the process is killed."""

    def __init__(self, path: Path) -> None:
        self._published = path / "published"
        self._progress = path / "progress"

    def publish(self, items: Sequence[Item], source: str, *, undated: bool) -> Tally:  # noqa: ARG002
        """Append items, in two goes."""
        half = len(items) // 2
        for some in (items[:half], items[half:]):
            lines = [f"{one.id} {one.revision}\n" for one in some if not isinstance(one, Refused)]
            with self._published.open("ab", buffering=0) as file:
                file.write("".join(lines).encode())  # in one call, all of it or nothing
            if items:
                time.sleep(_PAUSE / 2)
        return Tally(published=len(items))

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


def run(folder: Path) -> int:
    """Read the source of ``folder/table`` once, or for ever where it listens."""
    source = build(json.loads((folder / "table").read_text(encoding="utf-8")))
    assert isinstance(source, Source)
    kept: Any = Folder(folder)
    name, kind = source.config.name, source.config.type
    turned_away: list[Task] = []  # nobody else reads here
    task = Task(source, kept.read(), kept, kept, Ledger(name, kind), again=turned_away.append)
    task.run()
    assert not turned_away
    source.close()
    return int(task.failed)


if __name__ == "__main__":
    sys.exit(run(Path(sys.argv[1])))
