"""``mentions index``: the index templates, and what is in the indices."""

from typing import Any

import click

from pipeline.cli._shared import emit, json_option, settings, table

__all__ = ["command"]

_SHOWN = 3


@click.group(
    epilog="""\b
Examples:
  mentions index apply           create or update the templates; twice is once
  mentions index show            what Elasticsearch can do, and what is indexed"""
)
def command() -> None:
    """Create or update the index templates."""


@command.command()
@json_option
@click.pass_context
def apply(ctx: click.Context, *, as_json: bool) -> None:
    """Create or update the templates, and existing indices as far as they can follow."""
    from pipeline.search import templates  # noqa: PLC0415 - a client is not needed for --help
    from pipeline.search.client import connect_sync, explained  # noqa: PLC0415
    from pipeline.search.probe import probe  # noqa: PLC0415

    config = settings(ctx).elasticsearch
    with explained(config), connect_sync(config) as client:
        changes = templates.apply(client, config, probe(client))
    if as_json:
        emit(changes)
        return
    table(
        "Index templates",
        ["kind", "name", "result", "what differed"],
        [
            (change.kind, change.name, change.action, change.reason or _some(change.fields))
            for change in changes
        ],
    )
    if any(change.action == "refused" for change in changes):
        click.echo(
            "Refused: these indices keep their old form; indices of new months have the new one.",
            err=True,
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


def _some(fields: tuple[str, ...]) -> str:
    more = f" and {len(fields) - _SHOWN} more" if len(fields) > _SHOWN else ""
    return ", ".join(fields[:_SHOWN]) + more
