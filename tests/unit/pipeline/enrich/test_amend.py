"""What an analyst says stands in place of what was found, signed, however often it is enriched."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from pipeline.amendments import Amendments, adopt
from pipeline.enrich.amend import occurrences
from pipeline.enrich.chain import Chain
from pipeline.settings import Settings, WatchTopic
from pipeline.training import from_amendments
from schemas.amendment import Amendment, decode_amendment, key
from schemas.mention import Collector, EnrichedMention, Span, decode_enriched, encode

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CHAIN = Chain.build(
    Settings(
        watchlist=(
            WatchTopic(topic="Bahn", kind="brand", terms=("Bahn",)),
            WatchTopic(topic="Bus", kind="product", terms=("Bus",)),
        )
    )
)
TEXT = "Toll, die Bahn kommt wieder zu spät. Danke, Bahn! Der Sprinter fährt in Kiel ab."


def amendment(part: str, name: str, value: str | None, hours: int = 0) -> Amendment:
    fields = {"mention": "t:1", "part": part, "name": name, "value": value, "by": "ada"}
    return msgspec.convert({**fields, "at": NOW + timedelta(hours=hours)}, Amendment)


def enriched(*said: Amendment) -> EnrichedMention:
    made = EnrichedMention(
        id="t:1",
        revision=1,
        channel="forum",
        text=TEXT,
        published_at=NOW,
        collected_at=NOW,
        collector=Collector(source="test"),
    )
    CHAIN.amend({"t:1": {(one.part, one.name): one for one in said}})
    for _ in range(2):  # the second time finds what the first one did
        CHAIN.enrich([made], NOW)
    assert decode_enriched(encode(made)) == made
    return made


def kinds(mention: EnrichedMention) -> dict[str, str]:
    return {entity.text: entity.kind for entity in mention.entities}


def test_without_a_word_nothing_is_amended() -> None:
    assert enriched().amendments == ()


def test_the_tone_of_the_text_is_the_analyst_s() -> None:
    before = enriched().sentiment
    assert before
    assert before.label != "negative"
    made = enriched(amendment("sentiment", "", "negative"))
    assert made.sentiment
    assert (made.sentiment.label, made.sentiment.score, made.sentiment.confidence) == (
        "negative",
        -1.0,
        1.0,
    )
    (noted,) = made.amendments
    assert (noted.part, noted.value, noted.before) == ("sentiment", "negative", before.label)
    assert (noted.by, noted.at) == ("ada", NOW)


def test_the_tone_towards_one_topic_leaves_the_others() -> None:
    (before,) = enriched().targets
    made = enriched(amendment("target", "Bahn", "neutral"), amendment("target", "Bus", "negative"))
    (target,) = made.targets
    assert (target.label, target.score, target.span) == ("neutral", 0.0, before.span)
    assert [one.before for one in made.amendments] == [before.label, None]
    assert made.sentiment == enriched().sentiment


def test_a_topic_is_added_and_another_taken_off() -> None:
    made = enriched(amendment("topic", "Bus", "product"), amendment("topic", "Bahn", None))
    assert [(match.topic, match.kind) for match in made.matches] == [("Bus", "product")]
    assert made.targets == ()
    assert [(one.name, one.value, one.before) for one in made.amendments] == [
        ("Bahn", None, "brand"),
        ("Bus", "product", None),
    ]


def test_an_added_topic_can_be_given_a_tone() -> None:
    made = enriched(amendment("topic", "Bus", "product"), amendment("target", "Bus", "positive"))
    assert {t.topic: t.label for t in made.targets}["Bus"] == "positive"


def test_entities_are_missed_wrong_or_of_another_kind() -> None:
    found = kinds(enriched())
    assert found["Bahn"] == "brand"
    assert "Sprinter" not in found
    made = enriched(
        amendment("entity", "Sprinter", "product"),
        amendment("entity", "Bahn", "organisation"),
        amendment("entity", "Kiel", None),
    )
    assert kinds(made)["Sprinter"] == "product"
    assert [e.kind for e in made.entities if e.text == "Bahn"] == ["organisation"] * 2
    assert "Kiel" not in kinds(made)
    assert all(TEXT[e.span.start : e.span.end] == e.text for e in made.entities)
    assert {one.name: one.before for one in made.amendments} == {
        "Sprinter": None,
        "Bahn": "brand",
        "Kiel": found.get("Kiel"),
    }


def test_a_name_that_is_not_there_any_more_changes_nothing() -> None:
    made = enriched(amendment("entity", "Hamburg", "place"))
    assert made.entities == enriched().entities
    assert [one.name for one in made.amendments] == ["Hamburg"]


def test_a_name_is_a_word_of_its_own() -> None:
    assert occurrences("ICE", "Der ice, nicht Eis-Ice, Nices.") == [Span(4, 7), Span(19, 22)]
    assert occurrences("C++", "C++ und C+") == [Span(0, 3)]


@pytest.mark.parametrize(
    ("part", "name", "value"),
    [
        ("sentiment", "", "brand"),
        ("sentiment", "", None),
        ("sentiment", "Bahn", "negative"),
        ("target", "", "negative"),
        ("topic", "Bahn", "negative"),
        ("entity", "Bahn", "campaign"),
    ],
)
def test_what_says_nothing_is_refused(part: str, name: str, value: str | None) -> None:
    fields: dict[str, Any] = {"mention": "t:1", "part": part, "name": name, "value": value}
    with pytest.raises(msgspec.ValidationError):
        decode_amendment(msgspec.json.encode({**fields, "by": "ada", "at": NOW}))


def test_the_last_word_counts_and_may_be_taken_back() -> None:
    known: Amendments = {}
    one, other = amendment("topic", "Bus", "product"), amendment("topic", "Bus", None)
    place = key(("t:1", "topic", "Bus"))
    adopt(known, [(place, msgspec.json.encode(each)) for each in (one, other)])
    assert known == {"t:1": {("topic", "Bus"): other}}
    adopt(known, [(place, None), (place, None)])
    assert known == {}
    with pytest.raises(msgspec.MsgspecError):
        adopt(known, [(b"?", b"{}")])


def test_tones_of_whole_texts_are_labels_to_train_on() -> None:
    made = enriched()
    said: Amendments = {
        "t:1": {
            ("sentiment", ""): amendment("sentiment", "", "negative"),
            ("target", "Bahn"): amendment("target", "Bahn", "positive"),
        },
        "t:gone": {("sentiment", ""): amendment("sentiment", "", "positive")},
    }
    (example,) = from_amendments(said, [made])
    assert (example.text, example.label, example.language, example.channel) == (
        TEXT,
        "negative",
        "de",
        "forum",
    )
