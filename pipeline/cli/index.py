"""``mentions index``: the index templates, and what is in the indices."""

import sys
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import click
from rich.progress import Progress

from pipeline.cli._shared import console, emit, json_option, settings, table
from pipeline.errors import PipelineError

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

    from pipeline.search.probe import Capabilities
    from pipeline.search.templates import Change
    from pipeline.settings import Elasticsearch as Settings

__all__ = ["command"]

_SHOWN: Final = 3
_WOULD: Final = {"created": "created", "updated": "updated", "refused": "rebuilt (--reindex)"}


@click.group(
    epilog="""\b
Examples:
  mentions index diff              what 'apply' would change; exit code 1 if anything
  mentions index apply             create or update the templates; twice is once
  mentions index apply --reindex   also rebuild indices that cannot follow, while writing goes on
  mentions index show              what Elasticsearch can do, and what is indexed"""
)
def command() -> None:
    """Create or update the index templates."""


@command.command()
@json_option
@click.pass_context
def diff(ctx: click.Context, *, as_json: bool) -> None:
    """Show what applying would change, and change nothing."""
    from pipeline.search import lifecycle, templates  # noqa: PLC0415 - not needed for --help
    from pipeline.search.client import connect_sync, explained  # noqa: PLC0415
    from pipeline.search.probe import probe  # noqa: PLC0415

    config, kept = settings(ctx).elasticsearch, settings(ctx).retention
    with explained(config), connect_sync(config) as client:
        can = probe(client)
        changes = lifecycle.plan(client, config, kept, can)
        changes += templates.plan(client, config, can)
    differing = [change for change in changes if change.action != "unchanged"]
    if as_json:
        emit(differing)
    else:
        rows = [
            (change.name, _WOULD[change.action], each.path, each.found or "", each.wanted or "")
            for change in differing
            for each in change.differences
        ]
        rows += [
            (change.name, _WOULD[change.action], "", "", "")
            for change in differing
            if not change.differences
        ]
        table("Differences", ["name", "would be", "what", "is", "should be"], rows)
    sys.exit(1 if differing else 0)


@command.command()
@click.option(
    "--reindex",
    is_flag=True,
    help="Rebuild indices that cannot follow, one by one, behind their names.",
)
@json_option
@click.pass_context
def apply(ctx: click.Context, *, reindex: bool, as_json: bool) -> None:
    """Create or update the templates, and existing indices as far as they can follow.

    Where an index cannot follow, because a field is of another type or analysed in another way,
    nothing is changed, unless --reindex is given.
    """
    from pipeline.search import lifecycle, templates  # noqa: PLC0415 - not needed for --help
    from pipeline.search.client import connect_sync, explained  # noqa: PLC0415
    from pipeline.search.probe import probe  # noqa: PLC0415

    config, kept = settings(ctx).elasticsearch, settings(ctx).retention
    with explained(config), connect_sync(config) as client:
        can = probe(client)
        policy = lifecycle.apply(client, config, kept, can)
        if reindex:
            _reindex(client, config, can, as_json=as_json)
        changes = policy + templates.apply(client, config, can)
    if as_json:
        emit(changes)
    else:
        table(
            "Index templates",
            ["kind", "name", "result", "what differed"],
            [
                (change.kind, change.name, change.action, change.reason or _some(change))
                for change in changes
            ],
        )
    if any(change.action == "refused" for change in changes):
        msg = (
            "nothing was changed, because an existing index can't follow; rebuild it with "
            "'mentions index apply --reindex', while everything goes on running"
        )
        raise PipelineError(msg)


def _reindex(
    client: "Elasticsearch", config: "Settings", can: "Capabilities", *, as_json: bool
) -> None:
    """Rebuild what cannot follow."""
    from pipeline.search.reindex import reindex  # noqa: PLC0415 - not needed for --help
    from pipeline.search.templates import index_body, plan  # noqa: PLC0415

    refused = [change.name for change in plan(client, config, can) if change.action == "refused"]
    with Progress(
        *Progress.get_default_columns(), console=console, disable=as_json, transient=True
    ) as bar:
        for name in refused:
            total = client.count(index=name)["count"]
            task = bar.add_task(name, total=total)
            body = index_body(config, can, name)
            moved = reindex(client, config.alias, name, body, partial(bar.advance, task))
            if as_json:
                emit([moved])
            else:
                click.echo(
                    f"{moved.old} is now {moved.new}: {moved.documents} mentions in "
                    f"{moved.seconds:.1f} s; writing waited {moved.paused:.1f} s"
                )


@command.command()
@json_option
@click.pass_context
def show(ctx: click.Context, *, as_json: bool) -> None:
    """Show what Elasticsearch can do, and how much is indexed."""
    from pipeline.search.client import connect_sync, explained  # noqa: PLC0415
    from pipeline.search.probe import probe  # noqa: PLC0415

    config = settings(ctx).elasticsearch
    with explained(config), connect_sync(config) as client:
        can = probe(client)
        answer = client.indices.stats(
            index=f"{config.alias}-*",
            metric="docs,store",
            filter_path="indices.*.primaries.docs.count,indices.*.primaries.store.size_in_bytes",
        )
    rows = [_row(name, stats) for name, stats in sorted(answer.get("indices", {}).items())]
    if as_json:
        emit([{"elasticsearch": can}, *rows])
        return
    extras = [name for name in can.__struct_fields__ if getattr(can, name) is True]
    click.echo(f"Elasticsearch {can.version} at {config.url}")
    click.echo(f"Beyond the bare engine: {', '.join(extras) or 'nothing'}")
    cells = [(row["index"], row["documents"], row["bytes"], row["bytes_each"]) for row in rows]
    table("Indices", ["index", "documents", "bytes", "bytes each"], cells)


def _row(name: str, stats: dict[str, Any]) -> dict[str, Any]:
    documents = stats["primaries"]["docs"]["count"]
    size = stats["primaries"]["store"]["size_in_bytes"]
    each = round(size / documents) if documents else None
    return {"index": name, "documents": documents, "bytes": size, "bytes_each": each}


def _some(change: "Change") -> str:
    paths = [each.path for each in change.differences]
    more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
    return ", ".join(paths[:_SHOWN]) + more
