"""Work as documents: who has what to do, since when, and how long it took.

One document for each team and mention, in ``<alias>-work``: the message, and what to count by.
"""

import hashlib
from typing import Any, Final

import msgspec

from schemas.work import Work

__all__ = ["document", "document_id", "index_name"]

_DONE: Final = frozenset({"answered", "dismissed"})


def index_name(alias: str) -> str:
    """The index of work."""
    return f"{alias}-work"


def document_id(key: bytes) -> str:
    """The document of work, by its Kafka key: an id may be too long for Elasticsearch as it is."""
    return hashlib.blake2b(key, digest_size=16).hexdigest()


def document(work: Work) -> dict[str, Any]:
    """Work as it is indexed."""
    body: dict[str, Any] = msgspec.to_builtins(work)
    body["open"] = work.state not in _DONE
    if work.state in _DONE:
        body["seconds"] = (work.changed_at - work.since).total_seconds()
    return body
