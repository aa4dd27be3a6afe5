"""A platform that also sends by itself what is new, and what a source that listens makes of it."""

import queue
import time
from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime

import pytest

from agents.errors import SourceError
from agents.repeats import Repeats
from agents.source import Cursor, Page, Streaming
from agents.testing.loopback import Answer, Cut, Loopback, Request
from agents.testing.platform import Platform, Said
from agents.testing.suite import (
    deletions,
    items,
    mentions,
    opened,
    reading,
    through_json,
)

__all__ = [
    "StreamContract",
    "StreamDeletionContract",
    "StreamEditContract",
    "StreamPlatform",
    "Wire",
    "heard",
    "listening",
    "until_failure",
]

_PATIENCE = 10.0  # seconds until something that should come must have come
_SILENCE = 0.8  # seconds that a source under test takes for broken
_SIGN = 0.2  # seconds between two signs of life


class Wire:
    """One connection that somebody listens to."""

    def __init__(self, sign: Callable[[], bytes]) -> None:
        self._sent: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._sign = sign
        self.silent = False
        self.over = False
        """Whether it has ended, on whichever side."""

    def send(self, part: bytes) -> None:
        """Send something."""
        self._sent.put(part)

    def cut(self) -> None:
        """End the connection after what was sent."""
        self._sent.put(None)

    def parts(self) -> Iterator[bytes]:
        """What is sent, and signs of life; raises ``Cut`` at the end."""
        try:
            yield self._sign()
            while True:
                try:
                    part = self._sent.get(timeout=_SIGN)
                except queue.Empty:
                    if self.silent:
                        continue
                    part = self._sign()
                if part is None:
                    raise Cut
                yield part
        finally:
            self.over = True


class StreamPlatform(Platform):
    """A platform with a stream; a subclass says how it is asked for, and what it looks like."""

    def __init__(self, web: Loopback) -> None:
        super().__init__(web)
        self.options |= {"stream": True, "silence": _SILENCE, "every": 3_600, "recheck": 3_600}
        self.wires: list[Wire] = []
        self.deaf = False
        """Whether the stream leaves out what is said."""
        self.refusal: Answer | None = None
        """Instead of a stream."""

    @abstractmethod
    def is_stream(self, request: Request) -> bool:
        """Whether a stream is asked for."""

    @abstractmethod
    def event(self, said: Said) -> bytes:
        """What the stream says of a post: that it is new, was edited, or is gone."""

    @abstractmethod
    def sign(self) -> bytes:
        """A sign of life."""

    def wire(self) -> Wire:
        """A new connection."""
        made = Wire(self.sign)
        self.wires.append(made)
        return made

    @property
    def heard_by(self) -> list[Wire]:
        """The connections that are open."""
        return [wire for wire in self.wires if not wire.over]

    def say(self, texts: Sequence[str]) -> None:
        """Publish now, to those who listen too."""
        for text in texts:
            said = Said(len(self.posts) + 1, text, datetime.now(UTC).replace(microsecond=0))
            self.posts.append(said)
            self._tell(said)

    def edit(self, before: str, after: str) -> None:
        """Change a post; only those who listen are told."""
        self._change(before, text=after, edited=datetime.now(UTC))
        self._tell(next(said for said in self.posts if said.text == after))

    def remove(self, text: str) -> None:
        """Delete a post; only those who listen are told."""
        self._change(text, gone=True)
        self._tell(next(said for said in self.posts if said.text == text))

    def _tell(self, said: Said) -> None:
        if not self.deaf:
            for wire in self.heard_by:
                wire.send(self.event(said))

    def _serve(self, request: Request) -> Answer | None:
        if not self.is_stream(request):
            return super()._serve(request)
        return self.refusal or Answer(parts=self.wire().parts())


@contextmanager
def listening(outside: StreamPlatform, cursor: Cursor | None = None) -> Iterator[Iterator[Page]]:
    """The pages of a source that listens."""
    with opened(outside) as source, closing(reading(source, cursor)) as pages:
        yield pages


def heard(pages: Iterator[Page], enough: Callable[[list[Page]], object]) -> list[Page]:
    """The next pages, until they are enough.

    Raises:
        SourceError: the source has failed.
    """
    found: list[Page] = []
    until = time.monotonic() + _PATIENCE
    for page in pages:
        found.append(page)
        if enough(found):
            return found
        if time.monotonic() > until:
            pytest.fail(f"after {_PATIENCE:.0f} s there is only {items(found)}")
    pytest.fail("a source that listens has no end")


def caught_up(pages: Sequence[Page]) -> bool:
    """Whether all that is listed was read."""
    return any(page.until is not None for page in pages)


def until_failure(pages: Iterator[Page]) -> tuple[list[Page], SourceError]:
    """The pages that are left before the source fails, and how it does."""
    found: list[Page] = []
    until = time.monotonic() + _PATIENCE
    try:
        for page in pages:
            found.append(page)
            assert time.monotonic() < until, "the source does not notice"
    except SourceError as error:
        return found, error
    pytest.fail("a source that listens has no end")


def wait_for(condition: Callable[[], object], what: str) -> None:
    """Wait for something on the platform's side."""
    until = time.monotonic() + _PATIENCE
    while not condition():
        assert time.monotonic() < until, f"not within {_PATIENCE:.0f} s: {what}"
        time.sleep(0.02)


class StreamContract:
    """For platforms with a stream. Inherit, and give the fixture ``outside``."""

    @pytest.fixture
    @abstractmethod
    def outside(self) -> StreamPlatform:
        """An empty platform."""

    @staticmethod
    def texts(pages: Sequence[Page]) -> list[str]:
        """What was said, in the order of publishing; without what posts need to be found."""
        return [m.text for m in sorted(mentions(pages), key=lambda m: (m.published_at, m.id))]

    def test_what_is_said_comes_without_being_asked_for(self, outside: StreamPlatform) -> None:
        outside.add(["davor"])
        with listening(outside) as pages:
            before = heard(pages, caught_up)
            asked = len(outside.listings())
            outside.say(["eins", "zwei"])
            after = heard(pages, lambda found: len(items(found)) == 2)
        assert self.texts(before) == ["davor"]
        assert self.texts(after) == ["eins", "zwei"]
        assert len(outside.listings()) == asked

    def test_it_says_how_far_it_is_though_nothing_comes(self, outside: StreamPlatform) -> None:
        with listening(outside) as pages:
            heard(pages, caught_up)
            since = time.time() * 1000
            found = heard(pages, lambda found: (found[-1].until or 0) > since)
        assert items(found) == []

    def test_what_listings_have_is_what_the_stream_has(self, outside: StreamPlatform) -> None:
        with listening(outside) as pages:
            heard(pages, caught_up)
            outside.say(["eins"])
            (streamed,) = mentions(heard(pages, items))
        with listening(outside) as pages:
            (listed,) = mentions(heard(pages, caught_up))
        assert Repeats.fingerprint(streamed) == Repeats.fingerprint(listed)
        assert streamed.collector.feed == listed.collector.feed

    def test_nothing_falls_between_the_listing_and_the_stream(
        self, outside: StreamPlatform
    ) -> None:
        outside.add(["davor"])
        outside.after_listing = lambda: outside.say(["dazwischen"])
        with listening(outside) as pages:
            found = heard(pages, lambda found: len(items(found)) == 2)
        assert self.texts(found) == ["davor", "dazwischen"]

    def test_a_break_in_the_middle_of_an_event_loses_nothing(self, outside: StreamPlatform) -> None:
        with listening(outside) as pages:
            found = heard(pages, caught_up)
            outside.say(["davor"])
            found += heard(pages, items)
            outside.deaf = True
            outside.say(["halb"])
            whole = outside.event(outside.posts[-1])
            for wire in outside.heard_by:
                wire.send(whole[: len(whole) // 2])
                wire.cut()
            rest, error = until_failure(pages)
        assert error.seconds is not None, "when to listen again is the source's business"
        outside.say(["im Dunkeln"])
        outside.deaf = False
        with listening(outside, rest[-1].cursor) as pages:
            found += rest + heard(pages, caught_up)
            outside.say(["danach"])
            found += heard(pages, items)
        assert self.texts(found) == ["davor", "halb", "im Dunkeln", "danach"]

    def test_a_process_that_dies_leaves_nothing_out(self, outside: StreamPlatform) -> None:
        with listening(outside) as pages:
            found = heard(pages, caught_up)
            for text in ("eins", "zwei", "drei"):
                outside.say([text])
                found += heard(pages, items)
        # It may have died after any page; who takes over knows the cursor of that page and no more.
        all_of_it = {(m.id, m.revision) for m in mentions(found)}
        assert len(all_of_it) == 3
        for last in range(len(found)):
            with listening(outside, found[last].cursor) as pages:
                again = [*found[: last + 1], *heard(pages, caught_up)]
            assert {(m.id, m.revision) for m in mentions(again)} == all_of_it

    def test_who_takes_over_in_order_reads_nothing_twice(self, outside: StreamPlatform) -> None:
        outside.add(["davor"])
        with opened(outside) as source, closing(reading(source)) as pages:
            assert isinstance(source, Streaming)
            found = heard(pages, caught_up)
            outside.say(["eins", "zwei"])
            found += heard(pages, lambda found: len(items(found)) == 2)
            cursor = through_json(source.position())
        outside.say(["dazwischen"])
        with listening(outside, cursor) as pages:
            rest = heard(pages, caught_up)
        assert self.texts(found) == ["davor", "eins", "zwei"]
        assert self.texts(rest) == ["dazwischen"]

    def test_silence_is_a_break(self, outside: StreamPlatform) -> None:
        with listening(outside) as pages:
            heard(pages, caught_up)
            wait_for(lambda: outside.heard_by, "somebody who listens")
            for wire in outside.heard_by:
                wire.silent = True
            rest, _ = until_failure(pages)
        # What it says of itself ends with the last sign of life.
        assert max(page.until or 0 for page in rest) < (time.time() - _SILENCE / 2) * 1000

    @pytest.mark.parametrize("how", ["refused", "limited", "unavailable"])
    def test_without_a_stream_it_reads_as_others_do(
        self, outside: StreamPlatform, how: str
    ) -> None:
        outside.refusal = {
            "refused": Answer.json({"error": "nein"}, 403),
            "limited": outside.limited(),
            "unavailable": Answer(status=503),
        }[how]
        outside.add(["eins"])
        with listening(outside) as pages:
            found, error = until_failure(pages)
        assert self.texts(found) == ["eins"]
        assert caught_up(found)
        assert error.seconds is not None
        assert error.seconds >= outside.options["every"], "not again and again"
        if outside.secret:
            assert outside.secret not in str(error)

    def test_it_hangs_up_when_it_stops(self, outside: StreamPlatform) -> None:
        with listening(outside) as pages:
            heard(pages, caught_up)
            wait_for(lambda: outside.heard_by, "somebody who listens")
            (*_, wire) = outside.heard_by
        wait_for(lambda: wire.over, "the end of the connection")

    def test_it_is_known_to_go_on(self, outside: StreamPlatform) -> None:
        with opened(outside) as source:
            assert isinstance(source, Streaming)
            assert source.streams
        outside.options["stream"] = False
        with opened(outside) as source:
            assert isinstance(source, Streaming)
            assert not source.streams


class StreamEditContract(StreamContract):
    """For streams that tell of edits."""

    def test_an_edit_is_heard(self, outside: StreamPlatform) -> None:
        with listening(outside) as pages:
            heard(pages, caught_up)
            outside.say(["eins"])
            (first,) = mentions(heard(pages, items))
            outside.edit("eins", "eins, verbessert")
            (second,) = mentions(heard(pages, items))
        assert second.id == first.id
        assert second.text.endswith("eins, verbessert")
        assert second.revision > first.revision


class StreamDeletionContract(StreamContract):
    """For streams that tell of deletions."""

    def test_a_deletion_is_heard_once(self, outside: StreamPlatform) -> None:
        with listening(outside) as pages:
            heard(pages, caught_up)
            outside.say(["eins", "zwei"])
            found = heard(pages, lambda found: len(items(found)) == 2)
            (first,) = [m for m in mentions(found) if m.text.endswith("eins")]
            outside.remove("eins")
            outside.say(["drei"])
            after = heard(pages, lambda found: len(items(found)) == 2)
        (gone,) = deletions(after)
        assert gone.id == first.id
        assert gone.revision > first.revision
