"""The sum of rows and the search for the best labels, against a plain reading of the model."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.enrich.names import Builtin, crf, viterbi
from pipeline.enrich.names.crf import Crf, Model
from pipeline.enrich.names.words import Shown, Word, words
from pipeline.enrich.text import view

LABELS = ["O", "B-person", "I-person", "B-place", "I-place"]
TEXTS = ["Anna", "rief", "Bonn", "X"]
FEATURES = sorted(
    {f"w={text.lower()}" for text in TEXTS}
    | {f"{side}w={text.lower()}" for text in TEXTS for side in (-2, -1, 1, 2)}
    | {f"{side}<>" for side in (-2, -1, 1, 2)}
)


def scores(model: Model, found: list[Word]) -> list[list[float]]:
    """What ``Rows`` sums up, feature by feature."""
    shown = [Shown(word.text, {}) for word in found]
    table = []
    for place, word in enumerate(found):
        features = shown[place].itself(initial=word.initial)
        for side in (-2, -1, 1, 2):
            other = place + side
            near = shown[other].around() if 0 <= other < len(found) else ["<>"]
            features += [f"{side}{feature}" for feature in (near if abs(side) == 1 else near[:3])]
        rows = [model.weights[feature] for feature in features if feature in model.weights]
        table.append([sum(row[n] for row in rows) * model.scale for n in range(len(LABELS))])
    return table


def best(model: Model, table: list[list[float]]) -> float:
    """The score of the best labels, by trying all."""

    def total(labels: tuple[int, ...]) -> float:
        value = sum(row[label] for row, label in zip(table, labels, strict=True))
        for before, label in itertools.pairwise((0, *labels, 0)):
            if LABELS[label][0] == "I" and LABELS[before][2:] != LABELS[label][2:]:
                return float("-inf")
            value += model.transitions[before][label]
        return value

    return max(map(total, itertools.product(range(len(LABELS)), repeat=len(table))))


def empty() -> Crf:
    """One that knows nothing."""
    return Crf(Model("1", LABELS, [[0.0] * 5] * 5, 1.0, {"b": [0] * 5}), {})


NAMES = Model(
    version="1",
    labels=LABELS,
    transitions=[[0.0] * 5] * 5,
    scale=1.0,
    weights={"b": [4, 0, 0, 0, 0], "w=anna": [0, 9, 0, 0, 0], "w=bonn": [0, 0, 0, 9, 0]},
)
NUMBERS = st.integers(-20, 20)


@given(
    st.lists(st.sampled_from(TEXTS), min_size=1, max_size=5),
    st.lists(st.lists(NUMBERS, min_size=5, max_size=5), min_size=5, max_size=5),
    st.dictionaries(
        st.sampled_from(FEATURES), st.lists(NUMBERS, min_size=5, max_size=5), min_size=1
    ),
)
def test_finds_the_best_labels(
    texts: list[str], transitions: list[list[int]], weights: dict[str, list[int]]
) -> None:
    text = " ".join(texts)
    model = Model(
        version="1",
        labels=LABELS,
        transitions=[[float(step) for step in row] for row in transitions],
        scale=0.5,
        weights=weights,
    )
    made = Crf(model, {})
    table = scores(model, words(text))
    numbers, kinds, _ = made._rows.read([text, texts[0], text])
    starts = [2, 4 + len(texts), 7 + len(texts)]
    scored = made._rows.scores(numbers, crf._opening(kinds))
    for start in (starts[0], starts[2]):
        assert scored[start : start + len(texts)].tolist() == table
    found = viterbi.best(np.array(table), np.array([len(table)]), made._transitions).tolist()
    value = sum(row[label] for row, label in zip(table, found, strict=True))
    value += sum(transitions[a][b] for a, b in itertools.pairwise((0, *found, 0)))
    assert value == best(model, table)


def test_a_name_is_what_begins_and_goes_on() -> None:
    places, labels = [3, 4, 6, 7, 8, 9], [1, 2, 3, 1, 2, 2]
    assert empty()._named(places, labels) == [(3, 5, "person"), (6, 7, "place"), (7, 10, "person")]


def test_a_name_has_twelve_words_at_most() -> None:
    assert empty()._named(range(20), [1] + [2] * 19) == [(0, 12, "person")]


@pytest.mark.parametrize("texts", [[], [""], ["", "\n", " \n\n\t"], ["!", "", "\u201e"]])
def test_texts_without_words_have_no_names(texts: list[str]) -> None:
    assert Crf(NAMES, {}).names(texts) == [[] for _ in texts]


def test_names_stand_where_the_text_has_them() -> None:
    made = Crf(NAMES, {})
    texts = [
        "\n\u201eAnna\u201c\n rief\nan",
        "",
        "\n\n",
        "Annas Bonn ruft: Anna\n\nBonn",
        "an",
        "Bonn",
    ]
    found = made.names(texts)
    assert found == [
        [(2, 6, "person")],
        [],
        [],
        [(6, 10, "place"), (17, 21, "person"), (23, 27, "place")],
        [],
        [(0, 4, "place")],
    ]


def test_many_texts_of_no_words_are_read_in_portions() -> None:
    assert empty().names(["!"] * 30_000) == [[]] * 30_000


def test_what_stands_in_other_texts_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["Anna rief in Bonn an.", "\n", "", "(Bonn)\nAnna: ja", "Bonn " * 30, "X"] * 3
    together = Crf(NAMES, {}).names(texts)
    assert any(together)
    assert together == [Crf(NAMES, {}).names([text])[0] for text in texts]
    monkeypatch.setattr(crf, "MOST", 20)
    assert Crf(NAMES, {}).names(texts) == together


def test_the_shipped_models_find_names_where_they_stand() -> None:
    finder = Builtin()
    german = view(
        "Gestern traf Olaf Scholz in Hamburg die Chefs von Siemens und der Deutschen Bahn."
    )
    english = view("On Monday Tim Cook of Apple met Angela Merkel in San Francisco.")
    found = finder.find([(german, "de"), (english, "en"), (german, "fr")])
    assert [(german.text[n.start : n.end], n.kind) for n in found[0]] == [
        ("Olaf Scholz", "person"),
        ("Hamburg", "place"),
        ("Siemens", "organisation"),
        ("Deutschen Bahn", "organisation"),
    ]
    assert [(english.text[n.start : n.end], n.kind) for n in found[1]] == [
        ("Tim Cook", "person"),
        ("Apple", "organisation"),
        ("Angela Merkel", "person"),
        ("San Francisco", "place"),
    ]
    assert found[2] == []
    assert {name.by.name for name in found[0]} == {"names-de"}
