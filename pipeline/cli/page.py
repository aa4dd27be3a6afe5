"""``mentions page``: where an analyst corrects what Kibana shows."""

import ipaddress

import click

from pipeline.cli._shared import settings

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
@click.pass_context
def command(ctx: click.Context, *, verbose: bool) -> None:
    """Serve the page on which analysts correct mentions, until interrupted."""
    from agents.impatient import server  # noqa: PLC0415 - not needed for --help
    from pipeline import logs  # noqa: PLC0415
    from pipeline.page.app import app  # noqa: PLC0415
    from pipeline.page.guard import tokens  # noqa: PLC0415

    logs.setup(verbose=verbose)
    config = settings(ctx)
    people = tokens(config.page)
    host, _, port = config.page.listen.rpartition(":")
    host = host.strip("[]")
    if not _loopback(host):
        click.echo(
            f"mentions: {host} is open to others: let only a server that speaks TLS reach it",
            err=True,
        )
    made = server(app(config, people), at_once=64, drain=10, host=host, port=int(port))
    bound = made.config.bind_socket()
    shown = f"[{host}]" if ":" in host else host
    click.echo(f"http://{shown}:{bound.getsockname()[1]}/mention?id=ID for {', '.join(people)}")
    made.run(sockets=[bound])


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
