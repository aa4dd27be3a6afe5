"""Platforms that list posts, and also send new ones by themselves: ``stream = true``.

The stream is for speed, the listing for completeness. Every ``every`` seconds, and after each
break, listings are read down to what the last reading of them had seen, whatever the stream
brought meanwhile: a gap of the stream is filled by it, and what the stream leaves out is found. So
at-least-once holds as for every other source: the cursor says how far the listings were read, and
moves only after Kafka has confirmed.

One process listens, the one that owns the source; another takes over with the cursor. That is
written every 10 s while things are heard, and when the source is given up in order: only after a
process that died is anything read twice. Where the platform knows positions in its stream, the
cursor holds them too (``stream``).
"""

import time
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Annotated, Final

from msgspec import Struct
from pydantic import Field

from agents.errors import SourceError
from agents.known import State
from agents.listed import Listed, ListedConfig
from agents.source import Cursor, Item, Page
from agents.stream import Event, Line, Stream

__all__ = ["Completed", "Streamed", "StreamedConfig"]

_DAY: Final = 86_400
_TICK: Final = 1.0  # seconds after which a page is given, however empty
_AGAIN_AFTER: Final = 1.0  # seconds; that a stream ends now and then is nothing unusual
_STEADY: Final = 60.0  # seconds
_KEEP_EVERY: Final = 10.0  # seconds between two cursors: what came since is read again


class StreamedConfig(ListedConfig):
    """Keys that the table of a platform with a stream has."""

    stream: bool = False
    """Listen to the stream; ``every`` is then the time between two readings of the listings."""
    silence: Annotated[float, Field(ge=0.1, le=600)] = 60.0
    """Seconds without a sign of life after which a stream counts as broken."""


class Completed(Struct, frozen=True):
    """What can be made of some events now."""

    events: Sequence[Event]
    waiting: bool = False
    """Whether others are kept for later; the position does not move meanwhile."""
    filtered: Mapping[str, int] = {}
    """Events that are left out, by reason."""


class Streamed(Listed):
    """A platform with a stream; see ``Listed`` for the rest."""

    config: StreamedConfig

    def __init__(self, config: StreamedConfig) -> None:
        super().__init__(config)
        self._state = State()

    @property
    def streams(self) -> bool:
        """Whether ``poll`` goes on until it fails or is closed."""
        return self.config.stream

    def position(self) -> Cursor:
        """Where to go on after all pages given so far; see ``agents.source.Streaming``."""
        return self._state.cursor()

    @abstractmethod
    def lines(self, positions: Mapping[str, object]) -> Mapping[str, Callable[[Line], None]]:
        """What reads each connection, by its name.

        Args:
            positions: by the same names, where they were read to before; empty: never.
        """

    def complete(self, events: Sequence[Event]) -> Completed:
        """Add what a listing would have shown besides; called with no event too.

        Raises:
            SourceError: it cannot be had; the stream is left, and what it brought is read again.
        """
        return Completed(events)

    def poll(self, cursor: Cursor | None) -> Iterator[Page]:
        """Read what is new, then what has changed, then listen, and so on for ever."""
        if not self.config.stream:
            yield from super().poll(cursor)
            return
        state = self._state = self.state(cursor)
        # First the stream: nothing may fall between the listing's end and its beginning.
        with Stream(self.lines(state.stream), state.stream) as stream:
            stream.wait(self.config.http.timeout)
            opened = time.time()
            if not self.queries() and not state.stream:
                yield Page((), state.cursor(), gap=self._unheard(opened))
            while True:
                started = time.time()
                yield from self.round(state)
                if self.queries():
                    yield Page((), state.cursor(), until=int(started * 1000))
                try:
                    yield from self._listen(stream, state, started + self.config.every)
                except SourceError as error:
                    pause = self._pause(stream.open, time.time() - opened)
                    error.seconds = max(error.seconds or 0.0, pause)
                    raise

    def _unheard(self, since: float) -> tuple[int, int]:
        """What was said before it was listened to, where there is no listing to read."""
        return int((since - self.config.history * _DAY) * 1000), int(since * 1000)

    def _pause(self, opened: bool, lasted: float) -> float:
        """Seconds until it is opened anew: soon, but not again and again."""
        if not opened:
            return self.config.every
        return _AGAIN_AFTER if lasted > _STEADY else min(_STEADY, self.config.every)

    def _listen(self, stream: Stream, state: State, until: float) -> Iterator[Page]:
        kept, keep_at = state.cursor(), time.time() + _KEEP_EVERY
        moved = False
        while time.time() < until:
            try:
                taken = stream.take(_TICK)
            except SourceError:
                yield Page((), state.cursor())
                raise
            completed = self.complete(taken.events)
            found = [self._heard(event, state) for event in completed.events]
            items: list[Item] = [item for item in found if item is not None]
            if not completed.waiting:
                moved = moved or dict(taken.positions) != state.stream
                state.stream = dict(taken.positions)
            moved = moved or bool(items)
            self.trim(state)
            if moved and time.time() >= keep_at:
                kept, keep_at, moved = state.cursor(), time.time() + _KEEP_EVERY, False
            heard = None if completed.waiting else taken.heard
            gap = None if self.queries() else taken.gap  # else a listing has filled it
            yield Page(items, kept, len(found) - len(items), gap, completed.filtered, heard)

    def _heard(self, event: Event, state: State) -> Item | None:
        if event.row is None:
            return self.deletion(event.key, state)
        return self.changed(event.row, event.query, state)
