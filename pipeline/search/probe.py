"""What this cluster can do, asked once.

Elasticsearch comes in several sizes: the embedded server is the bare engine, a full one has
language analyzers, life-cycle management and more. Code asks here, and uses more where there is
more.
"""

from collections.abc import Collection, Mapping
from typing import Any

from elasticsearch import Elasticsearch
from msgspec import Struct

__all__ = ["Capabilities", "common", "probe"]


class Capabilities(Struct, frozen=True, kw_only=True):
    """What every node of a cluster has."""

    version: str
    """The oldest node's."""
    analysis: bool = False
    """Language analyzers (``german``, ``english``) and the filter ``asciifolding``."""
    icu: bool = False
    """The analysis plugin for Unicode."""
    by_query: bool = False
    """Delete-by-query, update-by-query and reindex."""
    lifecycle: bool = False
    """Index life-cycle management."""
    esql: bool = False
    ingest: bool = False
    """The common ingest processors."""
    scripts: bool = False
    """Painless."""


_MODULES = {
    "analysis": "analysis-common",
    "icu": "analysis-icu",
    "by_query": "reindex",
    "lifecycle": "x-pack-ilm",
    "esql": "x-pack-esql",
    "ingest": "ingest-common",
    "scripts": "lang-painless",
}


def probe(client: Elasticsearch) -> Capabilities:
    """Ask the nodes for their version, modules and plugins.

    Raises:
        elasticsearch.ApiError: it may not be asked (the privilege ``monitor`` is needed).
        elasticsearch.TransportError: no answer.
    """
    answer = client.nodes.info(
        metric="plugins",
        filter_path="nodes.*.version,nodes.*.modules.name,nodes.*.plugins.name",
    )
    return common(answer["nodes"].values())


def common(nodes: Collection[Mapping[str, Any]]) -> Capabilities:
    """What all of these nodes have, from what each says of itself."""
    parts = [
        {part["name"] for part in (*node.get("modules", ()), *node.get("plugins", ()))}
        for node in nodes
    ]
    shared = set.intersection(*parts)
    return Capabilities(
        version=min((node["version"] for node in nodes), key=_number),
        **{capability: module in shared for capability, module in _MODULES.items()},
    )


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.partition("-")[0].split("."))
