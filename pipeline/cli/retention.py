"""``mentions retention``: delete what is kept longer than the settings say."""

import click

from pipeline.cli._shared import emit, json_option, settings, table

__all__ = ["command"]


@click.command(
    epilog="""\b
Examples:
  mentions retention                 shows what is over
  mentions retention --apply         deletes it; run this once a day
  MENTIONS_RETENTION__INDEX_MONTHS=24 mentions retention --json"""
)
@click.option("--apply", "do", is_flag=True, help="Do it; otherwise it is only shown.")
@json_option
@click.pass_context
def command(ctx: click.Context, *, do: bool, as_json: bool) -> None:
    """Show, or delete, what is older than the [retention] table allows."""
    from pipeline import retention  # noqa: PLC0415 - not needed for --help

    config = settings(ctx)
    steps = retention.plan(config)
    if do:
        retention.apply(config, steps)
    if as_json:
        emit(steps)
        return
    if not steps:
        click.echo("Nothing is over.")
        return
    rows = [(step.name, step.what, step.count) for step in steps]
    table("Done" if do else "Would be done", ["where", "what", "documents"], rows)
    if not do:
        click.echo("Nothing was changed: --apply does it.")
