"""Something that is told what is new, and what whoever tells it may rely on."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import ClassVar, Final

import pytest
from msgspec import Struct

from agents.errors import SourceError, Unconfirmed
from agents.source import Item, Listener
from schemas.mention import RawMention, decode_raw, encode

__all__ = ["Confirming", "ListenerContract", "Reply", "Sender"]

_PATIENCE: Final = 10.0  # seconds until something that should come must have come
_MOMENT: Final = 0.3  # seconds in which something that must not come would have come


class Confirming:
    """What a listener publishes through; confirms when it is told to."""

    def __init__(self) -> None:
        self.items: list[Item] = []
        """What was confirmed."""
        self.seen: list[Item] = []
        """All that was sent, confirmed or not."""
        self.away = False
        self.confirms = threading.Event()
        self.confirms.set()
        self.asked = threading.Event()

    def __call__(self, items: Sequence[Item], *, within: float | None = None) -> None:
        """Publish."""
        self.seen += items
        self.asked.set()
        assert within is not None, "a sender must not wait for ever"
        if self.away or not self.confirms.wait(within):
            msg = "no broker"
            raise Unconfirmed(msg)
        self.items += items

    @property
    def mentions(self) -> list[RawMention]:
        """The mentions that were confirmed."""
        return [item for item in self.items if isinstance(item, RawMention)]


class Reply(Struct, frozen=True):
    """What a sender is told."""

    accepted: bool
    again: float | None = None
    """Seconds after which to send it again; None: not as it is."""


class Sender(ABC):
    """Whoever tells the listener, as the test can make it."""

    kind: ClassVar[str]
    """The source type."""

    @abstractmethod
    def listener(self) -> Listener:
        """A listener that is not started; started where an earlier one is, its place is taken."""

    @abstractmethod
    def send(self, texts: Sequence[str]) -> Reply:
        """Tell it something, in one message; wait for what it says."""

    @abstractmethod
    def send_half(self, text: str) -> None:
        """Begin to tell it something, and hang up."""

    @abstractmethod
    def spoil(self) -> Reply:
        """Tell it something good, and in the same message what cannot become a mention."""


@contextmanager
def _meanwhile(action: Callable[[], Reply]) -> Iterator[list[Reply]]:
    """Do something in a thread, which has ended after this; its result once there is one."""
    replies: list[Reply] = []
    thread = threading.Thread(target=lambda: replies.append(action()), daemon=True)
    thread.start()
    yield replies
    thread.join(_PATIENCE)
    assert not thread.is_alive(), "the sender waits for ever"


class ListenerContract(ABC):
    """Inherit, and give the fixture ``sender``."""

    @pytest.fixture
    @abstractmethod
    def sender(self) -> Sender:
        """Somebody who has said nothing yet."""

    @pytest.fixture
    def topic(self) -> Confirming:
        """What is published through."""
        return Confirming()

    @pytest.fixture(autouse=True)
    def listener(self, sender: Sender, topic: Confirming) -> Iterator[Listener]:
        """The listener, started."""
        made = sender.listener()
        made.start(topic)
        yield made
        made.close()

    def test_what_is_sent_is_valid_and_says_where_it_is_from(
        self, sender: Sender, topic: Confirming
    ) -> None:
        assert sender.send(["eins", "zwei"]) == Reply(accepted=True)
        assert [mention.text for mention in topic.mentions] == ["eins", "zwei"]
        for mention in topic.mentions:
            assert decode_raw(encode(mention)) == mention
            assert mention.id.startswith(f"{sender.kind}:")
            assert mention.collector.source == "it"

    def test_what_is_sent_again_is_the_same(self, sender: Sender, topic: Confirming) -> None:
        sender.send(["eins"])
        sender.send(["eins"])
        sender.send(["zwei"])
        first, again, other = topic.mentions
        assert first.id == again.id != other.id

    def test_nothing_is_nothing(self, sender: Sender, topic: Confirming) -> None:
        assert sender.send([]) == Reply(accepted=True)
        assert topic.items == []

    def test_nothing_is_accepted_before_it_is_confirmed(
        self, sender: Sender, topic: Confirming
    ) -> None:
        topic.confirms.clear()
        with _meanwhile(lambda: sender.send(["eins"])) as replies:
            assert topic.asked.wait(_PATIENCE)
            threading.Event().wait(_MOMENT)
            assert replies == []
            topic.confirms.set()
        assert replies == [Reply(accepted=True)]
        assert len(topic.items) == 1

    def test_who_is_not_heard_is_told_to_come_back_and_loses_nothing(
        self, sender: Sender, topic: Confirming
    ) -> None:
        topic.away = True
        reply = sender.send(["eins"])
        assert not reply.accepted
        assert reply.again
        topic.away = False
        assert sender.send(["eins"]).accepted
        before, after = topic.seen
        assert before.id == after.id, "it may have been published all the same"  # type: ignore[union-attr]

    def test_half_of_something_is_nothing(self, sender: Sender, topic: Confirming) -> None:
        sender.send_half("halb")
        assert sender.send(["ganz"]).accepted
        assert [mention.text for mention in topic.mentions] == ["ganz"]

    def test_what_cannot_be_read_is_refused_as_a_whole(
        self, sender: Sender, topic: Confirming
    ) -> None:
        assert sender.spoil() == Reply(accepted=False)
        assert topic.seen == []
        assert sender.send(["gut"]).accepted

    def test_it_ends_after_what_was_heard_is_answered(
        self, sender: Sender, topic: Confirming, listener: Listener
    ) -> None:
        topic.confirms.clear()
        with _meanwhile(lambda: sender.send(["eins"])) as replies:
            assert topic.asked.wait(_PATIENCE)
            closing = threading.Thread(target=listener.close, daemon=True)
            closing.start()
            topic.confirms.set()
        closing.join(_PATIENCE)
        assert not closing.is_alive()
        assert replies == [Reply(accepted=True)]

    def test_a_place_that_is_taken_is_an_error_of_the_source_and_free_again_later(
        self, sender: Sender, topic: Confirming, listener: Listener
    ) -> None:
        second = sender.listener()
        with pytest.raises(SourceError):
            second.start(topic)
        listener.close()
        second.start(topic)
        assert sender.send(["eins"]).accepted
        second.close()
