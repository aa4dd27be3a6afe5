"""A platform on a loopback server, well and unwell, and what a source makes of it."""

import json
import time
from abc import abstractmethod
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest

from agents import waits
from agents.errors import Denied, RateLimited, SourceError
from agents.source import Page, Rewindable, Source, build
from agents.testing.loopback import Answer, Loopback, Request
from agents.testing.suite import (
    Outside,
    SourceContract,
    deletions,
    drain,
    drain_until_failure,
    items,
    mentions,
    opened,
)

__all__ = [
    "BudgetContract",
    "DeletionContract",
    "Platform",
    "PlatformContract",
    "PositionContract",
    "Said",
    "TokenContract",
]

_WAIT = 120  # seconds that the loopback platform asks for


@dataclass(frozen=True)
class Said:
    """One post on the loopback platform."""

    number: int
    """From 1, in the order of publishing."""
    text: str
    at: datetime
    edited: datetime | None = None
    gone: bool = False
    bad: bool = False
    """To be served in a shape that cannot become a mention."""


class Platform(Outside):
    """A platform; a subclass answers in its documented shapes.

    Args:
        web: the server; requests come to ``answer``.
    """

    page = 8
    """Most posts in one answer."""
    reach: ClassVar[int] = 40
    """Days of the past that the platform shows at least."""
    secret: ClassVar[str | None] = None
    """What no message may show."""

    def __init__(self, web: Loopback) -> None:
        self.web = web
        self.start = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2)
        self.posts: list[Said] = []
        self.options: dict[str, Any] = {"overlap": 90}
        self.script: deque[Answer | Callable[[Answer], Answer] | None] = deque()
        """Instead of the next answers to questions for a listing; None lets one through."""
        self.after_listing: Callable[[], None] | None = None
        """Called once, after the next listing is answered."""
        self.unknown = False
        """Whether answers hold fields that nobody has heard of."""
        self.serve()

    def serve(self) -> None:
        """Answer, again where it did not."""
        self.web.handler = self._serve

    @abstractmethod
    def table(self) -> dict[str, Any]:
        """The source's table, without name and ``http``."""

    @abstractmethod
    def answer(self, request: Request) -> Answer | None:
        """What the platform says."""

    @abstractmethod
    def is_listing(self, request: Request) -> bool:
        """Whether a listing is asked for, rather than a token or single posts."""

    def limited(self) -> Answer:
        """How the platform says that too much was asked, with its own headers, for 120 s."""
        return Answer(status=429, headers={"Retry-After": str(_WAIT)})

    def none_left(self, answer: Answer) -> Answer:
        """A good answer after which no request is left for 120 s; for ``BudgetContract``."""
        raise NotImplementedError

    def expired(self) -> Answer:
        """How it says that a position is not known; for ``PositionContract``."""
        raise NotImplementedError

    def denied(self) -> Answer:
        """How it says that a token is not, or no longer, good; for ``TokenContract``."""
        raise NotImplementedError

    def source(self) -> Source:
        """A source that reads it."""
        table = {
            "name": "it",
            "http": {"allow_private": True, "timeout": 2, "per_second": 1_000},
            **self.table(),
            **self.options,
        }
        made = build(table)
        assert isinstance(made, Source)
        return made

    def add(self, texts: Sequence[str]) -> None:
        """Publish posts, a minute between two."""
        for text in texts:
            number = len(self.posts) + 1
            self.posts.append(Said(number, text, self.start + timedelta(minutes=number)))

    def edit(self, before: str, after: str) -> None:
        """Change a post a moment ago; the source is made to look again at once."""
        now = datetime.now(UTC)
        self._change(before, text=after, edited=now)

    def remove(self, text: str) -> None:
        """Delete a post; the source is made to look again at once."""
        self._change(text, gone=True)

    def spoil(self) -> None:
        """Publish what cannot become a mention."""
        self.add([""])
        self.posts[-1] = replace(self.posts[-1], bad=True)

    def vanish(self) -> None:
        """Answer 404 to everything."""
        self.web.handler = lambda _: Answer(status=404)

    @staticmethod
    def waited() -> None:
        """Let the time pass that a host asked to wait."""
        waits.clear()

    @property
    def there(self) -> list[Said]:
        """What can be read, the newest first."""
        return [said for said in reversed(self.posts) if not said.gone]

    def _change(self, what: str, **changes: Any) -> None:
        self.options["recheck"] = 0
        self.posts = [replace(s, **changes) if s.text == what else s for s in self.posts]

    def _serve(self, request: Request) -> Answer | None:
        answer = self.answer(request)
        if self.unknown and answer is not None and answer.body.startswith((b"{", b"[")):
            answer = replace(answer, body=json.dumps(_more(json.loads(answer.body))).encode())
        if not self.is_listing(request):
            return answer
        scripted = self.script.popleft() if self.script else None
        if callable(scripted):
            assert answer is not None
            return scripted(answer)
        if scripted is None and self.after_listing is not None:
            then, self.after_listing = self.after_listing, None
            then()
        return scripted or answer

    def listings(self) -> list[Request]:
        """The questions for a listing so far."""
        return [request for request in self.web.requests if self.is_listing(request)]


def _more(value: Any) -> Any:
    """The same JSON with an unknown field in every object."""
    if isinstance(value, dict):
        return {**{k: _more(v) for k, v in value.items()}, "xUnknown": {"to": ["us", None]}}
    if isinstance(value, list):
        return [_more(item) for item in value]
    return value


def _cut(answer: Answer) -> Answer:
    """The connection ends in the middle of the body."""
    return replace(answer, body=answer.body[: len(answer.body) // 2], length=len(answer.body))


def _half(answer: Answer) -> Answer:
    """A whole answer with half a document."""
    return replace(answer, body=answer.body[: len(answer.body) // 2])


_BROKEN: dict[str, Answer | Callable[[Answer], Answer]] = {
    "500": Answer(status=500),
    "502 with a page for people": Answer(b"<html>Bad Gateway</html>", 502),
    "503": Answer(status=503),
    "504": Answer(status=504),
    "disconnected": _cut,
    "half a document": _half,
    "a page for people": Answer(b"<html>Wartung</html>", headers={"Content-Type": "text/html"}),
    "nothing": Answer(headers={"Content-Type": "application/json"}),
    "another shape": Answer(b'["odd"]', headers={"Content-Type": "application/json"}),
    "not even JSON's idea of one": Answer(b"3", headers={"Content-Type": "application/json"}),
}


class PlatformContract(SourceContract):
    """Inherit, and give the fixture ``outside`` as a ``Platform``."""

    many = 30
    oldest_first = False

    @pytest.fixture
    @abstractmethod
    def outside(self) -> Platform:
        """An empty platform."""

    def test_nothing_is_there_yet(self, outside: Platform) -> None:
        assert items(drain(outside)) == []

    def test_what_is_known_is_not_read_again_page_by_page(self, outside: Platform) -> None:
        outside.add([f"Nummer {number}" for number in range(self.many)])
        cursor = drain(outside)[-1].cursor
        pages = len(outside.listings())
        assert pages > 1, "too few posts to show anything"
        outside.add(["neu"])
        assert self.texts(drain(outside, cursor)) == ["neu"]
        assert len(outside.listings()) - pages < pages

    def test_each_page_is_processed_before_the_next_is_asked_for(self, outside: Platform) -> None:
        outside.add([f"Nummer {number}" for number in range(self.many)])
        with opened(outside) as source:
            next(iter(source.poll(None)))
            asked = len(outside.listings())
        drain(outside)
        assert asked < len(outside.listings()) - asked

    def test_a_past_of_any_length_takes_the_memory_of_a_page(self, outside: Platform) -> None:
        number = self.many * 2
        outside.options |= {"remember": 10}
        outside.add([f"Nummer {one}" for one in range(number)])
        read, sizes = 0, []
        with opened(outside) as source:
            for page in source.poll(None):
                # All that is kept from one page to the next is in its cursor.
                sizes.append(len(json.dumps(page.cursor)))
                read += len(page.items)
                assert len(page.items) < number / 2
        assert read == number
        half = len(sizes) // 2
        assert max(sizes[half:]) <= 1.3 * max(sizes[:half]), "it grows with what is read"

    def test_what_arrives_while_it_reads_is_neither_lost_nor_doubled(
        self, outside: Platform
    ) -> None:
        texts = [f"Nummer {number}" for number in range(self.many)]
        outside.add(texts)
        # Everything moves by three places, so that the next page begins with known posts.
        outside.after_listing = lambda: outside.add(["neu 1", "neu 2", "neu 3"])
        first = drain(outside)
        second = drain(outside, first[-1].cursor)
        assert self.texts([*first, *second]) == [*texts, "neu 1", "neu 2", "neu 3"]

    def test_a_wait_is_kept_and_loses_nothing(self, outside: Platform) -> None:
        texts = [f"Nummer {number}" for number in range(self.many)]
        outside.add(texts)
        outside.script.extend([None, outside.limited()])
        with opened(outside) as source:
            pages: list[Page] = []
            with pytest.raises(RateLimited) as limited:
                pages.extend(source.poll(None))
            assert limited.value.seconds is not None
            assert _WAIT - 20 < limited.value.seconds <= _WAIT + 1
            asked = len(outside.web.requests)
            with pytest.raises(RateLimited):
                list(source.poll(None))
            assert len(outside.web.requests) == asked, "it asked again too early"
        # Later, in another process; a page that nobody kept is read again.
        outside.waited()
        assert self.texts(drain(outside)) == texts

    def test_a_page_before_a_wait_is_kept(self, outside: Platform) -> None:
        texts = [f"Nummer {number}" for number in range(self.many)]
        outside.add(texts)
        outside.script.extend([None, outside.limited()])
        pages, error = drain_until_failure(outside)
        assert isinstance(error, RateLimited)
        outside.waited()
        rest = drain(outside, pages[-1].cursor)
        assert self.texts([*pages, *rest]) == texts

    @pytest.mark.parametrize("how", _BROKEN)
    def test_a_broken_answer_is_an_error_and_loses_nothing(
        self, outside: Platform, how: str
    ) -> None:
        texts = [f"Nummer {number}" for number in range(self.many)]
        outside.add(texts)
        outside.script.extend([None, *[_BROKEN[how]] * 5])
        pages, error = drain_until_failure(outside)
        outside.script.clear()
        if outside.secret:
            assert outside.secret not in str(error)
        assert pages, "the page before it was good"
        rest = drain(outside, pages[-1].cursor)
        assert self.texts([*pages, *rest]) == texts

    def test_fields_that_nobody_has_heard_of_do_no_harm(self, outside: Platform) -> None:
        outside.unknown = True
        outside.add(["eins", "zwei"])
        assert self.texts(drain(outside)) == ["eins", "zwei"]

    def test_a_clock_that_is_ahead_hides_nothing(self, outside: Platform) -> None:
        outside.add(["eins"])
        outside.posts[0] = replace(outside.posts[0], at=datetime.now(UTC) + timedelta(days=300))
        pages = drain(outside)
        outside.posts.append(Said(2, "zwei", datetime.now(UTC)))
        after = drain(outside, pages[-1].cursor)
        assert [m.text for m in mentions([*pages, *after])] == ["eins", "zwei"]

    def test_a_backfill_reads_again_from_a_moment_on(self, outside: Platform) -> None:
        outside.options["history"] = 0.2
        now = datetime.now(UTC)
        outside.add(["alt", "neu"])
        first, second = outside.posts
        outside.posts = [
            replace(first, at=now - timedelta(days=outside.reach)),
            replace(second, at=now - timedelta(hours=1)),
        ]
        pages = drain(outside)
        assert self.texts(pages) == ["neu"]
        with opened(outside) as source:
            assert isinstance(source, Rewindable)
            since = now - timedelta(days=outside.reach + 1)
            cursor = source.rewind(pages[-1].cursor, since)
        (old,) = mentions(drain(outside, cursor))
        assert old.text == "alt"
        assert old.collector.backfill
        assert time.time() - old.published_at.timestamp() > (outside.reach - 1) * 86_400


class DeletionContract(PlatformContract):
    """For platforms that show that something is gone."""

    def test_a_deletion_is_a_tombstone_once(self, outside: Platform) -> None:
        outside.add(["eins", "zwei", "drei"])
        pages = drain(outside)
        before = {mention.text: mention for mention in mentions(pages)}
        outside.remove("zwei")
        after = drain(outside, pages[-1].cursor)
        (gone,) = deletions(after)
        assert gone.id == before["zwei"].id
        assert gone.revision > before["zwei"].revision
        assert mentions(after) == []
        assert items(drain(outside, after[-1].cursor)) == []

    @pytest.mark.parametrize("status", [401, 403, 404])
    def test_who_may_see_nothing_any_more_takes_nothing_for_deleted(
        self, outside: Platform, status: int
    ) -> None:
        outside.add(["eins", "zwei", "drei"])
        cursor = drain(outside)[-1].cursor
        outside.options["recheck"] = 0
        outside.web.handler = lambda _: Answer(status=status)
        pages, _ = drain_until_failure(outside, cursor)
        assert items(pages) == []
        outside.serve()
        outside.remove("zwei")
        last = pages[-1].cursor if pages else cursor
        assert len(deletions(drain(outside, last))) == 1

    def test_a_look_up_that_shows_nothing_any_more_takes_nothing_for_deleted(
        self, outside: Platform
    ) -> None:
        outside.add(["eins", "zwei", "drei"])
        cursor = drain(outside)[-1].cursor
        outside.options["recheck"] = 0
        # Listings are as ever; what single posts are asked by has moved, or is closed to us.
        outside.web.handler = lambda request: (
            outside.answer(request) if outside.is_listing(request) else Answer(status=404)
        )
        try:
            pages = drain(outside, cursor)
        except SourceError:
            pages = []
        assert items(pages) == []
        outside.serve()
        outside.remove("zwei")
        assert len(deletions(drain(outside, pages[-1].cursor if pages else cursor))) == 1


class BudgetContract(PlatformContract):
    """For platforms that say how many requests are left."""

    def test_the_last_request_of_a_budget_is_the_last(self, outside: Platform) -> None:
        texts = [f"Nummer {number}" for number in range(self.many)]
        outside.add(texts)
        outside.script.append(outside.none_left)
        pages, error = drain_until_failure(outside)
        assert isinstance(error, RateLimited)
        assert error.seconds is not None
        assert _WAIT - 20 < error.seconds <= _WAIT + 1
        assert len(outside.listings()) == 1
        outside.waited()
        rest = drain(outside, pages[-1].cursor)
        assert self.texts([*pages, *rest]) == texts


class PositionContract(PlatformContract):
    """For platforms that forget positions in listings; a moment or an id does not expire."""

    def test_an_unknown_position_means_beginning_anew(self, outside: Platform) -> None:
        texts = [f"Nummer {number}" for number in range(self.many)]
        outside.add(texts)
        with opened(outside) as source:
            page = next(page for page in source.poll(None) if page.items)
        outside.script.append(outside.expired())
        assert self.texts([page, *drain(outside, page.cursor)]) == texts


class TokenContract(PlatformContract):
    """For platforms that are read with a token."""

    def test_a_token_that_is_not_taken_is_said_without_showing_it(self, outside: Platform) -> None:
        outside.add(["eins"])
        outside.script.extend([outside.denied()] * 5)
        _, error = drain_until_failure(outside)
        assert isinstance(error, Denied)
        assert outside.secret
        assert outside.secret not in str(error)
        outside.script.clear()
        assert self.texts(drain(outside)) == ["eins"]
