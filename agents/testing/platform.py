"""A platform on a loopback server, well and unwell, and what a source makes of it."""

import json
import time
from abc import abstractmethod
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Final, Self

import pytest

from agents.errors import Denied, RateLimited, SourceError
from agents.source import Cursor, Page, Rewindable
from agents.testing.host import WAIT, Host, WebContract
from agents.testing.loopback import Answer, Loopback, Request
from agents.testing.suite import (
    SourceContract,
    deletions,
    drain,
    drain_until_failure,
    items,
    mentions,
    opened,
    read,
    reading,
)

__all__ = [
    "BackfillContract",
    "BudgetContract",
    "DeletionContract",
    "Platform",
    "PlatformContract",
    "PositionContract",
    "Said",
    "TokenContract",
]

_MORE: Final = 5  # posts beyond a page that an answer may have to look at


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


class Platform(Host):
    """A platform with posts; a subclass answers in its documented shapes.

    Args:
        web: the server; requests come to ``answer``.
    """

    page = 8
    """Most posts in one answer."""
    most: ClassVar[int] = 100
    """The same of a long past: what the platform documents."""
    each: int | None = None
    """How many posts of a long past a listing shows, where the past is spread over several."""
    reach: ClassVar[int] = 40
    """Days of the past that the platform shows at least."""
    past = 0
    """How many posts there are of a long past, in place of ``posts``."""

    def __init__(self, web: Loopback) -> None:
        super().__init__(web)
        self.start = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2)
        self.posts: list[Said] = []
        self.options |= {"overlap": 90}
        self._top = 0

    def reach_back(self, number: int) -> Self:
        """Have said "Nummer 0", "Nummer 1" and so on; for ``VolumeContract`` and ``KillContract``.

        The posts are made as they are asked for, those around ``newest``.
        """
        self.past = number
        self.page = min(self.most, number // 30)
        self.start = datetime.now(UTC).replace(microsecond=0) - timedelta(days=2)
        self.options |= {"remember": 500, "recheck_for": 0, "every": 3_600}
        return self

    def newest(self, request: Request) -> int:
        """The number of the newest post of a long past that an answer may show.

        All that is not asked for may be left out, and nothing else.
        """
        raise NotImplementedError

    def until(self, moment: float) -> int:
        """The number of the newest post of a long past until then, in seconds since 1970."""
        return min(int(moment - self.start.timestamp()), self.past)

    def said(self, number: int) -> Said:
        """A post of a long past: there is one a second."""
        return Said(number, f"Nummer {number - 1}", self.start + timedelta(seconds=number))

    def none_left(self, answer: Answer) -> Answer:
        """A good answer after which no request is left for 120 s; for ``BudgetContract``."""
        raise NotImplementedError

    def expired(self) -> Answer:
        """How it says that a position is not known; for ``PositionContract``."""
        raise NotImplementedError

    def denied(self) -> Answer:
        """How it says that a token is not, or no longer, good; for ``TokenContract``."""
        raise NotImplementedError

    def unseen(self, request: Request) -> Answer | None:
        """How it answers a look-up where it shows nothing; for ``DeletionContract``."""
        posts, self.posts = self.posts, []
        try:
            return self.answer(request)
        finally:
            self.posts = posts

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

    @property
    def there(self) -> list[Said]:
        """What can be read, the newest first; of a long past what an answer may need."""
        if not self.past:
            return [said for said in reversed(self.posts) if not said.gone]
        below = (self._top - 1) // self.each * self.each if self.each else 0
        return [
            self.said(number)
            for number in range(self._top, max(self._top - self.page - _MORE, below), -1)
        ]

    @property
    def skipped(self) -> int:
        """How many of the newest posts of a listing are left out of ``there``."""
        if not self.past:
            return 0
        return -self._top % self.each if self.each else self.past - self._top

    def _serve(self, request: Request) -> Answer | None:
        if self.past:
            self._top = self.newest(request)
            self.web.requests.clear()  # or it would grow with what is read
        return super()._serve(request)

    def _change(self, what: str, **changes: Any) -> None:
        self.options["recheck"] = 0
        self.posts = [replace(s, **changes) if s.text == what else s for s in self.posts]


class BackfillContract(SourceContract):
    """For what can be read again from a moment on, with ``outside`` as a ``Platform``."""

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
        since = now - timedelta(days=outside.reach + 1)
        cursor = self._rewound(outside, pages[-1].cursor, since)
        (old,) = mentions(drain(outside, cursor))
        assert old.text == "alt"
        assert old.collector.backfill
        assert time.time() - old.published_at.timestamp() > (outside.reach - 1) * 86_400

    def test_an_order_that_is_later_than_what_is_read_loses_nothing(
        self, outside: Platform
    ) -> None:
        outside.options["history"] = 0.2
        now = datetime.now(UTC)
        outside.add(["vorher"])
        outside.posts[0] = replace(outside.posts[0], at=now - timedelta(hours=4))
        cursor = drain(outside)[-1].cursor
        outside.add(["im Dunkeln", "neu"])
        _, dark, new = outside.posts
        outside.posts[1:] = [
            replace(dark, at=now - timedelta(hours=3)),
            replace(new, at=now - timedelta(minutes=10)),
        ]
        cursor = self._rewound(outside, cursor, now - timedelta(hours=1))
        assert {"im Dunkeln", "neu"} <= set(self.texts(drain(outside, cursor)))

    def test_an_order_while_an_older_one_is_under_way_loses_nothing(
        self, outside: Platform
    ) -> None:
        outside.options["history"] = 0.2
        now = datetime.now(UTC)
        outside.add([f"Nummer {number}" for number in range(self.many)])
        # All is older than what the first reading wants, the newest one excepted.
        outside.posts = [
            replace(said, at=now - timedelta(days=1, minutes=self.many - said.number))
            for said in outside.posts
        ]
        outside.posts[-1] = replace(outside.posts[-1], at=now - timedelta(hours=1))
        cursor = drain(outside)[-1].cursor
        cursor = self._rewound(outside, cursor, now - timedelta(days=4))
        with opened(outside) as source, closing(reading(source, cursor)) as pages:
            first = next(pages)
        cursor = self._rewound(outside, first.cursor, now - timedelta(hours=2))
        found = [*mentions([first]), *mentions(drain(outside, cursor))]
        old = {said.text for said in outside.posts[:-1]}
        assert old <= {mention.text for mention in found}

    def _rewound(self, outside: Platform, cursor: Cursor, since: datetime) -> Cursor:
        with opened(outside) as source:
            assert isinstance(source, Rewindable)
            return source.rewind(cursor, since)


class PlatformContract(BackfillContract, WebContract):
    """Inherit, and give the fixture ``outside`` as a ``Platform``."""

    many = 30
    oldest_first = False

    @pytest.fixture
    @abstractmethod
    def outside(self) -> Platform:
        """An empty platform."""

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

    def test_a_clock_that_is_ahead_hides_nothing(self, outside: Platform) -> None:
        outside.add(["eins"])
        outside.posts[0] = replace(outside.posts[0], at=datetime.now(UTC) + timedelta(days=300))
        pages = drain(outside)
        outside.posts.append(Said(2, "zwei", datetime.now(UTC)))
        after = drain(outside, pages[-1].cursor)
        assert [m.text for m in mentions([*pages, *after])] == ["eins", "zwei"]


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

    def test_a_look_up_that_is_answered_with_nothing_takes_nothing_for_deleted(
        self, outside: Platform, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        outside.add(["eins", "zwei", "drei"])
        cursor = drain(outside)[-1].cursor
        outside.options["recheck"] = 0
        # As in an outage, or for who has lost the right to see single posts: no error is said.
        outside.web.handler = lambda request: (
            outside.answer(request) if outside.is_listing(request) else outside.unseen(request)
        )
        for hours in (0, 30, 60):
            at = time.time() + hours * 3_600
            with monkeypatch.context() as clock:
                clock.setattr(time, "time", lambda at=at: at)
                pages = _polled(outside, cursor)
            assert items(pages) == []
            cursor = pages[-1].cursor if pages else cursor
        outside.serve()
        outside.remove("zwei")
        assert len(deletions(drain(outside, cursor))) == 1

    def test_one_post_that_is_looked_up_alone_and_gone_is_deleted(self, outside: Platform) -> None:
        outside.add(["eins", "zwei", "drei"])
        pages = drain(outside)
        (gone,) = (mention.id for mention in mentions(pages) if mention.text == "zwei")
        outside.remove("zwei")
        outside.options["recheck"] = 3_600
        cursor = pages[-1].cursor
        for known in cursor["seen"].values():
            known[3] -= 86_400 if gone in known else 0
        assert [one.id for one in deletions(drain(outside, cursor))] == [gone]

    def test_the_only_post_that_there_was_is_deleted_in_the_end(
        self, outside: Platform, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        outside.add(["eins"])
        pages = drain(outside)
        outside.remove("eins")
        at = time.time()
        for hours in (0, 12, 25):
            with monkeypatch.context() as clock:
                clock.setattr(time, "time", lambda hours=hours: at + hours * 3_600)
                pages += drain(outside, pages[-1].cursor)
        assert len(deletions(pages)) == 1


def _polled(outside: Platform, cursor: Cursor) -> list[Page]:
    """The pages of a poll, whether or not it fails."""
    return read(outside, cursor)[0]


class BudgetContract(PlatformContract):
    """For platforms that say how many requests are left."""

    def test_the_last_request_of_a_budget_is_the_last(self, outside: Platform) -> None:
        texts = [f"Nummer {number}" for number in range(self.many)]
        outside.add(texts)
        outside.script.append(outside.none_left)
        pages, error = drain_until_failure(outside)
        assert isinstance(error, RateLimited)
        assert error.seconds is not None
        assert WAIT - 20 < error.seconds <= WAIT + 1
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
