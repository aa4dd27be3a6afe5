"""What a process says, and how often.

In normal running a worker or agent says next to nothing. In an outage the Kafka clients repeat the
same complaint hundreds of times a second; each is let through once a minute.
"""

import logging
import sys
import time
from typing import Final

__all__ = ["OncePerMinute", "setup"]

_CHATTY: Final = (
    "aiokafka",
    "elastic_transport",
    "extruct",
    "faust",
    "googleapiclient",
    "kafka",
    "mode",
    "prawcore",
    "rdflib",
    "trafilatura",
)

_TELLING: Final = ("apprise", "httpcore", "httpx")
"""Their INFO lines name the addresses they call, which may be secret."""


class OncePerMinute(logging.Filter):
    """Lets a message of one template from one logger through once a minute."""

    def __init__(self, seconds: float = 60.0) -> None:
        super().__init__()
        self._seconds = seconds
        self._said: dict[tuple[str, object], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record may pass."""
        if not record.name.startswith(_CHATTY):
            return True
        key = (record.name, record.msg if isinstance(record.msg, str) else type(record.msg))
        now = time.monotonic()
        if now - self._said.get(key, -self._seconds) < self._seconds:
            return False
        self._said[key] = now
        return True


def setup(*, verbose: bool = False) -> None:
    """Log to standard error: our own lines from INFO, the libraries' from WARNING."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    handler.addFilter(OncePerMinute())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.INFO if verbose else logging.WARNING)
    for name in _TELLING:
        logging.getLogger(name).setLevel(logging.WARNING)
