"""``mentions status``: the embedded servers, the topics and how far each stage is behind."""

import sys

import click

from pipeline.cli._shared import emit, json_option, settings, table
from pipeline.errors import PipelineError, StackError

__all__ = ["command"]


@click.command(
    epilog="""\b
Examples:
  mentions status
  mentions status --json     exit code 1 where a server does not answer"""
)
@json_option
@click.pass_context
def command(ctx: click.Context, *, as_json: bool) -> None:
    """Show the embedded servers, topics and lag."""
    from pipeline import admin  # noqa: PLC0415 - not needed for --help
    from pipeline.stack import Stack  # noqa: PLC0415

    config = settings(ctx)
    try:
        servers = Stack(config).state()
    except StackError:
        servers = ()  # the settings name servers that are not embedded
    try:
        lags = admin.lag(config)
        problem = None
    except PipelineError as error:
        lags, problem = [], str(error)
    if as_json:
        emit([*servers, *lags])
    else:
        if servers:
            columns = ["server", "healthy", "process", "address", "version", "data"]
            rows = [(s.name, s.healthy, s.pid, s.address, s.version, s.data) for s in servers]
            table("Embedded servers", columns, rows)
        if lags:
            table(
                "Lag",
                ["stage", "topic", "lag", "end"],
                [(r.stage, r.topic, r.lag, r.end) for r in lags],
            )
    if problem:
        click.echo(f"mentions: {problem}", err=True)
    sys.exit(1 if problem else 0)
