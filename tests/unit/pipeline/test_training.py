"""Training on labels of one's own: kept only where it is better on what it has not seen."""

import random
from pathlib import Path

import msgspec
import pytest

from pipeline import training
from pipeline.enrich import language, sentiment
from pipeline.enrich.sentiment.model import Model, shipped
from pipeline.enrich.text import view
from pipeline.errors import ConfigError
from pipeline.plots import confusion, reliability
from pipeline.training import Example

# Words whose tone only this customer knows.
WORDS = {"negative": "Gleisbruch", "neutral": "Fahrplan", "positive": "Freitakt"}
FILLERS = ("heute", "morgen", "in Kiel", "am Abend", "bei uns", "im Norden", "seit Montag", "dort")


COMMON = {
    "negative": "Furchtbar, so ein Mist",
    "neutral": "Abfahrt ist um neun Uhr",
    "positive": "Super, vielen Dank",
}


def examples(count: int = 25, common: int = 10) -> list[Example]:
    chance = random.Random(1)
    texts = [
        (f"{words[label]} {chance.choice(FILLERS)} und {chance.choice(FILLERS)}", label)
        for label in WORDS
        for words, times in ((WORDS, count), (COMMON, common))
        for _ in range(times)
    ]
    return [
        Example(f"{text} {number}", label, "de", "forum" if number % 2 else "news")
        for number, (text, label) in enumerate(texts)
    ]


def train(found: list[Example], today: Model) -> training.Report:
    return training.train(found, today, "ours.jsonl", strengths=(1.0,))


@pytest.fixture(scope="module")
def report() -> training.Report:
    return train(examples(), shipped("de"))


def test_learns_what_only_the_customer_knows(report: training.Report) -> None:
    assert report.better
    assert report.overall.new.macro_f1 > 0.9 > report.overall.old.macro_f1
    assert [group.name for group in report.channels] == ["forum", "news"]
    assert sum(group.texts for group in report.channels) == report.texts == 105
    assert sum(map(sum, report.confusion)) == 105
    scorer = sentiment.from_model(report.model)
    assert scorer.score(view("Wieder Freitakt in Husum")).label == "positive"
    assert scorer.score(view("Einfach wunderbar, danke!")).label == "positive", "not forgotten"
    assert report.model.sources[-1].name == "ours.jsonl"


def test_what_is_no_better_is_not_kept() -> None:
    assert not train(examples(0, 25), shipped("de")).better, "today's knows all of it"


def test_texts_that_todays_model_knows_do_not_count(report: training.Report) -> None:
    again = train(examples(), report.model)
    assert again.against == shipped("de").version, "today's has seen everything"
    assert again.better
    assert not again.reason
    more = train([*examples(), *_others()], report.model)
    assert more.against == report.model.version
    assert more.overall.texts == len(_others()) < more.texts


def test_a_model_that_knows_less_does_not_replace_todays(report: training.Report) -> None:
    fewer = train(examples()[5:], report.model)
    assert fewer.overall.new.macro_f1 > fewer.overall.old.macro_f1, "better than the package's"
    assert not fewer.better
    assert "5 texts that" in fewer.reason


def test_a_text_that_is_given_twice_counts_once_by_its_last_label(report: training.Report) -> None:
    wrong = [
        msgspec.structs.replace(one, text=one.text.upper(), label="neutral")
        for one in examples()
        if one.label == "positive"
    ]
    twice = train([*wrong, *examples()], shipped("de"))
    assert twice.texts == report.texts
    assert sum(map(sum, twice.confusion)) == report.texts
    assert twice.overall.new.macro_f1 > 0.9


def _others() -> list[Example]:
    return [Example(f"Nachricht: {one.text}!", one.label, "de") for one in examples(20)]


def test_too_few_are_refused() -> None:
    with pytest.raises(ConfigError, match="3 texts are labelled negative; 20 of each are needed"):
        train(examples(3, 0), shipped("de"))


def test_reads_labels_and_judges_the_language_where_none_is_given(tmp_path: Path) -> None:
    file = tmp_path / "labels.jsonl"
    lines = [
        {"text": "Der Zug kam pünktlich an.", "label": "neutral"},
        {"text": "x", "sentiment": "positive", "language": "en", "channel": "forum"},
    ]
    file.write_bytes(b"\n".join(msgspec.json.encode(line) for line in lines) + b"\n\n")
    found = training.read(file, language.build("eldc", ("de", "en")))
    assert found == [
        Example("Der Zug kam pünktlich an.", "neutral", "de", "other"),
        Example("x", "positive", "en", "forum"),
    ]
    assert list(training.by_language(found)) == ["de", "en"]


@pytest.mark.parametrize("line", ["no", "[]", '{"text": "x"}', '{"text": "x", "label": "good"}'])
def test_names_the_line_that_is_wrong(tmp_path: Path, line: str) -> None:
    file = tmp_path / "labels.jsonl"
    file.write_text('{"text": "a", "label": "neutral"}\n' + line)
    with pytest.raises(ConfigError, match="line 2"):
        training.read(file, language.build("eldc", ("de",)))


def test_plots_are_the_same_every_time(tmp_path: Path, report: training.Report) -> None:
    paths = [tmp_path / "a.svg", tmp_path / "b.svg"]
    for path in paths:
        confusion(report.confusion, ("a", "b", "c"), "title", path)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert b"<svg" in paths[0].read_bytes()
    png = tmp_path / "curve.png"
    reliability([("one", [(0.2, False), (0.95, True)] * 10)], png)
    assert png.read_bytes().startswith(b"\x89PNG")
