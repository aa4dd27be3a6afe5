"""Stages: thin Faust wiring, one file each: topic in, function, topics out."""

import importlib
from typing import Final

from pipeline.delivery import Stage
from pipeline.settings import Settings

__all__ = ["build"]

# Imported by name, so that a worker loads only what its own stage needs.
_STAGES: Final = {
    "archive": "Archive",
    "enrich": "Enrich",
    "index": "Index",
    "record": "Record",
    "refine": "Refine",
    "route": "Route",
    "work": "Work",
}


def build(name: str, settings: Settings) -> Stage:
    """Make a stage.

    Raises:
        KeyError: there is no stage of that name.
    """
    module = importlib.import_module(f"pipeline.stages.{name}")
    stage: Stage = getattr(module, _STAGES[name])(settings)
    return stage
