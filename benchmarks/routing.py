"""What one more routed topic costs: the stage's time, and the broker's time and disk.

    python -m benchmarks.routing 127.0.0.1:9092

Takes mentions of some 2,000 bytes through the real route stage and the delivery loop, into topics
that it creates and deletes again, with ever more teams: all of which want each mention, or none.
Prints for each number of teams the time a mention takes, and the disk a copy takes on the broker.
"""

import asyncio
import random
import string
import sys
import time
from datetime import UTC, datetime
from typing import Any

import msgspec
from aiokafka import AIOKafkaProducer
from kafka import KafkaAdminClient
from msgspec import Struct

from pipeline.contract.describe import example
from pipeline.delivery import Delivery
from pipeline.settings import Settings
from pipeline.stages.route import Route
from schemas import EnrichedMention, topics
from schemas.headers import mention_headers
from schemas.mention import decode_enriched, encode

MENTIONS = 5_000
BATCH = 500
TEAMS = (0, 1, 5, 20)


class Record(Struct, frozen=True):
    """A consumed message."""

    topic: str
    partition: int
    offset: int
    timestamp: float
    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]


def made() -> list[Record]:
    """Mentions whose texts are of invented words, so that they compress worse than real ones."""
    chance = random.Random(1)
    words = ["".join(chance.choices(string.ascii_lowercase, k=n % 9 + 3)) for n in range(5_000)]
    fields: dict[str, Any] = example(EnrichedMention)
    found = []
    for number in range(MENTIONS):
        fields |= {"id": f"bench:{number}", "text": " ".join(chance.choices(words, k=40))}
        mention = decode_enriched(msgspec.json.encode(fields))
        headers = mention_headers(mention)
        value = encode(mention)
        found.append(Record("raw", 0, number, 0.0, mention.id.encode(), value, headers))
    return found


def settings(bootstrap: str, prefix: str, teams: int, language: str) -> Settings:
    """Settings with so many teams that want mentions in a language."""
    routes = [{"team": f"t{number}", "languages": [language]} for number in range(teams)]
    kafka = {"bootstrap": bootstrap, "prefix": prefix}
    return Settings.model_validate({"kafka": kafka, "routes": routes})


async def run(config: Settings, records: list[Record]) -> float:
    """Seconds to route all records, each output confirmed by the broker."""
    producer = AIOKafkaProducer(
        bootstrap_servers=config.kafka.bootstrap,
        acks="all",
        enable_idempotence=True,
        compression_type="lz4",
        max_batch_size=1_048_576,  # as a worker has
    )
    await producer.start()
    try:
        delivery = Delivery(Route(config), producer)
        await delivery.deliver(records[:BATCH])  # warm: metadata and connections
        started = time.perf_counter()
        for start in range(0, len(records), BATCH):
            await delivery.deliver(records[start : start + BATCH])
        return time.perf_counter() - started
    finally:
        await producer.stop()


def main() -> None:
    """Measure and print."""
    (bootstrap,) = sys.argv[1:]
    prefix = f"bench{datetime.now(UTC):%H%M%S}."
    records = made()
    size = len(records[0].value)
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    names = {prefix + topics.routed(f"t{n}").name: topics.ROUTED for n in range(max(TEAMS))}
    wanted = {
        name: {"num_partitions": topic.partitions, "replication_factor": 1}
        for name, topic in names.items()
    }
    admin.create_topics(wanted, wait_for_metadata=True)
    try:
        print(f"{MENTIONS} mentions of {size} bytes, batches of {BATCH}")
        print("teams  µs/mention, none wants it  µs/mention, all want it")
        for teams in TEAMS:
            idle = asyncio.run(run(settings(bootstrap, prefix, teams, "xx"), records))
            busy = asyncio.run(run(settings(bootstrap, prefix, teams, "en"), records))
            print(f"{teams:5} {idle / MENTIONS * 1e6:26.1f} {busy / MENTIONS * 1e6:24.1f}")
        (name, *_) = names
        print(f"disk: {disk(admin, name):.0f} bytes a copy, on each broker that has one")
    finally:
        admin.delete_topics(list(names))
        admin.close()


def disk(admin: Any, topic: str) -> float:  # noqa: ANN401 - kafka-python has no types
    """Bytes on disk for each message of a topic."""
    used = sum(
        partition["partition_size"]
        for broker in admin.describe_log_dirs()
        for folder in broker["log_dirs"]
        for entry in folder["topics"]
        if entry["name"] == topic
        for partition in entry["partitions"]
    )
    sent = sum(MENTIONS + BATCH for teams in TEAMS if teams)
    return float(used / sent)


main()
