"""Share of voice three ways: every mention, each story once, without bots.

Counts are Elasticsearch's own aggregations; a story is a mention and all near copies of it. It is
counted exactly: the mentions that lead a story here, and the leads elsewhere (before the period, or
in words that the topic does not match) of copies that are here.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final

from elasticsearch import Elasticsearch
from msgspec import Struct

__all__ = ["BOTS", "Counts", "Voice", "voices"]

BOTS: Final = [{"range": {"noise.score": {"gte": 0.5}}}, {"term": {"author.kind": "bot"}}]
"""What looks like a bot or spam, or says so."""
_PAGE: Final = 5_000


class Counts(Struct, frozen=True):
    """How much, and which part of all the topics together, 0 … 1."""

    count: int
    share: float


class Voice(Struct, frozen=True):
    """One topic."""

    topic: str
    mentions: Counts
    """All of them. A mention of two topics counts for both."""
    stories: Counts
    """Near copies counted once."""
    people: Counts
    """Mentions that do not look like a bot's or like spam."""
    by_source: dict[str, int]
    """Mentions from each source, the most first."""


class _Counted(Struct, frozen=True):
    mentions: int
    stories: int
    people: int
    by_source: dict[str, int]


def voices(
    client: Elasticsearch,
    alias: str,
    topics: Sequence[str],
    since: datetime,
    until: datetime | None = None,
) -> list[Voice]:
    """The topics, the most spoken of first; all zero while there is no index.

    Args:
        client: a connected client.
        alias: the name over all mentions.
        topics: watchlist topics, each once.
        since: by ``published_at``.
        until: up to then; to the newest by default.

    Raises:
        elasticsearch.ApiError: the request is refused.
        elasticsearch.TransportError: no answer.
    """
    period: dict[str, str] = {"gte": since.isoformat()}
    if until is not None:
        period["lt"] = until.isoformat()
    counted = {topic: _count(client, alias, topic, period) for topic in topics}

    def share(kind: str, topic: str) -> Counts:
        count = getattr(counted[topic], kind)
        total = sum(getattr(one, kind) for one in counted.values())
        return Counts(count, count / total if total else 0.0)

    found = [
        Voice(
            topic,
            share("mentions", topic),
            share("stories", topic),
            share("people", topic),
            counted[topic].by_source,
        )
        for topic in topics
    ]
    return sorted(found, key=lambda voice: (-voice.mentions.count, voice.topic))


def _count(client: Elasticsearch, alias: str, topic: str, period: dict[str, str]) -> _Counted:
    query = {"bool": {"filter": [{"term": {"topics": topic}}, {"range": {"published_at": period}}]}}
    copied = {"exists": {"field": "duplicate.of"}}
    answer = client.search(
        index=alias,
        ignore_unavailable=True,
        size=0,
        track_total_hits=True,
        query=query,
        aggregations={
            "leads": {"filter": {"bool": {"must_not": [copied]}}},
            "people": {"filter": {"bool": {"must_not": BOTS}}},
            "sources": {"terms": {"field": "collector.source", "size": 1_000}},
        },
    )
    found = answer.get("aggregations")
    if not found:
        return _Counted(0, 0, 0, {})
    elsewhere = 0
    for page in _copied(client, alias, query):
        leads = {"bool": {"filter": [query, {"terms": {"id": page}}], "must_not": [copied]}}
        here = client.count(index=alias, ignore_unavailable=True, query=leads)["count"]
        elsewhere += len(page) - here
    return _Counted(
        mentions=answer["hits"]["total"]["value"],
        stories=found["leads"]["doc_count"] + elsewhere,
        people=found["people"]["doc_count"],
        by_source={one["key"]: one["doc_count"] for one in found["sources"]["buckets"]},
    )


def _copied(client: Elasticsearch, alias: str, query: dict[str, Any]) -> Iterator[list[str]]:
    """The leads of all copies, some at a time."""
    after: dict[str, Any] = {}
    while True:
        answer = client.search(
            index=alias,
            size=0,
            query=query,
            aggregations={
                "stories": {
                    "composite": {
                        "size": _PAGE,
                        "sources": [{"lead": {"terms": {"field": "duplicate.of"}}}],
                        **after,
                    }
                }
            },
        )
        found = answer["aggregations"]["stories"]
        if found["buckets"]:
            yield [bucket["key"]["lead"] for bucket in found["buckets"]]
        if len(found["buckets"]) < _PAGE:
            return
        after = {"after": found["after_key"]}
