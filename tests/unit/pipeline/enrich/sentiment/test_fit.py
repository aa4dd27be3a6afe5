"""Fitting: what is fitted is what is scored, seeded, and better than what it started from."""

import numpy as np
import pytest

from pipeline.enrich import sentiment
from pipeline.enrich.sentiment import fit, model
from pipeline.enrich.sentiment.grams import pieces
from pipeline.enrich.sentiment.trained import TrainedScorer
from pipeline.enrich.text import view

NEGATIVE = ["der gleisbruch kam", "wieder gleisbruch heute", "ein gleisbruch am abend"]
NEUTRAL = ["der fahrplan kam", "wieder fahrplan heute", "ein fahrplan am abend"]
POSITIVE = ["der freitakt kam", "wieder freitakt heute", "ein freitakt am abend"]
TEXTS = [f"{text} {n}" for n in range(4) for text in (*NEGATIVE, *NEUTRAL, *POSITIVE)]
CLASSES = np.array([0, 0, 0, 1, 1, 1, 2, 2, 2] * 4)
LEXICON = sentiment.lexicon("de")


@pytest.fixture(scope="module")
def found() -> fit.Matrix:
    return fit.features(TEXTS, LEXICON)


def test_features_are_what_the_scorer_sums() -> None:
    texts = [
        "Nicht schlecht!",
        "Sooo schön 😍 @db http://a.de #bahn",
        "Der Zug? ... kaputt :(",
        "",
        "gern geschehen",
        "Das Ding ist unbrauchbar",
        "Seit gestern funktioniert das WLAN leider nicht mehr, gern geschehen",
    ]
    scorer = sentiment.build("trained", "de")
    assert isinstance(scorer, TrainedScorer)
    sums = fit.weights(scorer.model).sums(fit.features(texts, LEXICON))
    for text, expected in zip(texts, sums, strict=True):
        (field,) = scorer.lay_out([(view(text), 0, len(view(text).prose))])
        reading = scorer.read(field, 0, len(view(text).prose))
        assert (reading.negative, 0, reading.positive) == pytest.approx(tuple(expected), abs=1e-6)


def test_learns_words_that_no_lexicon_has(found: fit.Matrix) -> None:
    strength, sums = fit.cross_validate(found, CLASSES)
    assert strength in fit.STRENGTHS
    assert (sums.argmax(1) == CLASSES).mean() > 0.9
    made = fit.to_model(
        "de", fit.fit(found, CLASSES, 3.0), fit.heat(sums, CLASSES), (), {"macro_f1": 1.0}
    )
    scorer = sentiment.from_model(model.decode(model.encode(made)))
    labels = [scorer.score(view(text)).label for text in TEXTS]
    assert [fit.LABELS.index(label) for label in labels] == CLASSES.tolist()


def test_same_texts_same_bytes(found: fit.Matrix) -> None:
    one, two = (
        model.encode(fit.to_model("de", fit.fit(found, CLASSES, 1.0), 1.0, (), {}))
        for _ in range(2)
    )
    assert one == two


def test_a_base_is_not_forgotten(found: fit.Matrix) -> None:
    base = fit.weights(model.shipped("de"))
    more = fit.features([*TEXTS, "so ein Mist", "Montag um neun", "wie schön"], LEXICON)
    classes = np.array([*CLASSES, 0, 1, 2])
    unseen = fit.features(["Einfach großartig", "Furchtbar, ich hasse es"], LEXICON)
    fitted = fit.fit(more, classes, 1.0, base)
    negative, _, positive = fitted.sums(unseen).T
    assert (positive - negative)[0] > (positive - negative)[1] + 0.5
    assert (fitted.sums(found).argmax(1) == CLASSES).all()


def test_a_head_start_for_neutral(found: fit.Matrix) -> None:
    plain, led = (
        fit.fit(found, CLASSES, 0.3, neutral=n).sums(found) for n in ((0, 0), (0.5, 0.25))
    )
    assert led - plain == pytest.approx(np.tile([-0.5, 0, -0.25], (len(TEXTS), 1)))


def test_a_small_set_is_not_drowned_by_a_large_one() -> None:
    large, small = [f"gleisbruch {n}" for n in range(8)], ["gleisbruch heute"] * 2
    texts = [*large, *small, *(["fahrplan", "freitakt"] * 5)]
    classes = np.array([0] * 8 + [2] * 2 + [1, 2] * 5)
    sets = np.array([0] * 8 + [1] * 2 + [0, 0] * 3 + [1, 1] * 2)
    found = fit.features(texts, LEXICON)
    one, each = (fit.fit(found, classes, 1.0, sets=kinds).sums(found) for kinds in (None, sets))
    assert (each[0, 2] - each[0, 0]) > (one[0, 2] - one[0, 0])


def test_every_label_is_needed(found: fit.Matrix) -> None:
    with pytest.raises(ValueError, match="every label"):
        fit.fit(found, np.minimum(CLASSES, 1), 1.0)


def test_what_tells_of_the_label_counts_more_than_what_does_not() -> None:
    texts = [f"{word} heute" for word in ("gleisbruch", "fahrplan", "freitakt") for _ in range(5)]
    found = fit.features(texts, LEXICON)
    classes = np.repeat([0, 1, 2], 5)
    telling, common = (pieces(word)[0] for word in ("gleisbruch", "heute"))
    factors = fit._telling(found[:, [telling, common]], classes)
    assert factors.mean() == pytest.approx(1)
    assert factors[0] > 1.5 * factors[1] > 0
