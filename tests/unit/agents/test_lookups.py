"""What counts as evidence that a post is gone, and how far a look-up comes that breaks off."""

import logging
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from agents.errors import Missing, RateLimited, SourceError
from agents.listed import Listed, ListedConfig, Listing, Post
from agents.lookups import GONE, each
from agents.source import Page
from agents.testing import deletions, mentions

START = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)


class Board(Listed):
    """A platform that shows what it is told to show."""

    kind = "board"
    channel = "forum"

    def __init__(self, *posts: str, **options: Any) -> None:
        super().__init__(ListedConfig(type="board", name="it", **{"recheck": 0, **options}))
        self.there = list(posts)
        """The newest first."""
        self.listed = True
        """Whether its listing shows anything."""
        self.blind = False
        """Whether its look-ups show nothing."""
        self.looked: list[Sequence[str]] = []

    def queries(self) -> Sequence[str]:
        return ["all"]

    def listing(self, query: str, at: Any, since: datetime) -> Listing:  # noqa: ARG002
        return Listing(self.there if self.listed else [])

    def post(self, row: Any, query: str) -> Post:  # noqa: ARG002
        return Post(native=row, published=START, fields={"text": row})

    def lookup(self, keys: Sequence[str]) -> Mapping[str, Any]:
        self.looked.append(list(keys))
        return {} if self.blind else {key: key for key in keys if key in self.there}


class Single(Board):
    """One that takes a request for each post, and grants so many."""

    batch = 20
    left = 1_000

    def lookup(self, keys: Sequence[str]) -> Mapping[str, Any]:
        return each(keys, self.one)

    def one(self, key: str) -> Mapping[str, Any]:
        if not self.left:
            msg = "too much"
            raise RateLimited(msg, 60)
        self.left -= 1
        self.looked.append([key])
        if key not in self.there:
            raise Missing(key)
        return {key: key}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds by which it is later than it is."""
    real, later = time.time, [0.0]
    monkeypatch.setattr(time, "time", lambda: real() + later[0])
    return later


def poll(source: Board, cursor: Any = None) -> list[Page]:
    return list(source.poll(cursor))


def gone(pages: Sequence[Page]) -> list[str]:
    return sorted(item.id.removeprefix("board:") for item in deletions(pages))


def test_an_answer_that_shows_something_is_believed_in_what_it_leaves_out() -> None:
    board = Board("a", "b", "c")
    cursor = poll(board)[-1].cursor
    board.looked.clear()
    board.there = ["a"]
    assert gone(poll(board, cursor)) == ["b", "c"]
    assert len(board.looked) == 1, "nothing has to be asked twice"


def test_one_that_shows_nothing_is_not_believed_however_long_it_lasts(
    clock: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    board = Board("a", "b", "c", "d")
    cursor = poll(board)[-1].cursor
    board.blind = True
    for hours in (0, 20, 40, 60):
        clock[0] = hours * 3_600
        pages = poll(board, cursor)
        assert gone(pages) == []
        cursor = pages[-1].cursor
    assert [record.levelno for record in caplog.records] == [logging.WARNING], "it is said once"
    board.blind = False
    board.there = ["a", "b", "c"]
    assert gone(poll(board, cursor)) == ["d"]


def test_with_a_witness_that_is_shown_one_post_alone_is_believed_to_be_gone() -> None:
    board = Board("a", "b", "c", recheck=3_600)
    cursor = poll(board)[-1].cursor
    cursor["seen"]["c"][3] -= 90_000
    board.there = ["a", "b"]
    board.looked.clear()
    pages = poll(board, cursor)
    assert gone(pages) == ["c"]
    assert board.looked == [["c"], ["a", "b", "c"]]
    assert pages[-1].cursor["silent"] == {}


def test_where_listings_show_nothing_what_is_known_is_asked_along() -> None:
    board = Board("a", "b", "c", recheck=3_600)
    cursor = poll(board)[-1].cursor
    cursor["seen"]["c"][3] -= 90_000
    board.listed, board.there = False, ["a", "b"]
    assert gone(poll(board, cursor)) == ["c"]


@pytest.mark.parametrize(("posts", "believed"), [("a", "a"), ("abc", "abc"), ("abcd", "")])
def test_all_of_a_few_may_be_gone_which_is_believed_after_a_day(
    clock: list[float], posts: str, believed: str
) -> None:
    board = Board(*posts)
    cursor = poll(board)[-1].cursor
    board.there = []
    for hours in (0, 12, 23):
        clock[0] = hours * 3_600
        pages = poll(board, cursor)
        assert gone(pages) == []
        cursor = pages[-1].cursor
    clock[0] = 25 * 3_600
    assert gone(poll(board, cursor)) == list(believed)


def test_a_day_without_reading_the_listings_proves_nothing(clock: list[float]) -> None:
    class Half(Board):
        def queries(self) -> Sequence[str]:
            return ["all", "refused"]

        def listing(self, query: str, at: Any, since: datetime) -> Listing:
            if query == "refused":
                raise SourceError(query)
            return super().listing(query, at, since)

    def read(board: Board, cursor: Any) -> list[Page]:
        pages: list[Page] = []
        with pytest.raises(SourceError):
            pages.extend(board.poll(cursor))
        return pages

    board = Half("a")
    cursor = read(board, None)[-1].cursor
    board.there = []
    for hours in (0, 30, 60):
        clock[0] = hours * 3_600
        pages = read(board, cursor)
        assert gone(pages) == []
        cursor = pages[-1].cursor


def test_what_the_platform_says_to_be_gone_needs_no_witness() -> None:
    class Outspoken(Board):
        def lookup(self, keys: Sequence[str]) -> Mapping[str, Any]:
            return dict.fromkeys(set(keys) - set(self.there), GONE)

    board = Outspoken("a")
    cursor = poll(board)[-1].cursor
    board.there = []
    pages = poll(board, cursor)
    assert gone(pages) == ["a"]
    assert gone(poll(board, pages[-1].cursor)) == []


def test_a_landmark_is_asked_along_and_not_published() -> None:
    class Marked(Board):
        def landmark(self, place: str) -> str | None:
            return f"first{place}"

    board = Marked("a")
    cursor = poll(board)[-1].cursor
    board.listed, board.there = False, ["first"]
    pages = poll(board, cursor)
    assert gone(pages) == ["a"]
    assert mentions(pages) == []
    assert set(pages[-1].cursor["seen"]) == set()


def test_each_place_has_evidence_of_its_own() -> None:
    class Places(Board):
        def place(self, key: str) -> str:
            return key[0]

        def lookup(self, keys: Sequence[str]) -> Mapping[str, Any]:
            return {} if keys[0].startswith("b") else super().lookup(keys)

    board = Places("a1", "a2", "b1", "b2")
    cursor = poll(board)[-1].cursor
    board.there = ["a1", "b1", "b2"]
    assert gone(poll(board, cursor)) == ["a2"]


def test_a_place_that_is_silent_is_asked_for_a_few_posts_only() -> None:
    board = Board(*(f"p{number}" for number in range(120)))
    cursor = poll(board)[-1].cursor
    board.blind = True
    cursor = poll(board, cursor)[-1].cursor
    board.looked.clear()
    poll(board, cursor)
    assert [len(keys) for keys in board.looked] == [5]


def test_a_look_up_that_has_to_wait_goes_on_where_it_stopped(clock: list[float]) -> None:
    single = Single(*(f"p{number:02}" for number in range(50)))
    cursor = poll(single)[-1].cursor
    single.looked.clear()
    single.there.remove("p49")
    found: list[str] = []
    for _ in range(8):
        clock[0] += 10
        single.left = 7
        pages = poll(single, cursor)
        found += gone(pages)
        cursor = pages[-1].cursor
    assert found == ["p49"]
    asked = [key for (key,) in single.looked[:50]]
    assert len(set(asked)) == 50, "none is asked for twice before all others are"


def test_one_that_has_to_wait_before_it_found_anything_comes_to_an_end_too() -> None:
    single = Single(*(f"p{number:02}" for number in range(30)))
    cursor = poll(single)[-1].cursor
    single.there = single.there[20:]
    found: list[str] = []
    for _ in range(25):
        single.left = 4
        pages = poll(single, cursor)
        found += gone(pages)
        cursor = pages[-1].cursor
    assert len(found) == 20


def test_a_post_that_cannot_be_had_holds_up_none_of_the_others() -> None:
    class Ill(Single):
        ill = frozenset({"p00"})

        def one(self, key: str) -> Mapping[str, Any]:
            if key in self.ill:
                raise SourceError(key)
            return super().one(key)

    ill = Ill(*(f"p{number:02}" for number in range(25)), recheck=3_600)
    cursor = poll(ill)[-1].cursor
    for known in cursor["seen"].values():
        known[3] -= 90_000
    ill.there.remove("p24")
    found: list[Page] = []
    with pytest.raises(SourceError, match="p00"):
        found.extend(ill.poll(cursor))
    assert gone([*found, *poll(ill, found[-1].cursor)]) == ["p24"]
    ill.ill = frozenset(ill.there)
    with pytest.raises(SourceError):
        found.extend(ill.poll(cursor))
    assert len(found[-1].cursor["seen"]) == 25
    assert found[-1].cursor["seen"]["p01"][3] == cursor["seen"]["p01"][3], "due as before"
