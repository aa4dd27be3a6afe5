"""``mentions export``: everything a query finds, to a file."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Final

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from pipeline.cli._shared import moment, settings

__all__ = ["command"]

_SUFFIXES: Final = {".jsonl": "json", ".json": "json", ".csv": "csv", ".parquet": "parquet"}


@click.command(
    epilog="""\b
Examples:
  mentions export '*' --from 30d -o month.parquet
  mentions export 'topics:Acme sentiment.label:negative' --from 2026-01-01 --to 2026-02-01 -o a.csv
  mentions export 'channel:review' > reviews.jsonl

The query is that of 'mentions search'; times are those at which mentions were said. JSON Lines
have the documents whole; CSV and Parquet are one flat table whose last column is the whole."""
)
@click.argument("query")
@click.option("--from", "since", callback=moment, help="Said since: 15m, 2h, 7d or a time.")
@click.option("--to", "until", callback=moment, help="Said before: 15m, 2h, 7d or a time.")
@click.option(
    "--format",
    "form",
    type=click.Choice(("json", "csv", "parquet")),
    help="By default what the file's name ends in, else JSON Lines.",
)
@click.option(
    "--output", "-o", type=click.Path(path_type=Path, dir_okay=False), help="By default stdout."
)
@click.pass_context
def command(
    ctx: click.Context,
    *,
    query: str,
    since: datetime | None,
    until: datetime | None,
    form: str | None,
    output: Path | None,
) -> None:
    """Write every mention that QUERY finds, the oldest first."""
    from pipeline.formats import writer  # noqa: PLC0415 - not needed for --help
    from pipeline.search.client import connect_sync, explained  # noqa: PLC0415
    from pipeline.search.query import count, scan  # noqa: PLC0415

    form = form or _SUFFIXES.get(output.suffix if output else "", "json")
    out = click.get_binary_stream("stdout")
    if output is None and form == "parquet" and out.isatty():
        msg = "Parquet is nothing to look at: name a file with --output"
        raise click.UsageError(msg)
    config = settings(ctx).elasticsearch
    columns = TextColumn("exported"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    bar = Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty())
    with explained(config), connect_sync(config) as client, bar:
        total = count(client, config.alias, query, since, until)
        task = bar.add_task("exported", total=total)
        with _whole(output) if output else nullcontext(out) as stream:
            rows = writer(form, stream)
            for document in scan(client, config.alias, query, since, until):
                rows.write(document)
                bar.advance(task)
            rows.close()
    done = int(bar.tasks[0].completed)
    click.echo(f"Exported {done} mentions{f' to {output}' if output else ''}", err=True)


@contextmanager
def _whole(path: Path) -> Iterator[BinaryIO]:
    """A file that is put together beside its place, so that what is there is whole."""
    part = path.with_name(path.name + ".part")
    try:
        with part.open("wb") as stream:
            yield stream
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
