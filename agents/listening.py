"""A listener in this process: started as soon as it can, and again while it cannot.

Every process that lists a listener tries to start it. On one host the port goes to one of them; the
others try again every few seconds, so that one takes over when it ends.
"""

import logging
import time
from collections.abc import Sequence
from typing import Final

from agents.errors import SourceError, Unconfirmed
from agents.publisher import Publisher
from agents.source import Item, Listener
from agents.task import Counts

__all__ = ["Listening"]

_log = logging.getLogger("agents")

_AGAIN_AFTER: Final = 3.0  # seconds between two tries to start


class Listening:
    """Starts a listener and gives it a way to publish."""

    def __init__(self, listener: Listener, publisher: Publisher, counts: Counts) -> None:
        self._listener = listener
        self._publisher = publisher
        self._counts = counts
        self._started = False
        self._due = 0.0

    def start(self) -> None:
        """Start it, unless it is running or was tried a moment ago."""
        if self._started or time.monotonic() < self._due:
            return
        name = self._listener.config.name
        try:
            self._listener.start(self._publish)
        except SourceError as error:
            if not self._counts.errors:
                _log.warning("%s: %s; trying again every %.0f s", name, error, _AGAIN_AFTER)
            self._counts.errors += 1
            self._due = time.monotonic() + _AGAIN_AFTER
        else:
            self._started = True
            _log.info("%s: listening", name)

    def close(self) -> None:
        """Stop listening."""
        if self._started:
            self._listener.close()

    def _publish(self, items: Sequence[Item], *, within: float | None = None) -> None:
        self._counts.received += len(items)
        try:
            tally = self._publisher.publish(items, self._listener.config.name, within=within)
        except Unconfirmed:
            self._counts.errors += 1
            raise
        self._counts.published += tally.published
        self._counts.rejected += tally.rejected
        self._counts.unchanged += tally.unchanged
