"""What the base of all platforms does beyond the contract: bounds, rhythm, a past of any length."""

import contextlib
import itertools
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from msgspec import structs

from agents.errors import Busy, Denied, Expired, RateLimited, SourceError
from agents.listed import Listed, ListedConfig, Listing, Post
from agents.source import Page
from agents.testing import deletions, mentions
from schemas import topics

NOW = datetime.now(UTC).replace(microsecond=0)


class Endless(Listed):
    """A platform with as many posts as asked for, a second apart; nothing is kept of them."""

    kind = "endless"
    channel = "forum"

    def __init__(self, posts: int, **options: Any) -> None:
        super().__init__(ListedConfig(type="endless", name="it", **options))
        self.posts = posts
        self.asked: list[tuple[str, Any]] = []
        self.looked: list[Sequence[str]] = []
        self.names = ["all"]
        self.fails: Exception | None = None
        self.gone: set[str] = set()

    def queries(self) -> Sequence[str]:
        return self.names

    def listing(self, query: str, at: Any, since: datetime) -> Listing:  # noqa: ARG002
        self.asked.append((query, at))
        if self.fails:
            raise self.fails
        first = at or 0
        rows = range(first, min(first + 100, self.posts))
        return Listing(rows, first + 100 if first + 100 < self.posts else None)

    def post(self, row: Any, query: str) -> Post:  # noqa: ARG002
        at = NOW - timedelta(seconds=row)
        return Post(native=str(row), published=at, fields={"text": f"Nummer {row} " * 5})

    def lookup(self, keys: Sequence[str]) -> Mapping[str, Any]:
        self.looked.append(keys)
        return {key: int(key) for key in keys if key not in self.gone}


@pytest.fixture(autouse=True)
def closed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    made: list[Endless] = []
    begin = Endless.__init__

    def noted(self: Endless, posts: int, **options: Any) -> None:
        begin(self, posts, **options)
        made.append(self)

    monkeypatch.setattr(Endless, "__init__", noted)
    yield
    for source in made:
        source.close()


def drain(source: Endless, cursor: Any = None) -> list[Page]:
    return list(source.poll(cursor))


def test_a_past_of_any_length_is_handed_on_page_by_page() -> None:
    source = Endless(3_000, recheck_for=0)
    pages = source.poll(None)
    next(pages)
    next(pages)
    assert len(source.asked) == 2, "nothing is read before what was read is processed"
    assert max(len(page.items) for page in pages) == 100


def test_the_cursor_is_bounded_and_keeps_the_newest() -> None:
    pages = drain(Endless(5_000, remember=200, recheck_for=0))
    seen = pages[-1].cursor["seen"]
    assert len(seen) <= 250
    assert "0" in seen, "the newest posts are those that change"


def test_posts_are_looked_at_again_less_and_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "NOW", datetime.now(UTC))  # it may be long since it was loaded
    source = Endless(1, recheck=100.0, recheck_for=1.0, history=7)
    cursor = drain(source)[-1].cursor
    start = time.time()
    when = []
    for later in range(0, 5_000, 50):
        monkeypatch.setattr(time, "time", lambda later=later: start + later)
        before = len(source.looked)
        cursor = drain(source, cursor)[-1].cursor
        if len(source.looked) > before:
            when.append(later)
    assert when[0] in {100, 150}
    gaps = [b - a for a, b in itertools.pairwise(when)]
    assert gaps == sorted(gaps), "each wait is at least as long as the one before"
    assert len(when) < 10


def test_a_look_up_finds_what_is_gone_and_takes_batches() -> None:
    source = Endless(120, recheck=0, history=7)
    cursor = drain(source)[-1].cursor
    source.gone = {"7"}
    pages = drain(source, cursor)
    assert [item.id for item in deletions(pages)] == ["endless:7"]
    assert all(len(keys) <= source.batch for keys in source.looked)


def test_a_failing_query_holds_up_none_of_the_others() -> None:
    class Partly(Endless):
        def listing(self, query: str, at: Any, since: datetime) -> Listing:
            if query == "bad":
                msg = "gone"
                raise SourceError(msg)
            return super().listing(query, at, since)

    source = Partly(5)
    source.names = ["bad", "good"]
    pages: list[Page] = []
    with pytest.raises(SourceError, match="1 of 2 queries failed: gone") as failure:
        pages.extend(source.poll(None))
    assert len(mentions(pages)) == 5
    assert failure.value.seconds == source.config.every, "those that work are asked as ever"


def test_what_all_queries_fail_of_is_said_by_its_kind() -> None:
    source = Endless(5)
    source.names = ["a", "b"]
    source.fails = Denied("no")
    with pytest.raises(Denied, match="2 of 2 queries failed: no"):
        drain(source)


def test_a_wait_of_all_queries_is_one_wait() -> None:
    source = Endless(5)
    source.names = ["a", "b", "c"]
    source.fails = RateLimited("wait", 60)
    with pytest.raises(RateLimited, match="3 of 3 queries failed: wait") as limited:
        drain(source)
    assert limited.value.seconds == 60


def test_a_position_that_never_works_does_not_spin() -> None:
    class Lost(Endless):
        def listing(self, query: str, at: Any, since: datetime) -> Listing:  # noqa: ARG002
            self.asked.append((query, at))
            if at:
                raise Expired(query)
            return Listing([0], 100)

    source = Lost(500)
    with pytest.raises(Expired):
        drain(source)
    assert len(source.asked) == 4, "begun anew once"


def test_what_is_found_long_after_it_was_said_is_marked() -> None:
    class Old(Endless):
        def post(self, row: Any, query: str) -> Post:  # noqa: ARG002
            at = NOW - timedelta(days=row * 2)
            return Post(native=str(row), published=at, fields={"text": "a"})

    found = mentions(drain(Old(3, history=30)))
    assert [mention.collector.backfill for mention in found] == [True, True, False]


def test_what_is_left_out_is_counted_by_reason() -> None:
    class Stumps(Endless):
        def post(self, row: Any, query: str) -> Post:
            post = super().post(row, query)
            at = NOW - timedelta(days=row)
            return structs.replace(post, published=at, gone=row == 1)

        def listing(self, query: str, at: Any, since: datetime) -> Listing:
            return structs.replace(super().listing(query, at, since), filtered={"no news": 2})

    source = Stumps(5, history=2.5, recheck_for=0)
    (page, *_) = drain(source)
    assert [mention.text[:8] for mention in mentions([page])] == ["Nummer 2", "Nummer 0"]
    assert page.filtered == {"no news": 2, "not shown": 1, "too old": 2}
    assert page.unchanged == 0
    (again, *_) = drain(source, page.cursor)
    assert again.unchanged == 2
    assert again.filtered == {"no news": 2, "not shown": 1, "too old": 2}


def test_what_is_no_longer_shown_is_a_gap_until_it_is_read_once_more() -> None:
    class Forgetful(Endless):
        def reach(self, query: str) -> float | None:
            return 1.0 if query == "all" else None

    def days_ago(days: float) -> Any:
        return pytest.approx((time.time() - days * 86_400) * 1000, abs=60_000)

    source = Forgetful(5, history=7)
    source.names = ["all", "other"]
    first = drain(source)
    (gap,) = [page.gap for page in first if page.gap]
    assert gap == (days_ago(7), days_ago(1)), "wanted, and not shown to who begins now"
    cursor = first[-1].cursor
    read = int((NOW - timedelta(days=3)).timestamp() * 1000)
    cursor["queries"]["all"]["read"] = read
    pages = drain(source, cursor)
    (gap,) = [page.gap for page in pages if page.gap]
    assert gap == (read, days_ago(1))
    assert not any(page.gap for page in drain(source, pages[-1].cursor))
    ordered = drain(source, source.rewind(pages[-1].cursor, datetime.now(UTC) - timedelta(days=5)))
    assert [page.gap for page in ordered if page.gap] == [(days_ago(5), days_ago(1))]


def test_a_query_without_anything_new_has_no_gap_and_writes_no_cursor_at_each_poll() -> None:
    class Quiet(Endless):
        def reach(self, query: str) -> float | None:  # noqa: ARG002
            return 1.0

        def post(self, row: Any, query: str) -> Post:
            return structs.replace(super().post(row, query), published=NOW - timedelta(days=3))

    source = Quiet(5, history=7, recheck_for=0)
    cursor = drain(source)[-1].cursor
    assert cursor["queries"]["all"]["known"] < (time.time() - 2 * 86_400) * 1000
    again = drain(source, cursor)
    assert not any(page.gap for page in again), "it was read a moment ago"
    assert again[-1].cursor == cursor
    before = cursor["queries"]["all"]["read"]
    cursor["queries"]["all"]["read"] -= 2 * 3_600_000
    assert drain(source, cursor)[-1].cursor["queries"]["all"]["read"] >= before


def test_what_came_to_a_page_while_the_reading_rested_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Threads(Endless):
        """One page for each of two threads, as comments are asked for post by post."""

        batch = 0
        said: Mapping[str, list[datetime]]

        def listing(self, query: str, at: Any, since: datetime) -> Listing:
            self.asked.append((query, at))
            if at and self.fails:
                raise self.fails
            thread = at or "a"
            found = [(thread, when) for when in reversed(self.said[thread]) if when >= since]
            return Listing(found, "b" if at is None else None)

        def post(self, row: Any, query: str) -> Post:  # noqa: ARG002
            thread, when = row
            return Post(native=f"{thread} {when}", published=when, fields={"text": thread})

    def at(hour: int) -> datetime:
        return NOW - timedelta(hours=9 - hour)

    def clock(hour: int) -> None:
        monkeypatch.setattr(time, "time", lambda: at(hour).timestamp())

    source = Threads(0, overlap=900)
    source.said = {"a": [at(0)], "b": [at(1)]}
    source.fails = RateLimited("wait", 3 * 3_600)
    clock(2)
    pages = source.poll(None)
    read = [next(pages)]
    with pytest.raises(RateLimited):
        next(pages)
    source.said["a"].append(at(3))
    source.said["b"].append(at(4))
    source.fails = None
    for hour in (5, 6):
        clock(hour)
        read += drain(source, read[-1].cursor)
    assert sorted(mention.published_at for mention in mentions(read)) == [
        at(0),
        at(1),
        at(3),
        at(4),
    ]
    assert source.asked[2][1] == "b", "it was gone on with"


def test_a_reading_that_begins_anew_knows_what_it_read_anew() -> None:
    class Forgetting(Endless):
        def listing(self, query: str, at: Any, since: datetime) -> Listing:
            if at == 300:
                raise Expired(query)
            return super().listing(query, at, since)

    source = Forgetting(150, history=7, recheck_for=0)
    stale = {"known": 0, "top": 0, "at": 300, "begun": 1_000}
    cursor = drain(source, {"queries": {"all": stale}})[-1].cursor
    assert cursor["queries"]["all"]["known"] == NOW.timestamp() * 1000


def test_replies_that_come_with_look_ups_do_not_make_the_cursor_grow() -> None:
    class Busy(Endless):
        batch = 5

        def lookup(self, keys: Sequence[str]) -> Mapping[str, Any]:
            first = 1_000 * (1 + len(self.looked))
            self.looked.append(keys)
            return {str(row): row for row in [*map(int, keys), *range(first, first + 100)]}

    source = Busy(20, recheck=0, remember=50)
    pages = drain(source, drain(source)[-1].cursor)
    assert len(source.looked) > 1
    assert max(len(page.cursor["seen"]) for page in pages) <= 62
    assert not deletions(pages)


def test_a_backfill_over_known_pages_comes_further_with_every_poll() -> None:
    class Metered(Endless):
        left = 0

        def listing(self, query: str, at: Any, since: datetime) -> Listing:
            if not self.left:
                raise RateLimited(query, 60)
            self.left -= 1
            return super().listing(query, at, since)

    source = Metered(1_000, recheck_for=0)
    source.left = 20
    cursor = source.rewind(drain(source)[-1].cursor, NOW - timedelta(days=8))
    source.asked.clear()
    for _ in range(4):
        source.left = 3
        with contextlib.suppress(RateLimited):
            for page in source.poll(cursor):
                cursor = page.cursor
    assert [at for _, at in source.asked[:10]] == [None, *range(100, 1_000, 100)]


def test_a_cursor_fits_a_message_of_kafka_however_long_ids_are() -> None:
    class Long(Endless):
        def post(self, row: Any, query: str) -> Post:
            post = super().post(row, query)
            return structs.replace(post, native=f"{row:0200}")

    pages = drain(Long(6_000, remember=20_000, recheck_for=0, history=7))
    sizes = [len(msgspec.json.encode(page.cursor)) for page in pages]
    assert 1_000_000 < max(sizes) < topics.CURSORS.max_message_bytes
    assert f"{0:0200}" in pages[-1].cursor["seen"], "the newest posts are those that change"


@pytest.mark.parametrize(("days", "said"), [(7, 1), (0, 0)])
def test_what_is_looked_at_no_more_for_want_of_room_is_said_once(
    caplog: pytest.LogCaptureFixture, days: int, said: int
) -> None:
    source = Endless(500, remember=100, recheck_for=days)
    drain(source)
    assert [record.message.startswith("it: posts until") for record in caplog.records] == [
        True
    ] * said


def test_what_the_platform_does_not_say_is_left_as_it_is() -> None:
    class Silent(Endless):
        def lookup(self, keys: Sequence[str]) -> Mapping[str, Any]:
            return {**super().lookup(keys), "1": None}

    source = Silent(3, recheck=100)
    cursor = drain(source)[-1].cursor
    for known in cursor["seen"].values():
        known[3] -= 1_000
    source.gone = {"2"}
    pages = drain(source, cursor)
    assert [item.id for item in deletions(pages)] == ["endless:2"]
    assert pages[-1].cursor["seen"]["1"][3] > cursor["seen"]["1"][3], "it is due later"


def test_what_came_along_with_another_is_not_asked_for_again() -> None:
    class Threads(Endless):
        def lookup(self, keys: Sequence[str]) -> Mapping[str, Any]:
            self.looked.append(keys)
            return {str(number): number for number in range(self.posts)}

    source = Threads(120, recheck=0)
    cursor = drain(source)[-1].cursor
    source.looked.clear()
    drain(source, cursor)
    assert len(source.looked) == 1


def test_what_cannot_be_asked_for_is_left_as_it_was_found() -> None:
    class Others(Endless):
        def can_be_asked_for(self, key: str) -> bool:
            return key != "7"

    source = Others(10, recheck=0)
    cursor = drain(source)[-1].cursor
    source.gone = {"6", "7"}
    assert [item.id for item in deletions(drain(source, cursor))] == ["endless:6"]


def test_a_listing_may_be_ordered_by_the_last_change() -> None:
    class Changing(Endless):
        def post(self, row: Any, query: str) -> Post:
            old = NOW - timedelta(days=300)
            return structs.replace(super().post(row, query), published=old, listed=NOW)

    (mention,) = mentions(drain(Changing(1)))
    assert mention.published_at == NOW - timedelta(days=300)


class Waits(Endless):
    """Of its listings the first is on a host that asks to wait."""

    waits = 30.0

    def __init__(self, posts: int, **options: Any) -> None:
        super().__init__(posts, recheck=0, every=100, **options)
        self.names = ["waits", "goes on"]

    def listing(self, query: str, at: Any, since: datetime) -> Listing:
        if query == "waits":
            msg = "wait"
            raise RateLimited(msg, self.waits)
        return super().listing(query, at, since)


@pytest.mark.parametrize(("waits", "again"), [(30.0, 30.0), (3_000.0, 100.0)])
def test_a_wait_of_one_listing_holds_up_neither_the_others_nor_looking_again(
    waits: float, again: float
) -> None:
    source = Waits(5)
    source.waits = waits
    pages: list[Page] = []
    with pytest.raises(RateLimited) as limited:
        pages.extend(source.poll(None))
    assert len(mentions(pages)) == 5
    assert source.looked
    assert limited.value.seconds == again, "the others are read as often as ever"


def test_while_all_listings_wait_the_posts_that_are_due_are_looked_at() -> None:
    source = Waits(5)
    source.names = ["goes on"]
    cursor = drain(source)[-1].cursor
    source.names = ["waits"]
    source.looked.clear()
    with pytest.raises(RateLimited) as limited:
        drain(source, cursor)
    assert limited.value.seconds == 30
    assert source.looked


def test_looking_again_that_has_to_wait_is_no_failure_of_the_listings() -> None:
    class NoLookUp(Endless):
        def lookup(self, keys: Sequence[str]) -> Mapping[str, Any]:  # noqa: ARG002
            msg = "wait"
            raise RateLimited(msg, 60)

    source = NoLookUp(5, recheck=0)
    assert len(mentions(drain(source))) == 5


def test_a_busy_host_is_no_failure_where_all_listings_are_there() -> None:
    source = Endless(5)
    source.names = ["a", "b"]
    source.fails = Busy("enough", "a.example")
    with pytest.raises(Busy):
        drain(source)


class Crowded(Endless):
    """Of its listings one is on a host that is busy the first time."""

    def __init__(self, posts: int, **options: Any) -> None:
        super().__init__(posts, **options)
        self.names = [f"l{number}" for number in range(20)]
        self.busy = True

    def listing(self, query: str, at: Any, since: datetime) -> Listing:
        found = super().listing(query, at, since)
        if query == "l7" and self.busy:
            self.busy = False
            msg = "enough"
            raise Busy(msg, "a.example")
        return found


def test_what_is_not_busy_is_read_and_what_was_comes_first_when_there_is_room() -> None:
    source = Crowded(5)
    pages: list[Page] = []
    with pytest.raises(Busy) as busy:
        pages.extend(source.poll(None))
    assert busy.value.host == "a.example"
    assert len(mentions(pages)) == 5
    assert len(source.asked) == 20
    source.asked.clear()
    drain(source, pages[-1].cursor)
    assert source.asked[0] == ("l7", None), "the room would be gone after the others"
    assert len(source.asked) == 20


@pytest.mark.parametrize("error", [Busy("enough", "a.example"), SourceError("500")])
def test_what_is_read_of_a_page_on_which_more_of_a_post_cannot_be_had_is_published(
    error: SourceError,
) -> None:
    class More(Endless):
        ill = True

        def more(self, post: Post) -> dict[str, Any]:
            if self.ill and post.native in {"150", "170"}:
                raise error
            return {}

    source = More(300, recheck_for=0)
    source.names = ["a", "b"]  # what "b" publishes must not stand for what "a" left out
    pages: list[Page] = []
    with pytest.raises(type(error)):
        pages.extend(source.poll(None))
    found = [mention.id for mention in mentions(pages)]
    assert len(found) == len(set(found))
    source.ill = False
    after = drain(source, pages[-1].cursor)
    late = [mention.id for mention in mentions(after)]
    assert len(late) == len(set(late))
    assert len({*found, *late}) == 300
    assert not {*found} & {*late}
    assert mentions(drain(source, after[-1].cursor)) == []
