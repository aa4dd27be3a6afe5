"""The trained models: right on plain posts, able to say why, small, the same every time."""

import re
import time
from collections.abc import Iterator, Sequence
from functools import cache

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.enrich import sentiment
from pipeline.enrich.parts import SentimentScorer, Text
from pipeline.enrich.sentiment import from_model, model, sheet
from pipeline.enrich.sentiment.grams import folded, pieces
from pipeline.enrich.sentiment.lexicon import Lexicon, Word
from pipeline.enrich.sentiment.scorer import READ
from pipeline.enrich.sentiment.tokens import Part
from pipeline.enrich.sentiment.trained import TrainedScorer, odds
from pipeline.enrich.text import view
from schemas.mention import Rating, Sentiment

SCORERS = {code: sentiment.build("trained", code) for code in sentiment.LANGUAGES}


def renewed(which: model.Model) -> str:
    """What a new process would sign a model's results with."""
    sentiment.lexicon.cache_clear()
    return sentiment.from_model(which).by.version


def judged(text: str, code: str = "de") -> Sentiment:
    return SCORERS[code].score(view(text))


@pytest.mark.parametrize(
    ("code", "good", "bad", "plain"),
    [
        ("de", "Der Service war super!", "Der Service war katastrophal.", "Der Zug fährt um neun."),
        ("de", "wunderschoen und zuverlaessig", "unzuverlaessig, so ein Mist", "Heute ist Montag."),
        ("de", "soooo geil 😍", "Na toll, schon wieder kaputt :(", "Gleis 3, Abfahrt 10:42"),
        ("en", "I love this phone!", "Worst service ever, I hate it.", "The train leaves at nine."),
        ("fr", "J'adore, c'est génial !", "C'est nul, une honte.", "Le train part à neuf heures."),
        ("it", "Bellissimo, lo adoro!", "Che schifo, pessimo.", "Il treno parte alle nove."),
        ("es", "¡Me encanta, es genial!", "Qué asco, es horrible.", "El tren sale a las nueve."),
        ("pt", "Adorei, é ótimo!", "Que horrível, péssimo.", "O trem sai às nove."),
    ],
)
def test_plain_posts(code: str, good: str, bad: str, plain: str) -> None:
    assert judged(good, code).label == "positive"
    assert judged(bad, code).label == "negative"
    assert judged(bad, code).score < judged(plain, code).score < judged(good, code).score


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Nicht schlecht!", "positive"),
        ("Das ist kein gutes Essen.", "negative"),
        ("Das gefällt mir nicht.", "negative"),
        ("Schrecklich gut!", "positive"),
    ],
)
def test_a_turned_word_means_the_opposite(text: str, label: str) -> None:
    assert judged(text).label == label


def test_says_what_it_rests_on() -> None:
    text = "Sch&ouml;n war es nicht, aber der Service ist katastrophal 😡"
    terms = judged(text).terms
    written = {text[t.span.start : t.span.end]: t.weight for t in terms if t.span is not None}
    assert written["katastrophal"] < -0.5
    assert written["😡"] < -0.5
    assert written["Sch&ouml;n war es nicht"] < 0, "a turned word stands with what turned it"
    weights = [abs(term.weight) for term in terms]
    assert weights == sorted(weights, reverse=True)


def test_stars_are_a_prior() -> None:
    seen = view("Geliefert am Montag")
    scorer = SCORERS["de"]
    assert scorer.score(seen, None, Rating(value=1)).label == "negative"
    assert scorer.score(seen, None, Rating(value=10, best=10, worst=1)).label == "positive"
    assert scorer.score(seen, None, Rating(value=3)).label == "neutral"
    assert scorer.score(seen, None, Rating(value=7)) == scorer.score(seen)
    against = scorer.score(view("Alles gut"), None, Rating(value=1))
    assert against.label == "negative"
    assert {"gut", "1 (1-5)"} <= {term.text for term in against.terms}


def test_the_title_counts_without_a_place() -> None:
    found = SCORERS["de"].score(view("Lieferung am Montag"), view("Katastrophe, totaler Mist"))
    assert found.label == "negative"
    assert found.terms[0].span is None


def test_a_clause_is_read_in_the_light_of_the_text() -> None:
    scorer = SCORERS["de"]
    seen = view("Alles furchtbar. Die App.")
    (tone,) = scorer.judge([Text(seen)])
    clause = tone.clause(seen, 17, 25)
    alone = scorer.score(view("Die App."))
    assert clause is None or clause.score < alone.score
    cut = tone.clause(view("Der Service war super"), 0, 21)
    assert cut is not None
    assert cut.score < scorer.score(view("Der Service war super")).score


def test_a_document_can_be_taken_apart_again() -> None:
    scorer = SCORERS["de"]
    assert isinstance(scorer, TrainedScorer)
    for text in ("Alles super!", "Furchtbar.", "Der Zug fährt um neun."):
        seen = view(text)
        (field,) = scorer.lay_out([(seen, 0, len(seen.prose))])
        reading = scorer.read(field, 0, len(seen.prose))
        heat = scorer.model.heat
        found = [one / heat for one in odds(scorer.score(seen))]
        assert found == pytest.approx([reading.negative, reading.positive], abs=0.1)


@pytest.mark.parametrize("code", sentiment.LANGUAGES)
def test_a_model_is_small_and_its_card_is_with_it(code: str) -> None:
    shipped = model.shipped(code)
    data = model.encode(shipped)
    assert len(data) < model.LIMIT
    assert model.decode(data) == shipped
    assert shipped.sources
    assert all(source.licence for source in shipped.sources)
    assert shipped.figures["macro_f1"] > 0.5
    assert SCORERS[code].by.version == f"{shipped.version}+{sentiment.lexicon(code).by.version}"


@pytest.mark.parametrize(
    "data", [b"", b"no model", model.encode(model.shipped("fr"))[:-1], b"\x80"]
)
def test_what_is_no_model_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="model"):
        model.decode(data)


def test_a_model_of_the_wrong_size_is_refused() -> None:
    short = model.make("de", [0.5, -0.5], [(0.0, 0.0)] * 8, (0.0, 0.0), 1.0)
    with pytest.raises(ValueError, match="2 weights"):
        model.decode(model.encode(short))


@pytest.fixture
def _forgetful() -> Iterator[None]:
    yield
    sentiment.lexicon.cache_clear()


@pytest.mark.usefixtures("_forgetful")
def test_a_result_is_signed_with_model_words_and_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    shipped = model.shipped("pt")
    signed = {sentiment.from_model(shipped).by.version}
    one_word = Lexicon(words={"bom": Word(weight=1.0)}, neutral=(-0.1, 0.2))
    with monkeypatch.context() as patch:
        patch.setitem(sentiment._LEXICONS, "pt", lambda: one_word)
        signed.add(renewed(shipped))
    signed.add(renewed(shipped))
    assert len(signed) == 2, "the words count, and nothing that changes from one start to the next"
    monkeypatch.setattr(sentiment, "_VERSION", "next")
    signed.add(renewed(shipped))
    assert len(signed) == 3, "the rules count"


def test_a_digest_is_made_of_the_whole_lexicon() -> None:
    plain = Lexicon(words={"gut": Word(weight=1.0)}, neutral=(-0.1, 0.3))
    others = [
        msgspec.structs.replace(plain, **change)
        for change in (
            {"words": {"gut": Word(weight=0.9)}},
            {"words": {"gut": Word(weight=1.0, joins=True)}},
            {"neutral": (-0.1, 0.2)},
            {"phrases": (("geht nicht", -1.5),)},
            {"particles": re.compile("aber auch")},
            {"pairs": {("ganz", "gut"): 0.6}},
        )
    ]
    assert len({one.digest() for one in (plain, *others)}) == 7


def test_the_version_of_a_model_is_made_from_its_weights() -> None:
    one = model.make("de", [0.5], [], (0.0, 0.0), 1.0)
    assert one.version == model.make("de", [0.5], [], (0.0, 0.0), 1.0, figures={"n": 1}).version
    assert one.version != model.make("de", [0.5], [], (0.0, 0.1), 1.0).version


def test_pieces_fold_what_people_vary() -> None:
    assert pieces("SOOOOO") == pieces("soo")
    assert pieces("schön") == pieces("schoen")
    assert pieces("!!!!") == pieces("!!")
    assert pieces(":-)") == pieces(":)")
    assert len(pieces("zug")) == 1 + 3 + 2 + 1
    assert folded("Straße") == "strasse"


def test_reads_the_beginning_of_a_long_text() -> None:
    assert all(term.text != "schlecht" for term in judged("Zug " * (READ // 4) + "schlecht").terms)


@given(
    st.lists(
        st.sampled_from(["gut", "nicht", "sehr", "schlecht", "aber", "!", ".", "😀", ":(", "GUUUT"])
    )
)
def test_is_bounded_and_the_same_every_time(words: list[str]) -> None:
    text = " ".join(words)
    found = judged(text)
    assert -1 <= found.score <= 1
    assert 0 < found.confidence <= 1
    assert len(found.terms) <= 20
    assert found == judged(text)


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheet, "_KEPT", 30)
    scorer = from_model(model.shipped("de"))
    before = scorer.score(view("Alles gut, nichts kaputt"))
    vocabulary = scorer._vocabulary
    for letter in "abcdefgh":
        scorer.score(view(" ".join(f"wort{letter}{chr(97 + n)}" for n in range(26))))
        assert vocabulary.known.next <= 30
    assert scorer.score(view("Alles gut, nichts kaputt")) == before


def test_loads_fast() -> None:
    start = time.process_time()
    sentiment.build("trained", "en")
    assert time.process_time() - start < 1


@pytest.mark.parametrize(("backend", "code"), [("trained", "nl"), ("lexicon", "xx")])
def test_a_language_without_a_backend_is_named(backend: str, code: str) -> None:
    with pytest.raises(ValueError, match=f"{backend} does not cover '{code}'"):
        sentiment.build(backend, code)


def test_every_backend_is_a_scorer() -> None:
    scorers: list[SentimentScorer] = [
        sentiment.build(backend, "en") for backend in ("trained", "lexicon", "textblob")
    ]
    assert [scorer.by.name for scorer in scorers] == ["trained-en", "lexicon-en", "textblob"]
    assert all(scorer.score(view("This is great!")).label == "positive" for scorer in scorers)


TEXTS = st.lists(
    st.tuples(
        st.lists(st.sampled_from([*"abäß '!?.,:;)(-\n👍", "nicht ", "gut ", "schlecht "])).map(
            "".join
        ),
        st.none() | st.sampled_from(["Katastrophe", "", "Nicht schlecht!", "5 Sterne"]),
        st.none() | st.builds(Rating, value=st.sampled_from([1.0, 4.0, 9.0])),
    ),
    max_size=8,
)


@given(TEXTS)
def test_texts_judged_together_are_judged_alike(
    texts: list[tuple[str, str | None, Rating | None]],
) -> None:
    scorer = SCORERS["de"]
    asked = [
        Text(view(text), None if title is None else view(title), rating)
        for text, title, rating in texts
    ]
    tones = scorer.judge(asked)
    assert [tone.sentiment for tone in tones] == [scorer.score(*text) for text in asked]
    for text, tone in zip(asked, tones, strict=True):
        (alone,) = scorer.judge([text])
        end = len(text.view.prose)
        for start, stop in ((0, end), (end // 2, end), (0, end // 2)):
            assert tone.clause(text.view, start, stop) == alone.clause(text.view, start, stop)


def test_many_texts_take_several_sheets(monkeypatch: pytest.MonkeyPatch) -> None:
    scorer = SCORERS["de"]
    texts = [Text(view(f"{said * 9} Wort")) for said in ("Super! ", "Mist! ", "Gut. ") * 5]
    together = [tone.sentiment for tone in scorer.judge(texts)]
    monkeypatch.setattr("pipeline.enrich.sentiment.trained.MOST", 200)
    assert [tone.sentiment for tone in scorer.judge(texts)] == together
    assert [tone.label for tone in together[:2]] == ["positive", "negative"]


def test_a_clause_of_another_text_is_read_anew() -> None:
    (tone,) = SCORERS["de"].judge([Text(view("Alles gut."))])
    other = view("Der Zug war pünktlich, aber die App ist eine Katastrophe")
    clause = tone.clause(other, 23, len(other.prose))
    assert clause is not None
    assert clause.label == "negative"


def test_titles_count_for_what_a_sheet_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.enrich.sentiment.trained.MOST", 100)
    read: list[int] = []

    class Watched(sheet.Sheet):
        def __init__(self, parts: Sequence[Part], vocabulary: sheet.Vocabulary) -> None:
            read.append(sum(len(text) + 1 for text, _, _ in parts))
            super().__init__(parts, vocabulary)

    monkeypatch.setattr("pipeline.enrich.sentiment.trained.Sheet", Watched)
    texts = [Text(view("Gut."), view("! " * 40)) for _ in range(5)]
    assert len(SCORERS["de"].judge(texts)) == 5
    assert max(read) <= 100


def test_a_token_that_cannot_be_weighed_fails_its_own_text_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scorer = from_model(model.shipped("de"))
    meaning = scorer._lexicon.meaning
    with monkeypatch.context() as failing:
        failing.setattr(
            scorer._lexicon, "meaning", lambda word: 1 / (word != "furchtbar") and meaning(word)
        )
        with pytest.raises(ZeroDivisionError):
            scorer.score(view("Das ist furchtbar"))
        assert scorer.score(view("Das ist gut")) == judged("Das ist gut")
    assert scorer.score(view("Das ist furchtbar")) == judged("Das ist furchtbar")


SAID = "gut schlecht nicht sehr ! . 😀 furchtbar die App funktioniert nie wieder ist kaputt"
OTHERS = ["funktioniert nicht", "Nie wieder!", *"abcdefghijklmnopq", "z" * 50, "w" * 41, "u" * 40]


@given(st.lists(st.lists(st.sampled_from([*SAID.split(), *OTHERS]), max_size=25), max_size=20))
def test_what_was_forgotten_in_between_changes_nothing(texts: list[list[str]]) -> None:
    for words in texts:
        text = " ".join(words)
        assert _forgets().score(view(text)) == judged(text)


@cache
def _forgets() -> TrainedScorer:
    """A scorer that knows 30 tokens at most."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sheet, "_KEPT", 30)
        return from_model(model.shipped("de"))


def test_a_turned_word_has_the_share_of_what_turned_it_alone() -> None:
    scorer = from_model(model.shipped("de"))
    (tone,) = scorer.judge([Text(view("Nicht schlecht"))])
    (term,) = tone.sentiment.terms
    assert term.text == "Nicht schlecht"
    (field,) = scorer.lay_out([(view("Nicht schlecht"), 0, 14)])
    reading = scorer.read(field, 0, 14)
    (hit,) = reading.hits
    (bad, good), _ = scorer.model.plain[:2]
    assert term.weight == round(hit.weight / reading.size * (good - bad), 3)


def test_sums_are_the_same_in_whatever_company() -> None:
    scorer = from_model(model.shipped("de"))
    said = view("Die App ist gut, der Service nicht")
    (alone,) = scorer.lay_out([(said, 0, len(said.prose))])
    many = scorer.lay_out([(view("Furchtbar " * 99), 0, 990), (said, 0, len(said.prose))])
    assert scorer.read(alone, 0, 99).negative == scorer.read(many[1], 0, 99).negative


def test_a_clause_far_behind_is_read() -> None:
    text = view("Wort " * (READ // 5) + "Die App ist furchtbar.")
    (tone,) = SCORERS["de"].judge([Text(text)])
    clause = tone.clause(text, READ, len(text.prose))
    assert clause is not None
    assert clause.score < tone.sentiment.score
