"""``mentions up``: the embedded servers, started."""

import click

from pipeline.cli._shared import emit, json_option, settings, table

__all__ = ["command"]


@click.command(
    epilog="""\b
Examples:
  mentions up                  start both; twice is once
  MENTIONS_STACK__DATA=/var/tmp/trial mentions up
  mentions up --ner            and the named-entity sidecar, Stanford CoreNLP
  mentions up --json

The first time downloads some 190 MB, and a Java where none suits."""
)
@click.option("--ner", is_flag=True, help="Also start Stanford CoreNLP (680 MB to download, once).")
@json_option
@click.pass_context
def command(ctx: click.Context, *, ner: bool, as_json: bool) -> None:
    """Start the embedded Kafka and Elasticsearch and wait until both are healthy."""
    from pipeline.stack import Stack, bars  # noqa: PLC0415 - not needed for --help

    stack = Stack(settings(ctx), ner=ner)
    with bars() as progress:
        states = stack.up(progress)
    if as_json:
        emit(states)
        return
    rows = [(state.name, state.version, state.address, state.pid, state.data) for state in states]
    table("Running", ["server", "version", "address", "pid", "data"], rows)
    click.echo(
        "Next: mentions topics create && mentions index apply, then mentions worker and "
        "mentions agent; mentions down stops the servers."
    )
