"""How well relevance is learnt from marks: five-fold cross-validation on labelled mentions.

    python -m benchmarks.relevance FILE

Reads JSON Lines with ``text``, ``url`` and ``relevance`` (``"true"`` or ``"false"``). Each fifth is
judged by a model that saw only the marks of the other four, or the first so many of them. F1 is of
the relevant ones; the baseline calls every mention relevant.
"""

import argparse
import random
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import fmean
from urllib.parse import urlsplit

import msgspec

from pipeline.enrich.relevance import Model, features
from pipeline.enrich.text import view
from schemas.mention import Collector, EnrichedMention

FOLDS = 5
SEEDS = (1, 2, 3)
COUNTS = (30, 100, 200, 400, 800, 1_200, None)

Example = tuple[tuple[int, ...], bool]


def examples(file: Path) -> list[Example]:
    """Features and label of each mention."""
    now = datetime.now(UTC)
    found = []
    for line in file.read_bytes().splitlines():
        row = msgspec.json.decode(line)
        mention = EnrichedMention(
            id="bench:1",
            revision=0,
            channel="other",
            text=row["text"],
            site=urlsplit(row["url"]).netloc.removeprefix("www."),
            published_at=now,
            collected_at=now,
            collector=Collector(source="bench"),
        )
        found.append((features(mention, view(mention.text)), row["relevance"] == "true"))
    return found


def f1(pairs: Sequence[tuple[bool, bool]]) -> float:
    """Of the relevant ones; pairs of label and judgement."""
    right = sum(label and said for label, said in pairs)
    return 2 * right / (sum(label for label, _ in pairs) + sum(said for _, said in pairs))


def judged(every: Sequence[Example], marks: int | None, seed: int) -> list[tuple[bool, bool]]:
    """Label and judgement of each example."""
    order = list(every)
    random.Random(seed).shuffle(order)
    pairs = []
    for fold in range(FOLDS):
        seen = [one for number, one in enumerate(order) if number % FOLDS != fold]
        model = Model(seen[:marks])
        pairs += [(label, model.score(found) >= 0.5) for found, label in order[fold::FOLDS]]  # noqa: PLR2004 - more likely than not
    return pairs


def main() -> None:
    """Print baseline and learning curve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    every = examples(parser.parse_args().file)
    always = [(label, True) for _, label in every]
    base = f1(always)
    share = sum(label for label, _ in always) / len(always)
    print(f"{len(every)} mentions; always relevant: F1 {base:.3f}, accuracy {share:.3f}")
    print(f"{'marks':>6} {'F1':>6} {'gain':>7} {'accuracy':>9}   mean of {len(SEEDS)} shufflings")
    for marks in COUNTS:
        runs = [judged(every, marks, seed) for seed in SEEDS]
        mean = fmean(map(f1, runs))
        accuracy = fmean(sum(a == b for a, b in pairs) / len(pairs) for pairs in runs)
        count = marks or len(every) * (FOLDS - 1) // FOLDS
        print(f"{count:>6} {mean:>6.3f} {mean - base:>+7.3f} {accuracy:>9.3f}")
    start = time.perf_counter()
    model = Model(every)
    middle = time.perf_counter()
    for found, _ in every:
        model.score(found)
    end = time.perf_counter()
    print(
        f"training on all: {middle - start:.2f} s; {(end - middle) / len(every) * 1e6:.0f} µs each"
    )


if __name__ == "__main__":
    main()
