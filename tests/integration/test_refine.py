"""The second pass on real servers: it revises what matters, and nothing older has the last word."""

import json
from typing import Any

from pipeline import admin
from pipeline.reader import records
from schemas import encode
from schemas.headers import REFINED, first, tombstone_headers
from schemas.mention import Author, EnrichedMention, Language, Producer, Sentiment
from tests.support.installation import Installation
from tests.support.messages import NOW, Message, mention, message, publish

CONFIG = """
[second_pass]
on = true
unsure = 0.5
followers = 10_000
"""
SECOND = "second-e5"
FIRST = Producer(name="trained-de", version="1")


def enriched(
    number: int, text: str, *, revision: int = 1, confidence: float = 0.9, followers: int = 0
) -> EnrichedMention:
    raw = mention(number, revision=revision, text=text)
    return EnrichedMention(
        **{name: getattr(raw, name) for name in raw.__struct_fields__ if name != "author"},
        author=Author(id="1", followers=followers),
        processed_at=NOW,
        language=Language(code="de", confidence=1.0),
        sentiment=Sentiment(label="neutral", score=0.0, confidence=confidence, by=FIRST),
    )


def last_words(installation: Installation) -> dict[str, tuple[Any, bytes | None]]:
    """What compaction would keep of each mention: its value, and the header of the second pass."""

    name = installation.settings.kafka.prefix + "mentions.enriched"
    found: dict[str, tuple[Any, bytes | None]] = {}
    for record in records(installation.settings, name):
        value = None if record.value is None else json.loads(record.value)
        found[record.key.decode()] = value, first(record.headers, REFINED)
    return found


def settled(installation: Installation) -> bool:
    return all(row.lag == 0 for row in admin.lag(installation.settings) if row.stage == "refine")


def test_mentions_that_matter_are_revised_and_nothing_older_is_last(
    installation: Installation,
) -> None:
    installation.configure(CONFIG)
    installation.settings = installation.settings.model_copy(
        update={"second_pass": installation.settings.second_pass.model_copy(update={"on": True})}
    )
    good = "Endlich ein Anbieter, bei dem alles klappt. Danke!"
    publish(
        installation,
        "mentions.enriched",
        [
            message(enriched(1, good, followers=50_000)),
            message(enriched(2, good, confidence=0.4)),
            message(enriched(3, good)),
        ],
    )
    # Made of versions that something newer has overtaken: results of a worker that was killed.
    late = [
        enriched(4, "Alt, und längst geändert.", revision=1),
        enriched(5, "Alt, und längst gelöscht.", revision=1),
    ]
    for made in late:
        made.sentiment = Sentiment(
            label="negative", score=-0.5, confidence=0.8, by=Producer(name=SECOND, version="0/1")
        )
    newer: list[Message] = [
        message(enriched(4, "Neu.", revision=2)),
        (b"push:5", None, tombstone_headers("push:5", 3, "test")),
    ]
    stale: list[Message] = [
        (made.id.encode(), encode(made), [*message(made)[2], (REFINED, b"0")]) for made in late
    ]
    # Offset 0 of their partitions is taken, so that both newer ones stand between.
    publish(installation, "mentions.enriched", [message(made) for made in late] + newer + stale)
    publish_first = last_words(installation)
    assert publish_first["push:4"][0]["revision"] == 1
    assert publish_first["push:5"][0] is not None

    worker = installation.start("worker", "--stages", "refine,index")
    installation.wait(lambda: settled(installation), "the second pass has caught up")
    installation.wait(lambda: settled(installation) and installation.count() == 4, "is indexed")

    words = last_words(installation)
    for number in (1, 2):
        value, header = words[f"push:{number}"]
        assert value["sentiment"]["by"]["name"] == SECOND
        assert value["sentiment"]["score"] > 0  # the first pass said 0
        assert value["revision"] == 1
        assert header is not None
    assert words["push:3"][0]["sentiment"]["by"]["name"] == FIRST.name
    assert words["push:4"][0]["revision"] == 2
    assert words["push:5"][0] is None

    def indexed() -> bool:
        found = installation.documents()
        return (
            found["push:1"]["sentiment"]["by"]["name"] == SECOND
            and found["push:4"]["text"] == "Neu."
            and "push:5" not in found
        )

    installation.wait(indexed, "the index has the second pass's word")
    assert installation.tail("dead") == []
    assert installation.stop(worker) == 0
