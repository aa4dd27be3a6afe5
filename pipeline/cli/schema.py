"""``mentions schema``: the contract, published and compared."""

import sys
from pathlib import Path

import click

from pipeline.cli._shared import emit, json_option, table

__all__ = ["command"]


@click.group(
    epilog="""\b
Examples:
  mentions schema export           renew schemas/published after a change of a Struct or a topic
  mentions schema export --check   exit code 1 where it is not up to date
  mentions schema diff             what changed since the last release, and whom it breaks
  mentions schema release          keep the schemas of this version for ever"""
)
def command() -> None:
    """Publish the contract, and compare it with the last release's."""


@command.command()
@click.option(
    "--to",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write to this folder instead of schemas/published.",
)
@click.option("--check", is_flag=True, help="Write nothing; exit code 1 where something differs.")
def export(folder: Path | None, *, check: bool) -> None:
    """Write JSON Schemas, AsyncAPI document, table of topics and field reference."""
    from pipeline.contract import export as exporting  # noqa: PLC0415 - not needed for --help

    folder = folder or exporting.PUBLISHED
    if check:
        stale = exporting.stale(folder)
        for name in stale:
            click.echo(f"{folder / name} is not up to date: run 'mentions schema export'", err=True)
        sys.exit(1 if stale else 0)
    changed = exporting.write(folder)
    click.echo(f"{folder}: " + (", ".join(changed) if changed else "nothing changed"))


@command.command()
@json_option
def diff(*, as_json: bool) -> None:
    """Compare with the last released schemas; exit code 1 when the changes may not go out.

    Changes that break a consumer need a new major version and a parallel topic.
    """
    from pipeline.contract.diff import judge  # noqa: PLC0415 - not needed for --help

    verdict = judge()
    if as_json:
        emit(verdict.changes)
    elif verdict.changes:
        table(
            f"Changes from {verdict.base} to {verdict.version}",
            ["where", "kind", "what", "why"],
            [(c.where, c.kind, c.what, c.why) for c in verdict.changes],
        )
    else:
        click.echo(f"No change since {verdict.base}.")
    for problem in verdict.problems:
        click.echo(f"mentions: {problem}", err=True)
    sys.exit(1 if verdict.problems else 0)


@command.command()
def release() -> None:
    """Keep the schemas of this version under schemas/released, to be compared with for ever."""
    from pipeline.contract.diff import judge  # noqa: PLC0415 - not needed for --help
    from pipeline.contract.export import release as keep  # noqa: PLC0415
    from pipeline.contract.export import released  # noqa: PLC0415

    if released() and (problems := judge().problems):
        for problem in problems:
            click.echo(f"mentions: {problem}", err=True)
        sys.exit(1)
    click.echo(f"Released: {keep()}")
