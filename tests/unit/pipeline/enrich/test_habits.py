"""What sources and authors usually write in, for texts too short to say."""

from datetime import UTC, datetime

from pipeline.enrich.habits import Habits
from schemas.mention import Author, Collector, EnrichedMention, Language

NOW = datetime(2026, 3, 4, tzinfo=UTC)


def mention(
    source: str = "feed", author: str | None = None, hint: str | None = None
) -> EnrichedMention:
    return EnrichedMention(
        id="test:1",
        revision=1,
        channel="other",
        text="ok",
        published_at=NOW,
        collected_at=NOW,
        collector=Collector(source=source),
        author=Author(handle=author) if author else None,
        language_hint=hint,
    )


def test_knows_nothing_at_first() -> None:
    assert not Habits().prior(mention(author="ann"))


def test_the_platforms_word_counts() -> None:
    assert Habits().prior(mention(hint="de-AT"))["de"] > 1


def test_an_author_says_more_than_a_source() -> None:
    habits = Habits()
    for _ in range(5):
        habits.learn(mention("feed", "ann"), Language(code="fr", confidence=0.99))
    source, author = habits.prior(mention("feed")), habits.prior(mention("other", "ann"))
    assert source["fr"] > 1
    assert not author, "an author is known by source and name"
    assert habits.prior(mention("feed", "ann"))["fr"] > source["fr"]


def test_only_what_is_sure_teaches() -> None:
    habits = Habits()
    habits.learn(mention(), Language(code="fr", confidence=0.5))
    habits.learn(mention(), Language())
    assert not habits.prior(mention())


def test_old_habits_fade() -> None:
    habits = Habits()
    for code, times in (("fr", 500), ("de", 100)):
        for _ in range(times):
            habits.learn(mention(), Language(code=code, confidence=1.0))
    prior = habits.prior(mention())
    assert prior["de"] > prior["fr"]


def test_memory_is_bounded() -> None:
    habits = Habits()
    for number in range(25_000):
        habits.learn(mention(str(number)), Language(code="de", confidence=1.0))
    assert not habits.prior(mention("0"))
    assert habits.prior(mention("24999"))
    assert len(habits._seen) == 20_000
