"""What every source that is asked keeps to; each source's tests inherit it.

A subclass says how to make the source and how the place it reads changes; the rest is the same for
all, and so is what the runner may rely on.
"""

import json
import time
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import ClassVar

import pytest
from msgspec import structs

from agents.errors import SourceError
from agents.source import Cursor, Deletion, Item, Page, Refused, Source
from agents.testing.loopback import Loopback
from schemas.mention import RawMention, decode_raw, encode

__all__ = [
    "ConditionalContract",
    "EditContract",
    "Outside",
    "SourceContract",
    "deletions",
    "drain",
    "drain_until_failure",
    "items",
    "mentions",
    "opened",
    "read",
]


class Outside(ABC):
    """The place that a source reads, as the test can change it."""

    kind: ClassVar[str]
    """The source type."""
    secret: ClassVar[str | None] = None
    """What no message may show."""

    @abstractmethod
    def source(self) -> Source:
        """A source that reads it; closed by the caller."""

    @abstractmethod
    def add(self, texts: Sequence[str]) -> None:
        """Say something more, after what was said before."""

    def edit(self, before: str, after: str) -> None:
        """Change what was said; for ``EditContract``."""
        raise NotImplementedError

    @abstractmethod
    def spoil(self) -> None:
        """Add something that cannot become a mention."""

    def vanish(self) -> None:  # noqa: B027 - most places are not there until something is said
        """Be no longer there; not called after anything was added."""

    def empty(self) -> None:  # noqa: B027 - most places are there without anything in them
        """Be there, and hold nothing yet."""

    def trouble(self, how: str, *, after: int) -> None:
        """Go wrong in one of the contract's ``troubles``, after so many more good answers."""
        raise NotImplementedError

    def mend(self) -> None:
        """Be well again."""
        raise NotImplementedError


def through_json(cursor: Cursor) -> Cursor:
    """The cursor as the next process gets it."""
    decoded: Cursor = json.loads(json.dumps(cursor))
    assert decoded == cursor, "a cursor is JSON and nothing else"
    return decoded


@contextmanager
def opened(outside: Outside) -> Iterator[Source]:
    """A source that is closed at the end."""
    source = outside.source()
    try:
        yield source
    finally:
        source.close()


def drain(outside: Outside, cursor: Cursor | None = None) -> list[Page]:
    """All pages from a cursor on that there are now, by a source that remembers nothing else."""
    pages: list[Page] = []
    started = time.time() * 1000 // 1
    with opened(outside) as source, closing(reading(source, cursor)) as read:
        for page in read:
            pages.append(page)
            if page.until is not None and page.until >= started:
                break
    return pages


def reading(source: Source, cursor: Cursor | None = None) -> Generator[Page]:
    """Pages as the runner has them: it writes one before it asks for the next."""
    pages = source.poll(cursor)
    for page in pages:
        yield structs.replace(page, items=list(page.items), cursor=through_json(page.cursor))


def drain_until_failure(
    outside: Outside, cursor: Cursor | None = None
) -> tuple[list[Page], SourceError]:
    """The pages that came before a source failed, and how it did."""
    pages, error = read(outside, cursor)
    if error is None:
        pytest.fail("the source did not fail")
    return pages, error


def read(outside: Outside, cursor: Cursor | None = None) -> tuple[list[Page], SourceError | None]:
    """The pages that one poll gives, and how it failed if it did."""
    with opened(outside) as source:
        return polled(source, cursor)


def polled(source: Source, cursor: Cursor | None) -> tuple[list[Page], SourceError | None]:
    """As ``read``, by a source that is open."""
    pages: list[Page] = []
    try:
        pages.extend(source.poll(cursor))
    except SourceError as error:
        return pages, error
    return pages, None


def items(pages: Sequence[Page]) -> list[Item]:
    """All that pages hold."""
    return [item for page in pages for item in page.items]


def mentions(pages: Sequence[Page]) -> list[RawMention]:
    """The mentions that pages hold."""
    return [item for item in items(pages) if isinstance(item, RawMention)]


def deletions(pages: Sequence[Page]) -> list[Deletion]:
    """The deletions that pages hold."""
    return [item for item in items(pages) if isinstance(item, Deletion)]


class SourceContract(ABC):
    """Inherit, and give the fixture ``outside``.

    Two contracts more are for every source, in classes of their own: ``KillContract`` and
    ``VolumeContract``.
    """

    many = 1_200
    """More than one page of any source."""
    troubles: ClassVar[Sequence[str]] = ()
    """How such a place may go wrong; ``Outside.trouble`` makes it do so."""
    oldest_first = True
    """Whether pages follow each other so; within a page the oldest is first in any case."""

    def texts(self, pages: Sequence[Page]) -> list[str]:
        """What was said, in the order in which it was said."""
        found = mentions(pages)
        if not self.oldest_first:
            found.sort(key=lambda mention: mention.published_at)
        return [mention.text for mention in found]

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Tests with an argument ``trouble`` are run once for each of them."""
        if "trouble" in metafunc.fixturenames:
            metafunc.parametrize("trouble", self.troubles)

    @pytest.fixture
    @abstractmethod
    def outside(self) -> Outside:
        """An empty place."""

    def test_everything_is_read_once_oldest_first(self, outside: Outside) -> None:
        outside.add(["eins", "zwei", "drei"])
        pages = drain(outside)
        assert self.texts(pages) == ["eins", "zwei", "drei"]
        assert len({mention.id for mention in mentions(pages)}) == 3

    def test_what_is_read_is_valid_and_says_where_it_is_from(self, outside: Outside) -> None:
        outside.add(["eins"])
        (mention,) = mentions(drain(outside))
        assert decode_raw(encode(mention)) == mention
        assert mention.id.startswith(f"{outside.kind}:")
        assert mention.collector.source == "it"
        assert mention.collector.feed
        assert mention.revision > 0

    def test_nothing_is_there_yet(self, outside: Outside) -> None:
        outside.empty()
        assert items(drain(outside)) == []

    def test_nothing_new_is_nothing(self, outside: Outside) -> None:
        outside.add(["eins", "zwei"])
        cursor = drain(outside)[-1].cursor
        again = drain(outside, cursor)
        assert items(again) == []
        assert all(page.cursor == cursor for page in again)

    def test_what_is_added_is_all_that_is_new(self, outside: Outside) -> None:
        outside.add(["eins", "zwei"])
        cursor = drain(outside)[-1].cursor
        outside.add(["drei"])
        assert [mention.text for mention in mentions(drain(outside, cursor))] == ["drei"]

    def test_identity_survives_a_lost_cursor(self, outside: Outside) -> None:
        outside.add(["eins", "zwei"])
        first, second = mentions(drain(outside)), mentions(drain(outside))
        assert sorted((m.id, m.revision, m.published_at) for m in first) == sorted(
            (m.id, m.revision, m.published_at) for m in second
        )

    def test_any_page_is_a_place_to_go_on_from(self, outside: Outside) -> None:
        texts = [f"Nummer {number}" for number in range(self.many)]
        outside.add(texts)
        pages = drain(outside)
        assert len(pages) > 1, "too few items to show anything"
        assert self.texts(pages) == texts
        for last in range(0, len(pages), max(len(pages) // 4, 1)):
            rest = drain(outside, pages[last].cursor)
            assert self.texts([*pages[: last + 1], *rest]) == texts

    def test_a_process_that_dies_before_the_cursor_is_kept_repeats_the_same(
        self, outside: Outside
    ) -> None:
        outside.add([f"Nummer {number}" for number in range(self.many)])
        pages = drain(outside)
        for last in range(1, len(pages), max(len(pages) // 4, 1)):
            published = {(m.id, m.revision, m.text) for m in mentions(pages[last : last + 1])}
            again = mentions(drain(outside, pages[last - 1].cursor))
            assert published <= {(m.id, m.revision, m.text) for m in again}

    def test_what_cannot_be_read_is_refused_with_a_reason_and_only_that(
        self, outside: Outside
    ) -> None:
        outside.add(["eins"])
        outside.spoil()
        pages = drain(outside)
        refused = [item for item in items(pages) if isinstance(item, Refused)]
        assert len(refused) == 1
        assert refused[0].value
        assert refused[0].reason
        assert refused[0].error
        assert [mention.text for mention in mentions(pages)] == ["eins"]
        assert items(drain(outside, pages[-1].cursor)) == [], "refused once is enough"

    def test_a_place_that_is_not_there_is_an_error_of_the_source(self, outside: Outside) -> None:
        # Nothing was added yet: there is no file, no feed.
        outside.vanish()
        with pytest.raises(SourceError):
            drain(outside)

    def test_who_cannot_read_says_so_and_loses_nothing(
        self, outside: Outside, trouble: str
    ) -> None:
        outside.add(["eins"])
        before = drain(outside)
        outside.add(["zwei"])
        outside.trouble(trouble, after=0)
        self._survived(outside, before, ["eins", "zwei"])

    def test_who_cannot_read_on_says_so_and_loses_nothing(
        self, outside: Outside, trouble: str
    ) -> None:
        texts = [f"Nummer {number}" for number in range(self.many)]
        outside.add(texts)
        outside.trouble(trouble, after=1)
        found = self._survived(outside, [], texts)
        assert items(found), "the answer before it was good"

    def _survived(
        self, outside: Outside, before: Sequence[Page], texts: Sequence[str]
    ) -> list[Page]:
        """What was read in spite of trouble; all is there once that is over."""
        pages, error = read(outside, before[-1].cursor if before else None)
        if error is None:
            assert self._once([*before, *pages]) == list(texts), "it says that this is all"
        elif outside.secret:
            assert outside.secret not in str(error)
        outside.mend()
        cursor = [*before, *pages][-1].cursor if before or pages else None
        assert self._once([*before, *pages, *drain(outside, cursor)]) == list(texts)
        return pages

    def _once(self, pages: Sequence[Page]) -> list[str]:
        """What was said, without what was only said again of the same."""
        newest = {mention.id: mention for mention in mentions(pages)}
        return [m.text for m in sorted(newest.values(), key=lambda m: m.published_at)]


class EditContract(SourceContract):
    """For places that show that something was changed."""

    def test_an_edit_is_a_newer_revision_of_the_same(self, outside: Outside) -> None:
        outside.add(["eins", "zwei"])
        pages = drain(outside)
        before = {mention.text: mention for mention in mentions(pages)}
        outside.edit("zwei", "zwei, verbessert")
        after = {m.text: m for m in mentions(drain(outside, pages[-1].cursor))}
        edited = after["zwei, verbessert"]
        assert edited.id == before["zwei"].id
        assert edited.revision > before["zwei"].revision
        assert edited.published_at == before["zwei"].published_at

    def test_an_edit_is_reported_once(self, outside: Outside) -> None:
        outside.add(["eins"])
        cursor = drain(outside)[-1].cursor
        outside.edit("eins", "eins, verbessert")
        cursor = drain(outside, cursor)[-1].cursor
        assert items(drain(outside, cursor)) == []


class ConditionalContract:
    """For sources that ask a host for what has changed only; with a fixture ``web``, its server."""

    def test_what_is_as_it_was_is_not_sent_again(self, outside: Outside, web: Loopback) -> None:
        web.etags = True
        outside.add(["eins", "zwei"])
        with opened(outside) as source:
            cursor = _last(source.poll(None))
            assert web.conditions == 0
            assert mentions(list(source.poll(cursor))) == []
            assert web.conditions > 0
            outside.add(["drei"])
            pages = list(source.poll(cursor))
            assert [mention.text for mention in mentions(pages)] == ["drei"]
            assert mentions(list(source.poll(pages[-1].cursor))) == []

    def test_what_was_not_published_is_sent_again(self, outside: Outside, web: Loopback) -> None:
        web.etags = True
        outside.add(["eins", "zwei"])
        with opened(outside) as source:
            with closing(reading(source)) as pages:
                next(pages)  # and this page is not confirmed
            texts = {mention.text for mention in mentions(list(source.poll(None)))}
            assert texts == {"eins", "zwei"}


def _last(pages: Iterable[Page]) -> Cursor:
    return list(pages)[-1].cursor
