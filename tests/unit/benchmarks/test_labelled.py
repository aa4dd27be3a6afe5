from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from benchmarks.labelled import Text, marked, named
from benchmarks.quality import DRAWN, USES, bothways, memory
from benchmarks.spans import compare, find
from benchmarks.stories import Cost, Outcome, Score, attempt
from benchmarks.universal_ner import sentences
from benchmarks.vader import row
from pipeline.enrich.parts import Named
from pipeline.enrich.text import View
from pipeline.errors import StackError
from schemas.mention import Producer

IOB2 = """\
# sent_id = 1
1\tAngela\tB-PER\t-\tx
2\tMerkel\tI-PER\t-\tx
3\tin\tO\t-\t-
4\tBonn\tB-LOC\t-\tx

# sent_id = 2
1\tNichts\tO\t-\t-
"""


def written(path: Path, *labelled: tuple[str, str]) -> Path:
    rows = [
        {"tokens": tokens.split(), "label": labels.split(), "text": tokens}
        for tokens, labels in labelled
    ]
    path.write_bytes(b"\n".join(msgspec.json.encode(row) for row in rows))
    return path


def test_names_are_spans_of_the_tokens_joined(tmp_path: Path) -> None:
    path = written(
        tmp_path / "x.jsonl",
        ("Olaf Scholz trifft SAP BASF", "B-PER I-PER O B-ORG B-ORG"),
        ("@ SportsCenter mag das Werk Faust", "O B-ORG O O O B-OTH"),
    )
    (first, names), (second, none) = named(path)
    assert first == "Olaf Scholz trifft SAP BASF"
    assert names == [(0, 11, "person"), (19, 22, "organisation"), (23, 27, "organisation")]
    assert second == "@SportsCenter mag das Werk Faust"
    assert none == []


def test_universal_ner_is_read_sentence_by_sentence() -> None:
    first, second = sentences(IOB2.splitlines())
    assert first == {
        "text": "Angela Merkel in Bonn",
        "tokens": ["Angela", "Merkel", "in", "Bonn"],
        "label": ["B-PER", "I-PER", "O", "B-LOC"],
    }
    assert second["text"] == "Nichts"


def test_a_text_is_recognised_without_links_handles_and_case() -> None:
    assert marked("RT @db: Der Zug kommt! https://t.co/x") == marked("rt der zug  kommt")


class Finder:
    """Says what it was told to."""

    def __init__(self, *names: Named) -> None:
        self.names = names

    def find(self, texts: Sequence[tuple[View, str]]) -> list[tuple[Named, ...]]:
        return [self.names for _ in texts]


def test_only_exact_spans_of_the_right_kind_are_right() -> None:
    by = Producer(name="x", version="1")
    texts: list[Text] = [
        ("Tom &amp; Ann in Bonn", [(0, 3, "person"), (10, 13, "person"), (17, 21, "place")])
    ]
    # Places in the readable text "Tom & Ann in Bonn": entities are decoded there.
    finder = Finder(
        Named("person", 0, 3, by), Named("organisation", 6, 9, by), Named("place", 10, 17, by)
    )
    score = compare(texts, find(finder, "de", texts))
    assert (score.right, score.found, score.there) == (1, 3, 3)
    assert score.precision == score.recall == score.f1 == pytest.approx(1 / 3)


def test_another_backend_that_answers_is_not_measured_in_its_stead() -> None:
    one, other = Producer(name="corenlp", version="1"), Producer(name="names-de", version="1")
    finder = Finder(Named("person", 0, 3, one), Named("place", 7, 11, other))
    with pytest.raises(StackError, match="corenlp and names-de"):
        find(finder, "de", [("Tom in Bonn", [])])


def test_a_rating_is_what_it_is_nearer_to() -> None:
    lines = ["1\t0.49\tso so", "2\t-0.51\tmeh", "3\t2.7\tlove it"]
    assert [row(line)["label"] for line in lines] == ["neutral", "negative", "positive"]


def test_answers_to_strangers_cost_precision() -> None:
    scores = [Score("a", 10, 9, 9), Score("b", 10, 10, 10)]
    cost = Cost(making=1, adding=1, finding=1, memory=1, window=1, texts=1)
    every = Outcome(scores, Score("strangers", 10, 0, 1), cost).all
    assert every.recall == 19 / 20
    assert every.precision == 19 / 20


def test_variants_of_real_texts_are_found_in_a_full_window(tmp_path: Path) -> None:
    texts = [
        " ".join(f"wort{number}{place}" for place in range(12 + number % 5)) for number in range(60)
    ]
    path = tmp_path / "real-mentions-de.jsonl"
    path.write_bytes(b"\n".join(msgspec.json.encode({"text": text}) for text in texts))
    outcome = attempt(tmp_path, window=200, sample=10)
    assert outcome.variants[0] == Score("the same", 10, 10, 10)
    assert outcome.strangers.answered == 0
    assert outcome.all.recall > 0.9


def test_confidence_that_errs_both_ways_is_said_to() -> None:
    modest, proud = [(0.5, True), (0.7, True)], [(0.9, True), (0.9, False)]
    said = bothways({"language: a": modest, "tone: b": proud, "tone: c": [(1.0, True)]})
    assert "up to 40.0 points too low (language: a)" in said
    assert "up to 40.0 too high (tone: b)" in said


def test_sets_in_other_languages_are_not_drawn_among_the_german() -> None:
    assert "tone: sent_de_potts_dev".startswith(DRAWN)
    assert not "tone: vader_films".startswith(DRAWN)


def test_what_a_backend_takes_is_seen_while_it_holds_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(USES, "large", "kept = bytes(range(256)) * given[0]; text = ''")
    monkeypatch.setitem(USES, "passing", "kept = len(bytes(range(256)) * given[0])")
    assert memory("large", 200_000) > 50
    assert memory("passing", 200_000) > 50
