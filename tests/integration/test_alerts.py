"""Alerts from the topic of mentions, over kills, and the same ones from a back-test."""

import json
import random
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from pipeline import admin
from pipeline.settings import load
from schemas import headers, topics
from schemas.mention import (
    Author,
    Collector,
    EnrichedMention,
    Match,
    Producer,
    Sentiment,
    encode,
)
from tests.support.desk import Desk
from tests.support.installation import Installation

BY = Producer(name="test", version="1")
NOW = datetime.now(UTC).replace(microsecond=0)


def mention(name: str, at: datetime, topic: str = "Bahn", **fields: object) -> EnrichedMention:
    made = EnrichedMention(
        id=f"test:{name}",
        revision=1,
        channel="forum",
        text="geheim",
        published_at=at,
        collected_at=at,
        processed_at=at,
        collector=Collector(source="test"),
        author=Author(handle=name),
        site=f"{sum(name.encode()) % 3}.example",
        sentiment=Sentiment(label="negative", score=-1, confidence=1, by=BY),
        matches=(Match(topic=topic, kind="brand", clause="x", spans=(), by=BY),),
    )
    return msgspec.structs.replace(made, **fields)


def publish(
    installation: Installation, mentions: Sequence[EnrichedMention], *more: tuple[str, bytes]
) -> None:
    settings = load(installation.config)
    name = installation.env["MENTIONS_KAFKA__PREFIX"] + topics.ENRICHED.name
    kafka = settings.kafka.model_copy(
        update={"bootstrap": installation.env["MENTIONS_KAFKA__BOOTSTRAP"]}
    )
    with admin.producer(settings.model_copy(update={"kafka": kafka})) as producer:
        sent = [
            producer.send(
                name,
                key=one.id.encode(),
                value=encode(one),
                headers=[*headers.mention_headers(one), *more],
            )
            for one in mentions
        ]
        for confirmation in sent:
            confirmation.get()


@pytest.mark.timeout(240)
def test_alerts_survive_a_kill_and_a_back_test_says_the_same(installation: Installation) -> None:
    run = installation.run
    dice = random.Random(1)
    past = [
        mention(f"n{n}", NOW - timedelta(days=2, minutes=dice.uniform(0, 20 * 1440)))
        for n in range(300)
    ]
    publish(installation, past)
    # None of these may alert: enriched again, or collected as back-fill.
    quiet = NOW - timedelta(hours=12)
    again = [mention(f"r{n}", quiet + timedelta(minutes=n)) for n in range(20)]
    publish(installation, again, (headers.REPROCESSED, b"1-abc"))
    filled = Collector(source="test", backfill=True)
    publish(
        installation,
        [
            mention(f"f{n}", quiet + timedelta(minutes=n), topic="Bus", collector=filled)
            for n in range(20)
        ],
    )

    first = installation.start("alerts", "watch", "--json")
    installation.wait(lambda: "watching" in installation.log(first), "the past is known")
    burst = [mention(f"p{n}", NOW - timedelta(minutes=15 - n)) for n in range(15)]
    publish(installation, burst)
    installation.wait(lambda: len(alerts(installation)) >= 2, "spike and crisis")
    installation.kill(first)
    found = alerts(installation)
    assert {alert["kind"] for alert in found} == {"spike", "crisis"}
    assert all(set(alert["mentions"]) <= {one.id for one in burst + past} for alert in found)
    assert "geheim" not in json.dumps(found)

    # The next process knows what was said before it, and goes on.
    second = installation.start("alerts", "watch", "--json")
    installation.wait(lambda: "watching" in installation.log(second), "the past is known")
    secret = Match(topic="Graureiher", kind="confidential", clause="x", spans=(), by=BY)
    publish(installation, [mention("leak", NOW, matches=(secret,))])
    installation.wait(lambda: len(alerts(installation)) >= 3, "the leak")
    assert sorted(alert["kind"] for alert in alerts(installation)) == ["crisis", "leak", "spike"]
    assert installation.stop(second) == 0

    check_notifications(installation, {alert["id"] for alert in alerts(installation)})

    installation.start("worker", "--stages", "index")
    everything = 300 + 20 + 20 + 15 + 1
    installation.wait(lambda: installation.count() == everything, "everything is indexed")
    # In the index the mentions that were enriched again look like any other: they are a spike.
    lines = run("alerts", "backtest", "--since", "6h", "--json").stdout.splitlines()
    kinds = {alert["kind"] for alert in map(json.loads, lines)}
    assert {"crisis", "leak", "spike"} == kinds
    sweep = run("alerts", "backtest", "--since", "10d", "--sweep", "--json").stdout.splitlines()
    a_week = [row["a_week"] for row in map(json.loads, sweep)]
    assert a_week == sorted(a_week, reverse=True)
    assert "alerts" in run("alerts", "backtest", "--since", "6h").stdout


def check_notifications(installation: Installation, expected: set[str]) -> None:
    """A channel that was away is told everything once, also over a kill."""
    installation.configure('[[channels]]\nname = "desk"\nurl = "env:DESK_URL"\n')
    with Desk() as desk:
        installation.env["DESK_URL"] = desk.url
        desk.status = 503
        first = installation.start("alerts", "notify")
        installation.wait(lambda: "alerts wait" in installation.log(first), "a refusal")
        desk.status = 200
        desk.got.clear()
        installation.wait(lambda: marked(installation) == expected, "all are told and marked")
        installation.kill(first)
        second = installation.start("alerts", "notify")
        installation.wait(lambda: "telling 1" in installation.log(second), "it is up again")
        time.sleep(6)  # it looks every five seconds
        told = [one["id"] for _, body in desk.got for one in json.loads(body)["alerts"]]
        assert sorted(told) == sorted(expected)
        assert desk.url not in installation.log(first)
        assert installation.stop(second) == 0


def marked(installation: Installation) -> set[str]:
    return {message["value"]["alert"] for message in installation.tail("mentions.notified")}


def alerts(installation: Installation) -> list[dict[str, Any]]:
    lines = installation.run("alerts", "list", "--json").stdout.splitlines()
    return [json.loads(line) for line in lines]
