"""Notices that this process stood still, suspended by a signal, a debugger or its machine's sleep.

Whoever wakes up after its session has ended has lost its partitions, does not know it yet, and may
have messages at hand that the next owner has published long since, with newer ones behind them.
They would be the last of their mentions, and compaction keeps the last. So nothing may be published
after such a sleep: to be asked right before each request leaves.
"""

import threading
import time
from collections.abc import Callable
from typing import Final

__all__ = ["Awake"]

_TICK: Final = 0.5  # seconds

# Goes on while the machine sleeps, where there is one that does.
_CLOCK: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class Awake:
    """Watches the clock from a thread, which ends with the process.

    Args:
        limit: seconds that it may stand still.
        slept: called when it stood still for longer, in whatever thread notices; should not return.
    """

    def __init__(self, limit: float, slept: Callable[[float], None]) -> None:
        self._limit = limit
        self._slept = slept
        self._at = time.clock_gettime(_CLOCK)
        threading.Thread(target=self._tick, name="awake", daemon=True).start()

    def look(self) -> None:
        """Say so if it stood still since the last tick."""
        # Read once: a process that is suspended in this very line looks old to the next tick.
        now = time.clock_gettime(_CLOCK)
        if now - self._at > self._limit:
            self._slept(now - self._at)
        else:
            self._at = now

    def _tick(self) -> None:
        while True:
            time.sleep(_TICK)
            self.look()
