from datetime import UTC, datetime

import msgspec

from pipeline.alerts.history import facts
from pipeline.alerts.terms import MOST, found_by, terms
from schemas.mention import Author, Collector, EnrichedMention, Entity, Match, Producer, Span

NOW = datetime(2026, 1, 5, tzinfo=UTC)
BY = Producer(name="test", version="1")
TEXT = (
    "Die Brise von Erika Muster ist heiß gelaufen: Rückruf! @anna https://x.de/geheim #BriseBrennt"
)


def mention(**fields: object) -> EnrichedMention:
    made = EnrichedMention(
        id="t:1",
        revision=1,
        channel="forum",
        title="Unfassbar",
        text=TEXT,
        published_at=NOW,
        collected_at=NOW,
        collector=Collector(source="s"),
        author=Author(name="Otto Krause", handle="krause"),
        entities=(
            Entity(kind="person", text="Erika Muster", span=Span(14, 26), by=BY),
            Entity(
                kind="hashtag", text="#BriseBrennt", name="brisebrennt", span=Span(81, 93), by=BY
            ),
        ),
        matches=(Match(topic="Brise", kind="product", clause="Brise", spans=(Span(4, 9),), by=BY),),
    )
    return msgspec.structs.replace(made, **fields)


def found(**fields: object) -> tuple[str, ...]:
    return terms(mention(**fields))


def test_words_and_hashtags_are_found() -> None:
    assert found() == ("#brisebrennt", "unfassbar", "brise", "heiß", "gelaufen", "rückruf")


def test_nobody_is_named_and_nothing_confidential_is_told() -> None:
    said = " ".join(found(text=f"{TEXT} Krause war da"))
    for name in ("erika", "muster", "krause", "anna", "geheim"):
        assert name not in said
    secret = Match(topic="Graureiher", kind="confidential", clause="x", spans=(), by=BY)
    assert found(matches=(*mention().matches, secret)) == ()
    assert found(origin="own") == ()


def test_what_a_topic_is_found_by_is_no_news_with_it_but_with_others() -> None:
    span = Span(TEXT.index("#"), len(TEXT))
    tag = Match(topic="Feuer", kind="campaign", clause="#BriseBrennt", spans=(span,), by=BY)
    made = mention(matches=(*mention().matches, tag))
    assert found_by(made)["Feuer"] == {"brisebrennt", "#brisebrennt"}
    with_topic = {fact.topic: fact.terms for fact in facts(made)}
    assert "#brisebrennt" in with_topic["Brise"]
    assert "brise" not in with_topic["Brise"]
    assert "#brisebrennt" not in with_topic["Feuer"]
    assert "brise" in with_topic["Feuer"]


def test_what_is_looked_at_is_bounded() -> None:
    words = (f"wort{chr(97 + n // 26)}{chr(97 + n % 26)}" for n in range(600))
    assert len(found(text=" ".join(words))) == MOST
