"""``mentions status``: do the servers answer, and how far is each stage behind?"""

import sys

import click

from pipeline.cli._shared import emit, json_option, settings, table
from pipeline.errors import PipelineError, StackError

__all__ = ["command"]


@click.command(
    epilog="""\b
Examples:
  mentions status
  mentions status --json     exit code 1 where Kafka or Elasticsearch does not answer"""
)
@json_option
@click.pass_context
def command(ctx: click.Context, *, as_json: bool) -> None:
    """Show how far each stage is behind, and the embedded servers where there are any."""
    from pipeline import admin  # noqa: PLC0415 - not needed for --help
    from pipeline.search.client import answers  # noqa: PLC0415
    from pipeline.stack import Stack  # noqa: PLC0415

    config = settings(ctx)
    try:
        servers = Stack(config).state()
    except StackError:
        servers = ()  # the settings name servers that are not embedded
    lags, problems = [], []
    try:
        lags = admin.lag(config)
    except PipelineError as error:
        problems.append(str(error))
    try:
        answers(config.elasticsearch)
    except PipelineError as error:
        problems.append(str(error))
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
    for problem in problems:
        click.echo(f"mentions: {problem}", err=True)
    sys.exit(1 if problems else 0)
