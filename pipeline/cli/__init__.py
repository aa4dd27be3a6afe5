"""The command ``mentions``: one file per sub-command, imported only when it is run.

Exit codes: 0 done; 1 it failed, the last line says why; 2 wrong command line; 130 interrupted.
"""

import importlib
import sys
from pathlib import Path
from typing import Any

import click

__all__ = ["mentions"]

# name -> (the line in `mentions --help`). The command is `command` in pipeline/cli/<name>.py; help
# stands here so that listing the commands imports none of them.
_COMMANDS = {
    "demo": "Show it all: real servers, invented mentions, a live view.",
    "up": "Start the embedded Kafka and Elasticsearch.",
    "down": "Stop the embedded servers.",
    "status": "Show the embedded servers, topics and lag.",
    "check": "Check the configuration and every connection it names.",
    "topics": "Create, describe and compare the topics.",
    "index": "Create or update the index templates.",
    "roles": "Create roles and accounts in Elasticsearch.",
    "kibana": "Install dashboards, searches and rules in Kibana.",
    "agent": "Run source agents.",
    "sources": "List, add, pause, back-fill and test the sources.",
    "coverage": "Show what was collected from each source, and what was not.",
    "worker": "Run stream processors.",
    "enrich": "Enrich JSON Lines from standard input; needs no server.",
    "watchlist": "Try watchlist queries, see what they change, put them in force.",
    "reprocess": "Enrich indexed mentions again with what is in force now.",
    "mark": "Correct what was found about a mention: relevance, tone, topics, entities.",
    "page": "Serve the page on which analysts correct what Kibana shows.",
    "work": "See and do the work that routed mentions are.",
    "alerts": "Watch for what is unusual, and try the rules on history.",
    "leak": "Watch for passages of confidential documents.",
    "people": "Show who outside speaks of a topic and is heard.",
    "share": "Show share of voice: raw, by story, without bots.",
    "search": "Search the indexed mentions.",
    "tail": "Show the messages of a topic.",
    "retention": "Show, or delete, what is kept longer than the settings say.",
    "forget": "Delete all of a person, everywhere, and do not collect it again.",
    "replay": "Have a topic's messages again, by time.",
    "export": "Write all that a query finds to JSON Lines, CSV or Parquet.",
    "schema": "Publish the contract, and compare it with the last release's.",
    "train": "Train a sentiment model on your own labels.",
    "models": "List the trained models, go back to an earlier one.",
    "dead": "List, show, replay and drop what could not be processed.",
}


class _Lazy(click.Group):
    """A group that knows its commands' names, and imports one when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        command = importlib.import_module(f"pipeline.cli.{cmd_name}").command
        assert isinstance(command, click.Command)  # noqa: S101 - each file there defines one
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - click's signature
        """Turn an expected error into one line and exit code 1."""
        from agents.errors import AgentError  # noqa: PLC0415 - not needed for --help
        from pipeline.errors import PipelineError  # noqa: PLC0415

        try:
            return super().invoke(ctx)
        except (PipelineError, AgentError) as error:
            click.echo(f"mentions: {error}", err=True)
            sys.exit(1)


@click.group(
    cls=_Lazy,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="""\b
Examples:
  mentions demo                        see it work
  mentions up && mentions worker       start the servers, then the stream processors
  mentions agent                       collect from the sources in mentions.toml
  mentions search 'text:Störung'       find mentions
  echo '{"text": "Toll!"}' | mentions enrich

\b
Completion: eval "$(_MENTIONS_COMPLETE=bash_source mentions)"   (zsh_source, fish_source)""",
)
@click.version_option(package_name="mention-pipeline", prog_name="mentions")
@click.option(
    "--config",
    "-c",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The configuration file; by default $MENTIONS_CONFIG, else ./mentions.toml.",
)
@click.pass_context
def mentions(ctx: click.Context, config: Path | None) -> None:
    """Listen to what is said about you in public, and hand it to the right people."""
    ctx.obj = config
