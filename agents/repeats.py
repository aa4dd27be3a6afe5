"""What this process has published already, so that saying it again costs nothing downstream.

A client that sends a mention again, or a source that is read twice, brings the same id, revision
and content. Such a repetition is left out; anything that differs in one of the three is published.
A row of a replaced file has no date of its own (``Page.undated``): its revision, and the date
where it is a guess, are when the file was written, and do not count. So the row that a newer file
repeats is left out, though its revision would be newer.

The memory is bounded and of this process alone; whoever does not remember publishes again, and the
repetition ends at the index. What was published of a source is forgotten when the process takes it
over: meanwhile another process may have published other content under the same id and revision.

What is left: two sources that tell of the same id with the same revision and different content,
one here and one in another process (or a client that pushes to both). There the last that was
published stands, and what this process repeats does not become the last again. Whoever changes a
mention gives it a higher revision, and then the order does not matter.
"""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from typing import Final

from msgspec import structs

from schemas.mention import Collector, RawMention, encode

__all__ = ["Repeats"]

_REMEMBERED: Final = 50_000  # mentions: some 14 MB
_UNKNOWN: Final = (None, "")
_NOBODY: Final = Collector(source="-")
_SOME_TIME: Final = datetime.fromtimestamp(0, UTC)


class Repeats:
    """Remembers the newest mentions; safe to use from many threads."""

    def __init__(self, size: int = _REMEMBERED) -> None:
        self._size = size
        # Id -> fingerprint, and the source that it was published for.
        self._known: OrderedDict[str, tuple[bytes, str]] = OrderedDict()
        self._lock = threading.Lock()

    @staticmethod
    def fingerprint(mention: RawMention, *, undated: bool = False) -> bytes:
        """Of all that was said; when and by which process it was collected does not count.

        Args:
            mention: what may have been published.
            undated: see ``Page``.
        """
        at = mention.published_at
        if undated and mention.collector.published_estimated:
            at = _SOME_TIME
        said = structs.replace(
            mention,
            revision=0 if undated else mention.revision,
            published_at=at,
            collected_at=at,
            collector=_NOBODY,
        )
        return hashlib.blake2b(encode(said), digest_size=16).digest()

    def known(self, name: str, fingerprint: bytes) -> bool:
        """Whether exactly this was the last that was published under this id."""
        with self._lock:
            return self._known.get(name, _UNKNOWN)[0] == fingerprint

    def remember(self, published: Iterable[tuple[str, bytes]], source: str) -> None:
        """Note what the broker has confirmed of a source."""
        with self._lock:
            for name, fingerprint in published:
                self._known[name] = fingerprint, source
                self._known.move_to_end(name)
            while len(self._known) > self._size:
                self._known.popitem(last=False)

    def forget(self, name: str) -> None:
        """A deletion came in between."""
        with self._lock:
            self._known.pop(name, None)

    def forget_sources(self, sources: Collection[str]) -> None:
        """Others may have published for them since; of many at once, as all that is known is read.

        Args:
            sources: names, in what finds one quickly.
        """
        with self._lock:
            for name in [name for name, (_, of) in self._known.items() if of in sources]:
                del self._known[name]
