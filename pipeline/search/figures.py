"""Figures of worker processes in Elasticsearch: one document a message, in ``<alias>-figures``."""

from typing import Any

import msgspec

from schemas.figures import Figures

__all__ = ["document", "index_name"]


def index_name(alias: str) -> str:
    """The index of figures."""
    return f"{alias}-figures"


def document(figures: Figures) -> dict[str, Any]:
    """A message as it is indexed, with what a chart would have to divide or list."""
    body: dict[str, Any] = msgspec.to_builtins(figures)
    # What is left out of the message because it is nothing is a figure in a chart.
    counts = {name: getattr(figures, name) for name in ("lag", "received", "sent", "rejected")}
    body |= counts | {"retried": figures.retried, "error_classes": sorted(figures.errors)}
    if figures.batches:
        body["seconds_each"] = round(figures.seconds / figures.batches, 4)
    return body
