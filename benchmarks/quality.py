"""How good enrichment is on labelled texts: ``python -m benchmarks.quality FOLDER``.

FOLDER holds JSON Lines: ``lid_*_dev`` and ``sent_<language>_*`` (``text``, ``label``),
``real-mentions-<language>`` (``text``, ``sentiment``, ``opinions``) and ``ner_<language>_*``
(``tokens``, ``label`` in BIO; ``benchmarks.universal_ner`` makes some of public ones); what is
missing is left out. Tweets and snippets in English come with the sources of vaderSentiment (see
``benchmarks.vader``). Texts that stand in a training set of a model that comes with the package are
left out too: the table says of how many. Beside each backend stand its baselines: the commonest
label, langdetect (on every tenth text, it is slow), TextBlob's engine with its own lexicon and with
textblob-de's, and for targets the document's label. The second pass judges ``SOME`` texts of a set,
beside the first on the same ones. Texts a second of processor time, best of three, on the wall
clock for what works in another process; memory is what loading the backend and using it once adds
at most to a process of its own (read from ``/proc``). Stories are tried as ``benchmarks.stories``
does, in a process of their own.

``--download`` measures what has to be downloaded, too: Stanford CoreNLP, 680 MB, and the texts in
vaderSentiment's sources. ``--out FILE`` writes the page that is kept in ``docs/``, and the plot of
the confidences beside it. ``--short`` judges every fourth text, without the second pass, memory and
a full window of stories, and fails where a figure has collapsed; it says nothing finer.
"""

import argparse
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple, TypeVar

from rich.console import Console
from rich.table import Table
from textblob._text import Sentiment as Engine
from textblob.en import sentiment as textblob

from benchmarks import spans, stories, vader
from benchmarks.labelled import Row, marked, named, rows
from benchmarks.train_sentiment import SOURCES
from pipeline.enrich import language, sentiment
from pipeline.enrich.names import LANGUAGES, Builtin
from pipeline.enrich.parts import LanguageDetector, NameFinder, SentimentScorer, Text
from pipeline.enrich.sentiment.lexicon import rows as lexicon_rows
from pipeline.enrich.sentiment.second import Look, Reader, Second
from pipeline.enrich.targets import Targets
from pipeline.enrich.text import View, view
from pipeline.enrich.watchlist import Found, Hit
from pipeline.settings import Enrichment
from schemas.mention import Span

LABELS = ("negative", "neutral", "positive")
COLUMNS = (
    *("task", "language", "data", "backend", "n", "accuracy", "precision", "recall", "F1"),
    *("texts/s", "MB"),
)
EVERY = 4
"""The short form judges every so many texts."""
EMPTIER = 20
"""The short form's window of stories is so many times smaller."""
SOME = 400
"""So many texts of a set the second pass judges; it takes its time."""
TRIAL = "Der Zug war heute pünktlich, aber die App ist eine Katastrophe."
USES = {
    "language": "kept = language.build(*given); kept.detect(text)",
    "names": "kept = names.Builtin(given); kept.find([(view(text), given[0])])",
    "second": "kept = Reader(); kept.read([passage(view(text * 16))] * Refine.at_once)",
    "sentiment": "kept = sentiment.build(*given); kept.score(view(text))",
}
"""How a backend is loaded, used and kept, to see what memory it takes.

The second pass reads as many texts as its stage does at once, each as long as it reads any.
"""
DRAWN = ("language: lid_", "tone: sent_de_", "tone: real-mentions-de")
"""How the names of those results begin whose confidence is drawn."""
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
    ("names", "ner_de_europarl_dev", "builtin"): 0.55,
    ("names", "ner_en_wnut17_dev", "builtin"): 0.38,
    ("stories", "variants of real texts", "MinHash"): 0.97,
}
"""F1 below which something is broken: far under what is measured."""
LIMITS = """
## What the numbers do not say

* **Irony** is read literally: "Na toll, wieder eine Stunde Verspätung" is praise to a model of
  words, in German as in English, unless smileys or other words give it away.
* **Dialect** and youth slang are hardly in the training texts: expect neutral, or chance.
* **Other fields**: the models have seen tweets of 2013 to 2017. On posts about one company, long
  or in a trade's own words, they are much worse than on tweets (compare `real-mentions-de`): there
  `mentions train sentiment` with labels of your own is worth more than any other backend.
* **Confidence** errs both ways, as the second table shows: what is right to the point on one set
  is too low on the next and too high on another. Where it matters, look at your own texts.
* **Labels are opinions**: two people who label the same posts agree on 70 to 80 of 100. Nothing
  here can be better than that.
* **SB10k**: texts that our German model has seen are left out, which were drawn to have as many of
  each label; what is left is mostly neutral and harder than the whole.
* **VADER**: people's mean ratings, cut into labels at half a step; what is called neutral there
  often leans to one side.
* **Targets** of `real-mentions-de` are labelled for aspects, of which only 8 in 100 are neutral;
  mentions in a stream are mostly neutral. Compare within the table only.
* **Names**: what a name is differs from set to set (GermEval marks "deutsche", Europarl "Rat");
  figures of one backend on two sets say as much about the sets. Products, works and events have
  no labelled set here, nor have intents, noise and passages: for these, tests hold single cases.
* **Chosen by looking**: that names in English are found with caution was chosen on the development
  sets of EWT and WNUT-17, what the document's tone weighs beside a clause's (`_DOCUMENT`) on the
  targets of `real-mentions-de`, German's head start of neutral on folds of the training texts, with
  a look at SB10k, whose kinds of errors also told what the lexicon lacked. The lines of these sets
  say a little more than new texts would.
* **Stories** are tried on variants made by rule; what people make of a text by hand, a
  translation or a retelling in other words is no near copy and is not found.
* Texts a second are those of the machine that ran it, with the words of these texts met before; the
  name finder does a third to a quarter of it on texts whose words are all new. CoreNLP's are on the
  wall clock, because it works in processes of its own, whose memory is given; other backends' is
  that of the first text, at its highest, and of the second pass that of a full batch of its stage,
  64 posts of a thousand characters. Of stories it is that of a full window of a million
  fingerprints, which are fewer mentions: a long text has two.
"""

Results = list[tuple[float, bool]]
Judged = TypeVar("Judged")


class Line(NamedTuple):
    """One line of the table; figures from 0 to 1."""

    task: str
    language: str
    data: str
    backend: str
    n: int
    accuracy: float | None
    f1: float
    """Over labels the mean of each label's; of spans and copies, precision's and recall's."""
    rate: float | None = None
    memory: float | None = None
    precision: float | None = None
    recall: float | None = None

    def cells(self) -> list[str]:
        """As it is printed."""
        shares = (self.accuracy, self.precision, self.recall, self.f1)
        return [
            self.task,
            self.language,
            self.data,
            self.backend,
            f"{self.n:,}",
            *("" if share is None else f"{100 * share:.1f}" for share in shares),
            "" if self.rate is None else f"{self.rate:,.0f}",
            "" if self.memory is None else f"{self.memory:.0f}",
        ]


class Quality:
    """Measures, and keeps the lines."""

    def __init__(self, folder: Path, every: int = 1, *, download: bool = False) -> None:
        self.lines: list[Line] = []
        self.confidences: dict[str, Results] = {}
        self._folder = folder
        self._every = every
        self._download = download
        # CI's short form has no minutes for the second pass.
        self._second = Second(Reader()) if every == 1 else None

    def _memory(self, module: str, *given: object) -> float | None:
        # A process each: half of what CI's short form would take.
        return memory(module, *given) if self._every == 1 else None

    def rows(self, pattern: str) -> list[tuple[str, list[Row]]]:
        """The files that match a pattern."""
        return [(path.stem, rows(path)) for path in sorted(self._folder.glob(pattern))]

    def add(
        self,
        names: tuple[str, str, str, str],
        gold: Sequence[str],
        judge: Callable[[], Sequence[str]],
        memory: float | None = None,
    ) -> None:
        """Judge, and add a line."""
        rate, found = timed(judge, len(gold))
        known = None if names[3] == "commonest" else rate
        self.lines.append(Line(*names, len(gold), *scores(gold, found), known, memory))

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
            self._memory("language", name, Enrichment().languages),
        )

    def tones(self) -> None:
        """Tone of the document, and of its targets."""
        for code in sentiment.LANGUAGES:
            sets = [
                *self.rows(f"sent_{code}_*_dev.jsonl"),
                *self.rows(f"sent_{code}_*_val.jsonl"),
                *self.rows(f"real-mentions-{code}.jsonl"),
                *(vader.sets() if self._download and code == "en" else ()),
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
                self._memory("sentiment", name, code),
            )
        if self._second is not None:
            self._look_again(code, data, gold, views, backends["trained"])
        tones = [backends["trained"].score(v) for v in views]
        self.confidences[f"tone: {data}"] = [
            (tone.confidence, tone.label == label) for tone, label in zip(tones, gold, strict=True)
        ]

    def _targets(
        self, code: str, data: str, found: list[Row], name: str, scorer: SentimentScorer
    ) -> None:
        """The clauses' label beside the document's, where an opinion names its target."""
        opinions = []
        for row in found:
            seen = view(row["text"])
            named = [one for one in row["opinions"] if one["target"] not in {None, "NULL"}]
            for one in named:
                same = [other for other in named if other["target"] == one["target"]]
                places = [seen.place(Span(int(o["start"]), int(o["end"]))) for o in same]
                opinions.append((seen, places, one["polarity"]))
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
            lambda: [target(scorer, seen, places) for seen, places, _ in opinions],
        )

    def _look_again(
        self, code: str, data: str, gold: list[str], views: list[View], first: SentimentScorer
    ) -> None:
        """The second pass beside the first, on some texts."""
        assert self._second is not None
        step = -(-len(gold) // SOME)
        gold, views = gold[::step], views[::step]
        tones = [first.score(seen) for seen in views]
        looks = [Look(seen, code, tone) for seen, tone in zip(views, tones, strict=True)]
        known = [tone.label for tone in tones]
        self.lines.append(
            Line("tone, some", code, data, "trained", len(gold), *scores(gold, known))
        )
        rate, after = timed(partial(self._second.judge, looks), len(gold), times=1)
        figures = scores(gold, [tone.label for tone in after])
        names_ = ("tone, some", code, data, "second pass")
        self.lines.append(Line(*names_, len(gold), *figures, rate, self._memory("second")))

    def names(self) -> None:
        """Exact spans of persons, organisations and places."""
        self._names("builtin", Builtin(), lambda code: self._memory("names", code))
        if self._download:
            with spans.sidecar() as (client, megabytes):
                self._names("CoreNLP", client, lambda _: megabytes, time.perf_counter)

    def _names(
        self,
        backend: str,
        finder: NameFinder,
        megabytes: Callable[[str], float | None],
        clock: Callable[[], float] = time.process_time,
    ) -> None:
        for code in LANGUAGES:
            for path in sorted(self._folder.glob(f"ner_{code}_*.jsonl")):
                if path.stem in spans.FITTED_ON.get(backend, ()) or path.stem.endswith("_train"):
                    continue
                texts = named(path)[:: self._every]
                rate, found = timed(
                    partial(spans.find, finder, code, texts), len(texts), clock=clock
                )
                score = spans.compare(texts, found)
                self.lines.append(
                    Line(
                        *("names", code, path.stem, backend, len(texts)),
                        accuracy=None,
                        f1=score.f1,
                        rate=rate,
                        memory=megabytes(code),
                        precision=score.precision,
                        recall=score.recall,
                    )
                )

    def stories(self, window: int) -> None:
        """Near copies, in a full window."""
        if not any(path for pattern in stories.FILES for path in self._folder.glob(pattern)):
            return
        # What this process has left free would be filled first, and count as nothing.
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as apart:
            outcome = apart.submit(
                stories.attempt, self._folder, window, 2_000 // self._every
            ).result()
        cost = outcome.cost
        for score in (*outcome.variants, outcome.all):
            last = score.name == outcome.all.name
            data = "variants of real texts" if last else f"variants: {score.name}"
            self.lines.append(
                Line(
                    *("stories", "de, en", data, "MinHash", score.n),
                    accuracy=None,
                    f1=2 * score.right / (score.n + score.answered),
                    rate=1e6 / (cost.making + cost.adding + cost.finding) if last else None,
                    memory=cost.memory if last else None,
                    precision=score.precision,
                    recall=score.recall,
                )
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
                self.lines.append(Line(*names, group.texts, accuracy, macro_f1))

    def _trained_on(self, code: str) -> frozenset[str]:
        return frozenset(
            marked(row["text"])
            for name, _, _ in SOURCES[code]
            for _, found in self.rows(f"{name}.jsonl")
            for row in found
        )


def timed(
    judge: Callable[[], Judged],
    texts: int,
    *,
    times: int = 3,
    clock: Callable[[], float] = time.process_time,
) -> tuple[float, Judged]:
    """The best of some runs in texts a second, and what the last one says."""
    took = []
    for _ in range(times):
        start = clock()
        found = judge()
        took.append(clock() - start)
    return texts / (min(took) + 1e-9), found


@cache
def memory(module: str, *given: object) -> float:
    """The megabytes that a backend adds at most to a process of its own: loaded, and used once."""
    code = (
        "import psutil, re; from pipeline.enrich import language, names, sentiment; "
        "from pipeline.enrich.sentiment.second import Reader, passage; "
        "from pipeline.enrich.text import view; from pipeline.stages.refine import Refine; "
        f"given = {given!r}; text = {TRIAL!r}; before = psutil.Process().memory_info().rss; "
        f"{USES[module]}; status = open('/proc/self/status').read(); "
        r"print(1024 * int(re.search(r'VmHWM:\s+(\d+) kB', status)[1]) - before)"
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


def target(scorer: SentimentScorer, seen: View, places: Sequence[tuple[int, int]]) -> str:
    """What is said of a topic that stands at these places."""
    found = Found(seen, "text", [Hit(0, 0, *place) for place in places], [])
    return Targets(["target"]).judge(found, scorer.judge([Text(seen)])[0])[0].label


def page(quality: Quality) -> Iterable[str]:
    """The lines of the page."""
    yield "# How good enrichment is"
    yield ""
    yield (
        "`make quality LABELLED=…` prints these tables, from a folder of labelled texts. Figures "
        "in percent; F1 is the mean of each label's F1, of names (persons, organisations, places) "
        "that of exact spans, of stories that of copies found; texts a second of processor time, "
        "of the enricher alone, but of CoreNLP on the wall clock; MB is what loading the backend "
        "and using it once adds at most, of CoreNLP what it takes. Texts that stand in a "
        "training set of our models are left out; how these were made: [models.md](models.md), "
        "[second.md](second.md), and for names the model card in `pipeline/enrich/names/data`."
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
    yield ""
    yield bothways(quality.confidences)
    yield from LIMITS.rstrip().split("\n")


def bothways(confidences: Mapping[str, Results]) -> str:
    """By how much stated confidence is off in the mean of a set, in the two worst cases."""
    off = {
        name: sum(confidence - right for confidence, right in results) / len(results)
        for name, results in confidences.items()
    }
    low, high = min(off, key=lambda name: off[name]), max(off, key=lambda name: off[name])
    return (
        f"In the mean of a set it errs both ways: by up to {-100 * off[low]:.1f} points too low "
        f"({low}), by up to {100 * off[high]:.1f} too high ({high})."
    )


def collapsed(lines: Iterable[Line]) -> list[str]:
    """What is below its floor."""
    return [
        f"{line.task}, {line.data}, {line.backend}: F1 {line.f1:.3f} is below {floor}"
        for line in lines
        for floor in [FLOORS.get((line.task, line.data.split(" (")[0], line.backend), 0.0)]
        if line.f1 < floor
    ]


def main() -> None:
    """Measure everything the folder has labels for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--download", action="store_true")
    parser.add_argument("--window", type=int, default=1_000_000, help="of stories")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    every = EVERY if arguments.short else 1
    quality = Quality(arguments.folder, every, download=arguments.download)
    quality.languages()
    quality.tones()
    if not arguments.short:
        quality.own_labels()
    quality.names()
    quality.stories(arguments.window // (EMPTIER if arguments.short else 1))
    if not quality.lines:
        parser.error(f"there are no labelled texts in {arguments.folder}")
    table = Table(*COLUMNS)
    for line in quality.lines:
        table.add_row(*line.cells())
    Console(width=170).print(table)
    for name, results in quality.confidences.items():
        print(f"calibration error {100 * calibration_error(results):5.1f}  {name}")
    if arguments.out:
        from pipeline.plots import reliability  # noqa: PLC0415 - only needed for the page

        arguments.out.write_text("\n".join(page(quality)) + "\n", encoding="utf-8")
        chosen = [(n, r) for n, r in quality.confidences.items() if n.startswith(DRAWN)]
        reliability(chosen, arguments.out.with_name("reliability.svg"))
    if broken := collapsed(quality.lines):
        print("\n".join(broken), file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
