"""``mentions agent``: source agents."""

import sys

import click

from pipeline.cli._shared import places, settings
from pipeline.errors import ConfigError

__all__ = ["command"]


@click.command(
    epilog="""\b
Examples:
  mentions agent           collect until interrupted; start more processes to share the sources
  mentions agent --once    read every source once to its end; exit code 1 when one failed"""
)
@click.option(
    "--once", is_flag=True, help="Read every source once, apart from the group of agents, and end."
)
@click.option("--verbose", "-v", is_flag=True, help="Show what the Kafka client says.")
@click.pass_context
def command(ctx: click.Context, *, once: bool, verbose: bool) -> None:
    """Run source agents until interrupted."""
    from pydantic import ValidationError  # noqa: PLC0415 - not needed for --help

    from agents import runner, source  # noqa: PLC0415
    from pipeline import logs  # noqa: PLC0415
    from pipeline.settings import explain  # noqa: PLC0415

    logs.setup(verbose=verbose)
    config = settings(ctx)
    for table in config.sources:
        model = source.config_model(table)
        try:
            model.model_validate(table)
        except ValidationError as error:
            raise ConfigError(explain(error, model, f"source {table.get('name')!r}")) from error
    code = runner.run(
        config.sources,
        config.kafka.kafka_python(),
        once=once,
        places=places(config),
        pages=(config.agent.host, config.agent.port),
        salt=config.privacy.key() if config.privacy.pseudonyms else None,
        stuck_after=config.agent.stuck_after,
    )
    sys.exit(code)
