"""The figures of a board, in one search: who says what where, in which tone, about whom."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, Literal, TypeAlias

from elasticsearch import Elasticsearch
from msgspec import Struct

__all__ = ["Newest", "Overview", "Voice", "body", "found_of", "overview", "read"]

Clock: TypeAlias = Literal["published_at", "processed_at"]

VOICES: Final = ("brand", "competitor")
"""The kinds of topic that share of voice is about."""
LABELS: Final = ("negative", "neutral", "positive")
_BUCKETS: Final = 100
"""Most values of a field that are counted one by one."""


class Voice(Struct, frozen=True):
    """How much is said about one topic."""

    topic: str
    kind: str
    mentions: int
    share: float
    """Its part of all voices, 0 … 1. A mention of two topics counts for both."""
    negative: int
    neutral: int
    positive: int


class Newest(Struct, frozen=True):
    """A mention in one line."""

    id: str
    published_at: datetime
    channel: str
    author: str | None
    language: str
    sentiment: str | None
    title: str | None
    text: str


class Overview(Struct, frozen=True):
    """The state of a period. Counts are of mentions."""

    total: int
    channels: dict[str, int]
    """Here and below: the most frequent first."""
    languages: dict[str, int]
    sentiment: dict[str, int]
    topics: dict[str, int]
    voices: list[Voice]
    per_minute: list[tuple[datetime, int]]
    """The last hour by the chosen clock, minutes without a mention left out, the oldest first."""
    newest: list[Newest]

    @property
    def share_of_voice(self) -> dict[str, int]:
        """Mentions of each brand and competitor."""
        return {voice.topic: voice.mentions for voice in self.voices}


def overview(
    client: Elasticsearch,
    prefix: str,
    since: datetime | None = None,
    *,
    clock: Clock = "published_at",
    newest: int = 10,
) -> Overview:
    """Count what was said.

    Args:
        client: a connected client.
        prefix: the alias of all mentions; while there is none, everything is zero.
        since: only from then on, by the clock.
        clock: ``published_at`` for what people said, ``processed_at`` for what the pipeline did.
        newest: how many of the newest mentions to return.

    Raises:
        elasticsearch.ApiError: the request is refused.
        elasticsearch.TransportError: no answer.
    """
    answer = client.search(
        index=prefix, ignore_unavailable=True, **body(since, clock=clock, newest=newest)
    )
    return read(answer.body)


def found_of(client: Elasticsearch, prefix: str, ids: Iterable[str]) -> int:
    """How many of these mentions can be found; raises what ``overview`` raises.

    Args:
        client: a connected client.
        prefix: the alias of all mentions.
        ids: at most 65,536 mention ids.
    """
    query = {"terms": {"id": list(ids)}}
    answer = client.search(
        index=prefix, ignore_unavailable=True, size=0, track_total_hits=True, query=query
    )
    return int(answer["hits"]["total"]["value"])


def body(since: datetime | None, *, clock: Clock, newest: int) -> dict[str, Any]:
    """The search."""
    by_field = {
        "channels": "channel",
        "languages": "language.code",
        "sentiment": "sentiment.label",
        "topics": "topics",
        **{f"voice_{kind}": f"topic_of.{kind}" for kind in VOICES},
    }
    terms = {
        name: {"terms": {"field": field, "size": _BUCKETS}} for name, field in by_field.items()
    }
    return {
        "query": {"range": {clock: {"gte": since.isoformat()}}} if since else {"match_all": {}},
        "size": newest,
        "track_total_hits": True,
        "sort": [{clock: "desc"}],
        "source_includes": [
            "id", "published_at", "channel", "author.name", "author.handle", "language.code",
            "sentiment.label", "title", "text",
        ],
        "aggregations": {
            **terms,
            "tones": {"terms": {"field": "topic_sentiment", "size": len(LABELS) * _BUCKETS}},
            "hour": {
                "filter": {"range": {clock: {"gt": "now-1h"}}},
                "aggregations": {
                    "minutes": {
                        "date_histogram": {
                            "field": clock,
                            "fixed_interval": "1m",
                            "min_doc_count": 1,
                        }
                    }
                },
            },
        },
    }  # fmt: skip


def read(answer: Mapping[str, Any]) -> Overview:
    """The answer to ``body``."""
    found = answer.get("aggregations") or {}

    def counts(name: str) -> dict[str, int]:
        buckets: Iterable[Mapping[str, Any]] = found[name]["buckets"] if found else ()
        return {bucket["key"]: bucket["doc_count"] for bucket in buckets}

    tones = counts("tones")
    voices = [
        (topic, kind, mentions)
        for kind in VOICES
        for topic, mentions in counts(f"voice_{kind}").items()
    ]
    all_voices = sum(mentions for _, _, mentions in voices)
    minutes = found["hour"]["minutes"]["buckets"] if found else ()
    return Overview(
        total=answer["hits"]["total"]["value"],
        channels=counts("channels"),
        languages=counts("languages"),
        sentiment=counts("sentiment"),
        topics=counts("topics"),
        voices=[
            Voice(
                topic,
                kind,
                mentions,
                mentions / all_voices,
                **{label: tones.get(f"{topic}|{label}", 0) for label in LABELS},
            )
            for topic, kind, mentions in sorted(voices, key=lambda voice: -voice[2])
        ],
        per_minute=[
            (datetime.fromtimestamp(minute["key"] / 1000, UTC), minute["doc_count"])
            for minute in minutes
        ],
        newest=[_newest(hit["_source"]) for hit in answer["hits"]["hits"]],
    )


def _newest(source: Mapping[str, Any]) -> Newest:
    author = source.get("author") or {}
    return Newest(
        id=source["id"],
        published_at=datetime.fromisoformat(source["published_at"]),
        channel=source["channel"],
        author=author.get("name") or author.get("handle"),
        language=(source.get("language") or {}).get("code", "und"),
        sentiment=(source.get("sentiment") or {}).get("label"),
        title=source.get("title"),
        text=source["text"],
    )
