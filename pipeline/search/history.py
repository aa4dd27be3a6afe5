"""All mentions of a period, as they were indexed, page by page.

A point in time holds the view still while it is read: what is written meanwhile is not seen twice
and nothing is left out.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from elasticsearch import Elasticsearch, NotFoundError
from msgspec import Struct

from pipeline.search.document import message
from schemas.mention import EnrichedMention

__all__ = ["Stored", "asked", "by_ids", "count", "find", "mentions", "sources", "stored"]

_PAGE: Final = 1_000
_KEEP: Final = "2m"


class Stored(Struct, frozen=True):
    """A mention and its document."""

    mention: EnrichedMention
    source: dict[str, Any]

    @property
    def value(self) -> bytes:
        """The message it was made of, with what this version does not know."""
        return message(self.source)

    @classmethod
    def read(cls, source: dict[str, Any]) -> "Stored":
        """Read a document."""
        return cls(msgspec.convert(source, EnrichedMention), source)


def mentions(
    client: Elasticsearch, alias: str, since: datetime | None, topic: str | None = None
) -> Iterator[EnrichedMention]:
    """The mentions of what ``stored`` yields; raises what it raises."""
    return (found.mention for found in stored(client, alias, since, topic))


def stored(
    client: Elasticsearch, alias: str, since: datetime | None, topic: str | None = None
) -> Iterator[Stored]:
    """Every mention that was said since then; none while there is no index.

    Args:
        client: a connected client.
        alias: the name over all mentions.
        since: by ``published_at``; all there are by default.
        topic: only what is indexed under this watchlist topic.

    Raises:
        elasticsearch.ApiError: the request is refused.
        elasticsearch.TransportError: no answer.
    """
    for source in sources(client, alias, asked(since, topic)):
        yield Stored.read(source)


def sources(
    client: Elasticsearch, alias: str, query: dict[str, Any], fields: Sequence[str] | None = None
) -> Iterator[dict[str, Any]]:
    """Every document that a query finds, by the time at which it was said.

    Args:
        client: a connected client.
        alias: the name over all mentions.
        query: in Elasticsearch's words.
        fields: what of each is wanted; all of it by default.

    Raises what ``stored`` raises.
    """
    try:
        pit = client.open_point_in_time(index=alias, keep_alive=_KEEP)["id"]
    except NotFoundError:
        return
    after: list[int | str] | None = None
    try:
        while True:
            answer = client.search(
                pit={"id": pit, "keep_alive": _KEEP},
                size=_PAGE,
                query=query,
                source_includes=fields,
                sort=[{"published_at": "asc"}, {"_shard_doc": "asc"}],
                search_after=after,
                track_total_hits=False,
            )
            pit = answer["pit_id"]
            hits = answer["hits"]["hits"]
            yield from (hit["_source"] for hit in hits)
            if len(hits) < _PAGE:
                return
            after = hits[-1]["sort"]
    finally:
        client.close_point_in_time(id=pit)


def count(
    client: Elasticsearch, alias: str, since: datetime | None, topic: str | None = None
) -> int:
    """How many ``stored`` would yield; raises what it raises."""
    answer = client.count(index=alias, ignore_unavailable=True, query=asked(since, topic))
    return int(answer["count"])


def find(client: Elasticsearch, alias: str, mention_id: str) -> Stored | None:
    """One mention; raises what ``stored`` raises."""
    answer = client.search(
        index=alias, ignore_unavailable=True, size=1, query={"term": {"id": mention_id}}
    )
    hits = answer["hits"]["hits"]
    return Stored.read(hits[0]["_source"]) if hits else None


def by_ids(client: Elasticsearch, alias: str, ids: Sequence[str]) -> Iterator[EnrichedMention]:
    """The mentions with these ids that are still there; raises what ``stored`` raises."""
    for start in range(0, len(ids), _PAGE):
        some = list(ids[start : start + _PAGE])
        answer = client.search(
            index=alias, ignore_unavailable=True, size=2 * _PAGE, query={"terms": {"id": some}}
        )
        yield from (Stored.read(hit["_source"]).mention for hit in answer["hits"]["hits"])


def asked(since: datetime | None, topic: str | None) -> dict[str, Any]:
    """The query for what was said since then, and is indexed under a topic."""
    filters: list[dict[str, object]] = []
    if since is not None:
        filters.append({"range": {"published_at": {"gte": since.isoformat()}}})
    if topic is not None:
        filters.append({"term": {"topics": topic}})
    return {"bool": {"filter": filters}}
