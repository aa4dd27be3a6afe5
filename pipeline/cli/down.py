"""``mentions down``: the embedded servers, stopped."""

import click

from pipeline.cli._shared import emit, json_option, settings

__all__ = ["command"]


@click.command(
    epilog="""\b
Examples:
  mentions down                stop both; their data stays
  mentions down --json"""
)
@json_option
@click.pass_context
def command(ctx: click.Context, *, as_json: bool) -> None:
    """Stop the embedded Kafka and Elasticsearch; what they keep stays."""
    from pipeline.stack import Stack  # noqa: PLC0415 - not needed for --help

    stopped = Stack(settings(ctx)).down()
    if as_json:
        emit([{"stopped": stopped}])
    else:
        click.echo(f"Stopped {' and '.join(stopped)}." if stopped else "Nothing was running.")
