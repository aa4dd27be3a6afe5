"""A person is forgotten: everywhere, for good, and nobody else is."""

import json
import time
from datetime import timedelta

from msgspec import structs

from pipeline import dead
from pipeline.reader import records
from schemas import encode, topics
from schemas.mention import Author, RawMention
from tests.support.installation import Installation
from tests.support.messages import NOW, Message, mention, message, publish

ERIKA = Author(id="17", handle="Erika.M", name="Erika Muster", url="https://forum/u/17")
OTTO = Author(id="18", handle="otto", name="Otto Muster")


def by(author: Author, number: int, *, revision: int = 1) -> RawMention:
    said = NOW - timedelta(days=40 * (number % 2))
    return structs.replace(mention(number, revision=revision), author=author, published_at=said)


def broken(made: RawMention) -> Message:
    return made.id.encode(), encode(made).replace(b'"text"', b'"txet"'), [("h", b"1")]


def letters(installation: Installation) -> list[str]:
    found = dead.letters(installation.settings, dead.Filter())
    return sorted((letter.key or b"").decode() for letter in found)


def copies(installation: Installation) -> list[str]:
    index = f"{installation.alias}-dead-letters"
    installation.client.indices.refresh(index=index, ignore_unavailable=True)
    found = installation.client.search(index=index, ignore_unavailable=True, size=100)
    return sorted(hit["_source"]["key"] for hit in found["hits"]["hits"])


def test_all_of_a_person_goes_and_nothing_of_others(installation: Installation) -> None:
    installation.configure('[[routes]]\nteam = "press"\n')
    installation.run("topics", "create")
    hers = [by(ERIKA, n) for n in range(4)]
    others = [by(OTTO, n) for n in range(10, 13)]
    publish(installation, "mentions.raw", [message(made) for made in (*hers, *others)])
    refused = [broken(by(ERIKA, 20)), *(broken(by(OTTO, n)) for n in range(21, 25))]
    publish(installation, "mentions.raw", refused)
    installation.start("worker", "--stages", "enrich,index,route,archive")
    installation.wait(lambda: installation.count() == 7, "all are indexed")
    installation.wait(lambda: len(copies(installation)) == 5, "all letters are archived")

    asked = installation.run("forget", "--author", "@erika.m", stdin="n\n", code=1)
    assert "Found 5 mentions, 1 dead letters" in asked.stdout  # one of them was refused
    assert installation.count() == 7

    done = installation.run("forget", "--author", "@erika.m", "--yes", "--json")
    receipt = json.loads(done.stdout)
    prefix = installation.settings.kafka.prefix
    assert (receipt["mentions"], receipt["documents"]) == (5, 4)
    assert receipt["documents_left"] == 0
    assert receipt["messages"] == {
        f"{prefix}mentions.raw": 5,
        f"{prefix}mentions.enriched": 4,
        f"{prefix}mentions.routed.press": 4,
    }
    assert receipt["letters"] == 1
    assert set(installation.documents()) == {made.id for made in others}
    assert letters(installation) == [f"push:{n}" for n in range(21, 25)]
    installation.wait(
        lambda: copies(installation) == letters(installation), "her letter's copy is gone"
    )
    ended = {f"push:{n}": None for n in range(4)}
    for name in ("mentions.raw", "mentions.enriched", "mentions.routed.press"):
        newest = {row["key"]: row["value"] for row in installation.tail(name)}
        assert ended.items() <= newest.items()

    # What is collected again, and what she says from now on, is not processed.
    late = int(time.time() * 1_000) + 60_000
    again = [by(ERIKA, 1, revision=late), by(ERIKA, 5, revision=late), by(OTTO, 14)]
    publish(installation, "mentions.raw", [message(made) for made in again])
    installation.wait(lambda: "push:14" in installation.documents(), "others go on")
    raw = {row["key"]: row["value"] for row in installation.tail("raw")}
    assert (raw["push:1"], raw["push:5"]) == (None, None)
    assert not {"push:1", "push:5"} & set(installation.documents())

    # Twice is once; one of another's mentions can be forgotten by its id.
    second = json.loads(installation.run("forget", "--author", "Erika.M", "--yes", "--json").stdout)
    assert (second["mentions"], second["documents"], second["letters"]) == (0, 0, 0)
    installation.run("forget", "--id", "push:10", "--id", "push:21", "--yes")
    assert "push:10" not in installation.documents()
    assert "push:12" in installation.documents()
    assert letters(installation) == ["push:22", "push:23", "push:24"]

    topic = installation.settings.kafka.topic(topics.FORGOTTEN)
    kept = [record.key + (record.value or b"") for record in records(installation.settings, topic)]
    assert len(kept) == 4
    assert not any(word in entry.lower() for entry in kept for word in (b"erika", b"push"))
