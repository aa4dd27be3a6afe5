"""A changed watchlist, from the file to the last mention, without a restart."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pipeline import models, reprocess
from pipeline.search.client import connect_sync
from pipeline.settings import load
from schemas import headers
from tests.support.installation import Installation
from tests.support.messages import Message, mention, message, publish
from tests.support.models import small

NEWER = {"schema_version": "1.99", "mood": {"sunny": [1, None, "☀"]}}
TRACE = ("traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")

SOURCE = """
[[sources]]
type = "files"
name = "posts"
paths = ["{folder}/*.jsonl"]
every = 1
columns = {{ text = "text", id = "id" }}
defaults = {{ channel = "forum" }}
"""
FIRST = """
[[watchlist]]
topic = "Bahn"
kind = "brand"
terms = ["Bahn"]

[[routes]]
team = "verkehr"
topics = ["Bahn"]
"""
SECOND = """
[queries]
streik = "Streik[forms] OR Warnstreik"

[[watchlist]]
topic = "Bahn"
kind = "brand"
query = "Bahn NEAR/5 $streik"

[[watchlist]]
topic = "Bus"
kind = "theme"
query = "Bus[forms] AND NOT Bahn"

[[routes]]
team = "verkehr"
topics = ["Bahn"]
"""
TEXTS = {
    "1": "Der Streik bei der Bahn geht weiter",
    "2": "Die Bahn ist heute pünktlich",
    "3": "Zwei Busse kommen, das Wetter ist gut",
}


def write(folder: Path, name: str, texts: dict[str, str]) -> None:
    lines = [json.dumps({"id": number, "text": text}) for number, text in texts.items()]
    (folder / f"{name}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def topics(document: dict[str, Any]) -> dict[str, str]:
    """Each matched topic and the version that matched it."""
    return {match["topic"]: match["by"]["version"] for match in document.get("matches", ())}


@pytest.fixture
def installed(installation: Installation) -> Installation:
    installation.configure(SOURCE.format(folder=installation.folder) + FIRST)
    write(installation.folder, "first", TEXTS)
    return installation


def test_a_new_version_goes_from_preview_to_every_mention(installed: Installation) -> None:
    run = installed.run
    workers = [installed.start("worker", "--stages", "enrich") for _ in range(2)]
    installed.start("worker", "--stages", "index,route")
    run("agent", "--once")
    installed.wait(lambda: installed.count() == 3, "three mentions in the index")
    by_text = {document["text"]: topics(document) for document in installed.documents().values()}
    assert [set(by_text[text]) for text in TEXTS.values()] == [{"Bahn"}, {"Bahn"}, set()]
    assert all(version.startswith("0-") for found in by_text.values() for version in found.values())

    # What a change would do is seen before it is done.
    installed.configure(SOURCE.format(folder=installed.folder) + SECOND)
    lines = run("watchlist", "preview", "--since", "1d", "--json").stdout.splitlines()
    changes = {change["topic"]: change for change in map(json.loads, lines)}
    numbers = ("before", "after", "gained", "lost")
    assert [changes["Bahn"].get(key, 0) for key in numbers] == [2, 1, 0, 1]
    assert [changes["Bus"].get(key, 0) for key in numbers] == [0, 1, 1, 0]
    assert changes["Bus"]["examples_gained"][0]["excerpt"].startswith("Zwei **Busse** kommen")

    # It is put in force once, and picked up by running workers.
    assert "Version 1-" in run("watchlist", "publish", "--note", "test").stdout
    assert "Nothing to do" in run("watchlist", "publish").stdout
    (version,) = map(json.loads, run("watchlist", "versions", "--json").stdout.splitlines())
    expected = f"1-{version['digest']}"
    run("watchlist", "diff")
    for worker in workers:
        installed.wait(
            lambda worker=worker: expected in installed.log(worker),  # type: ignore[misc]
            "every worker has the new version",
        )
    later = {str(number): f"Warnstreik der Bahn, Tag {number}" for number in range(20, 60)}
    write(installed.folder, "second", later)
    run("agent", "--once")
    installed.wait(lambda: installed.count() == 43, "later mentions in the index")
    new = [d for d in installed.documents().values() if d["text"] in later.values()]
    assert {tuple(topics(document).items()) for document in new} == {(("Bahn", expected),)}

    # History follows when asked to, once, and says so.
    results = [
        json.loads(run("reprocess", "--since", "1d", "--json", timeout=120).stdout)
        for _ in range(2)
    ]
    assert [(result["looked_at"], result.get("changed", 0)) for result in results] == [
        (43, 3),
        (43, 0),
    ]
    by_text = {document["text"]: topics(document) for document in installed.documents().values()}
    assert [by_text[text] for text in TEXTS.values()] == [{"Bahn": expected}, {}, {"Bus": expected}]
    enriched = installed.tail("enriched")
    again = [message for message in enriched if "ce_reprocessed" in message["headers"]]
    assert {message["headers"]["ce_reprocessed"] for message in again} == {expected}
    assert {message["value"]["text"] for message in again} == set(TEXTS.values())

    # Why is answered from the index.
    ids = {document["text"]: name for name, document in installed.documents().items()}
    said = run("watchlist", "explain", ids[TEXTS["2"]], "--topic", "Bahn").stdout
    assert "no   NEAR/5" in said
    assert "yes    Bahn" in said
    assert "no     OR" in said
    (answer,) = map(
        json.loads, run("watchlist", "explain", ids[TEXTS["1"]], "--json").stdout.splitlines()
    )
    assert answer["now"] == [
        match | {"by": {"name": "watchlist", "version": f"0-{version['digest']}"}}
        for match in answer["indexed"]
    ]

    check_marks(installed, ids[TEXTS["1"]], ids[TEXTS["2"]])
    check_amendments(installed, ids[TEXTS["2"]])


def check_marks(installed: Installation, chosen: str, unmatched: str) -> None:
    """An analyst's word is in the index and on the topic at once, and stays."""
    run = installed.run
    run("mark", chosen, "irrelevant", "--note", "a tram")

    def relevance() -> dict[str, Any]:
        found: dict[str, Any] = installed.documents()[chosen]["matches"][0].get("relevance", {})
        return found

    installed.wait(lambda: relevance().get("score") == 0, "the mark is indexed")
    assert relevance()["marked_by"]
    (result,) = map(json.loads, run("reprocess", "--since", "1d", "--json").stdout.splitlines())
    assert result.get("changed", 0) == 0
    assert relevance()["score"] == 0
    run("mark", chosen, "withdrawn")
    installed.wait(lambda: relevance() == {}, "the mark is taken back")
    assert "say which with --topic" in run("mark", unmatched, "relevant", code=1).stderr


def check_amendments(installed: Installation, chosen: str) -> None:
    """What an analyst corrects is shown and published at once, signed, and is never undone."""
    run = installed.run

    def shown() -> dict[str, Any]:
        return installed.documents()[chosen]

    before = shown()
    tone = before["sentiment"]["label"]
    other = "negative" if tone != "negative" else "positive"
    run("mark", chosen, other, "--note", "irony")
    run("mark", chosen, "about", "--topic", "Bahn")
    run("mark", chosen, "negative", "--topic", "Bahn")
    run("mark", chosen, "organisation", "--entity", "bahn")
    assert "does not stand" in run("mark", chosen, "place", "--entity", "Kiel", code=1).stderr
    assert "no watchlist topic" in run("mark", chosen, "about", "--topic", "Zug", code=1).stderr
    installed.wait(lambda: len(shown().get("amendments", ())) == 4, "all four are indexed")

    def check() -> None:
        found = shown()
        assert (found["sentiment"]["label"], found["sentiment"]["confidence"]) == (other, 1.0)
        assert found["topic_sentiment"] == ["Bahn|negative"]
        assert [e["kind"] for e in found["entities"] if e["text"] == "Bahn"] == ["organisation"]
        said = {one["part"]: one for one in found["amendments"]}
        assert said["sentiment"]["before"] == tone
        assert all(one["by"] and one["at"] for one in said.values())

    check()
    (result,) = map(json.loads, run("reprocess", "--since", "1d", "--json").stdout.splitlines())
    assert result.get("changed", 0) == 0
    # A newer version of the mention comes through the workers.
    raw = {name: before[name] for name in ("id", "channel", "text", "published_at", "collected_at")}
    raw |= {"collector": before["collector"], "revision": before["revision"] + 1}
    publish(installed, "mentions.raw", [(chosen.encode(), msgspec.json.encode(raw), [])])
    installed.wait(lambda: shown()["revision"] == raw["revision"], "the edit is indexed")
    check()
    # Consumers have had it at once, as what it is: published again.
    versions = [m for m in installed.tail("enriched") if m["key"] == chosen]
    said = [len(m["value"].get("amendments", ())) for m in versions if m["value"]]
    assert said[-5:] == [1, 2, 3, 4, 4]
    assert all("ce_reprocessed" in m["headers"] for m in versions[-5:-1])
    assert versions[-1]["value"]["amendments"] == shown()["amendments"]

    refused = run("train", "sentiment", "--corrections", code=1).stderr
    assert "texts are labelled" in refused
    run("mark", chosen, "withdrawn", "--of", "sentiment")
    run("mark", chosen, "withdrawn", "--of", "topic", "--topic", "Bahn")
    assert "target Bahn" in run("mark", chosen, "withdrawn", "--of", "sentiment", code=1).stderr
    installed.wait(lambda: len(shown()["amendments"]) == 2, "two are taken back")
    assert shown()["sentiment"] == before["sentiment"]
    assert "matches" not in shown()


def newer(number: int, text: str, revision: int = 1) -> Message:
    """A mention as a later minor version would write it, with a trace."""
    key, value, headers = message(mention(number, text=text, revision=revision))
    assert value
    return key, msgspec.json.encode(msgspec.json.decode(value) | NEWER), [*headers, TRACE]


def test_what_is_replaced_or_deleted_while_it_is_read_stays_so(
    installed: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The compacted topic must end with the newest of each mention, and lose nothing of it."""
    installed.start("worker", "--stages", "enrich,index")
    publish(installed, "mentions.raw", [newer(1, TEXTS["2"]), newer(2, TEXTS["2"])])
    installed.run("agent", "--once")
    installed.wait(lambda: installed.count() == 5, "five mentions in the index")
    for name, value in installed.env.items():
        if name.startswith("MENTIONS_"):
            monkeypatch.setenv(name, value)
    installed.configure(SOURCE.format(folder=installed.folder) + SECOND)
    settings = load()
    trained = small(2.0)
    models.publish(settings, trained)
    (gone,) = [n for n, d in installed.documents().items() if d["text"] == TEXTS["1"]]
    installed.run("mark", gone, "irrelevant")

    enriched = reprocess.changed

    def meanwhile(*arguments: Any) -> Any:
        """A deletion and an edit arrive when the old versions are read and not yet published."""
        deletion: Message = (gone.encode(), None, headers.tombstone_headers(gone, 1 << 50, "posts"))
        publish(installed, "mentions.raw", [deletion, newer(2, "Neues", revision=2)])
        installed.wait(lambda: gone not in installed.documents(), "the deletion is indexed")
        installed.wait(lambda: installed.documents()["push:2"]["revision"] == 2, "and the edit")
        return enriched(*arguments)

    monkeypatch.setattr(reprocess, "changed", meanwhile)
    with connect_sync(settings.elasticsearch) as client:
        result = reprocess.run(settings, client, None)
        assert (result.changed, result.overtaken) == (5, 2)
        messages = installed.tail("enriched")
        last = {one["key"]: one for one in messages}
        assert last[gone]["value"] is None
        assert (last["push:2"]["value"]["text"], last["push:2"]["value"]["revision"]) == (
            "Neues",
            2,
        )
        # The edit is said once more as it came; the index, which may say it later, has no trace.
        again = [
            one["headers"]
            for one in messages
            if (one["key"], "ce_reprocessed" in one["headers"]) == ("push:2", True)
            and one["value"]["revision"] == 2
        ]
        assert TRACE[1].decode() in [each.get("traceparent") for each in again]
        first = last["push:1"]
        assert "traceparent" not in first["headers"]
        assert NEWER.items() <= first["value"].items()
        signed = first["value"]["sentiment"]["by"]["version"]
        assert signed.partition("+")[0] == trained.version
        for one in ("push:1", "push:2"):
            assert "ce_reprocessed" in last[one]["headers"]
        installed.wait(
            lambda: installed.documents()["push:1"].get("matches") is None, "it is indexed"
        )
        assert gone not in installed.documents()
        # What was said of the deleted mention goes with it.
        said = installed.tail("mentions.corrections")
        assert [one["value"] is None for one in said] == [False, True]
        check_mark_of_a_newer_version(installed)


def check_mark_of_a_newer_version(installed: Installation) -> None:
    """An analyst's word is added to what an older program does not know, and to nothing else."""
    publish(installed, "mentions.raw", [newer(3, TEXTS["1"])])
    installed.wait(lambda: "push:3" in installed.documents(), "one more mention")
    installed.run("mark", "push:3", "irrelevant")
    *_, before, after = [one for one in installed.tail("enriched") if one["key"] == "push:3"]
    relevance = after["value"]["matches"][0].pop("relevance")
    assert relevance["score"] == 0
    assert after["value"] == before["value"]
    assert NEWER.items() <= after["value"].items()
