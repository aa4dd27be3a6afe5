"""The threads that the sources of a process share.

Who is read stands in line in the order of coming. Some threads are kept for those whose last
reading succeeded: what cannot be reached holds its thread until a time limit, and many sources, at
as many host names that lead to one dead server, would else hold all of them. Those that have just
begun to hang still can, each once: until their first failure.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable
from typing import Final

__all__ = ["ALL", "KEPT", "Threads"]

_log = logging.getLogger("agents")

ALL: Final = 16
"""Sources read at the same time in one process."""
KEPT: Final = 4
"""Of them, threads that do nothing doubtful."""


class Threads:
    """Does what it is given, in the order of coming."""

    def __init__(self) -> None:
        self._sure: deque[tuple[int, Callable[[], None]]] = deque()
        self._doubtful: deque[tuple[int, Callable[[], None]]] = deque()
        self._given = 0
        self._closed = False
        self._changed = threading.Condition()

    def start(self) -> None:
        """Begin; daemons, since a source that hangs must not hold up the end of the process."""
        for number in range(ALL):
            work = self._work_kept if number < KEPT else self._work
            threading.Thread(target=work, name=f"source-{number}", daemon=True).start()

    def close(self) -> None:
        """Do no more than what is being done."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def put(
        self, job: Callable[[], None], *, doubtful: bool = False, at_once: bool = False
    ) -> None:
        """Have something done.

        Args:
            job: what it raises is logged; a thread less would be one less for all sources.
            doubtful: whether it may take very long.
            at_once: whether it comes before what was given earlier.
        """
        with self._changed:
            line = self._doubtful if doubtful else self._sure
            if at_once:
                line.appendleft((0, job))
            else:
                self._given += 1
                line.append((self._given, job))
            self._changed.notify_all()  # not one: it may be one that is kept for others

    def _work(self) -> None:
        self._take_from(self._sure, self._doubtful)

    def _work_kept(self) -> None:
        self._take_from(self._sure)

    def _take_from(self, *lines: deque[tuple[int, Callable[[], None]]]) -> None:
        while True:
            with self._changed:
                while not self._closed and not any(lines):
                    self._changed.wait()
                if self._closed:
                    return
                _, job = min(
                    (line for line in lines if line), key=lambda line: line[0][0]
                ).popleft()
            try:
                job()
            except Exception:  # noqa: BLE001 - whatever a plugin does
                _log.exception("a fault in a source")
