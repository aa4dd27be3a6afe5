"""What commands share that stay: how a signal ends them, and how they are watched."""

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from agents.turning import Turning
    from pipeline.settings import Settings

__all__ = ["host_option", "port_option", "turning", "until_signalled"]

port_option = click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=0,
    help="Serve /health, /ready and /metrics there.",
)
host_option = click.option("--host", default="127.0.0.1", show_default=True, help="See --port.")


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
