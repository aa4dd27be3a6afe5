"""``mentions worker``: stream processors, one process a stage.

One stage runs in this very process, which is what a container wants. Several are run as child
processes, each started again when it ends without being told to.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Final

import click

from pipeline.cli._shared import settings

__all__ = ["command"]

_STAGES: Final = ("enrich", "index", "route", "archive", "record", "work", "refine")
_STOP_WITHIN: Final = 20.0  # seconds for a stage to finish its batch
_RESTART_AFTER: Final = 2.0  # seconds, so that a stage that cannot start does not spin


def _names(_ctx: click.Context, _param: click.Parameter, value: str) -> list[str]:
    names = [name.strip() for name in value.split(",") if name.strip()]
    for name in names:
        if name not in _STAGES:
            msg = f"no stage {name!r}; there are: {', '.join(_STAGES)}"
            raise click.BadParameter(msg)
    return names


@click.command(
    epilog="""\b
Examples:
  mentions worker                          all stages, one process each
  mentions worker --stages enrich          one stage in this process
  mentions worker --stages enrich -n 4     four processes share the partitions

With worker.port set the first process says there how it is, each further one a port higher."""
)
@click.option(
    "--stages",
    default="",
    callback=_names,
    help=f"Comma-separated, of {', '.join(_STAGES)}; each is a consumer group of its own. By "
    "default all, refine only where second_pass.on is set.",
)
@click.option(
    "--processes",
    "-n",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="Processes per stage; useful up to the number of partitions.",
)
@click.option("--parent", type=int, hidden=True, help="End when this process is no more.")
@click.option("--verbose", "-v", is_flag=True, help="Show what Faust and the clients say.")
@click.pass_context
def command(
    ctx: click.Context, stages: list[str], processes: int, parent: int | None, *, verbose: bool
) -> None:
    """Run stream processors until interrupted."""
    from pipeline import logs  # noqa: PLC0415 - not needed for --help

    logs.setup(verbose=verbose)
    config = settings(ctx)  # before any child is started, so that a mistake is said once
    if not stages:
        stages = [name for name in _STAGES if name != "refine" or config.second_pass.on]
    if len(stages) == 1 and processes == 1:
        from pipeline.app import run  # noqa: PLC0415 - Faust takes half a second to import
        from pipeline.stages import build  # noqa: PLC0415

        run(build(stages[0], config), config, parent=parent)
    base = [sys.executable, "-m", "pipeline"]
    if ctx.obj:
        base += ["--config", str(ctx.obj)]
    # A killed supervisor cannot stop its children: they look after it instead.
    tail = ["--parent", str(os.getpid()), *(["--verbose"] if verbose else [])]
    commands = [
        [*base, "worker", "--stages", stage, *tail] for stage in stages for _ in range(processes)
    ]
    _supervise(commands, config.worker.port)


class _StoppedError(Exception):
    """A signal asked for the end."""


def _supervise(commands: Sequence[Sequence[str]], port: int) -> None:
    """Keep one process a command running until told to stop.

    Args:
        commands: what to run.
        port: where the first says how it is, each further one at the next; 0 is nowhere.
    """

    def stop(_signal: int, _frame: object) -> None:
        raise _StoppedError

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    running: dict[int, subprocess.Popen[bytes]] = {}
    try:
        while True:
            for number, arguments in enumerate(commands):
                child = running.get(number)
                if child is not None and child.poll() is None:
                    continue
                if child is not None:
                    click.echo(f"stage ended with {child.returncode}, starting it again", err=True)
                own = {"MENTIONS_WORKER__PORT": str(port + number)} if port else {}
                running[number] = subprocess.Popen(arguments, env=os.environ | own)  # noqa: S603 - our own command
            time.sleep(_RESTART_AFTER)
    except _StoppedError:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    finally:
        for child in running.values():
            child.terminate()
        deadline = time.monotonic() + _STOP_WITHIN
        for child in running.values():
            try:
                child.wait(max(deadline - time.monotonic(), 0.1))
            except subprocess.TimeoutExpired:
                # Nothing is lost by it: what it had not acknowledged is read again.
                child.kill()
                child.wait()
