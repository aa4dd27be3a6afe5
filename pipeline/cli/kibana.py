"""``mentions kibana``: dashboards, Discover sessions and rules, as code."""

import sys
from collections.abc import Callable, Iterator, Sequence
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
  mentions kibana install --teams                and a space for each team of the routes
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
            help="The space, made where there is none; that of a team shows what is the team's.",
        ),
    ):
        function = option(function)
    return function


_teams = click.option(
    "--teams", is_flag=True, help="Also the spaces of all teams that mentions.toml routes to."
)


def _space(_ctx: click.Context, _param: click.Parameter, value: str) -> str:
    if not value or not all(sign.islower() or sign.isdigit() or sign in "-_" for sign in value):
        msg = f"{value!r}: use a-z, 0-9, '-' and '_'"
        raise click.BadParameter(msg)
    return value


@command.command()
@_place
@_teams
@click.option("--dry-run", is_flag=True, help="Show what would be sent, and send nothing.")
@json_option
@click.pass_context
def install(
    ctx: click.Context, *, space: str, lang: str, teams: bool, dry_run: bool, as_json: bool
) -> None:
    """Create what is missing, renew what differs, remove what is no longer part of it."""
    from pipeline.kibana.client import Client  # noqa: PLC0415 - not needed for --help
    from pipeline.kibana.install import apply, plan  # noqa: PLC0415

    config = settings(ctx)
    with Client(config.kibana) as client:
        for place in _places(config, space, lang, teams=teams):
            changes = plan(client, place)
            if not dry_run:
                with Progress(console=console, disable=as_json, transient=True) as bar:
                    steps = bar.track(changes, description=f"Kibana: {place.space}")
                    apply(client, steps)
            title = "Would be done" if dry_run else "Kibana"
            _show(changes, f"{title}: {place.space}", as_json=as_json)


@command.command()
@_place
@_teams
@json_option
@click.pass_context
def diff(ctx: click.Context, *, space: str, lang: str, teams: bool, as_json: bool) -> None:
    """Show what installing would change, and change nothing."""
    from pipeline.kibana.client import Client  # noqa: PLC0415 - not needed for --help
    from pipeline.kibana.install import plan  # noqa: PLC0415

    config = settings(ctx)
    same = True
    with Client(config.kibana) as client:
        for place in _places(config, space, lang, teams=teams):
            differing = [one for one in plan(client, place) if one.action != "unchanged"]
            same = same and not differing
            if as_json:
                emit(differing)
            else:
                _table(differing, f"Differences: {place.space}")
    sys.exit(0 if same else 1)


@command.command()
@_place
@_teams
@click.option("--dry-run", is_flag=True, help="Show what would be sent, and send nothing.")
@json_option
@click.pass_context
def uninstall(
    ctx: click.Context, *, space: str, lang: str, teams: bool, dry_run: bool, as_json: bool
) -> None:
    """Remove all that was installed in a space, and neither the space nor what people made."""
    from pipeline.kibana.client import Client  # noqa: PLC0415 - not needed for --help
    from pipeline.kibana.install import apply, removal  # noqa: PLC0415

    config = settings(ctx)
    with Client(config.kibana) as client:
        for place in _places(config, space, lang, teams=teams):
            changes = removal(client, place)
            if not dry_run:
                apply(client, changes)
            title = "Would be removed" if dry_run else "Removed"
            _show(changes, f"{title}: {place.space}", as_json=as_json)


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


def _places(config: "Settings", space: str, lang: str, *, teams: bool) -> "Iterator[Place]":
    others = [route.team for route in config.routes] if teams else []
    for name in dict.fromkeys([space, *others]):
        yield _at(config, name, lang)


def _at(config: "Settings", space: str, lang: str) -> "Place":
    """A space; one that is named like a team is the team's, but the default one is everybody's."""
    from pipeline.kibana.names import Place  # noqa: PLC0415 - not needed for --help

    own = [route for route in config.routes if route.team == space != "default"]
    everything = any(not route.topics for route in own)
    topics = [topic for route in own for topic in route.topics]
    return Place(
        space=space,
        lang="de" if lang == "de" else "en",
        alias=config.elasticsearch.alias,
        page=config.page.url,
        team=space if own else None,
        topics=() if everything else tuple(dict.fromkeys(topics)),
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
