"""How the cost of a mention grows with the number of watchlist queries.

    python -m benchmarks.watchlist FILE

Reads texts from a file of JSON Lines with a field ``text``, and invents topics: a name of its own
for each, with the context words, exclusions, wildcards and fields that such queries have; context
words are drawn from the texts, so they do occur. Ten topics look for frequent words of the texts
and do match, whatever the size; all others look for names that no text has, as most of ten thousand
would. The last line has a thousand topics that all match often: there the cost is in the matches.
"""

import argparse
import random
import re
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from pipeline.enrich.text import View, view
from pipeline.enrich.watchlist import Watchlist
from pipeline.settings import WatchTopic
from schemas.mention import Collector, EnrichedMention, Language

SIZES = (10, 100, 1_000, 10_000)
ROUNDS = 7
MATCHING = 10
"""Of these topics match something, whatever the size."""


def names(rng: random.Random, count: int) -> list[str]:
    """Invented names of two or three syllables, and compounds with them."""
    onsets, vowels, codas = "bdfghklmnprstvwz", "aeiou", "lnrst"

    def syllable() -> str:
        return rng.choice(onsets) + rng.choice(vowels) + rng.choice(codas)

    found: set[str] = set()
    while len(found) < count:
        found.add("".join(syllable() for _ in range(rng.randint(2, 3))).capitalize())
    return sorted(found)


def topics(rng: random.Random, count: int, words: Sequence[str]) -> list[WatchTopic]:
    """Topics like an analyst's."""
    frequent, others = words[50 : 50 + MATCHING], words[100:5_000]
    made = []
    for number, name in enumerate(names(rng, count)):
        subject = frequent[number] if number < MATCHING else name
        one, two, three, four = random.Random(number).sample(others, 4)
        made.append(
            WatchTopic(
                topic=f"{name} {number}",
                kind="brand",
                query=(
                    f"{subject} OR #{name}",
                    f'{subject} OR "{name} {one}" OR @{name}',
                    f"{subject}* AND NOT ({one} OR {two})",
                    f"{subject} NEAR/10 ({one} OR {two} OR {three})",
                    f"{subject}[forms] AND ({one} OR {two} OR {three} OR {four})",
                    f"lang:de AND {subject} AND NOT channel:news",
                    f"({subject} OR {name}werk) AND {one} AND NOT {two}",
                )[number % 7],
            )
        )
    return made


def mention(text: str) -> EnrichedMention:
    """A German post."""
    now = datetime.now(UTC)
    return EnrichedMention(
        id="bench:1",
        revision=0,
        channel="social",
        text=text,
        published_at=now,
        collected_at=now,
        collector=Collector(source="bench"),
        language=Language(code="de"),
    )


def measure(
    watchlists: Sequence[Watchlist], pairs: Sequence[tuple[EnrichedMention, View]]
) -> list[tuple[float, int]]:
    """For each watchlist processor time a text in microseconds, and matches in all.

    The best of some rounds, which take turns, so that other work on the machine meets all.
    """
    best = [float("inf")] * len(watchlists)
    matches = [0] * len(watchlists)
    for _ in range(ROUNDS):
        for number, watchlist in enumerate(watchlists):
            start = time.process_time()
            found = [watchlist.search(mention, seen) for mention, seen in pairs]
            best[number] = min(best[number], time.process_time() - start)
            matches[number] = sum(len(field.matches) for (field,) in found)
    return [
        (seconds / len(pairs) * 1e6, count) for seconds, count in zip(best, matches, strict=True)
    ]


def main() -> None:
    """Print the curve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    lines = parser.parse_args().file.read_bytes().splitlines()
    views = [view(msgspec.json.decode(line)["text"]) for line in lines]
    pairs = [(mention(seen.original), seen) for seen in views]
    counted = Counter(
        word for seen in views for word in re.findall(r"[^\W\d_]{4,}", seen.text.lower())
    )
    words = [
        word for word, _ in counted.most_common()
        if word not in {"nicht", "oder", "und"}
    ]  # fmt: skip
    print(f"{len(views)} texts of {sum(len(v.text) for v in views) / len(views):.0f} characters")
    print(
        f"{'queries':>8} {'compile s':>10} {'terms':>7} {'µs/text':>8} {'matches':>8} {'x 100':>6}"
    )
    watchlists = []
    compiling = []
    for size in SIZES:
        made = topics(random.Random(1), size, words)
        start = time.process_time()
        watchlists.append(Watchlist(made))
        compiling.append(time.process_time() - start)
    often = [WatchTopic(topic=word, kind="theme", query=word) for word in words[:1_000]]
    *measured, frequent = measure([*watchlists, Watchlist(often)], pairs)
    hundred = measured[SIZES.index(100)][0]
    for size, watchlist, seconds, (each, matches) in zip(
        SIZES, watchlists, compiling, measured, strict=True
    ):
        print(
            f"{size:>8} {seconds:>10.2f} {watchlist.size:>7} {each:>8.1f} {matches:>8} "
            f"{each / hundred:>6.2f}"
        )
    each, matches = frequent
    print(f"1,000 of the texts' most frequent words: {each:.1f} µs/text, {matches} matches")


if __name__ == "__main__":
    main()
