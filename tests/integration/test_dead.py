"""Dead letters on real servers: found again, sent back in order, searchable, done with."""

import json
import os
import time
from collections import defaultdict
from typing import Any

import pytest

from pipeline import dead
from pipeline.reader import records
from schemas import encode, topics
from tests.support.installation import Installation
from tests.support.messages import Message, mention, message, publish


def listed(installation: Installation, *arguments: str) -> list[dict[str, Any]]:
    return installation.look("dead", "list", *arguments)


def waiting(installation: Installation) -> list[dead.Letter]:
    return list(dead.letters(installation.settings, dead.Filter()))


def archived(installation: Installation, **query: Any) -> list[dict[str, Any]]:
    index = f"{installation.alias}-dead-letters"
    installation.client.indices.refresh(index=index, ignore_unavailable=True)
    found = installation.client.search(
        index=index, query=query or {"match_all": {}}, size=100, ignore_unavailable=True
    )
    return [hit["_source"] for hit in found["hits"]["hits"]]


def bad(source: str, key: str, value: bytes) -> Message:
    return key.encode(), value, [("ce_source", f"/sources/{source}".encode()), ("mine", b"\xff")]


def test_letters_are_found_sent_back_and_dropped(installation: Installation) -> None:
    healed = mention(7, text="Jetzt geht es.")
    publish(
        installation,
        "mentions.raw",
        [
            message(mention(1)),
            bad("one", "push:a", b"\xff\xfe"),
            bad("two", "push:b", b'{"id": "push:b", "text": "Die Heizung", "url": "https://b/"}'),
            bad("two", "push:c", encode(mention(99))),
        ],
    )
    worker = installation.start("worker", "--stages", "enrich,index,archive")
    installation.wait(lambda: len(waiting(installation)) == 3, "three are set aside")

    def keys(*filters: str) -> set[str]:
        return {letter["key"] for letter in listed(installation, *filters)}

    assert keys() == {"push:a", "push:b", "push:c"}
    assert keys("--stage", "enrich") == keys()
    assert keys("--stage", "index") == set()
    assert keys("--error", "ValidationError") == {"push:b"}
    assert keys("--source", "two") == {"push:b", "push:c"}
    assert keys("--source", "two", "--error", "KeyMismatch") == {"push:c"}
    assert keys("--since", "1h") == keys()
    assert keys("--until", "1h") == set()
    (letter,) = listed(installation, "--source", "one")
    assert keys(letter["position"]) == {"push:a"}
    shown = json.loads(installation.run("dead", "show", letter["position"], "--json").stdout)
    assert (shown["value"], shown["topic"]) == (
        "\\xff\\xfe",
        f"{installation.settings.kafka.prefix}mentions.raw",
    )
    assert "no dead letter at 0:999" in installation.run("dead", "show", "0:999", code=1).stderr

    installation.run("dead", "drop", letter["position"])
    assert keys() == {"push:b", "push:c"}
    assert {one["mark"] for one in listed(installation, "--all", "--source", "one")} == {"dropped"}

    # Nothing was mended, so what goes back comes back, with what happened to it before.
    assert "Replayed: 2" in installation.run("dead", "replay", "--source", "two").stdout
    installation.wait(
        lambda: sorted(letter.replays for letter in waiting(installation)) == [1, 1],
        "both are refused again",
    )
    (again,) = listed(installation, "--error", "ValidationError")
    history = json.loads(again["headers"]["dlq_history"])
    assert again["replays"] == 1
    assert [refusal["error"] for refusal in history] == ["ValidationError"]
    assert again["headers"]["mine"] == "\N{REPLACEMENT CHARACTER}"
    (first,) = listed(installation, "--all", "--error", "ValidationError")[:1]
    assert (first["mark"], first["value"]) == ("replayed", again["value"])
    installation.run("dead", "replay", again["position"])
    installation.wait(
        lambda: sorted(letter.replays for letter in waiting(installation)) == [1, 2],
        "a third refusal",
    )

    # A fault that was mended: what goes back arrives.
    explained = [
        ("dlq_stage", b"index"),
        ("dlq_topic", f"{installation.settings.kafka.prefix}mentions.raw".encode()),
    ]
    key, value, headers = message(healed)
    publish(installation, "mentions.dead-letter", [(key, value, [*headers, *explained])])
    assert keys("--stage", "index") == {"push:7"}
    installation.run("dead", "replay", "--stage", "index")
    installation.wait(lambda: installation.count() == 2, "it is indexed")
    assert set(installation.documents()) == {"push:1", "push:7"}

    # What the analyst sees: each letter once, why, and what was done about it.
    total = len(listed(installation, "--all"))
    installation.wait(
        lambda: (
            len(archived(installation)) == total
            and len(archived(installation, exists={"field": "action"})) == 5
        ),
        "letters and marks are archived",
    )
    (heating, *_) = archived(installation, match={"text": "heizung"})
    assert (heating["error"], heating["source"], heating["url"]) == (
        "ValidationError",
        "two",
        "https://b/",
    )
    assert {one["action"] for one in archived(installation, term={"source": "one"})} == {"dropped"}
    assert {one["replays"] for one in archived(installation, term={"key": "push:b"})} == {0, 1, 2}
    assert installation.stop(worker) == 0


def test_a_letter_that_cannot_be_archived_is_no_new_letter(installation: Installation) -> None:
    name = f"{installation.alias}-dead-letters"
    template = installation.client.indices.get_index_template(name=name)
    body = template["index_templates"][0]["index_template"]
    body["template"]["mappings"]["properties"]["reason"] = {"type": "integer"}
    for key in ("created_date", "modified_date", "created_date_millis", "modified_date_millis"):
        body.pop(key, None)
    installation.client.indices.put_index_template(name=name, body=body)
    explained = [("dlq_stage", b"test"), ("dlq_reason", b"no number")]
    publish(installation, "mentions.dead-letter", [(b"k", b"v", explained)])
    publish(installation, "mentions.dead-letter-marks", [(b"0:0", b"no mark", [])])
    worker = installation.start("worker", "--stages", "archive")
    installation.wait(lambda: "dead letter" in installation.log(worker), "it is said")
    # The mark is a letter now, because it was none before; the letter is none, because it was one.
    installation.wait(lambda: len(waiting(installation)) == 2, "the mark is set aside")
    time.sleep(3)
    assert [letter["key"] for letter in listed(installation)].count("0:0") == 1
    assert len(listed(installation, "--all")) == 2
    assert installation.stop(worker) == 0


def test_an_interrupted_replay_goes_on_in_order_where_it_stopped(
    installation: Installation,
) -> None:
    raw = installation.settings.kafka.topic(topics.RAW)
    count = 1_200
    publish(
        installation,
        "mentions.dead-letter",
        [
            (b"key-%d" % (n % 7), b"%d" % n, [("dlq_topic", raw.encode()), ("h", b"%d" % n)])
            for n in range(count)
        ],
    )
    chosen = waiting(installation)
    assert len(chosen) == count

    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        dead.replay(installation.settings, chosen, interrupt)
    rest = waiting(installation)
    assert len(rest) == count - 500
    dead.replay(installation.settings, rest)
    assert waiting(installation) == []

    returned: dict[bytes, list[int]] = defaultdict(list)
    for record in records(installation.settings, raw):
        returned[record.key].append(int(record.value))
        headers = dict(record.headers)
        assert headers["h"] == record.value
        assert headers["dlq_replays"] == b"1"
        assert "dlq_topic" not in headers
    assert sum(map(len, returned.values())) == count
    assert all(numbers == sorted(numbers) for numbers in returned.values())


def test_a_letter_larger_than_its_topic_takes_is_cut_and_says_so(
    installation: Installation,
) -> None:
    # Written compressed, it is small; the stage's own compression does not make it that small.
    size = 40_000_000
    pattern = os.urandom(30_000)  # repeated within gzip's window, and not quite within lz4's blocks
    value = (pattern * (size // len(pattern) + 1))[:size]
    publish(
        installation,
        "mentions.raw",
        [(b"push:large", value, [("mine", b"1")]), message(mention(1))],
        compression="gzip",
    )
    worker = installation.start("worker", "--stages", "enrich,index")
    installation.wait(lambda: installation.count() == 1, "what comes behind it is indexed")
    installation.wait(lambda: len(waiting(installation)) == 1, "it is set aside")
    (letter,) = waiting(installation)
    assert letter.key == b"push:large"
    assert letter.value == value[:1_048_576]
    assert dict(letter.headers)["dlq_truncated"] == b"%d" % size
    assert "cut" in installation.log(worker)
    failed = installation.run("dead", "replay", letter.position, code=1)
    assert "too large to be kept whole" in failed.stderr
    assert installation.stop(worker) == 0


def test_a_letter_that_its_topic_does_not_take_is_named(installation: Installation) -> None:
    raw = installation.settings.kafka.topic(topics.RAW).encode()
    # What compresses well is small on the wire; U+2028 ends a line for some, not for JSON lines.
    large = "\u2028".encode() + os.urandom(3_000_000)
    publish(
        installation,
        "mentions.dead-letter",
        [(b"large", large, [("dlq_topic", raw)]), (b"lost", b"v", [])],
    )
    by_key = {letter["key"]: letter["position"] for letter in listed(installation)}
    failed = installation.run("dead", "replay", by_key["large"], code=1)
    assert f"dead letter {by_key['large']}: " in failed.stderr
    failed = installation.run("dead", "replay", by_key["lost"], code=1)
    assert "does not say which topic" in failed.stderr
    assert len(listed(installation)) == 2
