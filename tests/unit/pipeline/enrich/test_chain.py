"""The chain fills a mention in, in place, and is the same every time."""

from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.enrich.chain import Chain
from pipeline.enrich.sentiment import model
from pipeline.enrich.sentiment.grams import BUCKETS
from pipeline.enrich.sentiment.trained import PLAIN
from pipeline.settings import Enrichment, Settings, WatchTopic
from schemas.mention import Author, Collector, EnrichedMention, decode_enriched, encode

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
SETTINGS = Settings(
    watchlist=(
        WatchTopic(topic="Nordluft", kind="brand", terms=("Nordluft",)),
        WatchTopic(topic="App", kind="product", terms=("App",)),
    )
)
CHAIN = Chain.build(SETTINGS)


def mention(text: str, **fields: object) -> EnrichedMention:
    made = EnrichedMention(
        id="test:1",
        revision=1,
        channel="other",
        text=text,
        published_at=NOW,
        collected_at=NOW,
        collector=Collector(source="test"),
    )
    return msgspec.structs.replace(made, **fields)


def enriched(text: str, **fields: object) -> EnrichedMention:
    made = mention(text, **fields)
    CHAIN.enrich([made], NOW)
    return made


def test_fills_everything_in() -> None:
    made = enriched("Nordluft ist super, aber die App ist eine Katastrophe. #luft")
    assert made.processed_at == NOW
    assert made.language.code == "de"
    assert made.sentiment is not None
    assert [match.topic for match in made.matches] == ["Nordluft", "App"]
    assert [(target.topic, target.label) for target in made.targets] == [
        ("Nordluft", "positive"),
        ("App", "negative"),
    ]
    assert [entity.kind for entity in made.entities] == ["brand", "product", "hashtag"]


def test_title_is_searched_too() -> None:
    made = enriched("Seit gestern geht nichts mehr.", title="Nordluft ist furchtbar")
    assert [(match.topic, match.where) for match in made.matches] == [("Nordluft", "title")]
    assert [(t.label, t.where) for t in made.targets] == [("negative", "title")]


def test_a_topic_in_text_and_title_has_one_target() -> None:
    made = enriched("Nordluft ist wirklich furchtbar laut.", title="Nordluft")
    assert [match.where for match in made.matches] == ["text", "title"]
    assert [target.where for target in made.targets] == ["text"]


def test_each_of_a_batch_has_its_own_title() -> None:
    said = [("Gut.", "Nordluft"), ("Der Zug fährt.", None), ("Nordluft!", ""), ("Na ja.", "App")]
    made = [mention(text, title=title) for text, title in said]
    CHAIN.enrich(made, NOW)
    assert made == [enriched(text, title=title) for text, title in said]


def test_no_tone_where_no_backend_covers_the_language() -> None:
    made = enriched("De trein van Nordluft had vandaag weer een half uur vertraging.")
    assert made.language.code == "nl"
    assert made.sentiment is None
    assert made.targets == ()
    assert len(made.matches) == 1


@pytest.mark.parametrize(
    ("text", "label", "term"),
    [
        ("😡😡😡", "negative", "😡"),
        ("@nordluft 👎 https://example.org/a", "negative", "👎"),
        ("👍🏽", "positive", "👍"),
        ("10/10 😍", "positive", "😍"),
        (":-)", "positive", ":-)"),
        ("⭐⭐⭐⭐⭐", "positive", "⭐⭐⭐⭐⭐"),
    ],
)
def test_signs_alone_have_a_tone_in_any_language(text: str, label: str, term: str) -> None:
    made = enriched(text)
    assert made.language.code == "und"
    assert made.sentiment is not None
    assert (made.sentiment.label, made.sentiment.by.name) == (label, "signs")
    assert made.sentiment.terms[0].text == term
    span = made.sentiment.terms[0].span
    assert span is not None
    assert text[span.start : span.end] == term


@pytest.mark.parametrize(
    ("text", "title"),
    [("怒 😡", None), ("123 !!!", None), ("", None), ("😡", "怒る"), ("怒", "😡")],
)
def test_no_tone_where_words_are_in_no_known_language_or_nothing_is_said(
    text: str, title: str | None
) -> None:
    made = enriched(text, title=title)
    assert (made.language.code, made.sentiment) == ("und", None)


def test_signs_have_no_tone_where_none_is_wanted() -> None:
    made = mention("😡😡😡")
    Chain.build(Settings(enrichment=Enrichment(sentiment_backends={}))).enrich([made], NOW)
    assert made.sentiment is None


def test_a_backend_that_does_not_cover_its_language_is_refused_at_the_start() -> None:
    wanted = Enrichment(languages=("de", "nl"), sentiment_backends={"nl": "trained"})
    with pytest.raises(ValueError, match="trained does not cover 'nl'"):
        Chain.build(Settings(enrichment=wanted))


def test_again_replaces_and_is_the_same() -> None:
    made = enriched("Nordluft ist super")
    first = encode(made)
    CHAIN.enrich([made], NOW)
    assert encode(made) == first
    made.text = "Nichts davon"
    CHAIN.enrich([made], NOW)
    assert (made.matches, made.targets, made.entities) == ((), (), ())


def test_a_failing_mention_leaves_the_chain_as_it_was() -> None:
    good, bad = mention("Nordluft ist super"), mention("x")
    setattr(bad, "text", None)  # noqa: B010 - what a decoder would have refused
    with pytest.raises(TypeError):
        CHAIN.enrich([good, bad], NOW)
    CHAIN.enrich([good], NOW)
    assert good == enriched("Nordluft ist super")


def test_settings_choose_the_backends() -> None:
    chosen = Settings(
        enrichment=Enrichment(
            languages=("de", "en"),
            language_backend="langdetect",
            sentiment_backends={"de": "textblob"},
        )
    )
    german = mention("Das ist eine wirklich gute Sache für alle Leute")
    Chain.build(chosen).enrich([german], NOW)
    assert german.language.by is not None
    assert german.language.by.name == "langdetect"
    assert german.sentiment is not None
    assert german.sentiment.by.name == "textblob"


def test_a_disguised_name_is_found_where_it_stands() -> None:
    made = enriched("So ein Mist, N\u043er<b>dlu</b>f\u200bt ist kaputt")
    assert [match.topic for match in made.matches] == ["Nordluft"]
    (span,) = made.matches[0].spans
    assert made.text[span.start : span.end] == "N\u043er<b>dlu</b>f\u200bt"


def test_a_very_long_text_is_read_where_it_matters_and_says_so() -> None:
    dull = "Am Montag war die Sitzung und am Dienstag auch. " * 1_500
    made = enriched(f"{dull} Die Nordluft ist eine Katastrophe! {dull}"[:100_000])
    assert [target.label for target in made.targets] == ["negative"]
    assert made.sentiment is not None
    assert [term.text for term in made.sentiment.terms] == ["Katastrophe"]
    (term,) = made.sentiment.terms
    assert term.span is not None
    assert made.text[term.span.start : term.span.end] == "Katastrophe"
    assert len(made.read) == 2
    assert made.read[1].start <= term.span.start < term.span.end <= made.read[1].end
    assert enriched("kurz").read == ()


@given(st.text(max_size=300), st.text(max_size=50) | st.none())
def test_any_text_gives_a_valid_mention(text: str, title: str | None) -> None:
    made = enriched(text, title=title)
    assert decode_enriched(encode(made)) == made
    for entity in made.entities:
        assert text[entity.span.start : entity.span.end] == entity.text


def test_a_trained_model_replaces_the_one_in_use() -> None:
    chain = Chain.build(Settings(enrichment=Enrichment(languages=("de", "en"))))
    found = model.make("de", [0.0] * 2 * BUCKETS, [(0.0, 0.0)] * PLAIN, (0.0, 5.0), 1.0)
    assert chain.use(found)
    made = mention("Der Zug fährt heute um neun Uhr ab.")
    chain.enrich([made], NOW)
    assert made.sentiment is not None
    assert made.sentiment.label == "positive"
    assert made.sentiment.by.version.partition("+")[0] == found.version
    assert not chain.use(msgspec.structs.replace(found, language="nl"))


def test_a_model_is_no_use_where_something_else_was_chosen() -> None:
    wanted = Enrichment(languages=("de",), sentiment_backends={"de": "lexicon"})
    assert not Chain.build(Settings(enrichment=wanted)).use(model.shipped("de"))


def test_an_author_is_read_in_the_language_of_earlier_posts() -> None:
    chain = Chain.build(Settings(enrichment=Enrichment(languages=("de", "en", "fr"))))
    author = Author(handle="ann")
    chain.enrich([alone := mention("ok super", author=author)], NOW)
    before = alone.language
    for _ in range(5):
        chain.enrich([mention("Der Zug hatte heute wieder Verspätung.", author=author)], NOW)
    chain.enrich([after := mention("ok super", author=author)], NOW)
    assert after.language.code == "de" != before.code
