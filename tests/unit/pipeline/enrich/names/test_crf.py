"""The sum of rows and the search for the best labels, against a plain reading of the model."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from pipeline.enrich.names import Builtin, crf
from pipeline.enrich.names.crf import Crf, Model
from pipeline.enrich.names.words import Word, around, itself
from pipeline.enrich.text import view

LABELS = ["O", "B-person", "I-person", "B-place", "I-place"]
TEXTS = ["Anna", "rief", "Bonn", "X"]
FEATURES = sorted(
    {f"w={text.lower()}" for text in TEXTS}
    | {f"{side}w={text.lower()}" for text in TEXTS for side in (-2, -1, 1, 2)}
    | {f"{side}<>" for side in (-2, -1, 1, 2)}
)


def scores(model: Model, words: list[Word]) -> list[list[float]]:
    """What ``Crf`` sums up from rows, feature by feature."""
    table = []
    for place, word in enumerate(words):
        features = itself(word.text, {}, initial=word.initial)
        for side in (-2, -1, 1, 2):
            other = place + side
            near = around(words[other].text, {}) if 0 <= other < len(words) else ["<>"]
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
    words = [Word(text, n * 5, n * 5 + len(text), n == 0) for n, text in enumerate(texts)]
    model = Model(
        version="1",
        labels=LABELS,
        transitions=[[float(step) for step in row] for row in transitions],
        scale=0.5,
        weights=weights,
    )
    made = Crf(model, {})
    table = scores(model, words)
    scored, starts = made._scores([words, words[:1], words])
    assert starts == [2, 4 + len(words), 7 + len(words)]
    for start in (starts[0], starts[2]):
        assert scored[start : start + len(words)].tolist() == table
    found = made._best(table)
    value = sum(row[label] for row, label in zip(table, found, strict=True))
    value += sum(transitions[a][b] for a, b in itertools.pairwise((0, *found, 0)))
    assert value == best(model, table)


def test_a_name_is_what_begins_and_goes_on() -> None:
    made = Crf(Model("1", LABELS, [[0.0] * 5] * 5, 1.0, {"b": [0] * 5}), {})
    names = made._named(3, [1, 2, 0, 3, 1, 2, 2])
    assert names == [(3, 5, "person"), (6, 7, "place"), (7, 10, "person")]


def test_forgets_words_rather_than_grow() -> None:
    made = Crf(Model("1", LABELS, [[0.0] * 5] * 5, 1.0, {"b": [0] * 5}), {})
    made._known = {str(n): n for n in range(crf._KEPT - 1)}
    words = [Word(text, 0, 1, initial=False) for text in ("a", "b", "c")]
    assert made.names([words]) == [[]]
    assert len(made._known) == len(["a", "b", "c", "edge"])
    assert made._scores([words])[0].shape == (7, 5)


def test_keeps_only_the_beginning_of_a_long_word() -> None:
    made = Crf(Model("1", LABELS, [[0.0] * 5] * 5, 1.0, {"b": [0] * 5}), {})
    made.names([[Word("a" * 5_000, 0, 5_000, initial=False)]])
    assert max(map(len, made._known)) == crf._LETTERS


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
