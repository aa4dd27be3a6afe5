"""``mentions retention``: delete what is kept longer than the settings say."""

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

import click

from pipeline.cli._shared import emit, json_option, settings, table
from pipeline.cli._staying import every_option, host_option, keep_up, only_with, port_option

if TYPE_CHECKING:
    from pipeline.settings import Settings

__all__ = ["command"]


@click.command(
    epilog="""\b
Examples:
  mentions retention                       shows what is over
  mentions retention --apply               deletes it; run this once a day
  mentions retention --apply --every 1d    and again each day, until interrupted
  MENTIONS_RETENTION__INDEX_MONTHS=24 mentions retention --json"""
)
@click.option("--apply", "do", is_flag=True, help="Do it; otherwise it is only shown.")
@every_option("--apply")
@port_option
@host_option
@json_option
@click.pass_context
def command(
    ctx: click.Context, *, do: bool, every: float | None, port: int, host: str, as_json: bool
) -> None:
    """Show, or delete, what is older than the [retention] table allows."""
    from pipeline import retention  # noqa: PLC0415 - not needed for --help

    config = settings(ctx)
    only_with("--apply", given=do, every=every, port=port)
    if every is not None:
        keep_up(config, partial(_end, config), every, host, port)
        return
    steps = retention.plan(config)
    if do:
        steps = list(retention.apply(config, steps))
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


def _end(config: "Settings") -> Iterator[None]:
    """End what is over; yields after each part."""
    from pipeline import retention  # noqa: PLC0415

    for step in retention.apply(config, retention.plan(config)):
        click.echo(f"{step.name}: {step.what} ({step.count} documents)", err=True)
        yield
