"""A listener in this process: started as soon as it can, and again while it cannot.

Every process that lists a listener tries to start it. On one host the port goes to one of them; the
others try again every few seconds, so that one takes over when it ends.
"""

import logging
import time
from collections.abc import Sequence
from typing import Final

from agents.errors import SourceError, Unconfirmed
from agents.ledger import Ledger
from agents.publisher import Publisher
from agents.source import Item, Listener

__all__ = ["Listening"]

_log = logging.getLogger("agents")

_AGAIN_AFTER: Final = 3.0  # seconds between two tries to start


class Listening:
    """Starts a listener and gives it a way to publish."""

    def __init__(self, listener: Listener, publisher: Publisher, ledger: Ledger) -> None:
        self.name = listener.config.name
        self.ledger = ledger
        self._listener = listener
        self._publisher = publisher
        self._started = self._said = False
        self._due = 0.0
        self._complete = 0
        self._report_at = 0.0

    def start(self) -> None:
        """Start it, unless it is running or was tried a moment ago."""
        if self._started or time.monotonic() < self._due:
            return
        try:
            self._listener.start(self._publish)
        except SourceError as error:
            if not self._said:
                _log.warning("%s: %s; trying again every %.0f s", self.name, error, _AGAIN_AFTER)
            self._said = True
            self._due = time.monotonic() + _AGAIN_AFTER
        else:
            self._started = True
            self._complete = int(time.time() * 1000)
            self._report_at = time.monotonic()
            _log.info("%s: listening", self.name)

    @property
    def due(self) -> bool:
        """Whether it is time to write to the ledger."""
        return self._started and time.monotonic() >= self._report_at

    def reporting(self) -> None:
        """Take note that ``report`` is about to be called."""
        self._report_at = time.monotonic() + self._listener.config.every

    def report(self) -> None:
        """Write to the ledger that it listened until now; waits for Kafka."""
        if not self._started:
            return  # closed since it became due
        now = int(time.time() * 1000)
        self.ledger.succeeded((self._complete, now))
        try:
            self._publisher.cover([self.ledger.take(self._listener.config.every)])
        except Unconfirmed as error:
            _log.debug("%s: %s", self.name, error)
        else:
            self._complete = now

    def close(self) -> None:
        """Stop listening."""
        if self._started:
            self._started = False
            self._listener.close()

    def _publish(self, items: Sequence[Item], *, within: float | None = None) -> None:
        try:
            tally = self._publisher.publish(items, self._listener.config.name, within=within)
        except Unconfirmed:
            self.ledger.unconfirmed()
            raise
        self.ledger.items(items, tally)
