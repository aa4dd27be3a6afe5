"""``mentions dead``: what was refused, why, and back it goes."""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click
from rich.progress import Progress

from pipeline.cli._shared import console, emit, json_option, moment, settings, table
from pipeline.errors import ConfigError

if TYPE_CHECKING:
    from pipeline.dead import Letter
    from pipeline.settings import Settings

__all__ = ["command"]

_REASON_SHOWN = 100


def _filters(decorated: Callable[..., None]) -> Callable[..., None]:
    """The options by which every sub-command chooses letters."""
    for option in (
        click.option("--source", help="Only what this configured source collected."),
        click.option("--until", callback=moment, help="Before then, written in the same way."),
        click.option("--since", callback=moment, help="From then on: 15m, 2h, 7d or a time."),
        click.option("--error", help="Only this class of error, for instance ValidationError."),
        click.option("--stage", help="Only what this stage refused."),
        click.argument("positions", nargs=-1),
    ):
        decorated = option(decorated)
    return decorated


@click.group(
    epilog="""\b
Examples:
  mentions dead list                              what is waiting, the oldest first
  mentions dead list --stage enrich --since 2h
  mentions dead show 0:17                         one letter, whole
  mentions dead replay --error ValidationError    send these back to where they were read
  mentions dead drop 0:17 0:18                    they are done with"""
)
def command() -> None:
    """Look after the dead letters: messages that a stage could not process.

    A letter is named by its position, partition:offset. What was replayed or dropped is left out
    of the lists; it stays in its topic until the topic's retention ends.
    """


@command.command("list")
@_filters
@click.option("--all", "marked", is_flag=True, help="Also what was replayed or dropped.")
@json_option
@click.pass_context
def list_(ctx: click.Context, /, *, as_json: bool, **filters: Any) -> None:  # noqa: ANN401 - click's
    """List dead letters, the oldest first."""
    chosen = _chosen(settings(ctx), **filters)
    if as_json:
        emit(_shown(letter) for letter in chosen)
        return
    rows = [
        (
            letter.position,
            f"{letter.at.astimezone():%m-%d %H:%M}",
            letter.stage,
            letter.error,
            letter.source,
            (letter.key or b"").decode(errors="backslashreplace"),
            letter.mark.action if letter.mark else "",
            letter.reason[:_REASON_SHOWN],
        )
        for letter in chosen
    ]
    columns = ["position", "at", "stage", "error", "source", "key", "done", "reason"]
    table(f"Dead letters: {len(rows)}", columns, rows)


@command.command()
@click.argument("position")
@json_option
@click.pass_context
def show(ctx: click.Context, position: str, *, as_json: bool) -> None:
    """Show one letter whole: the reason, the headers, the refused bytes."""
    (letter,) = _chosen(settings(ctx), positions=(position,), marked=True) or (None,)
    if letter is None:
        msg = f"no dead letter at {position}; 'mentions dead list' names them"
        raise ConfigError(msg)
    if as_json:
        emit([_shown(letter)])
        return
    shown = _shown(letter)
    for name in ("position", "at", "stage", "error", "reason", "attempts", "replays", "mark"):
        click.echo(f"{name:10} {shown[name]}")
    for name, value in shown["headers"].items():
        click.echo(f"{'header':10} {name}: {value}")
    click.echo(shown["value"])


@command.command()
@_filters
@click.pass_context
def replay(ctx: click.Context, /, **filters: Any) -> None:  # noqa: ANN401
    """Send letters back to the topic they were read from, in order.

    Interrupted, it is simply started again: what went back is marked.
    """
    from pipeline import dead  # noqa: PLC0415 - not needed for --help

    _apply(ctx, "Replayed", dead.replay, **filters)


@command.command()
@_filters
@click.pass_context
def drop(ctx: click.Context, /, **filters: Any) -> None:  # noqa: ANN401
    """Mark letters as done with."""
    from pipeline import dead  # noqa: PLC0415

    _apply(ctx, "Dropped", dead.drop, **filters)


def _apply(ctx: click.Context, what: str, act: Callable[..., None], **filters: Any) -> None:  # noqa: ANN401
    config = settings(ctx)
    chosen = _chosen(config, **filters)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(what, total=len(chosen))
        act(config, chosen, lambda count: progress.advance(task, count))
    click.echo(f"{what}: {len(chosen)}")


def _chosen(
    config: "Settings",
    *,
    positions: tuple[str, ...] = (),
    stage: str | None = None,
    error: str | None = None,
    source: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    marked: bool = False,
) -> list["Letter"]:
    from pipeline import dead  # noqa: PLC0415 - not needed for --help

    wanted = dead.Filter(
        stage=stage,
        error=error,
        source=source,
        since=since,
        until=until,
        positions=frozenset(positions),
        marked=marked,
    )
    return list(dead.letters(config, wanted))


def _shown(letter: "Letter") -> dict[str, Any]:
    """A letter as text: bytes that are no UTF-8 are escaped."""
    return {
        "position": letter.position,
        "at": letter.at,
        "stage": letter.stage,
        "error": letter.error,
        "reason": letter.reason,
        "topic": letter.topic,
        "source": letter.source,
        "attempts": letter.attempts,
        "replays": letter.replays,
        "mark": letter.mark.action if letter.mark else None,
        "key": letter.key.decode(errors="backslashreplace") if letter.key else None,
        "headers": {name: text.decode(errors="replace") for name, text in letter.headers},
        "value": letter.value.decode(errors="backslashreplace") if letter.value else None,
    }
