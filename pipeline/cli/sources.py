"""``mentions sources``: which sources there are, and orders about them.

Orders are messages on ``mentions.sources``; every agent follows them within a second.
"""

import sys
import time
import tomllib
import uuid
from collections.abc import Generator, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from pipeline.cli._directory import directory_of, of_file
from pipeline.cli._shared import emit, json_option, moment, settings, table
from pipeline.errors import ConfigError

if TYPE_CHECKING:
    from agents.source import Item, Source
    from pipeline.settings import Settings
    from schemas.sources import SourceEntry

__all__ = ["command"]

_SHOWN = 100  # code points of a text


@click.group(
    epilog="""\b
Examples:
  mentions sources list
  mentions sources add 'type = "mastodon"' 'name = "tags"' 'hashtags = ["bahn"]'
  mentions sources pause tags && mentions sources resume tags
  mentions sources backfill tags --since 30d
  mentions sources test tags           one poll: shows what would be published, publishes nothing"""
)
def command() -> None:
    """List, add, pause, back-fill and test the sources."""


@command.command("list")
@json_option
@click.pass_context
def list_(ctx: click.Context, *, as_json: bool) -> None:
    """List the sources, those of the file and those that were added."""
    config = settings(ctx)
    with directory_of(config) as directory:
        entries = {**of_file(config), **directory.entries}
    rows = [
        {
            "name": name,
            "type": entry.table.get("type"),
            "origin": entry.origin,
            "state": "paused" if entry.paused else "active",
            "backfill_since": entry.backfill and entry.backfill.since,
        }
        for name, entry in sorted(entries.items())
    ]
    if as_json:
        emit(rows)
    else:
        columns = ["name", "type", "from", "state", "back-fill since"]
        table("Sources", columns, [list(row.values()) for row in rows])


@command.command()
@click.argument("lines", nargs=-1, required=True)
@click.pass_context
def add(ctx: click.Context, lines: tuple[str, ...]) -> None:
    """Add a source, or replace one that was added.

    LINES are those of its [[sources]] table, each in quotes; "-" reads them from standard input.
    """
    text = sys.stdin.read() if lines == ("-",) else "\n".join(lines)
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        msg = f"not TOML: {error}"
        raise ConfigError(msg) from error
    entry = _entry(found)
    name = str(entry.table["name"])
    config = settings(ctx)
    with directory_of(config) as directory:
        if name in of_file(config) or directory.entries.get(name, entry).origin == "file":
            msg = f"source {name!r} is in mentions.toml: change it there"
            raise ConfigError(msg)
        directory.write(name, entry)
    click.echo(f"Added {name}: every agent knows it within a second.")


@command.command()
@click.argument("name")
@click.pass_context
def remove(ctx: click.Context, name: str) -> None:
    """Remove a source that was added; its cursor is kept, should it come back."""
    config = settings(ctx)
    with directory_of(config) as directory:
        entry = _find(directory.entries, config, name)
        if entry.origin == "file":
            msg = f"source {name!r} is in mentions.toml: remove it there and restart an agent"
            raise ConfigError(msg)
        directory.write(name, None)
    click.echo(f"Removed {name}.")


@command.command()
@click.argument("name")
@click.pass_context
def pause(ctx: click.Context, name: str) -> None:
    """Stop reading a source; what it says meanwhile is read when it is resumed."""
    _set(ctx, name, paused=True)
    click.echo(f"Paused {name}.")


@command.command()
@click.argument("name")
@click.pass_context
def resume(ctx: click.Context, name: str) -> None:
    """Go on reading a source where it was paused."""
    _set(ctx, name, paused=False)
    click.echo(f"Resumed {name}.")


@command.command()
@click.argument("name")
@click.option("--since", required=True, callback=moment, help="15m, 7d, or an RFC 3339 time.")
@click.pass_context
def backfill(ctx: click.Context, name: str, since: datetime) -> None:
    """Read everything since a moment again; nothing is in the index twice after it."""
    from agents.source import Rewindable, source_class  # noqa: PLC0415 - not needed for --help
    from schemas.sources import Backfill  # noqa: PLC0415

    config = settings(ctx)
    with directory_of(config) as directory:
        entry = _find(directory.entries, config, name)
    if not issubclass(source_class(entry.table), Rewindable):
        msg = f"source {name!r} shows only what it shows now: {entry.table['type']} has no past"
        raise ConfigError(msg)
    _set(ctx, name, backfill=Backfill(uuid.uuid4().hex, since.astimezone(UTC)))
    click.echo(f"Ordered: {name} is read again from {since:%Y-%m-%d %H:%M %Z} on.")
    click.echo("'mentions coverage' shows when it is done.")


@command.command()
@click.argument("name")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 10_000))
@click.option(
    "--listen",
    default=15.0,
    show_default=True,
    type=click.FloatRange(0, 3_600),
    help="Seconds to listen to a source with a stream, after it was read.",
)
@json_option
@click.pass_context
def test(ctx: click.Context, name: str, limit: int, listen: float, *, as_json: bool) -> None:
    """Poll a source once, without its cursor, and show what would be published.

    Publishes nothing and moves nothing. Ends with the poll, at the limit, or when a stream was
    listened to for long enough. Exit code 1 where the source cannot be read.
    """
    from agents.errors import SourceError  # noqa: PLC0415 - not needed for --help
    from agents.source import Source, build  # noqa: PLC0415

    config = settings(ctx)
    entry = of_file(config).get(name)
    if entry is None:
        with directory_of(config) as directory:
            entry = _find(directory.entries, config, name)
    _entry(entry.table)
    source = build(entry.table)
    if not isinstance(source, Source):
        msg = f"source {name!r} is told what is new: there is nothing to ask"
        raise ConfigError(msg)
    found: list[Item] = []
    failure = None
    try:
        for items in _pages(source, listen):
            found += items
            if len(found) >= limit:
                break
    except SourceError as error:
        failure = f"{type(error).__name__}: {error}"
    finally:
        source.close()
    _show(name, found[:limit], as_json=as_json)
    if failure:
        click.echo(f"mentions: {name}: {failure}", err=True)
        sys.exit(1)


def _pages(source: "Source", listen: float) -> Iterator[Sequence["Item"]]:
    """What one poll finds; of a stream what is read, and then heard for some seconds."""
    end: float | None = None
    pages = source.poll(None)
    try:
        for page in pages:
            yield page.items
            if page.until is None:
                continue
            # Only a stream says how far it is; it gives a page, however empty, every second or so.
            end = time.monotonic() + listen if end is None else end
            if time.monotonic() >= end:
                return
    finally:
        if isinstance(pages, Generator):
            pages.close()


def _show(name: str, found: list["Item"], *, as_json: bool) -> None:
    from schemas.mention import RawMention  # noqa: PLC0415

    if as_json:
        emit(found)
        return
    rows = []
    for item in found:
        if isinstance(item, RawMention):
            text = " ".join(item.text.split())
            rows.append((item.id, f"{item.published_at:%Y-%m-%d %H:%M}", text[:_SHOWN]))
        else:
            reason = getattr(item, "reason", "deleted")
            rows.append((getattr(item, "key", getattr(item, "id", "")), "", reason[:_SHOWN]))
    table(f"{name} would publish {len(found)}", ["id", "published", "text"], rows)


def _set(ctx: click.Context, name: str, **changes: object) -> None:
    from msgspec import structs  # noqa: PLC0415

    config = settings(ctx)
    with directory_of(config) as directory:
        entry = _find(directory.entries, config, name)
        directory.write(name, structs.replace(entry, **changes))


def _find(entries: Mapping[str, "SourceEntry"], config: "Settings", name: str) -> "SourceEntry":
    known = {**of_file(config), **entries}
    if name not in known:
        msg = f"no source {name!r}; there are: {', '.join(sorted(known)) or 'none'}"
        raise ConfigError(msg)
    return known[name]


def _entry(found: Mapping[str, Any]) -> "SourceEntry":
    """A checked entry of a table.

    Raises:
        ConfigError: the table is wrong.
    """
    import msgspec  # noqa: PLC0415
    from pydantic import ValidationError  # noqa: PLC0415

    from agents.source import config_model  # noqa: PLC0415
    from pipeline.settings import explain  # noqa: PLC0415
    from schemas.sources import SourceEntry  # noqa: PLC0415

    model = config_model(found)
    try:
        model.model_validate(found)
    except ValidationError as error:
        raise ConfigError(explain(error, model, f"source {found.get('name')!r}")) from error
    return SourceEntry(table=msgspec.to_builtins(found))
