"""Relevance is learnt from marks, the same by every worker, and an analyst's word comes first."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from pipeline.corrections import Marks, adopt, mark
from pipeline.enrich.chain import Chain
from pipeline.enrich.relevance import LEAST, Relevances
from pipeline.enrich.text import view
from pipeline.settings import Settings, WatchTopic
from schemas.correction import Correction, decode_correction, key
from schemas.mention import Collector, EnrichedMention, Match, Producer, decode_enriched, encode

NOW = datetime(2026, 1, 1, tzinfo=UTC)
BY = Producer(name="test", version="1")
COMPANY = ["Zug", "verspätet", "Fahrkarte", "Schaffner", "Gleis", "Ticket", "Abteil"]
LANE = ["Kegeln", "Schwimmen", "Runde", "Rennen", "Kurve", "Pokal", "Sieg"]
FILLER = ["und", "die", "der", "heute", "war", "mit", "wieder", "sehr", "schon"]


def mention(number: int, *, relevant: bool) -> EnrichedMention:
    dice = random.Random(number)
    said = [*dice.choices(COMPANY if relevant else LANE, k=3), *dice.choices(FILLER, k=6)]
    dice.shuffle(said)
    return EnrichedMention(
        id=f"test:{number}",
        revision=1,
        channel="other",
        text="Bahn " + " ".join(said),
        published_at=NOW,
        collected_at=NOW,
        collector=Collector(source="test"),
        matches=(Match(topic="Bahn", kind="brand", clause="Bahn", spans=(), by=BY),),
    )


def marked(count: int) -> Marks:
    made: Marks = {}
    for number in range(count):
        relevant = number % 3 > 0
        found = mark(mention(number, relevant=relevant), "Bahn", relevant=relevant, by="ada")
        made[found.mention, "Bahn"] = found
    return made


def score(relevances: Relevances, made: EnrichedMention) -> float | None:
    (match,) = relevances.judge(made, view(made.text), None)
    return match.relevance.score if match.relevance else None


def test_learns_what_a_topic_is_about() -> None:
    relevances = Relevances(marked(90))
    right = [
        ((score(relevances, mention(number, relevant=relevant)) or 0) > 0.5) is relevant
        for number in range(1_000, 1_100)
        for relevant in (True, False)
    ]
    assert sum(right) > 0.95 * len(right)


def test_says_nothing_before_it_knows_enough() -> None:
    assert score(Relevances(), mention(1_000, relevant=True)) is None
    assert score(Relevances(marked(LEAST - 1)), mention(1_000, relevant=True)) is None
    assert score(Relevances(marked(LEAST)), mention(1_000, relevant=True)) is not None


def test_one_kind_of_mark_alone_teaches_nothing() -> None:
    only = {place: found for place, found in marked(90).items() if found.relevant}
    assert score(Relevances(only), mention(1_000, relevant=True)) is None


def test_an_analyst_s_word_comes_first_and_is_signed() -> None:
    marks = marked(90)
    made = mention(0, relevant=False)
    (match,) = Relevances(marks).judge(made, view(made.text), None)
    assert match.relevance is not None
    assert (match.relevance.score, match.relevance.marked_by) == (0.0, "ada")
    assert match.relevance.marked_at == marks["test:0", "Bahn"].at


def test_the_order_in_which_marks_came_does_not_matter() -> None:
    marks = marked(60)
    pairs = list(marks.items())
    random.Random(1).shuffle(pairs)
    one, other = Relevances(marks), Relevances(dict(pairs))
    grown = Relevances(marks, Relevances(marked(40)))
    made = mention(1_000, relevant=True)
    judged = {found.judge(made, view(made.text), None) for found in (one, other, grown)}
    assert len(judged) == 1


def test_other_topics_are_left_alone() -> None:
    made = mention(1, relevant=True)
    made.matches = (Match(topic="Bus", kind="brand", clause="Bus", spans=(), by=BY),)
    assert Relevances(marked(90)).judge(made, view(made.text), None) == made.matches


def test_the_last_word_counts_and_may_be_taken_back() -> None:
    found = mark(mention(1, relevant=True), "Bahn", relevant=True, by="ada")
    place = ("test:1", "Bahn")
    changed = Correction(
        mention="test:1", topic="Bahn", relevant=False, by="bob", at=NOW + timedelta(days=1)
    )
    marks: Marks = {}
    values = [encode_(one) for one in (found, changed)]
    adopt(marks, [(key(*place), value) for value in values])
    assert marks[place].by == "bob"
    adopt(marks, [(key(*place), None)])
    assert marks == {}
    assert decode_correction(values[0]) == found


def encode_(found: Correction) -> bytes:
    import msgspec  # noqa: PLC0415

    return msgspec.json.encode(found)


def test_marks_hold_no_text() -> None:
    found = mark(mention(1, relevant=True), "Bahn", relevant=True, by="ada")
    assert all(isinstance(feature, int) for feature in found.features)
    assert not any(word.encode() in encode_(found) for word in COMPANY)


def test_a_mark_survives_enriching_again() -> None:
    topic = WatchTopic(topic="Bahn", kind="brand", terms=("Bahn",))
    made = mention(1, relevant=True)
    marks = {("test:1", "Bahn"): mark(made, "Bahn", relevant=False, by="ada")}
    chain = Chain.build(Settings(watchlist=(topic,)))
    chain.learn(Relevances(marks))
    for _ in range(2):
        chain.enrich([made], NOW)
        assert made.matches[0].relevance is not None
        assert made.matches[0].relevance.marked_by == "ada"
        assert decode_enriched(encode(made)) == made


@pytest.mark.parametrize("text", ["", "\ud800", "x " * 10_000])
def test_any_text_has_features_but_never_many(text: str) -> None:
    made = mention(1, relevant=True)
    made.text = text
    found = mark(made, "Bahn", relevant=True, by="ada")
    assert len(found.features) <= 400
