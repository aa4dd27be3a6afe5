"""The delivery loop under Faust, on real servers: what an outage and a rebalance do to it."""

from urllib.parse import urlsplit

from pipeline import admin
from pipeline.settings import Settings
from schemas import encode
from schemas.headers import tombstone_headers
from tests.support.installation import Installation
from tests.support.messages import Message, mention, message, publish
from tests.support.proxy import Proxy


def lag(installation: Installation, stage: str) -> int:
    return next(row.lag for row in admin.lag(installation.settings) if row.stage == stage)


def test_a_rebalance_while_elasticsearch_is_away_loses_nothing(
    installation: Installation, settings: Settings
) -> None:
    count = 2_000
    publish(installation, "mentions.enriched", [message(mention(n)) for n in range(count)])
    server = urlsplit(settings.elasticsearch.url)
    assert server.hostname
    assert server.port
    with Proxy(server.hostname, server.port, cut=True) as wire:
        installation.env["MENTIONS_ELASTICSEARCH__URL"] = f"http://127.0.0.1:{wire.port}"
        first = installation.start("worker", "--stages", "index")
        installation.wait(lambda: "waiting since" in installation.log(first), "the first waits")
        # The second takes half of the partitions from a worker that holds an unfinished batch.
        second = installation.start("worker", "--stages", "index")
        installation.wait(lambda: "waiting since" in installation.log(second), "the second waits")
        assert installation.count() == 0
        wire.restore()
        installation.wait(lambda: installation.count() == count, "all is indexed")
    assert len(installation.documents()) == count
    installation.wait(lambda: lag(installation, "index") == 0, "all is committed")
    assert installation.tail("dead") == []
    assert installation.stop(first) == 0
    assert installation.stop(second) == 0


def test_what_cannot_be_enriched_is_in_the_dead_letters_and_the_rest_goes_on(
    installation: Installation,
) -> None:
    good = [message(mention(n)) for n in range(20)]
    bad: list[Message] = [
        (b"push:x", b"\xff\xfe", [("h", b"1")]),
        (b"push:y", b'{"id": "push:y"}', []),
        (b"push:z", encode(mention(99)), []),
    ]
    publish(installation, "mentions.raw", good[:10] + bad + good[10:])
    installation.start("worker", "--stages", "enrich,index")
    installation.wait(lambda: installation.count() == len(good), "the good ones are indexed")
    installation.wait(lambda: len(installation.tail("dead")) == len(bad), "the bad are set aside")
    letters = {letter["key"]: letter for letter in installation.tail("dead")}
    assert letters["push:x"]["headers"]["dlq_error"] in {"DecodeError", "UnicodeDecodeError"}
    assert letters["push:x"]["headers"]["h"] == "1"
    assert letters["push:y"]["headers"]["dlq_error"] == "ValidationError"
    assert letters["push:z"]["headers"]["dlq_error"] == "KeyMismatch"
    assert all(letter["headers"]["dlq_stage"] == "enrich" for letter in letters.values())


def test_edits_replace_and_deletions_delete_in_whatever_order_they_come(
    installation: Installation,
) -> None:
    key = b"push:2"
    publish(
        installation,
        "mentions.raw",
        [
            message(mention(1, revision=2, text="neu")),
            message(mention(1, revision=1, text="alt")),
            message(mention(2, revision=5, text="bald gelöscht")),
            (key, None, tombstone_headers("push:2", 6, "test")),
            message(mention(2, revision=4, text="zu spät")),
            message(mention(3)),
        ],
    )
    installation.configure('[[routes]]\nteam = "all"\n')
    installation.run("topics", "create")
    worker = installation.start("worker", "--stages", "enrich,index,route")
    installation.wait(
        lambda: {"push:1", "push:3"} == set(installation.documents()), "one and three remain"
    )
    installation.wait(
        lambda: installation.documents().get("push:1", {}).get("text") == "neu", "the edit is in"
    )
    # Also for who reads the topics anew, when compaction has left the last message of each.
    newest = {"push:1": "neu", "push:2": None, "push:3": mention(3).text}
    for topic in ("enriched", "mentions.routed.all"):
        installation.wait(lambda: last_texts(installation, topic) == newest, f"{topic} ends on it")  # noqa: B023 - awaited here
    installation.wait(lambda: lag(installation, "index") == 0, "no end of saying so")
    assert installation.stop(worker) == 0
    assert set(installation.documents()) == {"push:1", "push:3"}
    again = [said for said in installation.tail("enriched") if "ce_reprocessed" in said["headers"]]
    assert [said["key"] for said in again] == ["push:1"]
    assert again[0]["headers"]["ce_revision"] == "2"


def last_texts(installation: Installation, topic: str) -> dict[str, str | None]:
    last = {said["key"]: said["value"] for said in installation.tail(topic)}
    return {name: value and value["text"] for name, value in last.items()}
