"""What counts as changed when a mention is enriched again."""

from datetime import UTC, datetime

import msgspec
import pytest

from pipeline import reprocess
from pipeline.enrich import sentiment
from pipeline.enrich.chain import Chain
from pipeline.enrich.noise import with_earlier
from pipeline.enrich.sentiment.second import NAME
from pipeline.enrich.window import MOST_RATED
from pipeline.search.document import document
from pipeline.search.history import Stored
from pipeline.settings import Settings, WatchTopic
from schemas.mention import Collector, Duplicate, EnrichedMention, Producer, encode
from tests.support.models import small

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
CHAIN = Chain.build(Settings())
COPY = Duplicate(
    of="test:0", similarity=1.0, repeats=4, authors=20, by=Producer(name="copies", version="1")
)


def stored(text: str, copy: Duplicate | None = None, rate: int = 0) -> Stored:
    """A mention as the stages leave it in the index."""
    mention = EnrichedMention(
        id="test:1",
        revision=1,
        channel="forum",
        text=text,
        published_at=NOW,
        collected_at=NOW,
        collector=Collector(source="test"),
    )
    CHAIN.enrich([mention], NOW)
    mention.duplicate, mention.noise = copy, with_earlier(mention.noise, None, copy, rate)
    return Stored.read(msgspec.json.decode(document(mention, "mentions").body))


def test_a_near_copy_keeps_its_reasons_and_is_not_changed() -> None:
    for text in ("Die Bahn kommt zu spät.", "Jetzt klicken: passives Einkommen!"):
        copy = stored(text, COPY)
        before = copy.mention.noise
        assert before
        assert "many say it at once" in {reason.name for reason in before.reasons}
        assert reprocess.changed(CHAIN, [copy]) == []
        assert copy.mention.noise == before


def test_how_much_an_author_said_at_once_stays() -> None:
    often = stored("Die Bahn kommt zu spät.", rate=MOST_RATED)
    before = often.mention.noise
    assert before
    assert "posts nearly every minute" in {reason.name for reason in before.reasons}
    assert reprocess.changed(CHAIN, [often]) == []
    assert often.mention.noise == before


def test_a_second_pass_stays_while_the_first_would_say_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = "Die Bahn kommt heute wieder zu spät."
    found = stored(text)
    first = found.mention.sentiment
    assert first is not None
    second = Producer(name=NAME, version=f"head/{first.by.version}")
    found.mention.sentiment = msgspec.structs.replace(first, by=second, score=0.9)
    assert reprocess.changed(CHAIN, [found]) == []
    sentiment.lexicon.cache_clear()
    monkeypatch.setattr(sentiment, "_VERSION", "next")
    assert reprocess.changed(Chain.build(Settings()), [found]) == [found]
    sentiment.lexicon.cache_clear()


def test_only_what_changes_counts_and_only_matches_where_a_topic_is_named() -> None:
    watching = Chain.build(
        Settings(watchlist=(WatchTopic(topic="Bahn", kind="brand", terms=("Bahn",)),))
    )
    assert watching.use(small(2.0))
    one, other = stored("Die Bahn kommt heute wieder zu spät."), stored("Der Bus kommt zu spät.")
    assert reprocess.changed(CHAIN, [one, other]) == []
    assert reprocess.changed(watching, [one, other], "Bahn") == [one]
    one, other = stored("Die Bahn kommt heute wieder zu spät."), stored("Der Bus kommt zu spät.")
    assert reprocess.changed(watching, [one, other]) == [one, other]


def test_a_document_is_the_message_and_what_is_joined() -> None:
    found = stored("Die Bahn kommt. #bahn @info", COPY)
    assert found.source["hashtags"] == ["bahn"]
    assert msgspec.json.decode(found.value) == msgspec.json.decode(encode(found.mention))
