"""How fast everything default together is, on one core: ``python -m benchmarks.speed [FOLDER]``.

A bare loop: texts in batches of 500 through ``Chain.enrich`` with a watchlist of three topics, no
Kafka, no decoding. Generated texts (``benchmarks.corpus``) of a tweet's and of a long post's length
repeat their sentences; the real ones of FOLDER (``sent_*_dev``, ``sent_*_val``,
``real-mentions-*``: JSON Lines with ``text``) do not. Processor time of the first pass over texts
the chain has not seen, and the best of three more; peak memory of this process; and how long a new
process takes from its start to its first result, on the wall clock. Beside it, how many texts a
second are searched for the names of an ``entities.toml`` of ``ALIASES`` aliases, half of them made
of the texts' own words, so that there is something to find.

``--short`` measures what has a floor, on generated tweets, and fails where something has collapsed:
rates of processor time, so that other work on the machine moves them little, and the best of five
starts. It says nothing finer.
"""

import argparse
import os
import random
import resource
import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from benchmarks.corpus import mentions
from pipeline.enrich.chain import Chain
from pipeline.enrich.gazetteer import Gazetteer, Listed
from pipeline.enrich.text import view
from pipeline.settings import Settings, WatchTopic
from schemas.mention import Collector, EnrichedMention

BATCH = 500
MANY = 5_000
TWEET, POST = 110, 490
"""Mean lengths, in characters."""
ALIASES = 50_000
FLOORS = {"tweets a second": 2_000.0, f"tweets a second, {ALIASES:,} aliases": 20_000.0}
"""Texts a second of processor time below which something is broken: far under what is measured."""
LATEST = 2.0
"""Seconds after which a first result says the same."""
NOW = datetime(2026, 1, 1, tzinfo=UTC)
WATCHLIST = (
    WatchTopic(topic="Deutsche Bahn", kind="brand", terms=("Deutsche Bahn", "Bahn", "DB")),
    WatchTopic(topic="Flixbus", kind="competitor", terms=("Flixbus",)),
    WatchTopic(topic="App", kind="product", terms=("App", "Service")),
)


def made(texts: list[str]) -> list[EnrichedMention]:
    """Bare mentions of these texts."""
    return [
        EnrichedMention(
            id=f"bench:{number}",
            revision=0,
            channel="other",
            text=text,
            published_at=NOW,
            collected_at=NOW,
            collector=Collector(source="bench"),
        )
        for number, text in enumerate(texts)
    ]


def rate(chain: Chain, texts: list[str]) -> float:
    """Texts a second of processor time."""
    found = made(texts)
    start = time.process_time()
    for first in range(0, len(found), BATCH):
        chain.enrich(found[first : first + BATCH])
    return len(texts) / (time.process_time() - start)


def linking(texts: list[str]) -> tuple[float, float]:
    """Texts a second (best of three) in which listed entities are looked for, and finds a text."""
    chance = random.Random(1)
    words = sorted({word for text in texts for word in text.split() if word.isalpha()})
    syllables = [start + end for start in "bdfghklmnprstvz" for end in "aeiou"]
    listed = []
    for number in range(ALIASES // 2):
        invented = "".join(chance.choices(syllables, k=4)).title()
        known = " ".join(chance.choices(words, k=2))
        listed.append(Listed(name=f"{invented} {number}", kind="brand", aliases=(known,)))
    gazetteer = Gazetteer(listed)
    views = [view(text) for text in texts]
    best, found = 0.0, 0
    for _ in range(3):
        start = time.process_time()
        found = sum(len(gazetteer.find(seen)) for seen in views)
        best = max(best, len(texts) / (time.process_time() - start))
    return best, found / len(texts)


def real(folder: Path) -> dict[str, list[str]]:
    """The folder's tweets, its posts, and its longest posts, of a mean of ``POST`` characters."""
    texts = {
        path.stem: [msgspec.json.decode(line)["text"] for line in path.read_bytes().splitlines()]
        for pattern in ("sent_*_dev", "sent_*_val", "real-mentions-*")
        for path in sorted(folder.glob(f"{pattern}.jsonl"))
    }
    tweets = [text for name, found in texts.items() if "sent" in name for text in found]
    posts = [text for name, found in texts.items() if "real" in name for text in found]
    long = sorted(posts, key=len, reverse=True)
    while long and sum(map(len, long)) / len(long) < POST:
        long.pop()
    return {"real tweets": tweets, "real posts": posts, "real long posts": long}


def first_result() -> float:
    """Seconds from the start of ``mentions enrich`` to its first line."""
    line = msgspec.json.encode({"text": "Der Zug war pünktlich, aber die App nervt."}) + b"\n"
    start = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-m", "pipeline", "enrich"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(line)
        process.stdin.flush()
        process.stdout.readline()
        took = time.perf_counter() - start
        process.stdin.close()
    return took


def collapsed(rates: Mapping[str, float], first: float) -> list[str]:
    """What is below its floor, or too late."""
    slow = [
        f"{name}: {rates[name]:,.0f} is below {floor:,.0f}"
        for name, floor in FLOORS.items()
        if rates[name] < floor
    ]
    late = [f"first result: {first:.2f} s is later than {LATEST:.0f} s"]
    return slow + late * (first > LATEST)


def short() -> list[str]:
    """Measure and print what has a floor; what has collapsed."""
    tweets = [m.text for m in mentions(MANY, length=TWEET)]
    chain = Chain.build(Settings(watchlist=WATCHLIST))
    names = list(FLOORS)
    rates = {
        names[0]: max(rate(chain, tweets) for _ in range(3)),
        names[1]: linking(tweets)[0],
    }
    first = min(first_result() for _ in range(5))
    for name, measured in rates.items():
        print(f"{name}: {measured:,.0f}, at least {FLOORS[name]:,.0f}")
    print(f"first result: {first:.2f} s, at most {LATEST:.0f} s")
    return collapsed(rates, first)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--short", action="store_true")
    arguments = parser.parse_args()
    folder = arguments.folder
    if arguments.short:
        broken = short()
        print("\n".join(broken), file=sys.stderr, end="\n" * bool(broken))
        sys.exit(1 if broken else 0)
    print(f"load of the machine before: {os.getloadavg()[0]:.1f}")
    print(f"first result: {min(first_result() for _ in range(5)):.2f} s, the best of five")
    sets = {
        f"generated, {length} characters": [m.text for m in mentions(MANY, length=length)]
        for length in (TWEET, POST)
    }
    if folder is not None:
        sets |= real(folder)
    chain = Chain.build(Settings(watchlist=WATCHLIST))
    print(f"{'texts':32} {'n':>7} {'characters':>10} {'first pass/s':>13} {'best/s':>9}")
    for name, texts in sets.items():
        first = rate(chain, texts)
        best = max(rate(chain, texts) for _ in range(3))
        mean = sum(map(len, texts)) / len(texts)
        print(f"{name:32} {len(texts):7,} {mean:10.0f} {first:13,.0f} {best:9,.0f}")
    best, found = linking(next(iter(sets.values())))
    print(f"entities.toml, {ALIASES:,} aliases: {best:,.0f} tweets/s, {found:.2f} found in each")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory: {peak:.0f} MB")


if __name__ == "__main__":
    main()
