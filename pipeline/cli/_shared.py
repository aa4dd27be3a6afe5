"""What several commands need: settings, JSON lines, tables."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click
import msgspec
from rich import box
from rich.console import Console, JustifyMethod
from rich.table import Table

from pipeline.settings import Settings, load

if TYPE_CHECKING:
    from agents.runner import Places

__all__ = ["console", "emit", "json_option", "moment", "places", "settings", "table"]

console = Console()

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}

json_option = click.option(
    "--json", "as_json", is_flag=True, help="One JSON object a line, for machines."
)


def settings(ctx: click.Context) -> Settings:
    """The settings from the file named on the command line, or the default one."""
    return load(ctx.obj)


def places(config: Settings) -> "Places":
    """Where agents find their topics on this cluster."""
    from agents.runner import Places  # noqa: PLC0415 - not needed for --help
    from schemas import topics  # noqa: PLC0415

    kafka = config.kafka
    return Places(
        raw=kafka.topic(topics.RAW),
        dead_letters=kafka.topic(topics.DEAD_LETTER),
        cursors=kafka.topic(topics.CURSORS),
        sources=kafka.topic(topics.SOURCES),
        coverage=kafka.topic(topics.COVERAGE),
        group=kafka.group("agents"),
    )


def moment(_ctx: click.Context, _param: click.Parameter, value: str | None) -> datetime | None:
    """Read ``90s``, ``15m``, ``2h``, ``7d`` or an RFC 3339 time: a callback for ``--since``."""
    if value is None:
        return None
    try:
        if value[:-1].isdecimal() and value[-1] in _UNITS:
            return datetime.now(UTC) - timedelta(**{_UNITS[value[-1]]: int(value[:-1])})
        then = datetime.fromisoformat(value)
    except (ValueError, OverflowError) as error:
        msg = f"{value!r} is neither like 15m, 2h, 7d nor a time like 2026-01-31T12:00:00Z"
        raise click.BadParameter(msg) from error
    return then if then.tzinfo else then.astimezone()


def emit(rows: Iterable[object]) -> None:
    """Print each row as one line of JSON."""
    for row in rows:
        click.echo(msgspec.json.encode(row).decode())


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows for people; numbers stand to the right."""
    grid = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    rows = [["" if cell is None else cell for cell in row] for row in rows]
    for index, name in enumerate(columns):
        cells = [row[index] for row in rows]
        numeric = bool(cells) and all(isinstance(cell, int | float) for cell in cells)
        # The first is the name of the row, for copying: never cut or broken.
        justify: JustifyMethod = "right" if numeric else "left"
        grid.add_column(name, justify=justify, no_wrap=index == 0, overflow="fold")
    for row in rows:
        grid.add_row(*(str(cell) for cell in row))
    console.print(grid)
