"""A person is forgotten: everywhere, for good, and nobody else is."""

import json
import string
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta

from msgspec import structs

from pipeline import dead
from pipeline.forget import Person, forget
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


def archived(installation: Installation, number: str, author: Author) -> None:
    """A mention that is in Elasticsearch alone."""
    made = structs.replace(by(author, 1), id=f"push:{number}")
    installation.client.index(
        index=f"{installation.alias}-2024.01",
        id=made.id,
        version=made.revision,
        version_type="external_gte",
        document=json.loads(encode(made)),
    )


def confirmed(installation: Installation, meanwhile: Callable[[], None], *arguments: str) -> str:
    """Do something while the command waits for an answer, then say yes; returns its output."""
    process = subprocess.Popen(
        [sys.executable, "-m", "pipeline", "forget", *arguments],
        env=installation.env,
        cwd=installation.folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stderr is not None
        asked = ""
        while not asked.endswith("[y/N]:"):
            asked += (char := process.stderr.read(1))
            assert char, asked
        meanwhile()
        output, errors = process.communicate("y\n", timeout=90)
    assert process.returncode == 0, errors
    return output


def nothing_comes_back(installation: Installation) -> None:
    # What is collected again, and what she says from now on, is not processed.
    late = int(time.time() * 1_000) + 60_000
    again = [by(ERIKA, 1, revision=late), by(ERIKA, 5, revision=late), by(OTTO, 14)]
    publish(installation, "mentions.raw", [message(made) for made in again])
    installation.wait(lambda: "push:14" in installation.documents(), "others go on")
    raw = {row["key"]: row["value"] for row in installation.tail("raw")}
    assert (raw["push:1"], raw["push:5"]) == (None, None)
    assert not {"push:1", "push:5"} & set(installation.documents())


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

    # Kafka no longer has these; the servers' own comparison would find none of her three.
    old = {"90": "ERIKA.M", "91": "\N{FULLWIDTH LATIN CAPITAL LETTER E}rika.m", "92": " @erika.M"}
    for number, name in {**old, "93": "erika.max"}.items():
        archived(installation, number, structs.replace(OTTO, name=name))
    copy = {"key": "push:1", "at": NOW.isoformat()}
    installation.client.index(index=f"{installation.alias}-dead-letters", id="2:99", document=copy)

    def meanwhile() -> None:
        arriving = [message(by(ERIKA, 6)), broken(by(ERIKA, 26)), message(by(OTTO, 94))]
        publish(installation, "mentions.raw", arriving)
        installation.wait(lambda: {"push:6", "push:94"} <= set(installation.documents()), "indexed")
        installation.wait(lambda: "push:26" in copies(installation), "its letter is archived")

    receipt = json.loads(confirmed(installation, meanwhile, "--author", "@erika.m", "--json"))
    prefix = installation.settings.kafka.prefix
    assert (receipt["mentions"], receipt["documents"]) == (10, 8)
    assert receipt["left"] == {}
    assert receipt["messages"] == {
        f"{prefix}mentions.raw": 7,
        f"{prefix}mentions.enriched": 5,
        f"{prefix}mentions.routed.press": 5,
    }
    assert receipt["letters"] == 2
    others += [by(OTTO, 93), by(OTTO, 94)]
    assert set(installation.documents()) == {made.id for made in others}
    assert letters(installation) == [f"push:{n}" for n in range(21, 25)]
    installation.wait(
        lambda: copies(installation) == letters(installation), "her letter's copy is gone"
    )
    ended = {f"push:{n}": None for n in (0, 1, 2, 3, 6)}
    for name in ("mentions.raw", "mentions.enriched", "mentions.routed.press"):
        newest = {row["key"]: row["value"] for row in installation.tail(name)}
        assert ended.items() <= newest.items()

    nothing_comes_back(installation)

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


def test_what_workers_are_to_delete_is_said_while_there_are_none(
    installation: Installation,
) -> None:
    for topic in ("mentions.raw", "mentions.enriched"):
        publish(installation, topic, [message(by(OTTO, 1)), message(by(ERIKA, 2))])
    archived(installation, "3", OTTO)
    odd = (
        "https://x.example/" + "ü.x" * 400,
        string.printable,
        '"#@&<>~{}[]()|\\',
        "иван",
        "漢字",
        " ",
    )
    receipt = forget(installation.settings, Person(authors=("OTTO", *odd)), within=0.0)
    enriched = installation.settings.kafka.topic(topics.ENRICHED)
    assert receipt.left == {enriched: 1, "Elasticsearch": 1}
    assert receipt.mentions == 2
