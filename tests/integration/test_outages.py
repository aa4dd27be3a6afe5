"""Elasticsearch is busy, slow, full, loses answers; a document is at fault; Kafka is away, too."""

import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from msgspec import structs

from pipeline.settings import Settings
from pipeline.stack import spare
from tests.faults.servers import Servers
from tests.support.installation import Installation
from tests.support.messages import mention, message, publish
from tests.support.proxy import Proxy
from tests.support.reluctant import Reluctant, Whim, half, lost, refused

_LONGER_THAN_A_SESSION = 11.0  # seconds, after which the group has given up the worker


def test_busy_half_failing_and_vanished_answers_leave_each_mention_there_once(
    installation: Installation, settings: Settings
) -> None:
    count = 1_000
    publish(installation, "mentions.enriched", [message(mention(n)) for n in range(count)])
    whims: list[Whim] = [refused(429), half, lost, refused(503), half, refused(502), lost, half]
    with Reluctant(settings.elasticsearch.url, whims) as reluctant:
        installation.env["MENTIONS_ELASTICSEARCH__URL"] = reluctant.url
        worker = installation.start("worker", "--stages", "index")
        installation.wait(lambda: installation.count() == count, "all is indexed")
        installation.wait(lambda: not whims, "it was reluctant to the end")
        assert installation.stop(worker) == 0
    assert len(installation.documents()) == count
    assert installation.tail("dead") == []
    # In less than a minute, several outages in a row are said once.
    assert installation.log(worker).count("waiting since") == 1


def test_a_full_disk_is_waited_out_and_one_conflict_in_a_thousand_is_set_aside(
    installation: Installation,
) -> None:
    name = f"{installation.alias}-mappings"
    found = installation.client.cluster.get_component_template(name=name)
    template = found["component_templates"][0]["component_template"]["template"]
    template["mappings"]["properties"]["language_hint"] = {"type": "integer"}
    installation.client.cluster.put_component_template(name=name, template=template)

    publish(installation, "mentions.enriched", [message(mention(0))])
    worker = installation.start("worker", "--stages", "index")
    installation.wait(lambda: installation.count() == 1, "the first makes the index")
    # What Elasticsearch does to an index when the disk passes its flood stage.
    block = {"index.blocks.read_only_allow_delete": True}
    installation.client.indices.put_settings(index=f"{installation.alias}-20*", settings=block)

    count = 1_000
    mentions = [mention(n) for n in range(1, count)]
    odd = structs.replace(mention(count), language_hint="deutsch")
    batch = [*mentions[:500], odd, *mentions[500:]]
    publish(installation, "mentions.enriched", [message(made) for made in batch])
    installation.wait(
        lambda: "cluster_block_exception" in installation.log(worker), "it says what it waits for"
    )
    assert installation.count() == 1
    assert installation.tail("dead") == []
    free = {"index.blocks.read_only_allow_delete": None}
    installation.client.indices.put_settings(index=f"{installation.alias}-20*", settings=free)

    installation.wait(lambda: installation.count() == count, "all others are indexed")
    installation.wait(lambda: len(installation.tail("dead")) == 1, "one is set aside")
    (letter,) = installation.tail("dead")
    assert letter["key"] == odd.id
    assert letter["headers"]["dlq_error"] == "document_parsing_exception"
    assert "language_hint" in letter["headers"]["dlq_reason"]
    assert odd.id not in installation.documents()
    assert installation.log(worker).count("waiting since") == 1
    assert installation.stop(worker) == 0


@pytest.mark.alone
def test_a_worker_ends_in_time_although_elasticsearch_says_nothing(
    installation: Installation, settings: Settings
) -> None:
    publish(installation, "mentions.enriched", [message(mention(n)) for n in range(100)])
    server = urlsplit(settings.elasticsearch.url)
    assert server.hostname
    assert server.port
    with Proxy(server.hostname, server.port) as wire:
        wire.silence()
        installation.env["MENTIONS_ELASTICSEARCH__URL"] = f"http://127.0.0.1:{wire.port}"
        worker = installation.start("worker", "--stages", "index")
        installation.wait(lambda: wire.connections > 0, "it has asked")
        started = time.monotonic()
        installation.stop(worker)
        assert time.monotonic() - started < 20
        wire.restore()
    installation.env["MENTIONS_ELASTICSEARCH__URL"] = settings.elasticsearch.url
    installation.start("worker", "--stages", "index")
    installation.wait(lambda: installation.count() == 100, "the next one finishes it")


def test_a_slow_elasticsearch_is_neither_an_outage_nor_a_reason_to_give_up(
    installation: Installation, settings: Settings
) -> None:
    count = 300
    server = urlsplit(settings.elasticsearch.url)
    assert server.hostname
    assert server.port
    with Proxy(server.hostname, server.port) as wire:
        wire.slow(0.4)  # each piece of up to 64 KiB, in both directions
        installation.env["MENTIONS_ELASTICSEARCH__URL"] = f"http://127.0.0.1:{wire.port}"
        worker = installation.start("worker", "--stages", "index")
        publish(installation, "mentions.enriched", [message(mention(n)) for n in range(count)])
        installation.wait(lambda: installation.count() == count, "all is indexed")
        assert installation.stop(worker) == 0
    assert len(installation.documents()) == count
    assert installation.tail("dead") == []
    assert "waiting since" not in installation.log(worker)


def test_kafka_and_elasticsearch_away_at_once_are_waited_out_together(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)  # Elasticsearch runs as another user
    before, meanwhile = range(200), range(200, 400)
    with Servers(spare(tmp_path / "data")).running() as servers:
        made = Installation(tmp_path, servers.settings, "both")
        try:
            made.run("topics", "create")
            made.run("index", "apply")
            made.env["MENTIONS_KAFKA__BOOTSTRAP"] = f"127.0.0.1:{servers.kafka.port}"
            made.env["MENTIONS_ELASTICSEARCH__URL"] = f"http://127.0.0.1:{servers.search.port}"
            publish(made, "mentions.raw", [message(mention(n)) for n in before])
            worker = made.start("worker", "--stages", "enrich,index")
            made.wait(lambda: made.count() == len(before), "it works")
            servers.kafka.cut()
            servers.search.cut()
            publish(made, "mentions.raw", [message(mention(n)) for n in meanwhile])
            time.sleep(_LONGER_THAN_A_SESSION)
            assert made.count() == len(before)
            # Kafka first: what was enriched meanwhile finds Elasticsearch still away.
            servers.kafka.restore()
            time.sleep(3)
            servers.search.restore()
            made.wait(lambda: made.count() == len(before) + len(meanwhile), "all is indexed")
            assert made.tail("dead") == []
            assert made.stop(worker) == 0
        finally:
            made.close()
