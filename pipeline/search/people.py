"""People in Elasticsearch: what is asked to find them, and the index ``<alias>-people``.

The index is made of mentions and holds nothing else: it can be deleted and made again at any time.
One document an author and topic; who is not found again with the next update goes.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from elasticsearch import Elasticsearch
from elasticsearch.helpers import scan

from pipeline.people import Person, Post, asking
from pipeline.search import bulk, history
from pipeline.search.removal import remove

__all__ = ["index_name", "posts", "replies", "write"]

_CHUNK: Final = 1_000
_FIELDS: Final = list(Post.__struct_fields__)


def index_name(alias: str) -> str:
    """The index of people."""
    return f"{alias}-people"


def posts(client: Elasticsearch, alias: str, topic: str, since: datetime) -> Iterator[Post]:
    """What was said of a topic since then.

    Raises:
        elasticsearch.ApiError: the request is refused.
        elasticsearch.TransportError: no answer.
    """
    for source in history.sources(client, alias, history.asked(since, topic), _FIELDS):
        yield msgspec.convert(source, Post)


def replies(
    client: Elasticsearch, alias: str, said: Sequence[Post], since: datetime
) -> Iterator[Post]:
    """What was answered to those posts that ask something, whether it names the topic or not.

    Raises what ``posts`` raises.
    """
    questions = sorted(asking(said))
    for start in range(0, len(questions), _CHUNK):
        ids = questions[start : start + _CHUNK]
        answers = [{"terms": {name: ids}} for name in ("thread.parent_id", "thread.root_id")]
        query = history.asked(since, None)
        query["bool"] |= {"should": answers, "minimum_should_match": 1}
        for source in history.sources(client, alias, query, _FIELDS):
            yield msgspec.convert(source, Post)


def write(
    client: Elasticsearch,
    alias: str,
    topic: str,
    found: Iterable[Person],
    *,
    since: datetime,
    now: datetime,
) -> None:
    """Bring the index to these people; those of the topic who are not among them go.

    Raises what ``posts`` raises, and what ``removal.remove`` does.
    """
    index = index_name(alias)
    steps: list[dict[str, Any]] = []
    for person in found:
        author = person.author
        more = {
            "who": author.name or author.handle or author.id,
            "since": since,
            "updated_at": now,
        }
        steps += {"index": {"_id": person.id}}, {**msgspec.to_builtins(person), **more}
    for start in range(0, len(steps), 2 * _CHUNK):
        answer = client.bulk(index=index, operations=steps[start : start + 2 * _CHUNK])
        bulk.insist(answer["items"])
    client.indices.refresh(index=index, ignore_unavailable=True)
    old = {
        "bool": {
            "filter": [
                {"term": {"topic": topic}},
                {"range": {"updated_at": {"lt": now.isoformat()}}},
            ]
        }
    }
    gone = scan(client, index=index, query={"query": old}, source=False, ignore_unavailable=True)
    remove(client, index, [hit["_id"] for hit in gone])
    client.indices.refresh(index=index, ignore_unavailable=True)
