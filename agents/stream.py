"""What platforms send by themselves, read by threads of their own into one bounded buffer.

A stream ends with its first line that ends: whoever reads it then catches up by asking, and opens
it anew. While the buffer is full nothing is read, so that memory stays bounded; a platform that
gives up on such a reader ends the line.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Self

from msgspec import Struct

from agents.errors import SourceError, Unreadable

__all__ = ["Event", "Line", "Stream", "Taken"]

_BUFFERED: Final = 5_000  # events


class Event(Struct, frozen=True):
    """Something that was said, changed or deleted a moment ago."""

    key: str
    """What the post is looked up by."""
    row: Any = None
    """As a listing has it; None: it is gone."""
    query: str = ""
    """What it was found by."""


class Taken(Struct, frozen=True):
    """What has come."""

    events: Sequence[Event]
    positions: Mapping[str, Any]
    """By line, where reading may go on after these events."""
    heard: int
    """Everything that was sent until then has come, in milliseconds since 1970."""
    gap: tuple[int, int] | None = None
    """From and to, as in ``agents.source.Page``."""


class _Closed(Exception):
    """Nobody listens any more."""


class Line:
    """One connection of a stream, as the code that reads it sees it."""

    def __init__(self, stream: "Stream", name: str) -> None:
        self.name = name
        self.heard = 0
        """When there was a sign of life, in milliseconds since 1970; 0: not yet."""
        self._stream = stream

    def opened(self, close: Callable[[], None], since: int | None = None) -> None:
        """The connection is there.

        Args:
            close: ends it, and the waiting of whoever reads it, from another thread.
            since: what is said from then on will come, in milliseconds since 1970; None: from now.
        """
        self._stream.opened(self, close, since)

    def alive(self, at: int | None = None) -> None:
        """Something came, and was put where it is ours; were it only a sign of life."""
        self.heard = int(time.time() * 1000) if at is None else at

    def gap(self, start: int, end: int) -> None:
        """What was said between two moments (ms since 1970) can no longer be had from it."""
        self._stream.gap(start, end)

    def put(
        self,
        *events: Event,
        position: Any = None,  # noqa: ANN401 - any JSON
        at: int | None = None,
    ) -> None:
        """Hand on what came; waits while the buffer is full.

        Args:
            events: none where what came is not ours.
            position: where reading may go on after them, on platforms that know such a place.
            at: when it was sent, where that may be long ago; in milliseconds since 1970.
        """
        self._stream.put(self, events, position, at)


class Stream:
    """All lines of a source.

    Args:
        lines: what reads each line, by its name; it returns or raises when the line ends.
        positions: where they were read to before.
    """

    def __init__(
        self, lines: Mapping[str, Callable[[Line], None]], positions: Mapping[str, Any]
    ) -> None:
        self._lines = [(Line(self, name), read) for name, read in lines.items()]
        self._changed = threading.Condition()
        self._buffer: list[Event] = []
        self._positions = {name: at for name, at in positions.items() if name in lines}
        self._closers: dict[str, Callable[[], None]] = {}
        self._error: SourceError | None = None
        self._gap: tuple[int, int] | None = None
        self._closed = False
        self.open = False
        """Whether all lines were open."""

    def __enter__(self) -> Self:
        for line, read in self._lines:
            name = f"stream {line.name}"
            threading.Thread(target=self._run, args=(line, read), name=name, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._changed:
            self._closed = True
            closers = list(self._closers.values())
            self._changed.notify_all()
        for close in closers:
            close()

    def wait(self, seconds: float) -> None:
        """Wait until all lines are open, one has failed, or the time is over."""
        with self._changed:
            done = self._changed.wait_for(lambda: self._error or self.open, seconds)
            if not done:
                self._error = SourceError(f"the stream was not open within {seconds:.0f} s")

    def take(self, seconds: float) -> Taken:
        """What has come; waits for the first of it.

        Raises:
            SourceError: the stream has ended, and all that came of it was taken.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._buffer or self._error, seconds)
            if not self._buffer and self._error:
                raise self._error
            events, self._buffer = self._buffer, []
            self._changed.notify_all()
            gap, self._gap = self._gap, None
            heard = min(line.heard for line, _ in self._lines)
            return Taken(events, dict(self._positions), heard, gap)

    def opened(self, line: Line, close: Callable[[], None], since: int | None) -> None:
        """See ``Line.opened``."""
        line.alive(since)
        with self._changed:
            self._closers[line.name] = close
            self.open = self.open or len(self._closers) == len(self._lines)
            self._changed.notify_all()
            if not self._closed:
                return
        close()
        raise _Closed

    def gap(self, start: int, end: int) -> None:
        """See ``Line.gap``."""
        with self._changed:
            self._gap = (min(start, self._gap[0]) if self._gap else start, end)

    def put(
        self,
        line: Line,
        events: Sequence[Event],
        position: Any,  # noqa: ANN401 - any JSON
        at: int | None,
    ) -> None:
        """See ``Line.put``."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or len(self._buffer) < _BUFFERED)
            if self._closed:
                raise _Closed
            self._buffer += events
            if position is not None:
                self._positions[line.name] = position
            line.alive(at)
            if events:
                self._changed.notify_all()

    def _run(self, line: Line, read: Callable[[Line], None]) -> None:
        error = SourceError(f"the stream {line.name} has ended")
        try:
            read(line)
        except SourceError as failure:
            error = failure
        except Exception as failure:  # noqa: BLE001 - a library may raise anything
            error = Unreadable(f"the stream {line.name}: {type(failure).__name__}: {failure}"[:300])
        with self._changed:
            # What a library made of being hung up on is of no interest.
            self._error = self._error or error
            self._closers.pop(line.name, None)
            self._changed.notify_all()
