"""Alerts from the topic of mentions, over kills, and the same ones from a back-test."""

import json
import random
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from pipeline import admin
from pipeline.reader import records
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
from tests.support.installation import Installation, json_lines

BY = Producer(name="test", version="1")
NOW = datetime.now(UTC).replace(microsecond=0)
PASSAGE = "das Nebelwerk wird bereits zum Jahresende geschlossen und die Fertigung"
PLAN = f"Streng vertraulicher Beschluss: {PASSAGE} komplett nach Zwieselbach verlagert."


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


def test_alerts_survive_a_kill_and_a_back_test_says_the_same(installation: Installation) -> None:
    run = installation.run
    watch_for_a_document(installation)
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
    # Nobody listens for a topic of it, and one of our own people says it.
    told = mention("told", NOW, text=f"Kaum zu glauben: {PASSAGE} …", matches=(), origin="staff")
    publish(installation, [told])
    installation.wait(lambda: len(alerts(installation)) >= 4, "the leaks")
    assert sorted(alert["kind"] for alert in alerts(installation)) == [
        "crisis", "leak", "leak", "spike",
    ]  # fmt: skip
    (leak,) = [alert for alert in alerts(installation) if alert["topic"] == "Plan"]
    assert leak["mentions"] == ["test:told"]
    assert "by an account of our own staff" in leak["why"]
    assert installation.stop(second) == 0

    check_notifications(installation, {alert["id"] for alert in alerts(installation)})

    installation.start("worker", "--stages", "index,record")
    everything = 300 + 20 + 20 + 15 + 2
    installation.wait(lambda: installation.count() == everything, "everything is indexed")
    index = f"{installation.alias}-alerts"
    installation.wait(
        lambda: installation.stored(index) == 4,
        "the alerts are indexed",
    )
    # In the index the mentions that were enriched again look like any other: they are a spike.
    lines = run("alerts", "backtest", "--since", "6h", "--json").stdout.splitlines()
    kinds = {alert["kind"] for alert in map(json.loads, lines)}
    assert {"crisis", "leak", "spike"} == kinds
    assert "Plan" in {alert["topic"] for alert in map(json.loads, lines)}
    the_secret_is_nowhere(installation)
    sweep = run("alerts", "backtest", "--since", "10d", "--sweep", "--json").stdout.splitlines()
    a_week = [row["a_week"] for row in map(json.loads, sweep)]
    assert a_week == sorted(a_week, reverse=True)
    run("alerts", "backtest", "--since", "10d", "--sweep", "--plot", "sweep.svg")
    drawn = (installation.folder / "sweep.svg").read_text(encoding="utf-8")
    assert all(word in drawn for word in ("crisis", "spike", "alerts a week", "set: 1e-06"))
    assert "alerts" in run("alerts", "backtest", "--since", "6h").stdout


def watch_for_a_document(installation: Installation) -> None:
    plan = installation.folder / "plan.txt"
    plan.write_text(PLAN, encoding="utf-8")
    refused = installation.run("leak", "fingerprint", "plan.txt", code=1)
    assert "MENTIONS_PRIVACY__SALT" in refused.stderr
    installation.env["MENTIONS_PRIVACY__SALT"] = "only-for-this-test"
    installation.run("leak", "fingerprint", "plan.txt", "--name", "Old")
    installation.run("leak", "remove", "Old")
    shown = installation.run("leak", "fingerprint", "plan.txt", "--name", "Plan", "--json").stdout
    (made,) = json_lines(shown)
    assert made["passages"] == len(PLAN.split()) - 5
    listed = json_lines(installation.run("leak", "list", "--json").stdout)
    assert [one["document"] for one in listed] == ["Plan"]
    plan.unlink()


def the_secret_is_nowhere(installation: Installation) -> None:
    """Neither in what is published about it, nor in what is indexed, logged or configured."""
    installation.client.indices.refresh(index=f"{installation.alias}-alerts")
    found = installation.client.search(index=f"{installation.alias}-alerts", size=100)
    kept = {path.name: path.read_text("utf-8") for path in installation.folder.iterdir()}
    kept["index"] = json.dumps(found.body, ensure_ascii=False)
    for topic in (topics.LEAKS, topics.ALERTS, topics.NOTIFIED, topics.DEAD_LETTER):
        name = f"{installation.alias}.{topic.name}"
        kept[topic.name] = "".join(
            f"{record.key}{(record.value or b'').decode()}{record.headers}"
            for record in records(installation.settings, name)
        )
    words = {word.strip(".,").lower() for word in PLAN.split() if len(word) > 4}
    assert len(kept[topics.LEAKS.name]) > 100
    for place, content in kept.items():
        assert not [word for word in words if word in content.lower()], place


def check_notifications(installation: Installation, expected: set[str]) -> None:
    """A channel that was away is told everything once, also over a kill."""
    listed = json_lines(installation.run("alerts", "list", "--json").stdout)
    assert {alert["id"] for alert in listed} == expected
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
    return installation.look("alerts", "list")
