"""``mentions replay``: a topic's messages again, for one consumer."""

from datetime import datetime

import click
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from pipeline.cli._shared import console, emit, json_option, moment, settings, table

__all__ = ["command"]


@click.command(
    epilog="""\b
Examples:
  mentions replay --topic mentions.routed.press --from 2d --group press-desk
                     set the group back two days; stop its members first
  mentions replay --topic enriched --from 2026-01-01 --to 2026-02-01 --into press.again
                     copy a month into a topic of your own
  mentions replay --topic enriched --from 7d --into press.again --where "channel == 'news'"

Times are those at which messages were written to the topic. A copy that was interrupted is simply
run again: by id and revision a consumer knows what it has."""
)
@click.option("--topic", required=True, help="Which to read: raw, enriched or a full name.")
@click.option("--from", "since", callback=moment, required=True, help="15m, 2h, 7d or a time.")
@click.option("--to", "until", callback=moment, help="Up to then; by default to the end.")
@click.option("--into", metavar="TOPIC", help="Copy into this topic of your own.")
@click.option("--group", help="Set this consumer group of your own back.")
@click.option("--where", metavar="EXPR", help="Copy only messages whose value this is true of.")
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    *,
    topic: str,
    since: datetime,
    until: datetime | None,
    into: str | None,
    group: str | None,
    where: str | None,
    as_json: bool,
) -> None:
    """Have messages again: in a topic or for a consumer group of your own."""
    from pipeline import replay  # noqa: PLC0415 - not needed for --help
    from pipeline.cli.tail import full_name  # noqa: PLC0415
    from pipeline.reader import decoded  # noqa: PLC0415
    from pipeline.where import predicate  # noqa: PLC0415

    if (into is None) == (group is None):
        msg = "say either --into TOPIC or --group GROUP"
        raise click.UsageError(msg)
    config = settings(ctx)
    name = full_name(config, topic)
    if group is not None:
        if until is not None or where is not None:
            msg = "a group reads on to the end: --to and --where go with --into"
            raise click.UsageError(msg)
        offsets = replay.rewind(config, name, group, since)
        rows = [{"topic": name, "partition": part, "offset": at} for part, at in offsets.items()]
        if as_json:
            emit(rows)
        else:
            table(
                f"Group {group} starts at",
                ["topic", "partition", "offset"],
                [tuple(row.values()) for row in rows],
            )
        return
    fits = predicate(where)
    columns = SpinnerColumn(), TextColumn("{task.completed:,} messages"), TimeElapsedColumn()
    with Progress(*columns, console=console, transient=True, disable=as_json) as bar:
        task = bar.add_task("copied", total=None)
        total = replay.copy(
            config,
            name,
            into or "",
            since=since,
            until=until,
            wanted=lambda record: where is None or fits(decoded(record.value)),
            done=lambda count: bar.advance(task, count),
        )
    if as_json:
        emit([{"topic": into, "copied": total}])
    else:
        click.echo(f"Copied into {into}: {total}")
