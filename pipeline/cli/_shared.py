"""What several commands need: settings, JSON lines, tables."""

from collections.abc import Iterable, Sequence

import click
import msgspec
from rich.console import Console
from rich.table import Table

from pipeline.settings import Settings, load

__all__ = ["console", "emit", "json_option", "settings", "table"]

console = Console()

json_option = click.option(
    "--json", "as_json", is_flag=True, help="One JSON object a line, for machines."
)


def settings(ctx: click.Context) -> Settings:
    """The settings from the file named on the command line, or the default one."""
    return load(ctx.obj)


def emit(rows: Iterable[object]) -> None:
    """Print each row as one line of JSON."""
    for row in rows:
        click.echo(msgspec.json.encode(row).decode())


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows for people; numbers stand to the right."""
    grid = Table(title=title, title_justify="left", title_style="bold")
    rows = [list(row) for row in rows]
    for index, name in enumerate(columns):
        numeric = bool(rows) and all(isinstance(row[index], int | float) for row in rows)
        first = index == 0  # names are for copying: never cut or broken
        grid.add_column(name, justify="right" if numeric else "left", no_wrap=first)
    for row in rows:
        grid.add_row(*("" if cell is None else str(cell) for cell in row))
    console.print(grid)
