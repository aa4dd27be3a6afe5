"""The search engine's part, on the real server: nothing doubled, nothing stale, all of it found."""

import asyncio
import itertools
import json
import re
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import ANY

import elasticsearch
import pytest
import tenacity
from click.testing import CliRunner
from elasticsearch import helpers

from pipeline.cli import mentions
from pipeline.errors import PipelineError
from pipeline.outcome import Ok, Outcome, Reject, Retry
from pipeline.search import bulk, classify
from pipeline.search.aggregations import found_of, overview
from pipeline.search.client import connect, connect_sync
from pipeline.search.document import joined
from pipeline.search.probe import probe
from pipeline.search.query import END, START, QueryError, count, search
from pipeline.search.reindex import Moved, reindex
from pipeline.search.templates import Difference, apply, index_body, plan
from pipeline.search.writer import Delete, Upsert, Writer
from pipeline.settings import Elasticsearch, Settings
from schemas.mention import (
    Author,
    Collector,
    Engagement,
    EnrichedMention,
    Entity,
    Language,
    Match,
    Place,
    Producer,
    Rating,
    Sentiment,
    Span,
    TargetSentiment,
    decode_enriched,
)

pytestmark = pytest.mark.integration

BY = Producer(name="test", version="1")
MARCH = datetime(2026, 3, 5, 12, tzinfo=UTC)
APRIL = datetime(2026, 4, 5, 12, tzinfo=UTC)
MAY = datetime(2026, 5, 5, 12, tzinfo=UTC)
NOW = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture
def config(settings: Settings, unique: str) -> Elasticsearch:
    return settings.elasticsearch.model_copy(update={"alias": unique})


@pytest.fixture
def client(config: Elasticsearch) -> Iterator[elasticsearch.Elasticsearch]:
    """A client; what is made under the test's alias goes when it ends."""
    with connect_sync(config) as made:
        apply(made, config, probe(made))
        yield made
        for found in made.indices.resolve_index(name=f"{config.alias}-*")["indices"]:
            made.indices.delete(index=found["name"])
        made.indices.delete_index_template(name=f"{config.alias}-*")
        made.cluster.delete_component_template(name=f"{config.alias}-*")


@pytest.fixture
async def writer(
    client: elasticsearch.Elasticsearch,  # noqa: ARG001 - the templates it applies
    config: Elasticsearch,
) -> AsyncIterator[Writer]:
    made = connect(config)
    yield Writer(made, config.alias)
    await made.close()


def mention(name: str = "test:1", revision: int = 1, **fields: Any) -> EnrichedMention:
    given: dict[str, Any] = {
        "channel": "forum",
        "text": f"revision {revision}",
        "published_at": MARCH,
        "collected_at": NOW,
        "collector": Collector(source="test"),
    }
    return EnrichedMention(id=name, revision=revision, **(given | fields))


def indexed(
    client: elasticsearch.Elasticsearch, config: Elasticsearch
) -> dict[str, list[tuple[int, str]]]:
    """Every copy of every mention: revision and month by id."""
    client.indices.refresh(index=f"{config.alias}-*")
    copies: dict[str, list[tuple[int, str]]] = {}
    answer = client.search(index=config.alias, ignore_unavailable=True, size=10_000)
    for hit in answer["hits"]["hits"]:
        month = hit["_index"].removeprefix(f"{config.alias}-")
        copies.setdefault(hit["_id"], []).append((hit["_source"]["revision"], month))
    return copies


def done(outcomes: Sequence[Outcome]) -> bool:
    return all(isinstance(outcome, Ok) for outcome in outcomes)


def test_applying_twice_changes_nothing(
    client: elasticsearch.Elasticsearch, config: Elasticsearch
) -> None:
    client.indices.create(index=f"{config.alias}-2026.03")
    again = apply(client, config, probe(client))
    assert {change.action for change in again} == {"unchanged"}
    assert Counter(change.kind for change in again) == {
        "component template": 2,
        "index template": 8,
        "index": 1,
    }


def test_changes_reach_templates_and_existing_indices(
    client: elasticsearch.Elasticsearch, config: Elasticsearch
) -> None:
    month = f"{config.alias}-2026.03"
    client.indices.create(index=month)
    slower = config.model_copy(update={"refresh": "7s"})
    actions = {change.name: change.action for change in apply(client, slower, probe(client))}
    assert actions == {
        f"{config.alias}-settings": "updated",
        f"{config.alias}-mappings": "unchanged",
        f"{config.alias}-months": "unchanged",
        **dict.fromkeys(
            (
                f"{config.alias}-{name}"
                for name in (
                    "tombstones",
                    "dead-letters",
                    "coverage",
                    "figures",
                    "alerts",
                    "work",
                    "people",
                )
            ),
            "updated",
        ),
        month: "updated",
    }
    settings = client.indices.get_settings(index=month)[month]["settings"]["index"]
    assert settings["refresh_interval"] == "7s"


def test_where_one_index_cannot_follow_nothing_is_changed(
    client: elasticsearch.Elasticsearch, config: Elasticsearch
) -> None:
    month = f"{config.alias}-2026.03"
    client.indices.create(index=month, mappings={"properties": {"channel": {"type": "text"}}})
    slower = config.model_copy(update={"refresh": "7s"})
    changes = {change.name: change for change in apply(client, slower, probe(client))}
    assert changes[f"{config.alias}-settings"].action == "held"
    assert changes[f"{config.alias}-mappings"].action == "unchanged"
    assert changes[month].action == "refused"
    assert "channel.type is text" in changes[month].reason
    assert Difference("properties.channel.type", "text", "keyword") in changes[month].differences
    assert plan(client, config, probe(client))[0].action == "unchanged"


async def test_a_month_is_rebuilt_while_it_is_written_and_deleted_from(
    client: elasticsearch.Elasticsearch, config: Elasticsearch, writer: Writer
) -> None:
    month = f"{config.alias}-2026.03"
    can = probe(client)
    client.indices.create(index=month, mappings={"properties": {"channel": {"type": "text"}}})
    assert done(await writer.write([Upsert(mention(f"test:{n}")) for n in range(4_000)]))
    client.indices.refresh(index=month)
    (refused,) = [each.name for each in plan(client, config, can) if each.action == "refused"]

    rebuilt: asyncio.Task[Moved] = asyncio.create_task(
        asyncio.to_thread(reindex, client, config.alias, refused, index_body(config, can))
    )
    expected = {f"test:{n}": 1 for n in range(4_000)}
    searched: list[int] = []
    waited = rounds = 0
    reader = connect(config)
    while not rebuilt.done():
        fresh = [Upsert(mention(f"test:{4_000 + rounds * 40 + n}")) for n in range(20)]
        edits = [Upsert(mention(f"test:{rounds * 10 + n}", revision=2)) for n in range(5)]
        ends = [Delete(f"test:{rounds * 10 + 5 + n}", 2) for n in range(5)]
        batch: list[Upsert | Delete] = [*fresh, *edits, *ends]
        while not done(outcomes := await writer.write(batch)):
            assert not any(isinstance(outcome, Reject) for outcome in outcomes)
            waited += 1
            await asyncio.sleep(0.02)
        expected |= {item.mention.id: item.mention.revision for item in (*fresh, *edits)}
        for item in ends:
            expected.pop(item.id, None)
        found = await reader.search(index=config.alias, size=0, track_total_hits=True)
        searched.append(found["hits"]["total"]["value"])
        rounds += 1
    moved = await rebuilt
    await reader.close()

    assert rounds > 3, "the rebuilding was over before anything was written: nothing was shown"
    assert min(searched) > 3_900
    assert max(searched) < 4_000 + rounds * 20 + 100
    assert (moved.old, moved.new) == (month, f"{config.alias}-v2-2026.03")
    assert [*client.indices.get_alias(name=month)] == [moved.new]
    assert {each.action for each in apply(client, config, can)} == {"unchanged"}
    kinds = client.indices.get_mapping(index=month)[moved.new]["mappings"]["properties"]
    assert kinds["channel"]["type"] == "keyword"

    last: list[Upsert | Delete] = [
        Upsert(mention("test:0", revision=3)),
        Delete("test:1", 3),
        Upsert(mention("test:5")),
    ]
    assert done(await writer.write(last))
    expected["test:0"] = 3
    expected.pop("test:1", None)
    client.indices.refresh(index=config.alias)
    hits = list(helpers.scan(client, index=config.alias))
    assert len(hits) == len(expected)
    assert {hit["_id"]: hit["_source"]["revision"] for hit in hits} == expected

    again = reindex(client, config.alias, moved.new, index_body(config, can))
    assert again.new == f"{config.alias}-v3-2026.03"
    assert again.documents == len(expected)


async def test_what_does_not_fit_the_new_form_leaves_the_old_one(
    client: elasticsearch.Elasticsearch, config: Elasticsearch, writer: Writer
) -> None:
    month = f"{config.alias}-2026.03"
    assert done(await writer.write([Upsert(mention("test:1", site="not a number"))]))
    body = {"mappings": {"properties": {"site": {"type": "long"}}}}
    with pytest.raises(PipelineError, match="test:1 does not fit"):
        reindex(client, config.alias, month, body)
    assert not client.indices.exists(index=f"{config.alias}-v2-2026.03")
    assert done(await writer.write([Upsert(mention("test:2"))]))

    # A run that was killed leaves its index and the block behind; the next one clears up.
    client.indices.create(index=f"{config.alias}-v2-2026.03")
    client.indices.add_block(index=month, block="write")
    (outcome,) = await writer.write([Upsert(mention("test:3"))])
    assert isinstance(outcome, Retry)
    moved = reindex(client, config.alias, month, index_body(config, probe(client)))
    assert moved.documents == 2
    assert done(await writer.write([Upsert(mention("test:3"))]))


async def test_without_templates_nothing_is_written(
    client: elasticsearch.Elasticsearch, config: Elasticsearch, writer: Writer
) -> None:
    client.indices.delete_index_template(name=f"{config.alias}-months")
    (outcome,) = await writer.write([Upsert(mention())])
    assert isinstance(outcome, Retry)
    assert "mentions index apply" in outcome.reason
    apply(client, config, probe(client))
    assert done(await writer.write([Upsert(mention())]))


VERSIONS: dict[str, tuple[Upsert | Delete, ...]] = {
    "edits": tuple(Upsert(mention(revision=revision)) for revision in (1, 2, 3)),
    "moves": (
        Upsert(mention(revision=1)),
        Upsert(mention(revision=2, published_at=APRIL, edited_at=APRIL)),
        Upsert(mention(revision=3, published_at=MAY, edited_at=MAY)),
    ),
    "moves back": (
        Upsert(mention(revision=1)),
        Upsert(mention(revision=2, published_at=APRIL, edited_at=APRIL)),
        Upsert(mention(revision=3, published_at=MARCH, edited_at=MAY)),
    ),
    "estimates": tuple(
        Upsert(
            mention(
                revision=revision,
                published_at=said,
                collector=Collector(source="test", published_estimated=True),
            )
        )
        for revision, said in enumerate((MARCH, APRIL, MAY), 1)
    ),
    "deleted": (
        Upsert(mention(revision=1)),
        Upsert(mention(revision=2, published_at=APRIL, edited_at=APRIL)),
        Delete("test:1", 3),
    ),
    "deleted with its last version": (
        Upsert(mention(revision=1)),
        Upsert(mention(revision=2)),
        Delete("test:1", 2),
    ),
    "said again": (
        Upsert(mention(revision=1)),
        Delete("test:1", 2),
        Upsert(mention(revision=3, published_at=APRIL, edited_at=APRIL)),
    ),
}
LAST = {
    "edits": [(3, "2026.03")],
    "moves": [(3, "2026.05")],
    "moves back": [(3, "2026.03")],
    "estimates": [(3, "2026.05")],
    "said again": [(3, "2026.04")],
}


def renamed(item: Upsert | Delete, name: str) -> Upsert | Delete:
    if isinstance(item, Delete):
        return Delete(name, item.revision)
    version = item.mention
    return Upsert(
        EnrichedMention(
            **({key: getattr(version, key) for key in version.__struct_fields__} | {"id": name})
        )
    )


@pytest.mark.parametrize("together", [False, True], ids=["one by one", "in one batch"])
@pytest.mark.parametrize("case", VERSIONS)
async def test_in_whatever_order_versions_arrive_the_last_one_is_there_once(
    client: elasticsearch.Elasticsearch,
    config: Elasticsearch,
    writer: Writer,
    case: str,
    *,
    together: bool,
) -> None:
    orders = list(itertools.permutations(VERSIONS[case]))
    rounds = [
        [renamed(item, f"test:{n}") for n, item in enumerate(step)]
        for step in zip(*orders, strict=True)
    ]
    # What was written once may be delivered again.
    rounds = [*rounds, rounds[0], rounds[1]]
    for batch in [list(itertools.chain(*rounds))] if together else rounds:
        outcomes = await writer.write(batch)
        assert done(outcomes)
    last = LAST.get(case)
    expected = {f"test:{n}": last for n in range(len(orders))} if last else {}
    assert indexed(client, config) == expected

    # Whoever ended on an old version is told, and what the newest is.
    ends = {item.id: (item, outcome) for item, outcome in zip(batch, outcomes, strict=True)}
    found = await writer.newest(list(ends))
    newest = max(item.word for item in VERSIONS[case])
    assert {name: one.word for name, one in found.items()} == dict.fromkeys(ends, newest)
    for item, outcome in ends.values():
        assert (outcome == classify.OVERTAKEN) is (item.word < newest)


async def test_a_deletion_is_remembered_longer_than_the_index_does(
    client: elasticsearch.Elasticsearch, config: Elasticsearch, writer: Writer
) -> None:
    month = f"{config.alias}-2026.03"
    both = [Upsert(mention("test:1")), Upsert(mention("test:2"))]
    assert done(await writer.write(both))
    client.indices.put_settings(index=month, settings={"index": {"gc_deletes": "0ms"}})
    assert done(await writer.write([Delete("test:1", 2), Delete("test:2", 2)]))

    def forgotten() -> bool:
        client.indices.refresh(index=month)
        try:
            client.index(index=month, id="test:2", version=1, version_type="external", document={})
        except elasticsearch.ConflictError:
            return False
        return True

    waiting = tenacity.AsyncRetrying(
        stop=tenacity.stop_after_delay(20), wait=tenacity.wait_fixed(0.1), reraise=True
    )
    async for attempt in waiting:
        with attempt:
            assert forgotten()
    client.delete(index=month, id="test:2")
    assert done(await writer.write(both))
    assert indexed(client, config) == {}


async def test_another_writer_s_month_is_seen_by_a_deletion(
    client: elasticsearch.Elasticsearch, config: Elasticsearch, writer: Writer
) -> None:
    assert done(await writer.write([Upsert(mention("test:0"))]))
    other = connect(config)
    moved = mention(revision=1, published_at=APRIL)
    assert done(await Writer(other, config.alias).write([Upsert(moved)]))
    await other.close()
    assert done(await writer.write([Delete("test:1", 2)]))
    assert indexed(client, config) == {"test:0": [(1, "2026.03")]}


async def test_a_refused_move_does_not_take_the_old_version_away(
    client: elasticsearch.Elasticsearch, config: Elasticsearch, writer: Writer
) -> None:
    spoil(client, config, "2026.04")
    assert done(await writer.write([Upsert(mention(revision=1))]))
    bad = mention(revision=2, published_at=APRIL, edited_at=APRIL, site="not a number")
    (outcome,) = await writer.write([Upsert(bad)])
    assert isinstance(outcome, Reject)
    assert indexed(client, config) == {"test:1": [(1, "2026.03")]}


def spoil(client: elasticsearch.Elasticsearch, config: Elasticsearch, month: str) -> None:
    """Make an index in which ``site`` is a number: a conflict for mentions that name one."""
    mappings = {"dynamic": False, "properties": {"site": {"type": "long"}}}
    client.indices.create(index=f"{config.alias}-{month}", mappings=mappings)


async def test_one_conflict_in_a_thousand_rejects_only_that_one(
    client: elasticsearch.Elasticsearch, config: Elasticsearch, writer: Writer
) -> None:
    spoil(client, config, "2026.03")
    batch = [
        Upsert(mention(f"test:{n}", site="not a number" if n == 500 else None)) for n in range(1000)
    ]
    outcomes = await writer.write(batch)
    rejected = outcomes.pop(500)
    assert isinstance(rejected, Reject)
    assert rejected.error == "document_parsing_exception"
    assert "site" in rejected.reason
    assert done(outcomes)
    assert len(indexed(client, config)) == 999


async def test_an_id_that_spoils_the_whole_request_is_found_and_rejected_alone(
    client: elasticsearch.Elasticsearch, config: Elasticsearch, writer: Writer
) -> None:
    long = "test:" + "ö" * 300
    outcomes = await writer.write([Upsert(mention(name)) for name in ("test:1", long, "test:2")])
    assert [type(outcome) for outcome in outcomes] == [Ok, Reject, Ok]
    assert set(indexed(client, config)) == {"test:1", "test:2"}


async def test_a_lone_surrogate_is_rejected_alone(
    client: elasticsearch.Elasticsearch, config: Elasticsearch, writer: Writer
) -> None:
    outcomes = await writer.write(
        [Upsert(mention("test:1", text="\ud800")), Upsert(mention("test:2"))]
    )
    assert [type(outcome) for outcome in outcomes] == [Reject, Ok]
    assert set(indexed(client, config)) == {"test:2"}


async def test_batches_are_cut_into_requests(
    client: elasticsearch.Elasticsearch,
    config: Elasticsearch,
    writer: Writer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bulk, "CHUNK", 2_000)
    assert done(await writer.write([Upsert(mention(f"test:{n}")) for n in range(100)]))
    assert len(indexed(client, config)) == 100


async def test_a_full_disk_waits(
    client: elasticsearch.Elasticsearch, config: Elasticsearch, writer: Writer
) -> None:
    month = f"{config.alias}-2026.03"
    assert done(await writer.write([Upsert(mention("test:1"))]))
    client.indices.put_settings(index=month, settings={"index.blocks.read_only_allow_delete": True})
    (outcome,) = await writer.write([Upsert(mention("test:2"))])
    assert isinstance(outcome, Retry)
    client.indices.put_settings(index=month, settings={"index.blocks.read_only_allow_delete": None})
    assert done(await writer.write([Upsert(mention("test:2"))]))


async def test_an_unreachable_server_makes_everything_wait(config: Elasticsearch) -> None:
    nowhere = connect(config.model_copy(update={"url": "http://127.0.0.1:1"}))
    outcomes = await Writer(nowhere, config.alias).write([Upsert(mention()), Delete("test:2", 1)])
    await nowhere.close()
    assert [type(outcome) for outcome in outcomes] == [Retry, Retry]


async def test_times_at_the_ends_of_the_calendar_are_indexed(
    client: elasticsearch.Elasticsearch, config: Elasticsearch, writer: Writer
) -> None:
    first = datetime.min.replace(tzinfo=UTC)
    last = datetime.max.replace(tzinfo=UTC)
    batch = [
        Upsert(mention("test:1", published_at=first)),
        Upsert(mention("test:2", published_at=last)),
        Upsert(mention("test:3", published_at=last, collected_at=last)),
    ]
    assert done(await writer.write(batch))
    assert indexed(client, config) == {
        "test:1": [(1, "2000.01")],
        "test:2": [(1, "2026.06")],
        "test:3": [(1, "2099.12")],
    }


TEXTS = (
    "Die Störung an der Weiche nervt! 😡 #Bahn",
    "Schon wieder eine STÖRUNG im Netz der Stadtwerke",
    "Alles pünktlich heute, danke @MusterVerkehr 🚆🚆",
    "Straßenbahn fährt, Größe passt, Weißwurst schmeckt",
    "#Störung? Keine Störungen gemeldet.",
    "The U-Bahn was late again, 5 minutes… 👩‍🚀",
    "#bahnstreik betrifft auch die S-Bahn 🇩🇪",
    "Un été à la gare, déjà-vu",
)


def tags(text: str) -> tuple[Entity, ...]:
    return tuple(
        Entity(
            kind="hashtag" if found[0] == "#" else "handle",
            text=found[0] + found[1],
            name=found[1].lower(),
            span=Span(0, 1),
            by=BY,
        )
        for found in re.findall(r"([#@])(\w+)", text)
    )


SCANS = {
    "Störung": r"\bstörung\b",
    "störung": r"\bstörung\b",
    "Störung*": r"\bstörung",
    '"im Netz"': r"\bim netz\b",
    "Bahn": r"\bbahn\b",
    "größe AND weißwurst": r"größe.*weißwurst",
    "été": r"\bété\b",
    "😡": "😡",
    "🚆": "🚆",
    "🇩🇪": "🇩🇪",
    "👩‍🚀": "👩‍🚀",
    "#Bahn": r"#bahn\b",
    "#störung": r"#störung\b",
    "@musterverkehr": r"@musterverkehr\b",
    "Stoerung": r"\bstörung\b",
    "Stoerung*": r"\bstörung",
    "text:groesse": r"\bgröße\b",
    "STRASSENBAHN": r"\bstraßenbahn\b",
    "Störung -#störung": r"^(?!.*#störung).*\bstörung\b",
    "nichts": "nichts",
}
"""Queries, and what a plain scan of the lower-cased texts looks for instead."""


async def test_a_search_finds_what_a_plain_scan_finds(
    client: elasticsearch.Elasticsearch, config: Elasticsearch, writer: Writer
) -> None:
    batch = [
        Upsert(mention(f"test:{n}", text=text, entities=tags(text))) for n, text in enumerate(TEXTS)
    ]
    assert done(await writer.write(batch))
    client.indices.refresh(index=config.alias)
    found = {
        query: {hit.source["text"] for hit in search(client, config.alias, query).hits}
        for query in SCANS
    }
    assert found == {
        query: {text for text in TEXTS if re.search(scan, text.lower())}
        for query, scan in SCANS.items()
    }
    counts = {query: count(client, config.alias, query) for query in SCANS}
    assert counts == {query: len(texts) for query, texts in found.items()}
    assert sorted(set(counts.values())) == [0, 1, 2, 3]


async def test_results_are_ordered_limited_and_marked(
    client: elasticsearch.Elasticsearch, config: Elasticsearch, writer: Writer
) -> None:
    batch = [
        Upsert(
            mention(
                f"test:{n}",
                text="x " * 200 + f"Bus {n}",
                published_at=said,
                engagement=Engagement(likes=likes),
                author=Author(followers=followers),
            )
        )
        for n, (said, likes, followers) in enumerate([(MARCH, 3, 2), (APRIL, 1, 3), (MAY, 2, 1)])
    ]
    assert done(await writer.write(batch))
    client.indices.refresh(index=config.alias)

    def order(**how: Any) -> list[str]:
        found = search(client, config.alias, "bus", **how)
        return [hit.source["id"].removeprefix("test:") for hit in found.hits]

    assert order() == ["2", "1", "0"]
    assert order(sort="oldest") == ["0", "1", "2"]
    assert order(sort="resonance") == ["0", "2", "1"]
    assert order(sort="audience") == ["1", "0", "2"]
    assert order(since=APRIL) == ["2", "1"]
    assert order(size=1) == ["2"]
    assert set(order(sort="relevance")) == {"0", "1", "2"}
    (hit,) = search(client, config.alias, "bus", size=1).hits
    assert f"{START}Bus{END}" in hit.snippet
    assert len(hit.snippet) < 200


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("Lüftung", {"plural", "digraph", "heading", "plain"}),
        ("lueftung", {"plural", "digraph", "heading", "plain"}),
        ("Anlage", {"plural", "digraph", "heading"}),
        ("Lüftung laut", {"plural", "heading"}),
        ('"laute Lüftung"', {"plain"}),
        ("Rat", set()),
        ("NOT Lüftung", {"whole", "french"}),
        ("compounds:anlage", {"plural", "digraph", "heading"}),
    ],
)
async def test_a_word_finds_the_german_compounds_it_is_in(
    client: elasticsearch.Elasticsearch,
    config: Elasticsearch,
    writer: Writer,
    asked: str,
    found: set[str],
) -> None:
    texts = {
        "plural": (None, "Unsere Lüftungsanlagen sind laut", "de"),
        "digraph": (None, "Die Lueftungsanlage pfeift", "de"),
        "heading": ("Lüftungsanlage im Test", "Sie ist laut", "de"),
        "plain": (None, "Eine laute Lüftung", "de"),
        "whole": (None, "Nach der Beratung war alles gut", "de"),
        "french": (None, "Une Lüftungsanlage allemande", "fr"),
    }
    batch = [
        Upsert(
            mention(n, title=title, text=text, language=Language(code=code, confidence=1, by=BY))
        )
        for n, (title, text, code) in texts.items()
    ]
    assert done(await writer.write(batch))
    client.indices.refresh(index=config.alias)
    assert {hit.source["id"] for hit in search(client, config.alias, asked).hits} == found
    for hit in search(client, config.alias, "Lüftung").hits:
        if hit.source["id"] != "heading":  # its text has no such word
            assert re.search(f"{START}L.{{1,2}}ftung\\w*{END}", hit.snippet), hit.snippet
    # Kibana asks the index's own fields, and knows no other spelling.
    asked = asked.replace("Lüftung laut", "Lüftung AND laut")
    hits = client.search(index=config.alias, query={"query_string": {"query": asked}})
    ids = {hit["_id"] for hit in hits["hits"]["hits"]}
    assert ids == (set() if asked == "lueftung" else found)


async def test_a_query_that_is_wrong_says_where(
    client: elasticsearch.Elasticsearch, config: Elasticsearch, writer: Writer
) -> None:
    assert done(await writer.write([Upsert(mention())]))
    for query, message in (
        ("bus AND (", "from character 10 on, because it ends there"),
        ("a:b:c", "from character 4 on, at ':c'"),
        ("revision:many", "many"),
    ):
        with pytest.raises(QueryError, match=re.escape(message)):
            search(client, config.alias, query)


def rich_mention(n: int, topic: str, **fields: Any) -> EnrichedMention:
    kind: Any = "brand" if topic == "Acme" else "competitor"
    span = Span(0, 4)
    return mention(
        f"test:{n}",
        text=f"{topic} ist da",
        language=Language(code="de" if n % 2 else "en", confidence=0.9, by=BY),
        matches=(
            Match(topic=topic, kind=kind, clause=topic, spans=(span,), by=BY),
            Match(topic="Preise", kind="theme", clause="preis", spans=(span,), by=BY),
        ),
        **fields,
    )


async def test_figures_are_those_of_what_was_put_in(
    client: elasticsearch.Elasticsearch, config: Elasticsearch, writer: Writer
) -> None:
    bad = Sentiment(label="negative", score=-0.5, confidence=0.8, by=BY)
    good = TargetSentiment(
        topic="Rival", label="positive", score=0.5, confidence=0.8, span=Span(0, 4), by=BY
    )
    now = datetime.now(UTC)
    batch = [
        rich_mention(1, "Acme", sentiment=bad, channel="news"),
        rich_mention(2, "Acme", sentiment=bad, published_at=now, collected_at=now),
        rich_mention(3, "Acme", published_at=APRIL, title="Titel", author=Author(name="Jemand")),
        rich_mention(4, "Rival", sentiment=bad, targets=(good,), published_at=MAY),
    ]
    assert done(await writer.write([Upsert(item) for item in batch]))
    client.indices.refresh(index=config.alias)
    found = overview(client, config.alias, newest=2)
    assert found.total == 4
    assert found.channels == {"forum": 3, "news": 1}
    assert found.languages == {"de": 2, "en": 2}
    assert found.sentiment == {"negative": 3}
    assert found.topics == {"Preise": 4, "Acme": 3, "Rival": 1}
    assert [
        (voice.topic, voice.kind, voice.mentions, voice.share, voice.negative, voice.positive)
        for voice in found.voices
    ] == [("Acme", "brand", 3, 0.75, 2, 0), ("Rival", "competitor", 1, 0.25, 0, 1)]
    assert [(moment <= now, number) for moment, number in found.per_minute] == [(True, 1)]
    assert [newest.id for newest in found.newest] == ["test:2", "test:4"]

    recent = overview(client, config.alias, since=APRIL)
    assert recent.total == 3
    assert [newest.title for newest in recent.newest if newest.author == "Jemand"] == ["Titel"]
    assert found_of(client, config.alias, ["test:1", "test:4", "test:9"]) == 2


def test_before_the_first_mention_all_figures_are_zero(
    client: elasticsearch.Elasticsearch, config: Elasticsearch
) -> None:
    assert overview(client, config.alias).total == 0
    assert found_of(client, config.alias, ["test:1"]) == 0
    assert search(client, config.alias, "bus").total == 0


QUERIES = (
    "matches.topic:Rival",
    "topic_of.competitor:Rival",
    'topic_sentiment:"Rival|negative"',
    "author.name:Jemand*",
    "author.name.words:lang",
    "author.handle:JEMAND",
    "stars:[1 TO 2]",
    "interactions:>4",
    "place.country:DE",
    "tags:technik",
    "collector.source:test",
    "sentiment.score:<0",
    "published_at:[2026-03-01 TO 2026-03-31]",
)


async def test_fields_can_be_asked_for(
    client: elasticsearch.Elasticsearch, config: Elasticsearch, writer: Writer
) -> None:
    full = rich_mention(
        1,
        "Rival",
        sentiment=Sentiment(label="negative", score=-0.5, confidence=0.8, by=BY),
        author=Author(name="Jemand Lang", handle="Jemand"),
        rating=Rating(value=1),
        engagement=Engagement(likes=5),
        place=Place(country="DE", latitude=52.5, longitude=13.4),
        tags=("Technik",),
    )
    other = mention("test:2", published_at=APRIL, collector=Collector(source="other"))
    assert done(await writer.write([Upsert(full), Upsert(other)]))
    client.indices.refresh(index=config.alias)
    found = {
        query: [hit.source["id"] for hit in search(client, config.alias, query).hits]
        for query in QUERIES
    }
    assert found == {query: ["test:1"] for query in QUERIES}


async def test_places_can_be_found_by_distance_and_messages_come_back_whole(
    client: elasticsearch.Elasticsearch, config: Elasticsearch, writer: Writer
) -> None:
    berlin = mention(place=Place(name="Berlin", latitude=52.5, longitude=13.4))
    assert done(await writer.write([Upsert(berlin)]))
    client.indices.refresh(index=config.alias)
    near = {"geo_distance": {"distance": "10km", "geo": {"lat": 52.51, "lon": 13.41}}}
    (hit,) = client.search(index=config.alias, query=near)["hits"]["hits"]
    assert decode_enriched(json.dumps(hit["_source"]).encode()) == berlin
    assert hit["_source"]["geo"] == joined(berlin).geo


async def test_the_commands(
    client: elasticsearch.Elasticsearch,
    config: Elasticsearch,
    writer: Writer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MENTIONS_ELASTICSEARCH__URL", config.url)
    monkeypatch.setenv("MENTIONS_ELASTICSEARCH__ALIAS", config.alias)
    monkeypatch.setenv("MENTIONS_ELASTICSEARCH__REFRESH", config.refresh)
    monkeypatch.setenv("MENTIONS_ELASTICSEARCH__REPLICAS", str(config.replicas))

    def run(*arguments: str) -> tuple[int, str, str]:
        result = CliRunner().invoke(mentions, arguments)
        return result.exit_code, result.stdout, result.stderr

    code, out, _ = run("index", "apply", "--json")
    assert code == 0
    assert {json.loads(line)["action"] for line in out.splitlines()} == {"unchanged"}
    assert run("search", "bus") == (0, "", "Nothing found.\n")

    said = datetime.now(UTC) - timedelta(hours=1)
    fresh = mention("test:1", text="Der Bus kommt", published_at=said, collected_at=said)
    old = mention("test:2", text="Kein Bus")
    assert done(await writer.write([Upsert(fresh), Upsert(old)]))
    client.indices.refresh(index=config.alias)

    code, out, _ = run("search", "bus", "--json")
    assert code == 0
    assert [json.loads(line)["id"] for line in out.splitlines()] == ["test:1", "test:2"]
    assert run("search", "bus", "--since", "2h", "--count") == (0, "1\n", "")
    code, out, _ = run("search", "bus")
    assert code == 0
    assert "2 of 2 mentions" in out
    assert "Der Bus kommt" in out
    code, out, err = run("search", "bus AND (")
    assert (code, out) == (1, "")
    assert "character 10" in err
    code, out, _ = run("index", "show", "--json")
    assert code == 0
    shown = [json.loads(line) for line in out.splitlines()]
    assert shown[0]["elasticsearch"]["version"]
    assert sum(row["documents"] for row in shown[1:]) == 2
    assert run("index", "diff") == (0, ANY, "")
    spoil(client, config, "2026.02")
    code, out, _ = run("index", "diff", "--json")
    assert code == 1
    assert json.loads(out)["action"] == "refused"
    code, _, err = run("index", "apply")
    assert code == 1
    assert "--reindex" in err
    code, out, _ = run("index", "apply", "--reindex", "--json")
    assert code == 0
    assert json.loads(out.splitlines()[0])["new"] == f"{config.alias}-v2-2026.02"
    assert run("index", "apply")[0] == 0
    assert run("index", "show")[0] == 0
