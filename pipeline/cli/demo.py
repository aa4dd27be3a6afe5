"""``mentions demo``: the whole path on this machine, with an invented company to listen to."""

import io
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

import click

from pipeline.cli._shared import console, settings
from pipeline.errors import PipelineError, Retryable

if TYPE_CHECKING:
    from pipeline.demo.view import Picture
    from pipeline.demo.world import World
    from pipeline.settings import Settings

__all__ = ["command"]

_LOOK_EVERY: Final = 1.0
_PATIENCE: Final = 240.0  # seconds for all of it to become searchable
_FRESH: Final = timedelta(hours=6)  # then the invented "two hours ago" is no longer true
_RATE_OVER: Final = 5  # looks
_PAUSE_LIVE: Final = 1.5  # seconds between two requests with posts, so that one sees them arrive


@click.command(
    epilog="""\b
Examples:
  mentions demo               a live view until Ctrl-C
  mentions demo | cat         without a terminal: one summary, exit code 0 if all is searchable
  mentions demo --once        the same in a terminal
  mentions demo --picture docs/demo.svg"""
)
@click.option("--once", is_flag=True, help="End with a summary when the demo's data is through.")
@click.option(
    "--picture",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the summary to an SVG file too; implies --once.",
)
@click.pass_context
def command(ctx: click.Context, *, once: bool, picture: Path | None) -> None:
    """Show it all: real servers, invented mentions, a live view.

    Everything it keeps is in the data folder (.mentions/demo); Ctrl-C stops all it has started.
    """
    base = settings(ctx)
    folder = base.stack.data.resolve() / "demo"
    live = console.is_terminal and not once and picture is None
    try:
        with ExitStack() as stack:
            last = _run(stack, base, folder, live=live)
    except KeyboardInterrupt:
        console.print(f"Stopped. {_onward(folder)}")
        sys.exit(0 if live else 130)
    console.print(_onward(folder))
    if picture is not None:
        _draw(last, picture)
    sys.exit(0 if _whole(last) else 1)


def _run(stack: ExitStack, base: "Settings", folder: Path, *, live: bool) -> "Picture":
    """Start everything, and look at it until it is through, or in a live view for ever."""
    from pipeline import admin  # noqa: PLC0415 - not needed for --help
    from pipeline.demo.world import World  # noqa: PLC0415
    from pipeline.settings import load  # noqa: PLC0415

    world = stack.enter_context(closing(World(_started(base, folder), folder)))
    os.environ |= {
        "MENTIONS_CONFIG": str(world.render()),
        "MENTIONS_STACK__DATA": str(folder),
        "MENTIONS_PUSH_TOKEN": world.token,
    }
    config = load()
    stack.enter_context(_servers(config))
    admin.apply(config)
    _templates(config)
    stack.enter_context(_process("worker", folder))
    stack.enter_context(_process("agent", folder))
    stack.enter_context(world.live(_PAUSE_LIVE if live else 0.0))
    pictures = _pictures(config, world)
    return _live(pictures) if live else _summary(pictures)


def _started(base: "Settings", folder: Path) -> datetime:
    """The moment around which the invented mentions are told; a stale demo is begun anew."""
    from pipeline.stack import Stack  # noqa: PLC0415

    marker = folder / "started"
    if marker.exists():
        started = datetime.fromisoformat(marker.read_text(encoding="utf-8"))
        if datetime.now(UTC) - started < _FRESH:
            return started
        console.print("The last demo is from", f"{started.astimezone():%c}:", "beginning anew")
        stale = base.model_copy(update={"stack": base.stack.model_copy(update={"data": folder})})
        Stack(stale).down()  # a demo that was killed has left its servers running
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    started = datetime.now(UTC)
    marker.write_text(started.isoformat(), encoding="utf-8")
    return started


@contextmanager
def _servers(config: "Settings") -> Iterator[None]:
    from pipeline.stack import Stack, bars  # noqa: PLC0415

    servers = Stack(config)
    with bars() as progress:
        servers.up(progress)
    try:
        yield
    finally:
        console.print("Stopping the servers")
        servers.down()


def _templates(config: "Settings") -> None:
    from pipeline.search.client import connect_sync  # noqa: PLC0415
    from pipeline.search.probe import probe  # noqa: PLC0415
    from pipeline.search.templates import apply  # noqa: PLC0415

    with connect_sync(config.elasticsearch) as client:
        apply(client, config.elasticsearch, probe(client))


@contextmanager
def _process(command_: str, folder: Path) -> Iterator[None]:
    """A sub-command in the background; what it says goes to a file."""
    with (folder / f"{command_}.log").open("ab") as log:
        process = subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, "-m", "pipeline", command_],
            stdout=log,
            stderr=log,
            cwd=folder,  # where the configuration finds its files
            start_new_session=True,  # Ctrl-C reaches it through us, in the right order
        )
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def _pictures(config: "Settings", world: "World") -> Iterator["Picture | None"]:
    """One picture a second; None when Elasticsearch cannot answer at that moment."""
    from pipeline import admin  # noqa: PLC0415
    from pipeline.demo.view import Picture  # noqa: PLC0415
    from pipeline.search.aggregations import found_of, overview  # noqa: PLC0415
    from pipeline.search.client import connect_sync, explained  # noqa: PLC0415

    alias = config.elasticsearch.alias
    expected = world.expected_ids
    counts: list[tuple[float, int]] = []
    with connect_sync(config.elasticsearch) as client:
        while True:
            began = time.monotonic()
            try:
                with explained(config.elasticsearch):
                    seen = overview(client, alias)
                    searchable = found_of(client, alias, expected)
            except Retryable:
                yield None
            else:
                counts = [*counts[-_RATE_OVER:], (began, seen.total)]
                (first, before), (last, now) = counts[0], counts[-1]
                yield Picture(
                    found=seen,
                    lags=admin.lag(config),
                    per_second=(now - before) / (last - first) if last > first else 0.0,
                    searchable=searchable,
                    expected=len(expected),
                )
            time.sleep(max(_LOOK_EVERY - (time.monotonic() - began), 0.0))


def _live(pictures: Iterator["Picture | None"]) -> NoReturn:
    from rich.live import Live  # noqa: PLC0415

    from pipeline.demo.view import render  # noqa: PLC0415

    with Live(console=console, screen=True, auto_refresh=False) as screen:
        for picture in pictures:
            if picture is not None:
                screen.update(render(picture, _called()), refresh=True)
    msg = "the pictures ended"
    raise AssertionError(msg)


def _summary(pictures: Iterator["Picture | None"]) -> "Picture":
    """Wait until all is searchable, say what there is, and return that."""
    from pipeline.demo.view import render  # noqa: PLC0415

    deadline = time.monotonic() + _PATIENCE
    last = None
    for picture in pictures:
        last = picture or last
        if (picture is not None and _whole(picture)) or time.monotonic() > deadline:
            break
    if last is None:
        msg = f"Elasticsearch has not answered for {_PATIENCE:.0f} s"
        raise PipelineError(msg)
    console.print(render(last))
    if not _whole(last):
        console.print(
            f"After {_PATIENCE:.0f} s {last.searchable} of {last.expected} mentions are searchable "
            f"and {sum(row.lag for row in last.lags)} messages on their way"
        )
    return last


def _draw(picture: "Picture", path: Path) -> None:
    from rich.console import Console  # noqa: PLC0415

    from pipeline.demo.view import render  # noqa: PLC0415

    paper = Console(record=True, width=120, file=io.StringIO())
    paper.print(render(picture, "mentions"))
    paper.save_svg(str(path), title="mentions demo")


def _onward(folder: Path) -> str:
    return (
        f"The data is in {folder}. To look around in it:\n"
        f"  MENTIONS_STACK__DATA={folder} {_called()} up\n"
        f"  {_called()} search 'Brise AND Update'"
    )


def _called() -> str:
    """How this command was called, for hints that can be copied."""
    found = shutil.which("mentions")
    called = Path(sys.argv[0])
    if found and called.exists() and Path(found).samefile(called):
        return "mentions"
    here = Path.cwd()
    return str(called.relative_to(here) if called.is_relative_to(here) else called)


def _whole(picture: "Picture") -> bool:
    """Whether all that was said is there, nothing that was deleted, and nothing on its way."""
    found = picture.searchable == picture.expected == picture.found.total
    return found and not any(row.lag for row in picture.lags)
