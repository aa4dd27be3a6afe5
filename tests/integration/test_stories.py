"""Copies that different workers handle meet, also when one of them is killed in the middle."""

import asyncio
import json
import random
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from pipeline import stories
from pipeline.settings import Settings
from schemas.fingerprint import Fingerprint
from schemas.topics import FINGERPRINTS
from tests.support.installation import Installation

CONFIG = """
[[sources]]
type = "files"
name = "load"
paths = ["{path}"]
every = 0.5
columns = {{ id = "id", text = "text", published_at = "at" }}
defaults = {{ channel = "news" }}
"""

STORIES = 400
COPIES = 5


def test_every_story_has_one_lead_over_two_workers_and_a_kill(installation: Installation) -> None:
    chance = random.Random(11)
    words = ["".join(chance.choices("abcdefghiklmnoprstuw", k=7)) for _ in range(800)]
    stories = [" ".join(chance.choices(words, k=18)) for _ in range(STORIES)]
    start = datetime(2026, 1, 1, tzinfo=UTC)
    rows = []
    for copy in range(COPIES):
        for number in chance.sample(range(STORIES), STORIES):
            text = f"{chance.choice(words)} {stories[number]} https://l.example/{copy}"
            rows.append((f"s{number}c{copy}", text))
    lines = [
        json.dumps({"id": name, "text": text, "at": (start + timedelta(minutes=place)).isoformat()})
        for place, (name, text) in enumerate(rows)
    ]
    half = len(lines) // 2
    path = installation.folder / "load.jsonl"
    path.write_text("\n".join(lines[:half]) + "\n", encoding="utf-8")
    installation.configure(CONFIG.format(path=path))
    installation.env["MENTIONS_WORKER__BATCH"] = "50"

    installation.start("worker", "--stages", "index")
    first = installation.start("worker", "--stages", "enrich")
    installation.start("worker", "--stages", "enrich")
    installation.start("agent")
    installation.wait(lambda: installation.count() > len(rows) // 10, "some mentions")
    installation.kill(first)
    installation.start("worker", "--stages", "enrich")
    # However quick the machine, there are copies to come whose stories the killed worker has seen.
    with path.open("a", encoding="utf-8") as file:
        file.write("\n".join(lines[half:]) + "\n")
    installation.wait(lambda: installation.count() >= len(rows), "every mention in the index")
    # What was in the hands of the killed worker is enriched twice: wait for the second answer.
    installation.wait(lambda: _behind(installation) == 0, "every message handled")

    documents = installation.documents()
    assert len(documents) == len(rows)
    leads = {name for name, document in documents.items() if "duplicate" not in document}
    of_story = Counter(name.split("c")[0] for name in leads)
    assert set(of_story.values()) == {1}, [n for n, count in of_story.items() if count > 1]
    assert len(leads) == STORIES
    for name, document in documents.items():
        if name not in leads:
            assert document["duplicate"]["of"] in leads
            assert document["duplicate"]["of"].split("c")[0] == name.split("c")[0]
            assert document["duplicate"]["similarity"] > 0.5
    assert installation.tail("dead") == []


def test_who_says_what_first_is_the_same_for_all_in_however_many_parts(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stories, "_BATCH_BYTES", 2_000)  # some five messages
    settings = installation.settings
    chance = random.Random(5)
    kinds = [chance.randbytes(120) for _ in range(20)]

    def said(minute: int) -> Fingerprint:
        time = 1_767_322_800_000 + 60_000 * minute
        return Fingerprint(
            collected_at=time, published_at=time, author=minute % 3 + 1, whole=chance.choice(kinds)
        )

    async def run() -> None:
        one, other, late = (stories.Stories(settings) for _ in range(3))
        batches = [
            {f"t:{n}-{k}": said(n) for k in range(chance.choice((1, 7, 60)))} for n in range(40)
        ]
        asked = {name: print_ for batch in batches for name, print_ in batch.items()}
        try:
            for number, batch in enumerate(batches):
                who, forgotten = chance.choice((one, other)), ["t:2-0"] if number == 30 else []
                found = await who.find(batch, forgotten)
                # Handed in again, as after a kill, by whomever.
                assert await chance.choice((one, other)).find(batch) == found
            answers = [await each.find(asked) for each in (one, other, late)]
            assert answers[0] == answers[1] == answers[2]
            assert len(answers[0].copies) > len(asked) - 2 * len(kinds)
            assert max(answers[0].rates.values()) > 20
        finally:
            await asyncio.gather(one.close(), other.close(), late.close())
        assert (
            await _names(settings)
            == [
                name
                for batch in batches
                for name in (*batch, *(["t:2-0"] if batch is batches[30] else []), *batch)
            ]
            + [*asked] * 3
        )

    asyncio.run(run())


async def _names(settings: Settings) -> list[str]:
    """The keys on the topic, in order."""
    partition = TopicPartition(settings.kafka.topic(FINGERPRINTS), 0)
    consumer = AIOKafkaConsumer(**settings.kafka.aiokafka(), auto_offset_reset="earliest")
    names: list[str] = []
    async with consumer:
        consumer.assign([partition])
        end = (await consumer.end_offsets([partition]))[partition]
        while len(names) < end:
            found = await consumer.getmany(partition, timeout_ms=500)
            names += [record.key.decode() for record in found.get(partition, ())]
    return names


def _behind(installation: Installation) -> int:
    rows = map(json.loads, installation.run("status", "--json").stdout.splitlines())
    return sum(row["lag"] for row in rows if row.get("stage") in {"enrich", "index"})
