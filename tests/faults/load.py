"""What is published while things break, and what must be true of it in the end.

New mentions, edits (some into another month; half of all close upon what they edit), late arrivals
of older versions, all as rows of a growing file that agents read; deletions and poison straight to
``mentions.raw``. The same seed makes the same load.
"""

import json
import random
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from msgspec import Struct

from agents.publisher import Message
from schemas.headers import tombstone_headers

__all__ = ["PROBES", "SOURCE", "TEAM", "Load", "Mention"]

TEAM: Final = "everything"

SOURCE: Final = f"""
[[sources]]
type = "files"
name = "load"
paths = ["{{path}}"]
every = 0.5
columns = {{{{ id = "id", text = "text", published_at = "published_at", edited_at = "edited_at" }}}}
defaults = {{{{ channel = "forum" }}}}

[[watchlist]]
topic = "Lüftung"
kind = "theme"
terms = ["Lüftung"]

[[routes]]
team = "{TEAM}"
"""

PROBES: Final = 24  # so many that nearly every partition gets one

_START: Final = datetime(2026, 1, 1, tzinfo=UTC)
_WORDS: Final = "die Lüftung läuft wieder ruhig seit der Techniker da war".split()  # noqa: SIM905
# What becomes of the next event, by a number from 0 to 1.
_EDIT: Final = 0.10
_LATE: Final = 0.12
_DELETE: Final = 0.14
_POISON: Final = 0.145
_RECENT: Final = 0.5  # share of edits, late arrivals and deletions that are of one of the newest
_NEWEST: Final = 20


class Mention(Struct):
    """What must be true of one mention."""

    revision: int
    published: datetime
    round: int
    """In which round it was last spoken of."""
    deleted: bool = False


class Load:
    """Writes the load; one thread.

    Args:
        seed: repeats it.
        path: the file that agents read.
        raw: the name of the topic for deletions and poison.
        send: writes these; returns when the broker has confirmed them.
    """

    def __init__(
        self, seed: int, path: Path, raw: str, send: Callable[[list[Message]], None]
    ) -> None:
        self._chance = random.Random(seed)
        self._path = path
        self._raw = raw
        self._send = send
        self._lock = threading.Lock()
        self._names: list[str] = []
        self.mentions: dict[str, Mention] = {}
        self.poison: dict[str, int] = {}
        """Key → round of what must end in the dead letters."""
        self.sent: dict[int, int] = {}
        """Events by round."""
        path.touch()

    def write(self, count: int, number: int) -> None:
        """Write events of one round."""
        rows: list[dict[str, object]] = []
        direct: list[Message] = []
        with self._lock:
            for _ in range(count):
                self._event(number, rows, direct)
            self.sent[number] = self.sent.get(number, 0) + count
            self._append(rows)
        if direct:
            self._send(direct)

    def probe(self, number: int) -> list[str]:
        """Write mentions whose arrival shows that all is well again; returns their ids."""
        with self._lock:
            names = [f"files:probe-{number}-{each}" for each in range(PROBES)]
            for name in names:
                self.mentions[name] = Mention(int(_START.timestamp() * 1000), _START, number)
            self.sent[number] = self.sent.get(number, 0) + len(names)
            self._append([_row(name, _START, None, "Läuft es wieder?") for name in names])
        return names

    def _append(self, rows: list[dict[str, object]]) -> None:
        with self._path.open("a", encoding="utf-8") as file:  # one write: never half a row
            file.write("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))

    def _event(self, number: int, rows: list[dict[str, object]], direct: list[Message]) -> None:
        draw = self._chance.random()
        if draw >= _POISON or not self._names:
            self._new(number, rows)
            return
        if draw >= _DELETE:
            key = f"push:poison-{len(self.poison)}"
            self.poison[key] = number
            direct.append(Message(self._raw, key.encode(), b"\xff no JSON"))
            return
        # Versions that come one upon the other are those that may change places.
        recent = self._chance.random() < _RECENT
        name = self._chance.choice(self._names[-_NEWEST:] if recent else self._names)
        mention = self.mentions[name]
        mention.round = number
        if draw >= _LATE:
            if not mention.deleted:
                mention.revision += 1
                mention.deleted = True
            about = tombstone_headers(name, mention.revision, "load")
            direct.append(Message(self._raw, name.encode(), None, about))
        elif draw >= _EDIT:
            # An older version, long after: the first that was ever published.
            rows.append(_row(name, mention.published, None, "zu spät"))
        elif not mention.deleted:
            mention.revision += 60_000
            moved = self._chance.random() < 0.2
            said = mention.published + timedelta(days=30 if moved else 0)
            rows.append(_row(name, said, mention.revision, "bearbeitet: " + self._text()))

    def _new(self, number: int, rows: list[dict[str, object]]) -> None:
        count = len(self._names)
        name = f"files:n{count}"
        said = _START + timedelta(minutes=count % 100_000)
        self._names.append(name)
        self.mentions[name] = Mention(int(said.timestamp() * 1000), said, number)
        rows.append(_row(name, said, None, self._text()))

    def _text(self) -> str:
        return " ".join(self._chance.choices(_WORDS, k=20))


def _row(name: str, said: datetime, revision: int | None, text: str) -> dict[str, object]:
    edited = datetime.fromtimestamp(revision / 1000, UTC).isoformat() if revision else None
    row: dict[str, object] = {
        "id": name.removeprefix("files:"),
        "text": text,
        "published_at": said.isoformat(),
    }
    if edited:
        row["edited_at"] = edited
    return row
