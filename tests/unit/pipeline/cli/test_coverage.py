import contextlib
import json
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner

from pipeline.cli import coverage as cli
from pipeline.cli import mentions
from pipeline.cli._shared import console
from pipeline.search.coverage import Period, Row, chart
from schemas.coverage import Coverage, Stretch
from schemas.sources import SourceEntry

START = datetime(2026, 1, 5, tzinfo=UTC)


def message(source: str, hour: float, **fields: object) -> Coverage:
    start, end = START + timedelta(hours=hour), START + timedelta(hours=hour + 1)
    given = {"complete": Stretch(start, end), "polls": 12, "new": 3} | fields
    return Coverage(
        source=source, kind="feeds", agent="h:1", start=start, end=end, expected=300,
        **given,  # type: ignore[arg-type]
    )  # fmt: skip


@pytest.fixture
def rows() -> list[Row]:
    end = START + timedelta(hours=6)
    fine = [message("press", hour, filtered={"too old": 2}) for hour in range(6)]
    failing = [
        message("tags", hour, complete=None, new=0, errors={"RateLimited": 12}, limited_seconds=90)
        for hour in range(2, 6)
    ]
    dark = [*[message("tags", hour) for hour in range(2)], *failing]
    there = {"never": "mastodon", "held": "x"}
    return chart([*fine, *dark], Period(START, end, end, 6), there, {"held"})


def test_dark_sources_stand_out_by_shape_and_place(
    rows: list[Row], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console, "width", 120)
    with console.capture() as shown:
        cli._show(rows, START, START + timedelta(hours=6))
    lines = [line for line in shown.get().splitlines() if line.strip()]
    never, tags, press = (
        next(x for x in lines if name in x) for name in ("never", "tags", "press")
    )
    assert lines.index(never) < lines.index(tags) < lines.index(press)
    assert "xxxxxx" in never
    assert "never read" in never
    assert "██xxxx" in tags
    assert "DARK" in tags
    assert "██████" in press
    assert "DARK" not in press
    assert "RateLimited: 48" in shown.get()
    (held,) = (line for line in lines if "held" in line)
    assert "paused" in held
    assert "DARK" not in held
    assert "left out, too old: 12" in press


def test_a_check_asks_whether_a_period_was_complete(rows: list[Row]) -> None:
    never, tags, press = [row for row in rows if row.source != "held"]
    assert cli._incomplete(never, ended=False)
    assert cli._incomplete(tags, ended=False)
    assert not cli._incomplete(press, ended=False)
    # A source that went dark afterwards does not spoil a period that has ended.
    later = [message("press", hour) for hour in range(6)]
    end = START + timedelta(hours=6)
    (row,) = chart(later, Period(START, end, end + timedelta(days=2), 6))
    assert row.dark
    assert not cli._incomplete(row, ended=True)


def test_machines_are_told_what_is_not_read_on_purpose(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = SourceEntry(table={"type": "feeds"})
    there = {"press": entry, "held": SourceEntry(table=entry.table, paused=True)}
    monkeypatch.setattr(cli, "known", lambda _: there)
    monkeypatch.setattr("pipeline.search.coverage.read", lambda *_: iter(()))
    monkeypatch.setattr("pipeline.search.client.connect_sync", contextlib.nullcontext)
    said = CliRunner().invoke(mentions, ["coverage", "--json"]).stdout.splitlines()
    assert {row["source"]: row["paused"] for row in map(json.loads, said)} == {
        "press": False,
        "held": True,
    }
