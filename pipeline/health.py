"""What a worker process tells its supervisor, on Faust's own web server.

* ``/health``: 200 while the process makes progress, has nothing to do, or waits for an outage to
  end; 503 when it is stuck, before the watchdog ends it. A stuck event loop does not answer.
* ``/ready``: 200 while it works; 503 while it has no partition yet or waits for an outage to end.
* ``/metrics``: the counters of ``pipeline.metrics``, for Prometheus.
"""

from typing import Any, Protocol

import faust
from msgspec import Struct, to_builtins
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

__all__ = ["Health", "Reporting", "pages"]

_OK = 200
_UNAVAILABLE = 503


class Health(Struct, frozen=True):
    """How a worker process is."""

    stage: str
    live: bool
    ready: bool
    partitions: int
    """Owned at this moment."""
    lag: int
    """Messages in them that are not yet committed."""
    seconds_since_progress: float
    waiting_for: str | None
    """The outage it waits for the end of."""


class Reporting(Protocol):
    """Something that knows its health."""

    def health(self) -> Health:
        """How it is now."""


def pages(app: faust.App, worker: Reporting) -> None:
    """Put the pages onto an app's web server."""

    # Faust hands a view its instance first: these are methods in all but place.
    async def health(view: Any, _request: Any) -> Any:  # noqa: ANN401 - Faust has no types
        now = worker.health()
        return view.json(to_builtins(now), status=_OK if now.live else _UNAVAILABLE)

    async def ready(view: Any, _request: Any) -> Any:  # noqa: ANN401
        now = worker.health()
        return view.json(to_builtins(now), status=_OK if now.ready else _UNAVAILABLE)

    async def metrics(view: Any, _request: Any) -> Any:  # noqa: ANN401
        return view.bytes(generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    for path, page in (("/health", health), ("/ready", ready), ("/metrics", metrics)):
        app.page(path)(page)
