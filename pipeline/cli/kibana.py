"""``mentions kibana``: dashboards, Discover sessions and rules, as code."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
from rich.progress import Progress

from pipeline.cli._shared import console, emit, json_option, settings, table
from pipeline.errors import ConfigError

if TYPE_CHECKING:
    from pipeline.kibana.install import Change
    from pipeline.kibana.names import Place
    from pipeline.settings import Settings

__all__ = ["command"]

_SHOWN: Final = 3


@click.group(
    epilog="""\b
Examples:
  mentions kibana install                        into the default space, in German
  mentions kibana install --space press --lang en
  mentions kibana install --dry-run --json       the requests, one a line, and none is sent
  mentions kibana diff                           exit code 1 where anything differs
  mentions kibana uninstall --space press        all of ours; what people made stays
  mentions kibana export deploy/kibana           files to import by hand
  mentions kibana check                          put every panel's question to Elasticsearch"""
)
def command() -> None:
    """Install dashboards, searches and rules in Kibana."""


def _place(function: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option("--lang", type=click.Choice(["de", "en"]), default="de", show_default=True),
        click.option(
            "--space",
            default="default",
            show_default=True,
            callback=_space,
            help="The space, made where there is none; one a team.",
        ),
    ):
        function = option(function)
    return function


def _space(_ctx: click.Context, _param: click.Parameter, value: str) -> str:
    if not value or not all(sign.islower() or sign.isdigit() or sign in "-_" for sign in value):
        msg = f"{value!r}: use a-z, 0-9, '-' and '_'"
        raise click.BadParameter(msg)
    return value


@command.command()
@_place
@click.option("--dry-run", is_flag=True, help="Show what would be sent, and send nothing.")
@json_option
@click.pass_context
def install(ctx: click.Context, *, space: str, lang: str, dry_run: bool, as_json: bool) -> None:
    """Create what is missing, renew what differs, remove what is no longer part of it."""
    from pipeline.kibana.client import Client  # noqa: PLC0415 - not needed for --help
    from pipeline.kibana.install import apply, plan  # noqa: PLC0415

    config = settings(ctx)
    with Client(config.kibana) as client:
        changes = plan(client, _at(config, space, lang))
        if not dry_run:
            with Progress(console=console, disable=as_json, transient=True) as bar:
                task = bar.add_task("Kibana", total=len(changes))
                apply(client, changes, lambda _: bar.advance(task))
    _show(changes, "Would be done" if dry_run else "Kibana", as_json=as_json)


@command.command()
@_place
@json_option
@click.pass_context
def diff(ctx: click.Context, *, space: str, lang: str, as_json: bool) -> None:
    """Show what installing would change, and change nothing."""
    from pipeline.kibana.client import Client  # noqa: PLC0415 - not needed for --help
    from pipeline.kibana.install import plan  # noqa: PLC0415

    config = settings(ctx)
    with Client(config.kibana) as client:
        changes = plan(client, _at(config, space, lang))
    differing = [change for change in changes if change.action != "unchanged"]
    if as_json:
        emit(differing)
    else:
        _table(differing, "Differences")
    sys.exit(1 if differing else 0)


@command.command()
@_place
@click.option("--dry-run", is_flag=True, help="Show what would be sent, and send nothing.")
@json_option
@click.pass_context
def uninstall(ctx: click.Context, *, space: str, lang: str, dry_run: bool, as_json: bool) -> None:
    """Remove all that was installed in a space, and neither the space nor what people made."""
    from pipeline.kibana.client import Client  # noqa: PLC0415 - not needed for --help
    from pipeline.kibana.install import apply, removal  # noqa: PLC0415

    config = settings(ctx)
    with Client(config.kibana) as client:
        changes = removal(client, _at(config, space, lang))
        if not dry_run:
            apply(client, changes)
    _show(changes, "Would be removed" if dry_run else "Removed", as_json=as_json)


@command.command()
@_place
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--check", is_flag=True, help="Write nothing; exit code 1 where a file differs.")
@click.pass_context
def export(ctx: click.Context, folder: Path, *, space: str, lang: str, check: bool) -> None:
    """Write files for import by hand; needs no Kibana."""
    from pipeline.kibana.export import files  # noqa: PLC0415 - not needed for --help

    made = files(_at(settings(ctx), space, lang))
    if check:
        old = [name for name, content in made.items() if _read(folder / name) != content]
        if old:
            msg = f"{', '.join(old)}: not current; run 'mentions kibana export {folder}'"
            raise ConfigError(msg)
        return
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in made.items():
        (folder / name).write_text(content, encoding="utf-8")
        click.echo(str(folder / name))


@command.command()
@json_option
@click.pass_context
def check(ctx: click.Context, *, as_json: bool) -> None:
    """Put every panel's question to Elasticsearch; exit code 1 where one finds nothing."""
    from pipeline.kibana.questions import answered, ask, questions  # noqa: PLC0415 - not for --help
    from pipeline.search.client import connect_sync, explained  # noqa: PLC0415

    config = settings(ctx).elasticsearch
    rows: list[dict[str, Any]] = []
    with explained(config), connect_sync(config) as client:
        for question in questions():
            answer = ask(client, config.alias, question)
            found = answered(answer)
            rows.append(
                {"where": question.where, "panel": question.title, "answered": found}
                | {"ms": answer["took"]}
            )
    if as_json:
        emit(rows)
    else:
        cells = [
            (row["where"], row["panel"], "yes" if row["answered"] else "NOTHING", row["ms"])
            for row in rows
        ]
        table("Panels", ["where", "panel", "finds something", "ms"], cells)
    sys.exit(0 if all(row["answered"] for row in rows) else 1)


def _at(config: "Settings", space: str, lang: str) -> "Place":
    from pipeline.kibana.names import Place  # noqa: PLC0415 - not needed for --help

    return Place(
        space=space,
        lang="de" if lang == "de" else "en",
        alias=config.elasticsearch.alias,
        page=config.page.url,
    )


def _show(changes: "Sequence[Change]", title: str, *, as_json: bool) -> None:
    if as_json:
        emit(change.request for change in changes if change.request)
    else:
        _table(changes, title)


def _table(changes: "Sequence[Change]", title: str) -> None:
    rows = [(each.title, each.kind, each.action, _some(each.differences)) for each in changes]
    table(title, ["title", "kind", "action", "what differs"], rows)


def _some(paths: tuple[str, ...]) -> str:
    more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
    return ", ".join(paths[:_SHOWN]) + more


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None
