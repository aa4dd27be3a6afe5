from datetime import UTC, datetime
from typing import Any

from msgspec import structs

from agents.mention import make
from agents.repeats import Repeats
from agents.source import SourceConfig
from schemas.mention import Engagement, RawMention

CONFIG = SourceConfig(type="push", name="it")


def mention(**fields: Any) -> RawMention:
    at = datetime(2026, 1, 5, tzinfo=UTC)
    given = {"id": "push:1", "channel": "news", "text": "a", "published_at": at}
    return make({**given, **fields}, CONFIG)


def test_when_and_by_whom_it_was_collected_does_not_count() -> None:
    later = make(
        {"id": "push:1", "channel": "news", "text": "a", "published_at": mention().published_at},
        SourceConfig(type="push", name="another"),
    )
    assert later.collected_at != mention().collected_at
    assert Repeats.fingerprint(later) == Repeats.fingerprint(mention())


def test_everything_else_counts() -> None:
    first = Repeats.fingerprint(mention())
    assert Repeats.fingerprint(mention(text="b")) != first
    assert Repeats.fingerprint(structs.replace(mention(), revision=7)) != first
    assert Repeats.fingerprint(structs.replace(mention(), engagement=Engagement(likes=1))) != first


def test_the_last_version_is_known_until_it_is_deleted_or_too_old() -> None:
    repeats = Repeats(size=2)
    repeats.remember([("a", b"1"), ("b", b"1"), ("a", b"2")], "it")
    assert not repeats.known("a", b"1")
    assert repeats.known("a", b"2")
    repeats.remember([("c", b"1")], "it")
    assert repeats.known("a", b"2")
    assert not repeats.known("b", b"1")
    repeats.forget("a")
    assert not repeats.known("a", b"2")


def test_a_source_that_is_taken_over_is_not_known() -> None:
    repeats = Repeats()
    repeats.remember([("a", b"1"), ("b", b"1")], "one")
    repeats.remember([("b", b"1"), ("c", b"1")], "two")
    repeats.remember([("d", b"1")], "three")
    repeats.forget_sources({"one", "three"})
    assert [repeats.known(name, b"1") for name in "abcd"] == [False, True, True, False]
