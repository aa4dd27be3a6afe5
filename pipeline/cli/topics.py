"""``mentions topics``: the table of topics, and the brokers made to agree with it."""

import sys

import click

from pipeline.cli._shared import emit, json_option, settings, table

__all__ = ["command"]


@click.group(
    epilog="""\b
Examples:
  mentions topics create       create what is missing, set what differs; twice is once
  mentions topics diff         exit code 1 when the brokers differ from the table
  mentions topics grow         to kafka.partitions, with agents and workers stopped
  mentions topics describe --json"""
)
def command() -> None:
    """Create, describe and compare the topics."""


@command.command()
@json_option
@click.pass_context
def create(ctx: click.Context, *, as_json: bool) -> None:
    """Create missing topics and set what differs."""
    from pipeline import admin  # noqa: PLC0415 - a Kafka client is not needed for --help

    changes = admin.apply(settings(ctx))
    if as_json:
        emit(changes)
    elif changes:
        rows = [(change.topic, change.what, change.wanted) for change in changes]
        table("Changed", ["topic", "what", "now"], rows)
    else:
        click.echo("Nothing to do: all topics are as they should be.")


@command.command()
@json_option
@click.pass_context
def grow(ctx: click.Context, *, as_json: bool) -> None:
    """Give the topics of mentions more partitions, and move what they hold.

    Refused while anybody is at work or has not read all. Killed, it goes on when started again.
    """
    from pipeline import growth  # noqa: PLC0415

    grown = list(growth.grow(settings(ctx)))
    if as_json:
        emit(grown)
    elif grown:
        rows = [(each.topic, each.before, each.partitions, each.messages) for each in grown]
        table("Grown", ["topic", "partitions before", "now", "messages moved"], rows)
    else:
        click.echo("Nothing to do: there are as many partitions as wanted.")


@command.command()
@json_option
@click.pass_context
def describe(ctx: click.Context, *, as_json: bool) -> None:
    """Show every topic: what it is for and how it is."""
    from pipeline import admin  # noqa: PLC0415

    config = settings(ctx)
    states = admin.describe(config)
    if as_json:
        emit(states.values())
        return
    rows = []
    for name, topic in admin.wanted(config).items():
        state = states.get(name)
        cells = (state.partitions, state.replication, state.messages) if state else ("-", "-", "-")
        rows.append((name, *cells, topic.cleanup, topic.purpose))
    columns = ["topic", "partitions", "replicas", "messages", "clean-up", "purpose"]
    table("Topics", columns, rows)


@command.command()
@json_option
@click.pass_context
def diff(ctx: click.Context, *, as_json: bool) -> None:
    """Compare the brokers with the table of topics; exit code 1 when they differ."""
    from pipeline import admin  # noqa: PLC0415

    changes = admin.diff(settings(ctx))
    if as_json:
        emit(changes)
    elif changes:
        rows = [
            (c.topic, c.what, c.wanted, c.found, "create" if c.safe else "by hand") for c in changes
        ]
        table("Differences", ["topic", "what", "wanted", "found", "mended by"], rows)
    else:
        click.echo("No difference.")
    sys.exit(1 if changes else 0)
