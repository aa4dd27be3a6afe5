"""How good enrichment is on labelled texts: ``python -m benchmarks.quality FOLDER``.

FOLDER holds JSON Lines: ``lid_*_dev`` and ``sent_<language>_*`` (``text``, ``label``) and
``real-mentions-<language>`` (``text``, ``sentiment``, ``opinions``); what is missing is left out.
Texts that stand in a training set of a model that comes with the package are left out too: the
table says of how many. Beside each backend stand its baselines: the commonest label, langdetect (on
every tenth text, it is slow), TextBlob's engine with its own lexicon and with textblob-de's, and
for targets the document's label. Texts a second of processor time, best of three; memory is what
loading the backend adds to a process of its own.

``--out FILE`` writes the page that is kept in ``docs/``, and the plot of the confidences beside it.
``--short`` judges every fourth text and fails where a figure has collapsed; it says nothing finer.
"""

import argparse
import re
import subprocess
import sys
import time
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from rich.console import Console
from rich.table import Table
from textblob._text import Sentiment as Engine
from textblob.en import sentiment as textblob

from benchmarks.train_sentiment import SOURCES
from pipeline.enrich import language, sentiment
from pipeline.enrich.parts import LanguageDetector, SentimentScorer
from pipeline.enrich.sentiment.lexicon import rows as lexicon_rows
from pipeline.enrich.targets import clauses
from pipeline.enrich.text import View, view
from pipeline.settings import Enrichment

LABELS = ("negative", "neutral", "positive")
COLUMNS = ("task", "language", "data", "backend", "n", "accuracy", "macro-F1", "texts/s", "MB")
EVERY = 4
"""The short form judges every so many texts."""
FLOORS = {
    ("language", "lid_sentences_dev", "eldc"): 0.97,
    ("language", "lid_word-pairs_dev", "eldc"): 0.85,
    ("language", "lid_single-words_dev", "eldc"): 0.65,
    ("tone", "sent_de_potts_dev", "trained"): 0.60,
    ("tone", "sent_en_umsab_val", "trained"): 0.50,
    ("tone", "sent_fr_umsab_val", "trained"): 0.45,
    ("tone", "sent_it_umsab_val", "trained"): 0.45,
    ("tone", "sent_es_umsab_val", "trained"): 0.45,
    ("tone", "sent_pt_umsab_val", "trained"): 0.45,
    ("tone", "real-mentions-de", "trained"): 0.33,
}
"""Macro-F1 below which something is broken: far under what is measured."""
LIMITS = """
## What the numbers do not say

* **Irony** is read literally: "Na toll, wieder eine Stunde Verspätung" is praise to a model of
  words, in German as in English, unless smileys or other words give it away.
* **Dialect** and youth slang are hardly in the training texts: expect neutral, or chance.
* **Other fields**: the models have seen tweets of 2013 to 2017. On posts about one company, long
  or in a trade's own words, they are much worse than on tweets (compare `real-mentions-de`): there
  `mentions train sentiment` with labels of your own is worth more than any other backend.
* **Confidence** is right on average on texts like those of the training sets, and too high on
  others; see the last column of the second table.
* **Labels are opinions**: two people who label the same posts agree on 70 to 80 of 100. Nothing
  here can be better than that.
* **SB10k**: texts that our German model has seen are left out, which were drawn to have as many of
  each label; what is left is mostly neutral and harder than the whole.
* **Targets** of `real-mentions-de` are labelled for aspects, of which only 8 in 100 are neutral;
  mentions in a stream are mostly neutral. Compare within the table only.
* Texts a second are those of the machine that ran it.
"""

Row = dict[str, Any]
Results = list[tuple[float, bool]]


class Line(NamedTuple):
    """One line of the table."""

    task: str
    language: str
    data: str
    backend: str
    n: int
    accuracy: float
    macro_f1: float
    rate: float
    memory: float | None

    def cells(self) -> list[str]:
        """As it is printed."""
        return [
            self.task,
            self.language,
            self.data,
            self.backend,
            f"{self.n:,}",
            f"{100 * self.accuracy:.1f}",
            f"{100 * self.macro_f1:.1f}",
            f"{self.rate:,.0f}" if self.rate else "",
            "" if self.memory is None else f"{self.memory:.0f}",
        ]


class Quality:
    """Measures, and keeps the lines."""

    def __init__(self, folder: Path, every: int = 1) -> None:
        self.lines: list[Line] = []
        self.confidences: dict[str, Results] = {}
        self._folder = folder
        self._every = every

    def rows(self, pattern: str) -> list[tuple[str, list[Row]]]:
        """The files that match a pattern."""
        return [
            (path.stem, [msgspec.json.decode(line) for line in path.read_bytes().splitlines()])
            for path in sorted(self._folder.glob(pattern))
        ]

    def add(
        self,
        names: tuple[str, str, str, str],
        gold: Sequence[str],
        judge: Callable[[], Sequence[str]],
        memory: float | None = None,
    ) -> None:
        """Judge, and add a line."""
        best = 0.0
        found: Sequence[str] = ()
        for _ in range(3):
            start = time.process_time()
            found = judge()
            best = max(best, len(gold) / (time.process_time() - start + 1e-9))
        rate = 0.0 if names[3] == "commonest" else best
        self.lines.append(Line(*names, len(gold), *scores(gold, found), rate, memory))

    def languages(self) -> None:
        """Language, restricted to the default languages, on prose."""
        for name, step in (("eldc", 1), ("langdetect", 10)):
            detector = language.build(name, Enrichment().languages)
            for data, found in self.rows("lid_*_dev.jsonl"):
                self._language(detector, name, data, found[:: step * self._every])
            tweets = [
                {"text": re.sub(r"\bhttp\b|@user", "", row["text"]), "label": data.split("_")[1]}
                for data, found in self.rows("sent_*_umsab_val.jsonl")
                for row in found
            ]
            if tweets:
                chosen = tweets[:: step * self._every]
                self._language(detector, name, "sent_*_umsab_val", chosen)

    def _language(self, detector: LanguageDetector, name: str, data: str, found: list[Row]) -> None:
        prose = [view(row["text"]).prose for row in found]
        gold = [row["label"] for row in found]
        which = f"{len(set(gold))} languages"
        if name == "eldc":
            self.add(("language", which, data, "commonest"), gold, lambda: commonest(gold))
            judged = [detector.detect(text) for text in prose]
            self.confidences[f"language: {data}"] = [
                (one.confidence, one.code == label)
                for one, label in zip(judged, gold, strict=True)
                if one.code != "und"
            ]
        self.add(
            ("language", which, data, name),
            gold,
            lambda: [detector.detect(text).code for text in prose],
            memory("language", name, Enrichment().languages),
        )

    def tones(self) -> None:
        """Tone of the document, and of its targets."""
        for code in sentiment.LANGUAGES:
            sets = [
                *self.rows(f"sent_{code}_*_dev.jsonl"),
                *self.rows(f"sent_{code}_*_val.jsonl"),
                *self.rows(f"real-mentions-{code}.jsonl"),
            ]
            if not sets:
                continue
            seen = self._trained_on(code)
            backends = {name: sentiment.build(name, code) for name in ("trained", "lexicon")}
            for data, every in sets:
                unseen = [row for row in every if marked(row["text"]) not in seen]
                found = unseen[:: self._every]
                left_out = len(every) - len(unseen)
                shown = data if not left_out else f"{data} ({left_out:,} seen left out)"
                self._tones(code, shown, found, backends)
                if any(row.get("opinions") for row in found):
                    for name, scorer in backends.items():
                        self._targets(code, data, found, name, scorer)

    def _tones(
        self,
        code: str,
        data: str,
        found: list[Row],
        backends: dict[str, SentimentScorer],
    ) -> None:
        gold = [row.get("label") or row["sentiment"] for row in found]
        views = [view(row["text"]) for row in found]
        self.add(("tone", code, data, "commonest"), gold, lambda: commonest(gold))
        engines = {"en": ("TextBlob", textblob), "de": ("textblob-de's lexicon", textblob_de())}
        if code in engines:
            name, engine = engines[code]
            self.add(
                ("tone", code, data, name), gold, lambda: [plain(engine, v.prose) for v in views]
            )
        for name, scorer in backends.items():
            self.add(
                ("tone", code, data, name),
                gold,
                partial(labels, scorer, views),
                memory("sentiment", name, code),
            )
        tones = [backends["trained"].score(v) for v in views]
        self.confidences[f"tone: {data}"] = [
            (tone.confidence, tone.label == label) for tone, label in zip(tones, gold, strict=True)
        ]

    def _targets(
        self, code: str, data: str, found: list[Row], name: str, scorer: SentimentScorer
    ) -> None:
        """The clause's label beside the document's, where an opinion names its target."""
        opinions = [
            (view(row["text"]), int(opinion["start"]), opinion["polarity"])
            for row in found
            for opinion in row["opinions"]
            if opinion["target"] not in {None, "NULL"}
        ]
        gold = [polarity for *_, polarity in opinions]
        if name == "trained":
            self.add(("target", code, data, "commonest"), gold, lambda: commonest(gold))
        self.add(
            ("target", code, data, f"{name}, the document's label"),
            gold,
            lambda: [scorer.score(seen).label for seen, _, _ in opinions],
        )
        self.add(
            ("target", code, data, f"{name}, clauses"),
            gold,
            lambda: [clause(scorer, seen, start) for seen, start, _ in opinions],
        )

    def own_labels(self) -> None:
        """What training on labels of one's own field brings, on held-out folds."""
        from pipeline import training  # noqa: PLC0415 - slow to load, and only used here
        from pipeline.enrich.sentiment import model  # noqa: PLC0415

        for data, found in self.rows("real-mentions-*.jsonl"):
            code = data.rsplit("-", 1)[1]
            examples = [training.Example(row["text"], row["sentiment"], code) for row in found]
            report = training.train(examples, model.shipped(code), data)
            group = report.overall
            for name, figures in (("trained", group.old), ("own labels, 5-fold", group.new)):
                names = ("tone, own labels", code, data, name)
                accuracy, macro_f1 = figures.accuracy, figures.macro_f1
                self.lines.append(Line(*names, group.texts, accuracy, macro_f1, 0.0, None))

    def _trained_on(self, code: str) -> frozenset[str]:
        return frozenset(
            marked(row["text"])
            for name, _, _ in SOURCES[code]
            for _, found in self.rows(f"{name}.jsonl")
            for row in found
        )


@cache
def memory(module: str, *arguments: object) -> float:
    """The megabytes that a backend adds to a process of its own: loaded, and used once."""
    text = "Der Zug war heute pünktlich, aber die App ist eine Katastrophe."
    use = f"detect({text!r})" if module == "language" else f"score(view({text!r}))"
    code = (
        f"import psutil; from pipeline.enrich import {module}; from pipeline.enrich.text import "
        f"view; before = psutil.Process().memory_info().rss; "
        f"{module}.build{arguments!r}.{use}; print(psutil.Process().memory_info().rss - before)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    return int(done.stdout) / 1e6


def scores(gold: Sequence[str], found: Sequence[str]) -> tuple[float, float]:
    """Accuracy and macro-F1."""
    pairs = list(zip(gold, found, strict=True))
    each = []
    for label in sorted(set(gold)):
        right = sum(a == b == label for a, b in pairs)
        said = sum(a == label for a, _ in pairs) + sum(b == label for _, b in pairs)
        each.append(2 * right / said)
    return sum(a == b for a, b in pairs) / len(pairs), sum(each) / len(each)


def calibration_error(results: Results) -> float:
    """Expected calibration error: how far confidence is from the share that was right."""
    total = 0.0
    for number in range(10):
        chosen = [r for r in results if min(int(r[0] * 10), 9) == number]
        if chosen:
            said = sum(confidence for confidence, _ in chosen)
            total += abs(said - sum(right for _, right in chosen))
    return total / len(results)


def commonest(gold: Sequence[str]) -> list[str]:
    """The commonest label, every time."""
    return [Counter(gold).most_common(1)[0][0]] * len(gold)


def plain(engine: Callable[[str], tuple[float, float]], text: str) -> str:
    """What TextBlob's engine says."""
    polarity = engine(text)[0]
    return LABELS[1 + (polarity > 0) - (polarity < 0)]


def labels(scorer: SentimentScorer, views: Sequence[View]) -> list[str]:
    """What a backend says of some texts."""
    return [scorer.score(seen).label for seen in views]


@cache
def textblob_de() -> Callable[[str], tuple[float, float]]:
    """TextBlob's engine with textblob-de's lexicon, without lemmas."""
    engine = Engine(language="de", negations=("kein", "keine", "nicht", "nie", "ohne"))
    for form, pos, weight in lexicon_rows("de.tsv"):
        entry = [float(weight), 0.0, 1.0]
        dict.setdefault(engine, form.lower(), {})[pos] = entry
        dict.__getitem__(engine, form.lower())[None] = entry
    return engine


def marked(text: str) -> str:
    """What a text is recognised by in another set: letters and digits, no links, no handles."""
    return re.sub(r"https?\S*|@\w+|\W+", "", text).lower()


def clause(scorer: SentimentScorer, seen: View, start: int) -> str:
    """The label of the clause that a target stands in."""
    document = scorer.score(seen)
    starts = clauses(seen.prose)
    number = bisect_right(starts, start) - 1
    end = [*starts, len(seen.prose)][number + 1]
    return (scorer.clause(seen, starts[number], end, document) or document).label


def page(quality: Quality) -> Iterable[str]:
    """The lines of the page."""
    yield "# How good enrichment is"
    yield ""
    yield (
        "`make quality LABELLED=…` prints these tables, from a folder of labelled texts. Accuracy "
        "and macro-F1 in percent; texts a second of processor "
        "time, of the enricher alone; MB is what loading the backend adds. Texts that stand in a "
        "training set of our models are left out; how these were made: [models.md](models.md)."
    )
    yield ""
    yield f"| {' | '.join(COLUMNS)} |"
    yield "|---" * 4 + "|--:" * (len(COLUMNS) - 4) + "|"
    for line in quality.lines:
        yield f"| {' | '.join(line.cells())} |"
    yield ""
    yield "## Confidence"
    yield ""
    yield "How far the stated confidence is from the share that was right, over ten bins."
    yield ""
    yield "![Confidence against the share that was right](reliability.svg)"
    yield ""
    yield "| results | n | mean confidence | right | calibration error |"
    yield "|---|--:|--:|--:|--:|"
    for name, results in quality.confidences.items():
        mean = sum(confidence for confidence, _ in results) / len(results)
        right = sum(right for _, right in results) / len(results)
        cells = [f"{100 * value:.1f}" for value in (mean, right, calibration_error(results))]
        yield f"| {name} | {len(results):,} | {' | '.join(cells)} |"
    yield from LIMITS.rstrip().split("\n")


def collapsed(lines: Iterable[Line]) -> list[str]:
    """What is below its floor."""
    return [
        f"{line.task}, {line.data}, {line.backend}: macro-F1 {line.macro_f1:.3f} is below {floor}"
        for line in lines
        for floor in [FLOORS.get((line.task, line.data.split(" (")[0], line.backend), 0.0)]
        if line.macro_f1 < floor
    ]


def main() -> None:
    """Measure everything the folder has labels for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    quality = Quality(arguments.folder, EVERY if arguments.short else 1)
    quality.languages()
    quality.tones()
    if not arguments.short:
        quality.own_labels()
    if not quality.lines:
        parser.error(f"there are no labelled texts in {arguments.folder}")
    table = Table(*COLUMNS)
    for line in quality.lines:
        table.add_row(*line.cells())
    Console(width=150).print(table)
    for name, results in quality.confidences.items():
        print(f"calibration error {100 * calibration_error(results):5.1f}  {name}")
    if arguments.out:
        from pipeline.plots import reliability  # noqa: PLC0415 - only needed for the page

        arguments.out.write_text("\n".join(page(quality)) + "\n", encoding="utf-8")
        chosen = [(n, r) for n, r in quality.confidences.items() if "de" in n or "lid" in n]
        reliability(chosen, arguments.out.with_name("reliability.svg"))
    if broken := collapsed(quality.lines):
        print("\n".join(broken), file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
