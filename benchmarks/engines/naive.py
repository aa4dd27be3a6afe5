"""What one writes on day one with the same packages. With ``BENCH_INDEX`` it indexes instead."""

import os
from typing import Any

import faust
from elasticsearch import Elasticsearch, helpers
from langdetect import LangDetectException, detect
from textblob import TextBlob

from benchmarks.engines import Task

task = Task.read()
app = faust.App(
    task.group,
    broker=f"kafka://{task.bootstrap}",
    topic_allow_declare=False,
    topic_disable_leader=True,
    consumer_auto_offset_reset="earliest",
    web_enabled=False,
    datadir=os.environ["BENCH_DATA"],
)


class Mention(faust.Record):
    """The fields that it uses; the others are ignored."""

    id: str
    text: str
    published_at: str


source = app.topic(task.source, value_type=Mention, value_serializer="json")
target = app.topic(task.target, value_serializer="json")
index = os.environ.get("BENCH_INDEX")
client = Elasticsearch(os.environ["BENCH_ELASTICSEARCH"]) if index else None


def language(text: str) -> str:
    """What langdetect says; it raises where there are no letters."""
    try:
        return str(detect(text))
    except LangDetectException:
        return "unknown"


# Both load their files with the first text: before the clock starts, as everybody else does.
language("Das ist ein Text."), TextBlob("A text.").sentiment


@app.agent(source)
async def enrich(mentions: Any) -> None:  # noqa: ANN401 - Faust has no types
    """One mention after the other."""
    async for mention in mentions:
        tone = TextBlob(mention.text).sentiment
        enriched = {
            "id": mention.id,
            "text": mention.text,
            "published_at": mention.published_at,
            "language": language(mention.text),
            "polarity": tone.polarity,
            "subjectivity": tone.subjectivity,
        }
        if client is not None:
            helpers.bulk(client, [{"_index": index, "_id": mention.id, "_source": enriched}])
        else:
            await target.send(key=mention.id, value=enriched)


if __name__ == "__main__":
    faust.Worker(app, loglevel="WARN").execute_from_commandline()
