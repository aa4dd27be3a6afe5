"""``mentions status``: do the servers answer, how far is each stage behind, who is not told?"""

import sys
from typing import TYPE_CHECKING

import click

from pipeline.cli._shared import emit, json_option, settings, table
from pipeline.errors import PipelineError, StackError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.settings import Settings
    from schemas.delivery import Delivery

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
    """Show how far each stage is behind, what channels take, and embedded servers if any."""
    from pipeline import admin  # noqa: PLC0415 - not needed for --help
    from pipeline.search.client import answers  # noqa: PLC0415
    from pipeline.stack import Stack  # noqa: PLC0415

    config = settings(ctx)
    try:
        servers = Stack(config).state()
    except StackError:
        servers = ()  # the settings name servers that are not embedded
    lags, channels, problems = [], [], []
    try:
        lags = admin.lag(config)
        channels = _channels(config)
    except PipelineError as error:
        problems.append(str(error))
    try:
        answers(config.elasticsearch)
    except PipelineError as error:
        problems.append(str(error))
    if as_json:
        emit([*servers, *lags, *channels])
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
        if channels:
            _show(channels)
    for problem in problems:
        click.echo(f"mentions: {problem}", err=True)
    sys.exit(1 if problems else 0)


def _channels(config: "Settings") -> "list[Delivery]":
    """How it stands with the settings' channels, without what they are told."""
    import msgspec  # noqa: PLC0415 - not needed for --help

    from pipeline.notify import deliveries  # noqa: PLC0415

    if not config.channels:
        return []
    known = deliveries(config)
    return [
        msgspec.structs.replace(known[channel.name], content=None)
        for channel in config.channels
        if channel.name in known
    ]


def _show(channels: "Sequence[Delivery]") -> None:
    rows = [
        (
            one.channel,
            one.state,
            f"{one.at.astimezone():%m-%d %H:%M}",
            one.attempts,
            f"{one.again_at.astimezone():%m-%d %H:%M}" if one.again_at else None,
            one.lost,
            one.error,
        )
        for one in channels
    ]
    columns = ["channel", "last message", "at", "in vain", "again", "lost", "why"]
    table("Channels", columns, rows)
