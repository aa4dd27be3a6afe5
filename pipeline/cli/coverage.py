"""``mentions coverage``: the ledger as a table and a heat map."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click

from pipeline.cli._directory import known
from pipeline.cli._shared import console, emit, json_option, moment, settings

if TYPE_CHECKING:
    from pipeline.search.coverage import Row

__all__ = ["command"]

# By shape as well as by colour: terminals, files and eyes differ.
_LOOKS = {
    "complete": ("█", "green"),
    "late": ("▓", "green"),
    "partly": ("▒", "yellow"),
    "dark": ("x", "bold red"),
    "unknown": ("·", "dim"),
    "not due": (" ", "dim"),
}
_LEGEND = "complete, late (closed afterwards), partly, dark, unknown (before its first poll)"


@click.command(
    epilog="""\b
Examples:
  mentions coverage                         the last day of every source
  mentions coverage --since 7d --source tags
  mentions coverage --since 2026-01-05T00:00Z --until 2026-01-06T00:00Z --check
                                            exit code 1 when that day is not complete"""
)
@click.option(
    "--since", default="1d", show_default=True, callback=moment, help="15m, 7d, or a time."
)
@click.option("--until", callback=moment, help="The period's end; now by default.")
@click.option("--source", "sources", multiple=True, help="Only this source; may be repeated.")
@click.option("--parts", default=48, show_default=True, type=click.IntRange(1, 500))
@click.option("--check", is_flag=True, help="Exit code 1 when a source is dark or has a gap.")
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    since: datetime,
    until: datetime | None,
    sources: tuple[str, ...],
    parts: int,
    *,
    check: bool,
    as_json: bool,
) -> None:
    """Show what was collected from each source, and what was not."""
    from pipeline.search.client import connect_sync, explained  # noqa: PLC0415 - not for --help
    from pipeline.search.coverage import Period, chart, read  # noqa: PLC0415

    config = settings(ctx)
    now = datetime.now(UTC)
    end = until or now
    there = known(config)
    expected = {
        name: str(entry.table.get("type"))
        for name, entry in there.items()
        if not sources or name in sources
    }
    paused = {name for name, entry in there.items() if entry.paused}
    with explained(config.elasticsearch), connect_sync(config.elasticsearch) as client:
        messages = list(read(client, config.elasticsearch.alias, since, sources))
    rows = chart(messages, Period(since, end, now, parts), expected, paused)
    if as_json:
        emit(rows)
    else:
        _show(rows, since, end)
    # What is not read on purpose can only be judged by a period that has ended.
    bad = [
        row
        for row in rows
        if (until or not row.paused) and _incomplete(row, ended=until is not None)
    ]
    sys.exit(1 if check and bad else 0)


def _incomplete(row: "Row", *, ended: bool) -> bool:
    holes = bool(row.gaps) or any(cell in {"dark", "partly"} for cell in row.cells)
    return holes or (row.dark and not ended)


def _show(rows: Sequence["Row"], since: datetime, until: datetime) -> None:
    from rich import box  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    span = f"{since.astimezone():%Y-%m-%d %H:%M} to {until.astimezone():%Y-%m-%d %H:%M}"
    grid = Table(title=f"Coverage, {span}", title_justify="left", box=box.SIMPLE_HEAD)
    grid.add_column("source", no_wrap=True)
    grid.add_column("period", no_wrap=True)
    grid.add_column("state")
    for name in ("polls", "new", "known", "rejected"):
        grid.add_column(name, justify="right")
    grid.add_column("trouble", overflow="fold")
    for row in rows:
        cells = Text()
        for cell in row.cells:
            cells.append(*_LOOKS[cell])
        state = Text("DARK", "bold red") if row.dark else Text("ok", "green")
        if row.paused:
            state = Text("paused", "dim")
        figures = (str(n) for n in (row.polls, row.new, row.known, row.rejected))
        grid.add_row(row.source, cells, state, *figures, _trouble(row))
    console.print(grid)
    legend = Text(" ".join(look for look, _ in list(_LOOKS.values())[:5]))
    console.print(legend, f" = {_LEGEND}", highlight=False)


def _trouble(row: "Row") -> str:
    parts = [f"{name}: {count}" for name, count in sorted(row.errors.items())]
    parts += [f"left out, {why}: {count}" for why, count in sorted(row.filtered.items())]
    if row.dark:
        last = row.complete_until
        parts.insert(0, f"nothing since {last.astimezone():%m-%d %H:%M}" if last else "never read")
    if row.limited_seconds:
        parts.append(f"asked to wait {timedelta(seconds=round(row.limited_seconds))}")
    parts += [
        f"gap {gap.start.astimezone():%m-%d %H:%M} to {gap.end.astimezone():%m-%d %H:%M}"
        for gap in row.gaps
    ]
    return ", ".join(parts)
