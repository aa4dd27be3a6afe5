"""What commands share that stay: how a signal ends them, how they are watched, and do it again."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final

import click

from pipeline.errors import PipelineError

if TYPE_CHECKING:
    from agents.turning import Turning
    from pipeline.settings import Settings

__all__ = [
    "every_option",
    "host_option",
    "keep_up",
    "only_with",
    "port_option",
    "turning",
    "until_signalled",
]

_UNITS: Final = {"m": 60.0, "h": 3_600.0, "d": 86_400.0}
_LOOK_EVERY: Final = 1.0  # seconds between two looks at whether to end
_AGAIN_AFTER: Final = 60.0  # seconds from what could not be to the next attempt


def _every(_ctx: click.Context, _param: click.Parameter, value: str | None) -> float | None:
    if value is None:
        return None
    if value[:-1].isdecimal() and value[-1] in _UNITS and int(value[:-1]):
        return int(value[:-1]) * _UNITS[value[-1]]
    msg = f"{value!r} is not like 30m, 2h, 1d"
    raise click.BadParameter(msg)


port_option = click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=0,
    help="Serve /health, /ready and /metrics there.",
)
host_option = click.option("--host", default="127.0.0.1", show_default=True, help="See --port.")


def every_option(flag: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """``--every``, for a command that does something with this flag."""
    return click.option(
        "--every", callback=_every, help=f"With {flag}: go on at this interval: 30m, 1h, 1d."
    )


def only_with(flag: str, *, given: bool, every: float | None, port: int) -> None:
    """See that ``--every`` stands with its flag, and ``--port`` with it.

    Raises:
        click.UsageError: it does not.
    """
    if every is not None and not given:
        msg = f"--every is for {flag}"
        raise click.UsageError(msg)
    if port and every is None:
        msg = "--port is for --every"
        raise click.UsageError(msg)


def until_signalled() -> Callable[[], bool]:
    """Says whether a signal asked for the end, which comes in any case a while after it."""
    from agents.turning import on_signal  # noqa: PLC0415 - not needed for --help

    asked = threading.Event()
    on_signal(asked.set)
    return asked.is_set


def turning(config: "Settings") -> "Turning":
    """Looks after the loop of such a command; Prometheus sees it under the command's name."""
    from agents.turning import Turning  # noqa: PLC0415
    from pipeline.metrics import TURNED  # noqa: PLC0415

    turned = TURNED.labels(click.get_current_context().info_name)
    return Turning(
        config.worker.stuck_after, config.kafka.bootstrap, turned=turned.set_to_current_time
    )


def keep_up(
    config: "Settings", steps: Callable[[], Iterator[object]], every: float, host: str, port: int
) -> None:
    """Do something again and again until a signal comes, and say how that is.

    Args:
        config: the settings.
        steps: does it once, and yields after each part.
        every: seconds from one beginning to the next.
        host: where to say how it is.
        port: same; 0 is nowhere.
    """
    with turning(config).watched(host, port) as loop:
        _again(steps, every, until_signalled(), loop.turn)


def _again(
    steps: Callable[[], Iterator[object]],
    every: float,
    over: Callable[[], bool],
    turn: Callable[[], None],
) -> None:
    """What cannot be now is tried again soon; ``turn`` is told that it goes on."""
    due = time.monotonic()
    done = False
    while not over():
        if done:  # not ready before
            turn()
        if time.monotonic() < due:
            time.sleep(_LOOK_EVERY)
            continue
        due = time.monotonic() + every
        try:
            for _ in steps():
                if over():
                    return
                if done:  # many may take long
                    turn()
            done = True
        except PipelineError as error:
            # An outage, or what only a person can mend: either way the next attempt will tell.
            click.echo(f"{error}; trying again", err=True)
            due = time.monotonic() + min(every, _AGAIN_AFTER)
