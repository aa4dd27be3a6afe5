from datetime import UTC, datetime, timedelta
from typing import Any

from pipeline.search.coverage import Cell, Period, Row, _coverage, chart, document
from schemas.coverage import Coverage, Stretch

START = datetime(2026, 1, 5, tzinfo=UTC)
HOURS = Period(START, START + timedelta(hours=8), START + timedelta(hours=8), 8)


def hour(number: float) -> datetime:
    return START + timedelta(hours=number)


def message(end: float, complete: tuple[float, float] | None = None, **fields: Any) -> Coverage:
    return Coverage(
        source=fields.pop("source", "it"),
        kind="feeds",
        agent="host:1",
        start=hour(end - 0.25),
        end=hour(end),
        expected=300,
        complete=complete and Stretch(hour(complete[0]), hour(complete[1])),
        **fields,
    )


def regular(until: float, since: float = 0) -> list[Coverage]:
    """One message in a quarter of an hour."""
    quarters = range(int(since * 4), int(until * 4))
    return [message(q / 4 + 0.25, (q / 4, q / 4 + 0.25), polls=3, new=2) for q in quarters]


def only(messages: list[Coverage], period: Period = HOURS, **more: Any) -> Row:
    (row,) = chart(messages, period, **more)
    return row


def test_a_source_that_is_read_all_the_time_is_complete() -> None:
    row = only(regular(8))
    assert row.cells == ["complete"] * 8
    assert (row.dark, row.gaps) == (False, [])
    assert (row.polls, row.new) == (96, 64)


def test_a_source_is_dark_from_the_second_missed_interval_on() -> None:
    failing = [message(q / 4 + 0.25, polls=3, errors={"SourceError": 3}) for q in range(20, 32)]
    row = only([*regular(5), *failing])
    assert row.cells == ["complete"] * 5 + ["dark"] * 3
    assert row.dark
    assert row.errors == {"SourceError": 36}
    assert row.complete_until == hour(5)
    # Nine minutes after the last success it is not yet.
    soon = Period(START, hour(5), hour(5) + timedelta(minutes=9), 5)
    assert not only(regular(5), soon).dark
    later = Period(START, hour(5), hour(5) + timedelta(minutes=11), 5)
    assert only(regular(5), later).dark


def test_silence_is_dark_as_well() -> None:
    row = only(regular(5))
    assert row.cells == ["complete"] * 5 + ["dark"] * 3
    assert row.dark


def test_an_outage_that_was_caught_up_with_is_late_not_dark() -> None:
    row = only([*regular(3), message(6.25, (3, 6.25)), *regular(8, 6.25)])
    cells: list[Cell] = ["complete", "complete", "complete", "late", "late", "late"]
    assert row.cells == [*cells, "complete", "complete"]
    assert not row.dark


def test_a_gap_is_red_until_a_backfill_closes_it() -> None:
    gap = Stretch(hour(2), hour(4))
    messages = regular(8)
    messages[16] = message(4.25, (2, 4.25), gap=gap)
    row = only(messages)
    assert row.gaps == [gap]
    assert row.cells[1:5] == ["complete", "dark", "dark", "complete"]
    row = only([*messages, message(8, (1, 8))])
    assert row.gaps == []
    assert "dark" not in row.cells


def test_what_lies_between_two_gaps_is_complete() -> None:
    gaps = (Stretch(hour(1), hour(2)), Stretch(hour(4), hour(5)))
    told = message(5.25, (1, 5.25), gap=Stretch(hour(1), hour(5)), gaps=gaps)
    row = only([*regular(8), told])
    assert row.gaps == list(gaps)
    assert row.cells == ["complete", "dark", "complete", "complete", "dark", *["complete"] * 3]
    assert _coverage(document(told)) == told
    assert only([*regular(8), _coverage(document(told))]).gaps == list(gaps)


def test_a_gap_that_was_indexed_alone_is_still_one() -> None:
    gap = Stretch(hour(1), hour(2))
    old = document(message(3, (2, 3), gap=gap))
    old["gap"] = old["gap"][0]
    assert _coverage(old).unseen == (gap,)


def test_a_moment_is_a_range_that_elasticsearch_takes() -> None:
    moment = Stretch(hour(2), hour(2))
    body = document(message(3, (2, 2), gaps=(moment,)))
    same = {"gte": "2026-01-05T02:00:00Z", "lte": "2026-01-05T02:00:00Z"}
    assert (body["complete"], body["gap"]) == (same, [same])
    again = _coverage(body)
    assert (again.complete, again.unseen) == (moment, (moment,))


def test_what_is_half_there_is_partly() -> None:
    messages = [*regular(2), message(3, (2, 2.5)), *regular(8, 3)]
    assert only(messages).cells[2] == "partly"


def test_before_its_first_poll_and_after_now_nothing_is_claimed() -> None:
    row = only(regular(8, 3))
    assert row.cells[:3] == ["unknown"] * 3
    later = Period(START, hour(16), hour(8), 16)
    assert only(regular(8), later).cells[8:] == ["not due"] * 8


def test_polls_that_failed_before_all_that_is_complete_are_dark_not_unknown() -> None:
    failing = [message(q / 4 + 0.25, polls=3, errors={"SourceError": 3}) for q in range(4, 12)]
    row = only([*failing, *regular(8, 3)])
    assert row.cells[:4] == ["unknown", "dark", "dark", "complete"]


def test_what_was_not_shown_before_all_that_is_complete_is_dark() -> None:
    gap = Stretch(hour(1), hour(3))
    row = only([message(3.25, (3, 3.25), gap=gap), *regular(8, 3)])
    assert row.cells[:4] == ["unknown", "dark", "dark", "complete"]


def test_a_gap_that_two_messages_tell_of_is_one() -> None:
    gap = Stretch(hour(2), hour(3))
    wider = Stretch(hour(2.5), hour(4))
    told = [message(4.25, gap=gap), message(4.5, (1, 4.5), gap=gap), message(5, gap=wider)]
    assert only([*regular(8), *told]).gaps == [Stretch(hour(2), hour(4))]


def test_a_source_that_never_said_anything_is_there_and_dark_and_first() -> None:
    rows = chart(regular(8), HOURS, {"it": "feeds", "silent": "mastodon"})
    assert [(row.source, row.kind, row.dark) for row in rows] == [
        ("silent", "mastodon", True),
        ("it", "feeds", False),
    ]
    assert rows[0].cells == ["dark"] * 8


def test_a_document_holds_ranges_and_what_can_be_counted() -> None:
    gap = Stretch(hour(1), hour(2))
    body = document(message(3, (2, 3), errors={"Denied": 2, "Unreadable": 1}, gap=gap))
    assert body["complete"] == {"gte": "2026-01-05T02:00:00Z", "lt": "2026-01-05T03:00:00Z"}
    assert body["complete_until"] == body["complete"]["lt"], "of a range there is no latest"
    assert body["gap"] == [{"gte": "2026-01-05T01:00:00Z", "lt": "2026-01-05T02:00:00Z"}]
    assert (body["failures"], body["error_classes"]) == (3, ["Denied", "Unreadable"])
    assert "dark" not in body
    assert document(message(3, dark=True))["dark"]
    assert "complete_until" not in document(message(3))
