import string
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.mention import digest, host, identify, make, milliseconds
from agents.source import SourceConfig
from schemas.mention import TEXT_LIMIT, decode_raw, encode

CONFIG = SourceConfig(type="files", name="it")
NOW = datetime(2026, 1, 5, 8, tzinfo=UTC)


def made(**fields: Any) -> Any:
    return make({"id": "files:1", "channel": "news", "text": "a", **fields}, CONFIG)


@given(st.text())
def test_every_native_id_gives_a_valid_id_and_always_the_same(native: str) -> None:
    id_ = identify("files", native)
    assert id_ == identify("files", native)
    assert made(id=id_).id == id_
    assert decode_raw(encode(made(id=id_))).id == id_


@given(st.text(), st.text())
def test_different_native_ids_give_different_ids(one: str, other: str) -> None:
    if one.strip() != other.strip():
        assert identify("files", one) != identify("files", other)


@given(st.text(alphabet=st.characters(codec=None), max_size=50))
def test_any_text_can_be_published(text: str) -> None:
    mention = made(text=text, title=text, tags=[text], author={"name": text})
    assert decode_raw(encode(mention)) == mention


@given(st.datetimes(timezones=st.timezones()))
def test_times_are_utc_and_make_a_revision(moment: datetime) -> None:
    try:
        mention = made(published_at=moment)
    except msgspec.ValidationError as error:
        assert "out of range" in str(error)  # noqa: PT017 - only at the ends of the calendar
        assert moment.year in {1, 9999}
        return
    assert mention.published_at.utcoffset() == timedelta(0)
    # Times in the hour that a clock change leaves out equal nothing in another zone.
    assert mention.published_at == moment.astimezone(UTC)
    assert mention.revision == milliseconds(min(moment, mention.collected_at)) >= 0


def test_what_is_too_long_is_cut_and_links_are_left_out() -> None:
    mention = made(
        text="x" * (TEXT_LIMIT + 1),
        title="t" * 9_999,
        url="https://example.org/" + "u" * 9_999,
        author={"name": "n" * 9_999, "url": "https://example.org/" + "u" * 9_999},
        tags=["g" * 9_999] * 999,
        media=[{"url": "https://example.org/" + "u" * 9_999}, {"url": "https://example.org/1"}],
    )
    assert decode_raw(encode(mention)) == mention
    assert len(mention.text) == TEXT_LIMIT
    assert mention.collector.truncated
    assert mention.url is None
    assert mention.site == "example.org"
    assert mention.author.url is None
    assert len(mention.tags) == 100
    assert [media.url for media in mention.media] == ["https://example.org/1"]


def test_what_is_missing_is_derived() -> None:
    mention = made(url="https://WWW.Example.org:8080/a")
    assert mention.site == "example.org"
    assert mention.published_at == mention.collected_at
    assert mention.collector.published_estimated
    assert mention.collector.source == "it"
    assert made(published_at=NOW).revision == milliseconds(NOW)
    edited = NOW + timedelta(hours=1)
    assert made(published_at=NOW, edited_at=edited).revision == milliseconds(edited)
    assert made(published_at=NOW, revision=7).revision == 7


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"id": "x" * 600}, "$.id"),
        ({"channel": "telegraph"}, "$.channel"),
        ({"text": 3}, "$.text"),
        ({"author": {"followers": -3}}, "$.author.followers"),
        ({"author": "Ada"}, "$.author"),
        ({"place": {"country": "Germany"}}, "$.place.country"),
        ({"published_at": datetime(2026, 1, 1)}, "$.published_at"),
    ],
)
def test_what_is_wrong_is_named(fields: dict[str, Any], place: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=place.replace("$", r"\$")):
        made(**fields)


@pytest.mark.parametrize("url", [None, "", "no url", "http://[::1", "mailto:a@b.de", "http://"])
def test_no_host_is_none(url: str | None) -> None:
    assert host(url) is None


@given(st.lists(st.text(alphabet=string.ascii_letters), min_size=2, max_size=4))
def test_a_digest_knows_where_its_parts_end(parts: list[str]) -> None:
    assert digest(*parts) != digest("".join(parts))


def test_what_is_dated_to_come_can_be_deleted_now() -> None:
    mention = made(published_at=datetime(2999, 1, 1, tzinfo=UTC))
    assert mention.published_at.year == 2999
    assert mention.revision <= milliseconds(datetime.now(UTC))
