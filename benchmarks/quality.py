"""How good and how fast enrichment is, on labelled texts: ``python benchmarks/quality.py FOLDER``.

FOLDER holds JSON Lines: ``lid_*_dev`` and ``sent_<language>_*`` (``text``, ``label``) and
``real-mentions-de`` (``text``, ``sentiment``, ``opinions``); what is missing is left out. Beside
each backend stand its baselines: the commonest label, langdetect (on every tenth text, it is slow),
TextBlob's own engine, and for targets the document's label. Accuracy and macro-F1 in percent;
texts a second on one core, best of three.
"""

import argparse
import resource
import time
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table
from textblob.en import sentiment as textblob

from pipeline.enrich import language, sentiment
from pipeline.enrich.chain import Chain
from pipeline.enrich.parts import LanguageDetector, SentimentScorer
from pipeline.enrich.targets import clauses
from pipeline.enrich.text import view
from pipeline.settings import Enrichment, Settings, WatchTopic
from schemas.mention import Collector, EnrichedMention

Row = dict[str, Any]
LABELS = ("negative", "neutral", "positive")
LONG = 350
BACKENDS = {"de": "lexicon-de", "en": "textblob"}
table = Table("task", "data", "backend", "n", "accuracy", "macro-F1", "texts/s")


def rows(folder: Path, pattern: str) -> list[tuple[str, list[Row]]]:
    """The files of a folder that match a pattern."""
    return [
        (path.stem, [msgspec.json.decode(line) for line in path.read_bytes().splitlines()])
        for path in sorted(folder.glob(pattern))
    ]


def add(
    task: str,
    data: str,
    backend: str,
    gold: Sequence[str],
    judge: Callable[[], Sequence[str]],
) -> None:
    """Judge, and add a line to the table."""
    best = 0.0
    for _ in range(3):
        start = time.perf_counter()
        found = judge()
        best = max(best, len(gold) / (time.perf_counter() - start))
    pairs = list(zip(gold, found, strict=True))
    scores = []
    for label in sorted(set(gold)):
        right = sum(a == b == label for a, b in pairs)
        said = sum(a == label for a, _ in pairs) + sum(b == label for _, b in pairs)
        scores.append(2 * right / said)
    accuracy = sum(a == b for a, b in pairs) / len(pairs)
    f1 = sum(scores) / len(scores)
    table.add_row(
        task, data, backend, str(len(gold)), f"{accuracy:.1%}", f"{f1:.1%}", f"{best:,.0f}"
    )


def judge_languages(folder: Path) -> None:
    """Language, restricted to the default languages, on prose."""
    detectors = {
        (name, step): language.build(name, Enrichment().languages)
        for name, step in (("eldc", 1), ("langdetect", 10))
    }
    for data, all_rows in rows(folder, "lid_*_dev.jsonl"):
        for (name, step), detector in detectors.items():
            chosen = all_rows[::step]
            prose = [view(row["text"]).prose for row in chosen]
            gold = [row["label"] for row in chosen]
            add("language", data, name, gold, partial(each, partial(code, detector), prose))


def code(detector: LanguageDetector, prose: str) -> str:
    """The language of a text."""
    return detector.detect(prose).code


def judge_sentiment(folder: Path) -> None:
    """Tone of the document, and of its targets."""
    for lang, backend in BACKENDS.items():
        scorer = sentiment.build(backend)
        sets = [
            *rows(folder, f"sent_{lang}_*_dev.jsonl"),
            *rows(folder, f"sent_{lang}_*_val.jsonl"),
            *rows(folder, f"real-mentions-{lang}.jsonl"),
        ]
        for data, found in sets:
            gold = [row.get("label") or row["sentiment"] for row in found]
            texts = [row["text"] for row in found]
            add("tone", data, "commonest", gold, partial(always, gold))
            if lang == "en":
                add("tone", data, "TextBlob's engine", gold, partial(each, plain, texts))
            add("tone", data, backend, gold, partial(each, partial(document, scorer), texts))
            if any(row.get("opinions") for row in found):
                judge_targets(data, found, scorer)


def plain(text: str) -> str:
    """What TextBlob itself says."""
    polarity = textblob(text)[0]
    return LABELS[1 + (polarity > 0) - (polarity < 0)]


def document(scorer: SentimentScorer, text: str) -> str:
    """The tone of a text."""
    return scorer.score(view(text)).label


def each(judge: Callable[[str], str], texts: Sequence[str]) -> list[str]:
    """One label a text."""
    return [judge(text) for text in texts]


def always(gold: Sequence[str]) -> list[str]:
    """The commonest label, every time."""
    return [Counter(gold).most_common(1)[0][0]] * len(gold)


def judge_targets(data: str, found: Sequence[Row], scorer: SentimentScorer) -> None:
    """The clause's label beside the document's, where an opinion names its target."""
    opinions = [
        (row["text"], int(opinion["start"]), opinion["polarity"])
        for row in found
        for opinion in row["opinions"]
        if opinion["target"] not in {None, "NULL"}
    ]
    gold = [polarity for *_, polarity in opinions]
    add("target", data, "commonest", gold, partial(always, gold))
    texts = [text for text, *_ in opinions]
    add("target", data, "document's label", gold, partial(each, partial(document, scorer), texts))

    def clause(text: str, start: int) -> str:
        seen = view(text)
        starts = clauses(seen.prose)
        number = bisect_right(starts, start) - 1
        end = [*starts, len(seen.prose)][number + 1]
        return (scorer.clause(seen, starts[number], end) or scorer.score(seen)).label

    add("target", data, "clauses", gold, lambda: [clause(t, s) for t, s, _ in opinions])


def time_chain(folder: Path) -> None:
    """Everything together, in batches, with a small watchlist."""
    watchlist = (
        WatchTopic(topic="Deutsche Bahn", kind="brand", terms=("Deutsche Bahn", "Bahn", "DB")),
        WatchTopic(topic="Flixbus", kind="competitor", terms=("Flixbus",)),
    )
    chain = Chain.build(Settings(watchlist=watchlist))
    now = datetime.now(UTC)
    real = rows(folder, "real-mentions-de.jsonl")
    long = [(f"{data}, long", [r for r in found if len(r["text"]) > LONG]) for data, found in real]
    for data, found in [*rows(folder, "sent_*_dev.jsonl"), *real, *long]:
        texts = [row["text"] for row in found]
        best = 0.0
        for _ in range(3):
            batch = [
                EnrichedMention(
                    id="bench:1",
                    revision=0,
                    channel="other",
                    text=text,
                    published_at=now,
                    collected_at=now,
                    collector=Collector(source="bench"),
                )
                for text in texts
            ]
            start = time.perf_counter()
            chain.enrich(batch)
            best = max(best, len(batch) / (time.perf_counter() - start))
        mean = sum(map(len, texts)) / len(texts)
        label = f"{mean:.0f} characters"
        table.add_row("all", data, label, str(len(texts)), "", "", f"{best:,.0f}")


def main() -> None:
    """Measure everything the folder has labels for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    time_chain(folder)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    judge_languages(folder)
    judge_sentiment(folder)
    Console(width=120).print(table)
    print(f"peak memory of enriching: {peak:.0f} MB, TextBlob's engine loaded")


if __name__ == "__main__":
    main()
