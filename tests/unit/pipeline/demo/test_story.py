from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.demo import story
from pipeline.demo.story import Post, tell

AROUND = datetime(2026, 11, 24, 5, 30, tzinfo=UTC)


def test_there_is_something_of_everything_to_show() -> None:
    told = tell(AROUND)
    posts = told.posts.values()
    assert len(posts) > 450
    assert {post.where for post in posts} == {
        "microblog", "forum", "video", "social", "review", "mail", "news", "blog",
    }  # fmt: skip
    assert {"de", "en", "fr", "it", "es", "nl", "pl", "tr"} <= {post.line.lang for post in posts}
    assert {post.line.kind for post in posts} == {None, "reply", "repost", "quote"}
    assert sum(bool(post.edits) for post in posts) == 5
    assert sum(post.deleted_at is not None for post in posts) == 3
    assert sum(post.line.copy_of is not None for post in posts) > 5
    assert {post.line.stars for post in posts} == {None, 1, 2, 3, 4, 5}


@given(st.datetimes(datetime(2025, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)))
def test_nothing_is_said_in_the_future_and_answers_follow(around: datetime) -> None:
    told = tell(around)
    for post in told.posts.values():
        moments = [post.said_at, *(at for at, _ in post.edits)]
        if post.deleted_at:
            moments.append(post.deleted_at)
        assert moments == sorted(moments)
        assert moments[-1] <= around
        if post.line.to:
            assert told.posts[post.line.to].said_at < post.said_at


def test_weeks_are_those_before_the_crisis_by_the_local_calendar() -> None:
    told = tell(AROUND)
    here = ZoneInfo("Europe/Berlin")
    # The crisis begins on Sunday the 22nd, so that the last whole week before it ends on the 15th.
    assert told.posts["m001"].said_at == datetime(2026, 10, 26, 6, 52, tzinfo=here)
    assert told.posts["m154"].said_at == datetime(2026, 11, 15, 20, 40, tzinfo=here)
    assert told.posts["m155"].said_at == AROUND - timedelta(minutes=2095)


def test_a_thread_has_one_root() -> None:
    told = tell(AROUND)
    roots = {told.root_of(post) for post in told.posts.values()}
    openers = {post.line.id for post in told.posts.values() if post.line.to is None}
    assert roots <= openers | {None}
    assert told.root_of(told.posts["m164"]) == "m155"


@pytest.mark.parametrize("at", ["gestern", "3 Foo 12:00", "x999+5", "+5"])
def test_a_time_that_is_none_is_named(at: str, monkeypatch: pytest.MonkeyPatch) -> None:
    line = story._Line(at=at, id="m001")
    monkeypatch.setattr(story, "_lines", lambda name, _: [line] if name == "microblog" else [])
    with pytest.raises(ValueError, match=r"m001: .* no time|not in tuple"):
        tell(AROUND)


def test_a_post_comes_through_one_road() -> None:
    roads: list[tuple[bool, bool]] = [
        (post.pushed, post.from_feed) for post in tell(AROUND).posts.values()
    ]
    assert (True, True) not in roads
    assert {(True, False), (False, True), (False, False)} == set(roads)


def test_only_what_is_pushed_changes() -> None:
    changed: list[Post] = [p for p in tell(AROUND).posts.values() if p.edits or p.deleted_at]
    assert changed
    assert all(post.pushed for post in changed)
