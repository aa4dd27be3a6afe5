"""Alerts in Elasticsearch: one document an alert, in ``<alias>-alerts``, for lists and charts."""

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec
from elasticsearch import Elasticsearch
from elasticsearch.helpers import scan

from schemas.alert import Alert

__all__ = ["document", "index_name", "name_of", "naming"]

_CHUNK: Final = 500
_LONGEST: Final = 512  # bytes of an _id


def index_name(alias: str) -> str:
    """The index of alerts."""
    return f"{alias}-alerts"


def name_of(alert: Alert) -> str:
    """The document's ``_id``: the alert's, or a hash of one that is too long."""
    name = alert.id.encode(errors="replace")
    return alert.id if len(name) <= _LONGEST else hashlib.blake2b(name).hexdigest()


def document(alert: Alert) -> dict[str, Any]:
    """An alert as it is indexed: ``rule`` is always there, ``source_names`` can be counted."""
    body: dict[str, Any] = msgspec.to_builtins(alert)
    names = [one.source for one in alert.sources] + [gap.source for gap in alert.gaps]
    return {**body, "rule": alert.name, "source_names": list(dict.fromkeys(names))}


def naming(client: Elasticsearch, alias: str, mentions: Sequence[str]) -> Iterator[str]:
    """The ``_id`` of alerts that name any of these mentions.

    Raises:
        elasticsearch.ApiError: the question was refused.
        elasticsearch.TransportError: no answer.
    """
    index = index_name(alias)
    client.indices.refresh(index=index, ignore_unavailable=True)
    for start in range(0, len(mentions), _CHUNK):
        query = {"query": {"terms": {"mentions": list(mentions[start : start + _CHUNK])}}}
        found = scan(client, index=index, query=query, source=False, ignore_unavailable=True)
        yield from (hit["_id"] for hit in found)
