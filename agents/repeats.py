"""What this process has published already, so that saying it again costs nothing downstream.

A client that sends a mention again, or a source that is read twice, brings the same id, revision
and content. Such a repetition is left out; anything that differs in one of the three is published.
That is safe whoever else publishes: the very same message is on the topic already. The memory is
bounded and of this process alone; whoever does not remember publishes again, and the repetition
ends at the index.
"""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Iterable
from typing import Final

from msgspec import structs

from schemas.mention import Collector, RawMention, encode

__all__ = ["Repeats"]

_REMEMBERED: Final = 50_000  # mentions: some 15 MB
_NOBODY: Final = Collector(source="-")


class Repeats:
    """Remembers the newest mentions; safe to use from many threads."""

    def __init__(self, size: int = _REMEMBERED) -> None:
        self._size = size
        self._known: OrderedDict[str, bytes] = OrderedDict()
        self._lock = threading.Lock()

    @staticmethod
    def fingerprint(mention: RawMention) -> bytes:
        """Of all that was said; when and by which process it was collected does not count."""
        said = structs.replace(mention, collected_at=mention.published_at, collector=_NOBODY)
        return hashlib.blake2b(encode(said), digest_size=16).digest()

    def known(self, name: str, fingerprint: bytes) -> bool:
        """Whether exactly this was the last that was published under this id."""
        with self._lock:
            return self._known.get(name) == fingerprint

    def remember(self, published: Iterable[tuple[str, bytes]]) -> None:
        """Note what the broker has confirmed."""
        with self._lock:
            for name, fingerprint in published:
                self._known[name] = fingerprint
                self._known.move_to_end(name)
            while len(self._known) > self._size:
                self._known.popitem(last=False)

    def forget(self, name: str) -> None:
        """A deletion came in between."""
        with self._lock:
            self._known.pop(name, None)
