from datetime import UTC, datetime
from typing import Any

import pytest

from pipeline.outcome import Ok
from pipeline.settings import Route, Settings
from pipeline.stages import route
from schemas import encode
from schemas.mention import (
    Author,
    Collector,
    Duplicate,
    EnrichedMention,
    Intent,
    Language,
    Match,
    Producer,
    Rating,
    Relevance,
    Sentiment,
    Span,
    TargetSentiment,
)
from schemas.work import decode_order, key

NOW = datetime(2026, 1, 1, tzinfo=UTC)
BY = Producer(name="test", version="1")


def mention(**fields: Any) -> EnrichedMention:
    made = EnrichedMention(
        id="push:1",
        revision=1,
        channel="forum",
        text="x",
        published_at=NOW,
        collected_at=NOW,
        collector=Collector(source="test"),
        language=Language(code="de", confidence=1.0),
        sentiment=Sentiment(label="positive", score=0.5, confidence=0.9, by=BY),
        site="forum.bahn.de",
        author=Author(followers=1_000),
        rating=Rating(value=3, best=9),
        matches=(
            Match(
                topic="app",
                kind="product",
                clause="app",
                spans=(Span(0, 1),),
                by=BY,
                relevance=Relevance(score=0.3, by=BY),
            ),
        ),
        intents=(Intent(kind="complaint", words=("kaputt",), spans=(Span(0, 1),), by=BY),),
        duplicate=Duplicate(of="push:0", similarity=0.9, authors=3, by=BY),
        targets=(
            TargetSentiment(
                topic="app", label="negative", score=-1, confidence=1, span=Span(0, 1), by=BY
            ),
        ),
    )
    for name, value in fields.items():
        setattr(made, name, value)
    return made


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({}, True),
        ({"topics": ["app"]}, True),
        ({"topics": ["train"]}, False),
        ({"topics": ["app", "train"], "languages": ["de"]}, True),
        ({"languages": ["en"]}, False),
        ({"channels": ["news"]}, False),
        ({"channels": ["news", "forum"]}, True),
        ({"sites": ["bahn.de"]}, True),
        ({"sites": ["ahn.de"]}, False),
        ({"audience": 1_000}, True),
        ({"audience": 1_001}, False),
        ({"stars_up_to": 2}, True),
        ({"stars_up_to": 1.5}, False),
        ({"relevance": 0.3}, True),
        ({"relevance": 0.4}, False),
        ({"topics": ["app"], "relevance": 0.4}, False),
        # The tone towards the topic counts, not that of the text around it.
        ({"topics": ["app"], "sentiment": ["negative"]}, True),
        ({"topics": ["app"], "sentiment": ["positive"]}, False),
        ({"intents": ["complaint"]}, True),
        ({"intents": ["question", "help"]}, False),
        ({"spread": 3}, True),
        ({"spread": 4}, False),
    ],
)
def test_all_conditions_of_a_rule_must_hold(rule: dict[str, Any], *, expected: bool) -> None:
    assert route.fits(Route(team="t", **rule), mention()) is expected


def test_what_is_missing_fits_no_bound() -> None:
    bare = {"site": None, "author": None, "rating": None, "duplicate": None}
    for rule in ({"sites": ("bahn.de",)}, {"audience": 1}, {"stars_up_to": 5}, {"spread": 1}):
        assert not route.fits(Route.model_validate({"team": "t"} | rule), mention(**bare))


def test_what_is_unknown_is_not_taken_for_irrelevant() -> None:
    unknown = Match(topic="app", kind="product", clause="app", spans=(), by=BY)
    assert route.fits(Route(team="t", relevance=0.9), mention(matches=(unknown,)))
    assert route.fits(Route(team="t", relevance=0.9), mention(matches=()))


def test_without_a_target_the_whole_text_is_judged() -> None:
    rule = Route(team="t", sentiment=("positive",))
    assert route.fits(rule, mention(matches=(), targets=()))
    assert not route.fits(rule, mention(matches=(), targets=(), sentiment=None))


class Record:
    topic, partition, offset, timestamp = "mentions.enriched", 0, 0, 0
    key: bytes | None = b"push:1"
    headers: tuple[tuple[str, bytes], ...] = (("ce_id", b"1"),)

    def __init__(self, value: bytes | None) -> None:
        self.value = value


async def outputs(value: bytes | None) -> Any:
    settings = Settings(routes=(Route(team="all"), Route(team="press", channels=("news",))))
    (outcome,) = await route.Route(settings).handle([Record(value)])
    return outcome


async def test_a_mention_goes_byte_for_byte_to_each_team_it_fits() -> None:
    value = encode(mention())
    outcome = await outputs(value)
    assert [(o.topic, o.value, o.headers) for o in outcome.outputs[:-1]] == [
        ("mentions.routed.all", value, [("ce_id", b"1")])
    ]


async def test_what_is_routed_is_work_unless_it_is_published_again() -> None:
    settings = Settings(routes=(Route(team="all"), Route(team="read", priority="none")))
    stage = route.Route(settings)
    record = Record(encode(mention()))
    again = Record(encode(mention()))
    again.headers = (("ce_reprocessed", b"1"),)
    first, second = await stage.handle([record, again])
    assert isinstance(first, Ok)
    assert isinstance(second, Ok)
    teams = ["mentions.routed.all", "mentions.routed.read"]
    assert [o.topic for o in first.outputs] == [*teams, "mentions.work-orders"]
    assert [o.topic for o in second.outputs] == teams
    order = decode_order(first.outputs[-1].value or b"")
    assert first.outputs[-1].key == key("all", "push:1")
    assert (order.team, order.mention, order.action) == ("all", "push:1", "route")
    assert order.subject
    assert order.subject.topics == ("app",)
    assert order.subject.language == "de"


async def test_a_deletion_reaches_every_team() -> None:
    outcome = await outputs(None)
    passed_on, orders = outcome.outputs[:2], outcome.outputs[2:]
    assert [(o.topic, o.value) for o in passed_on] == [
        ("mentions.routed.all", None),
        ("mentions.routed.press", None),
    ]
    found = [decode_order(order.value) for order in orders]
    # Once: the stage that decides knows whose work it was.
    assert [one.action for one in found] == ["delete"]


async def test_what_cannot_be_decoded_is_rejected() -> None:
    assert (await outputs(b"{}")).error == "ValidationError"
