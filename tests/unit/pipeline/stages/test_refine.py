"""What the second pass looks at, and what it publishes; Kafka's part is an integration test."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from pipeline.enrich import amend
from pipeline.enrich.sentiment.second import NAME, READ, Look, passage
from pipeline.lookback import Stretch, Word, word
from pipeline.outcome import Ok, Outgoing
from pipeline.settings import Route, SecondPass, Settings
from pipeline.stages import refine
from pipeline.stages.refine import Refine
from schemas import encode
from schemas.headers import REFINED, first, reprocessed, tombstone_headers
from schemas.mention import (
    Author,
    Collector,
    EnrichedMention,
    Language,
    Match,
    Producer,
    Rating,
    Sentiment,
    Span,
)
from tests.support.records import Record

NOW = datetime(2026, 1, 1, tzinfo=UTC)
FIRST = Producer(name="trained-de", version="1")
SECOND = Sentiment(
    label="positive", score=0.8, confidence=0.9, by=Producer(name=NAME, version="2/1")
)
SAID = Sentiment(label="negative", score=-1.0, confidence=1.0, by=amend.BY)


class FakeSecond:
    languages = frozenset({"de"})

    def __init__(self, _reader: object) -> None:
        self.asked: list[str] = []

    def judge(self, looks: Sequence[Look]) -> list[Sentiment]:
        self.asked += [passage(look.view, look.title) for look in looks]
        return [SECOND] * len(looks)


class FakeLookback:
    def __init__(self, between: Sequence[Record] = ()) -> None:
        self.between = between
        self.asked: list[Stretch] = []

    async def newest(self, stretches: Mapping[int, Stretch]) -> dict[int, tuple[Word, Record]]:
        self.asked += stretches.values()
        found = {}
        for name, stretch in stretches.items():
            for record in self.between:
                said = word(record, NAME)
                if record.key == stretch.key and said is not None:
                    found[name] = said, record
        return found


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Refine:
    monkeypatch.setattr(refine, "Reader", object)
    monkeypatch.setattr(refine, "Second", FakeSecond)
    return Refine(
        Settings(
            second_pass=SecondPass(on=True, unsure=0.5, followers=1_000),
            routes=(Route(team="press", channels=("news",)),),
        )
    )


def mention(**fields: Any) -> EnrichedMention:
    tone = Sentiment(label="neutral", score=0.0, confidence=fields.pop("sure", 0.9), by=FIRST)
    stated: dict[str, Any] = {
        "id": "push:1",
        "revision": 5,
        "channel": "forum",
        "text": "Die Lüftung läuft.",
        "published_at": NOW,
        "collected_at": NOW,
        "processed_at": NOW,
        "collector": Collector(source="test"),
        "language": Language(code="de", confidence=1.0),
        "sentiment": tone,
    }
    return EnrichedMention(**(stated | fields))


def record(made: EnrichedMention, offset: int, *headers: tuple[str, bytes]) -> Record:
    return Record(made.id.encode(), encode(made), headers, "mentions.enriched", 3, offset)


async def handled(stage: Refine, *batch: Record) -> list[tuple[Outgoing, ...]]:
    outcomes = await stage.handle(batch)
    assert all(isinstance(outcome, Ok) for outcome in outcomes)
    return [outcome.outputs for outcome in outcomes if isinstance(outcome, Ok)]


@pytest.mark.parametrize(
    ("fields", "matters"),
    [
        ({}, False),
        ({"sure": 0.4}, True),
        ({"author": Author(followers=1_000)}, True),
        ({"channel": "news"}, True),
        ({"sure": 0.4, "rating": Rating(value=1)}, False),
        ({"sure": 0.4, "language": Language(code="fr", confidence=1.0)}, False),
        ({"sure": 0.4, "sentiment": None}, False),
        ({"sentiment": SECOND, "channel": "news"}, False),
        ({"sentiment": SAID, "channel": "news"}, False),
    ],
)
async def test_what_matters_is_looked_at_again(
    stage: Refine, fields: dict[str, Any], *, matters: bool
) -> None:
    (outputs,) = await handled(stage, record(mention(**fields), 7, ("traceparent", b"00-1")))
    assert bool(outputs) == matters
    for output in outputs:
        assert (output.topic, output.key) == ("mentions.enriched", b"push:1")
        assert word(Record(output.key, output.value), NAME) == (5, False, NOW.timestamp(), True)
        assert first(output.headers, REFINED) == b"7"
        assert first(output.headers, "traceparent") == b"00-1"
        assert reprocessed(output.headers)


async def test_of_several_versions_the_newest_is_looked_at(stage: Refine) -> None:
    old = record(mention(sure=0.1, revision=4, text="alt"), 1)
    new = record(mention(sure=0.1, revision=6, text="neu"), 2)
    late = record(mention(sure=0.1, revision=5, text="spät"), 3)
    assert [len(outputs) for outputs in await handled(stage, old, new, late)] == [0, 1, 0]
    assert isinstance(stage._second, FakeSecond)
    assert stage._second.asked == ["neu"]
    deleted = Record(b"push:1", None, tombstone_headers("push:1", 6, "test"), offset=4)
    assert [len(outputs) for outputs in await handled(stage, new, deleted)] == [0, 0]


async def test_of_a_long_text_what_matched_is_looked_at_under_its_title(stage: Refine) -> None:
    text = "<b>Vorweg</b> " + "wort " * 3_000 + "die L&uuml;ftung l&auml;rmt. " + "mehr " * 3_000
    at = text.index("L&uuml;ftung")
    (output,) = await handled(
        stage,
        record(
            mention(
                sure=0.1,
                text=text,
                title="Im Test",
                matches=(
                    Match(
                        topic="Lüftung",
                        kind="theme",
                        clause="",
                        spans=(Span(at, at + len("L&uuml;ftung")),),
                        by=FIRST,
                    ),
                ),
            ),
            1,
        ),
    )
    assert output
    assert isinstance(stage._second, FakeSecond)
    (asked,) = stage._second.asked
    assert asked.startswith("Im Test Vorweg wort")
    assert "die Lüftung lärmt." in asked
    assert len(asked) <= READ


async def test_without_a_match_behind_it_the_beginning_is_looked_at(stage: Refine) -> None:
    await handled(stage, record(mention(sure=0.1, text="wort " * 3_000), 1))
    assert isinstance(stage._second, FakeSecond)
    (asked,) = stage._second.asked
    assert len(asked) > READ - len("wort ")


async def test_what_is_newer_than_a_result_is_published_behind_it(stage: Refine) -> None:
    result = record(mention(sentiment=SECOND), 9, (REFINED, b"4"))
    edit = record(mention(revision=6, text="neu"), 6, ("h", b"1"))
    asked = FakeLookback([edit])
    stage._lookback = asked  # type: ignore[assignment]
    ((again,),) = await handled(stage, result)
    assert [(s.partition.partition, s.key, s.after, s.before) for s in asked.asked] == [
        (3, b"push:1", 4, 9)
    ]
    assert again.value == edit.value
    assert again.headers == [("h", b"1"), (REFINED, b"9")]

    deleted = Record(b"push:1", None, tombstone_headers("push:1", 5, "test"), offset=6)
    stage._lookback = FakeLookback([deleted])  # type: ignore[assignment]
    ((again,),) = await handled(stage, result)
    assert again.value is None
    assert first(again.headers, "ce_revision") == b"5"


async def test_nothing_is_done_about_what_is_older_than_a_result(stage: Refine) -> None:
    result = record(mention(sentiment=SECOND), 9, (REFINED, b"4"))
    for older in (mention(), mention(revision=4)):
        stage._lookback = FakeLookback([record(older, 6)])  # type: ignore[assignment]
        assert await handled(stage, result) == [()]


async def test_what_cannot_be_read_is_left_to_the_index(stage: Refine) -> None:
    broken = Record(b"push:1", b"{", (), "mentions.enriched")
    assert await handled(stage, broken) == [()]


def test_words_are_in_order_of_time() -> None:
    later = datetime(2026, 1, 2, tzinfo=UTC)
    said = [
        record(mention(), 1),
        record(mention(sentiment=SECOND), 1),
        record(mention(processed_at=later), 1),
        Record(b"push:1", None, tombstone_headers("push:1", 5, "test")),
        record(mention(revision=6), 1),
    ]
    words = [word(one, NAME) for one in said]
    assert None not in words
    assert words == sorted(words, key=lambda one: one or ())
    assert word(Record(b"x", b"{"), NAME) is None
