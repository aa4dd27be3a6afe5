"""``mentions reprocess``: what is in force now, applied to what was indexed before."""

from datetime import datetime

import click

from pipeline.cli._shared import emit, json_option, moment, settings

__all__ = ["command"]


@click.command(
    epilog="""\b
Examples:
  mentions reprocess --since 30d                 after 'mentions watchlist publish'
  mentions reprocess --since 30d --topic Bahn    only where the matches of one topic change

\b
Twice is once: what is as it should be is not published again. Nobody is alerted by it."""
)
@click.option(
    "--since", callback=moment, required=True, help="Said since: 15m, 2h, 7d or an RFC 3339 time."
)
@click.option("--topic", help="Publish only where the matches of this watchlist topic change.")
@json_option
@click.pass_context
def command(
    ctx: click.Context, since: datetime | None, topic: str | None, *, as_json: bool
) -> None:
    """Enrich indexed mentions again with what is in force now."""
    from rich.console import Console  # noqa: PLC0415 - not needed for --help
    from rich.progress import Progress  # noqa: PLC0415

    from pipeline import reprocess  # noqa: PLC0415
    from pipeline.search import history  # noqa: PLC0415
    from pipeline.search.client import connect_sync, explained  # noqa: PLC0415

    config = settings(ctx)
    where = config.elasticsearch
    with (
        explained(where),
        connect_sync(where) as client,
        Progress(console=Console(stderr=True), transient=True, disable=as_json) as bar,
    ):
        task = bar.add_task("Enriching", total=history.count(client, where.alias, since))
        result = reprocess.run(config, client, since, topic, lambda count: bar.advance(task, count))
    if as_json:
        emit([result])
        return
    click.echo(f"{result.looked_at} mentions looked at, {result.changed} published again.")
    if result.overtaken:
        click.echo(f"{result.overtaken} of them were replaced or deleted meanwhile, and stay so.")
