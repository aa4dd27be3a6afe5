"""``mentions page``: where an analyst corrects what Kibana shows."""

import ipaddress

import click

from pipeline.cli._shared import settings
from pipeline.cli._staying import host_option, port_option, turning, until_signalled

__all__ = ["command"]


@click.command(
    epilog="""\b
Examples:
  openssl rand -hex 20            a token, one for each person
  mentions page                   serve the page; needs [page] in mentions.toml
  mentions kibana install         mentions in Kibana link to it, where page.url is set

\b
What is said there is what 'mentions mark' says, with the name that somebody logged in with."""
)
@click.option("--verbose", "-v", is_flag=True, help="Show what the Kafka client says.")
@port_option
@host_option
@click.pass_context
def command(ctx: click.Context, *, verbose: bool, port: int, host: str) -> None:
    """Serve the page on which analysts correct mentions, until interrupted."""
    from agents.impatient import server  # noqa: PLC0415 - not needed for --help
    from pipeline import logs  # noqa: PLC0415
    from pipeline.page.app import app  # noqa: PLC0415
    from pipeline.page.guard import tokens  # noqa: PLC0415
    from pipeline.page.tls import context  # noqa: PLC0415

    logs.setup(verbose=verbose)
    config = settings(ctx)
    people = tokens(config.page)
    tls = context(config.page)
    address, _, number = config.page.listen.rpartition(":")
    address = address.strip("[]")
    if tls is None and not _loopback(address):
        click.echo(
            f"mentions: {address} is open to others: let only a server that speaks TLS reach it",
            err=True,
        )
    stopped = until_signalled()  # uvicorn ends first, and hands the signal on
    with turning(config).watched(host, port) as loop:

        async def turn() -> None:
            loop.turn()
            if stopped():  # by a signal that came before uvicorn listened for any
                made.should_exit = True

        made = server(
            app(config, people),
            at_once=64,
            drain=10,
            host=address,
            port=int(number),
            ssl_context_factory=(lambda *_: tls) if tls else None,
            callback_notify=turn,
            timeout_notify=1,
        )
        bound = made.config.bind_socket()
        bound.listen(made.config.backlog)  # who reads the address may ask at once
        shown = f"[{address}]" if ":" in address else address
        where = f"{'https' if tls else 'http'}://{shown}:{bound.getsockname()[1]}"
        click.echo(f"{where}/mention?id=ID for {', '.join(people)}")
        made.run(sockets=[bound])


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
