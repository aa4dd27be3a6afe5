"""All mentions of a period, as they were indexed, page by page.

A point in time holds the view still while it is read: what is written meanwhile is not seen twice
and nothing is left out.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

import msgspec
from elasticsearch import Elasticsearch, NotFoundError

from schemas.mention import EnrichedMention

__all__ = ["count", "find", "mentions"]

_PAGE: Final = 1_000
_KEEP: Final = "2m"


def mentions(
    client: Elasticsearch, alias: str, since: datetime | None, topic: str | None = None
) -> Iterator[EnrichedMention]:
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
                query=_query(since, topic),
                sort=[{"published_at": "asc"}, {"_shard_doc": "asc"}],
                search_after=after,
                track_total_hits=False,
            )
            pit = answer["pit_id"]
            hits = answer["hits"]["hits"]
            for hit in hits:
                yield msgspec.convert(hit["_source"], EnrichedMention)
            if len(hits) < _PAGE:
                return
            after = hits[-1]["sort"]
    finally:
        client.close_point_in_time(id=pit)


def count(
    client: Elasticsearch, alias: str, since: datetime | None, topic: str | None = None
) -> int:
    """How many ``mentions`` would yield; raises what it raises."""
    answer = client.count(index=alias, ignore_unavailable=True, query=_query(since, topic))
    return int(answer["count"])


def find(client: Elasticsearch, alias: str, mention_id: str) -> EnrichedMention | None:
    """One mention; raises what ``mentions`` raises."""
    answer = client.search(
        index=alias, ignore_unavailable=True, size=1, query={"term": {"id": mention_id}}
    )
    hits = answer["hits"]["hits"]
    return msgspec.convert(hits[0]["_source"], EnrichedMention) if hits else None


def _query(since: datetime | None, topic: str | None) -> dict[str, object]:
    filters: list[dict[str, object]] = []
    if since is not None:
        filters.append({"range": {"published_at": {"gte": since.isoformat()}}})
    if topic is not None:
        filters.append({"term": {"topics": topic}})
    return {"bool": {"filter": filters}}
