from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.mapping import RowReader, moment

BERLIN = ZoneInfo("Europe/Berlin")


def reader(**options: Any) -> RowReader:
    settings: dict[str, Any] = {
        "columns": {},
        "defaults": {},
        "channels": {},
        "kind": "files",
        "namespace": "",
        "timezone": BERLIN,
        "date_order": "DMY",
        "languages": ("de", "en"),
    }
    return RowReader(**settings | options)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-05T09:00:00+01:00", datetime(2026, 1, 5, 8, tzinfo=UTC)),
        ("2026-01-05T08:00:00Z", datetime(2026, 1, 5, 8, tzinfo=UTC)),
        ("2026-01-05 09:00", datetime(2026, 1, 5, 8, tzinfo=UTC)),
        ("2026-07-05", datetime(2026, 7, 4, 22, tzinfo=UTC)),
        ("05.01.2026 09:00", datetime(2026, 1, 5, 8, tzinfo=UTC)),
        ("5/1/2026 09:00", datetime(2026, 1, 5, 8, tzinfo=UTC)),
        ("5. Januar 2026, 09:00 Uhr", datetime(2026, 1, 5, 8, tzinfo=UTC)),
        ("Jan 5, 2026 9:00 AM", datetime(2026, 1, 5, 8, tzinfo=UTC)),
        ("Mon, 5 Jan 2026 10:00:00 +0200", datetime(2026, 1, 5, 8, tzinfo=UTC)),
        ("1767600000", datetime(2026, 1, 5, 8, tzinfo=UTC)),
        (1_767_600_000_000, datetime(2026, 1, 5, 8, tzinfo=UTC)),
        ("gestern", None),
        ("vor 2 Tagen", None),
        ("14", None),
        ("2026-02-30", None),
        ("2026", None),
        ("", None),
    ],
)
def test_dates(text: object, expected: datetime | None) -> None:
    assert moment(text, BERLIN, "DMY", ("de", "en")) == expected


def test_the_order_of_day_and_month_is_configured() -> None:
    american = moment("5/1/2026", BERLIN, "MDY", ("en",))
    assert american == datetime(2026, 5, 1, tzinfo=BERLIN)


@given(st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(2100, 1, 1)))
def test_iso_dates_are_read_exactly(naive: datetime) -> None:
    found = moment(naive.isoformat(), ZoneInfo("UTC"), "DMY", ("de",))
    assert found == naive.replace(tzinfo=UTC)


def test_columns_parts_and_paths() -> None:
    columns = {"text": "Bewertung", "author.name": "Name", "rating": "Sterne", "title": "a.b"}
    row = {"Bewertung": "gut", "Name": "Ada", "Sterne": "4,5", "a": {"b": "Titel"}, "x": "y"}
    assert reader(columns=columns).fields(row) == {
        "text": "gut",
        "author": {"name": "Ada"},
        "rating": {"value": "4.5"},
        "title": "Titel",
    }


def test_defaults_fill_what_is_missing_or_empty_and_stay_as_they_are() -> None:
    defaults = {"channel": "review", "author": {"kind": "person"}}
    made = reader(defaults=defaults, columns={"channel": "c", "author.name": "n"})
    assert made.fields({"c": "", "n": "Ada"}) == {
        "channel": "review",
        "author": {"kind": "person", "name": "Ada"},
    }
    assert made.fields({"c": "blog", "n": None}) == {
        "channel": "blog",
        "author": {"kind": "person"},
    }


def test_the_longest_host_names_the_channel() -> None:
    channels = {"google.com": "other", "plus.google.com": "social"}
    made = reader(channels=channels, defaults={"channel": "news"})
    for url, channel in (
        ("https://plus.google.com/1", "social"),
        ("https://www.google.com/1", "other"),
        ("https://notgoogle.com/1", "news"),
        ("nonsense", "news"),
    ):
        assert made.fields({"url": url})["channel"] == channel


def test_lists_and_threads() -> None:
    fields = reader(namespace="shop").fields(
        {"tags": "a, b;c", "media": "https://e.org/1", "thread": {"parent_id": "17"}}
    )
    assert fields["tags"] == ["a", "b", "c"]
    assert fields["media"] == [{"url": "https://e.org/1"}]
    assert fields["thread"] == {"parent_id": "files:shop/17"}


def test_the_row_is_left_as_it_was() -> None:
    row = {"thread": {"parent_id": "17"}, "text": "a"}
    reader().fields(row)
    assert row == {"thread": {"parent_id": "17"}, "text": "a"}
