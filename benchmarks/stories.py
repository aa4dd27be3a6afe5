"""How well near copies are found: ``python -m benchmarks.stories FOLDER [--window 1000000]``.

FOLDER holds JSON Lines with ``text``. The window is filled with texts made of the real ones: two
halves of two random texts each, so that they share wording as real texts do and are no copies of
each other. Of real texts (each once, of five words or more) variants are made, as named below, some
time after the text itself; each is looked up. Recall: variants that are found to be a copy of their
own text. Precision: of all answers, to variants and to texts that are copies of nothing, those that
name the right text. Real texts that are near copies of each other by exact comparison are left out
beforehand. One process; microseconds of one core.
"""

import argparse
import random
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import msgspec
import psutil
from rich.console import Console
from rich.table import Table

from pipeline.enrich.duplicates import fingerprints
from pipeline.enrich.text import view
from pipeline.enrich.window import Window
from schemas.mention import Collector, RawMention

SEED = 7
BATCH = 500
WHEN = datetime(2026, 1, 1, tzinfo=UTC)
MENTION = RawMention(
    id="t:any",
    revision=1,
    channel="other",
    text="",
    published_at=WHEN,
    collected_at=WHEN,
    collector=Collector(source="trial"),
)
FEWEST = 5
FILES = "real-mentions-de.jsonl", "sent_*_train.jsonl", "ner_*_train.jsonl"
LEADS = ("RT @nutzer42: ", "Gerade gelesen: ", "dpa meldet heute: ", "via @agentur ")
TAILS = (" https://t.example/abc", " Was meint ihr dazu?", " #news", " Mehr dazu in Kürze hier.")
LINK = re.compile(r"https?://\S+")


def texts(folder: Path) -> list[str]:
    """Every text once, of five words or more."""
    found: dict[str, None] = {}
    for pattern in FILES:
        for path in sorted(folder.glob(pattern)):
            for line in path.read_bytes().splitlines():
                text = msgspec.json.decode(line)["text"]
                if len(re.findall(r"\w+", view(text).prose)) > FEWEST:
                    found[text] = None
    return list(found)


def changed(text: str, chance: random.Random, words: list[str]) -> str:
    """Every tenth word is another one, at least one."""
    parts = text.split()
    for place in chance.sample(range(len(parts)), max(len(parts) // 10, 1)):
        parts[place] = chance.choice(words)
    return " ".join(parts)


def relinked(text: str, chance: random.Random) -> str:
    """Other links, or one where there was none."""
    link = f"https://l.example/{chance.randrange(10**9)}"
    return LINK.sub(link, text) if LINK.search(text) else f"{text} {link}"


def apart(found: list[str]) -> list[str]:
    """The texts that are no near copies of an earlier one, by all their words."""
    kept: list[str] = []
    by_word: dict[str, list[int]] = {}
    sets: list[frozenset[str]] = []
    for text in found:
        words = frozenset(re.findall(r"\w+", view(text).prose.lower()))
        rare = sorted(words, key=lambda word: (len(by_word.get(word, ())), word))
        near = {place for word in rare[: len(rare) // 2 + 1] for place in by_word.get(word, ())}
        if any(len(words & sets[n]) > 0.4 * len(words | sets[n]) for n in near):
            continue
        for word in words:
            by_word.setdefault(word, []).append(len(sets))
        sets.append(words)
        kept.append(text)
    return kept


def filler(found: list[str], chance: random.Random) -> Iterator[str]:
    """Texts without end, of two halves."""
    halves = [(text[: len(text) // 2], text[len(text) // 2 :]) for text in found]
    while True:
        yield f"{chance.choice(halves)[0]} {chance.choice(halves)[1]}"


class Cost(NamedTuple):
    """What a window takes."""

    making: float
    """Microseconds a mention to make its fingerprint."""
    adding: float
    """Microseconds a mention to add it."""
    finding: float
    """Microseconds a mention to ask about it."""
    memory: float
    """Megabytes by which filling the window has made the process grow; in a process that has done
    other work before, what that has left free counts as nothing."""
    window: int
    """Fingerprints in it."""
    texts: int
    """Texts that were added."""


class Trial:
    """A window, filled, and what is asked of it.

    Args:
        size: of the window.
        originals: what variants are made of.
        material: what the rest of the window is filled with.
    """

    def __init__(self, size: int, originals: list[str], material: Iterator[str]) -> None:
        before = psutil.Process().memory_info().rss
        self.window = Window(size)
        self.making = self.adding = self.finding = 0.0
        self.texts = self.asked = 0
        self.add((f"t:original{number}", text) for number, text in enumerate(originals))
        while (missing := size - 2 * len(originals) - len(self.window)) > 0:
            count = min(BATCH, (missing + 1) // 2)  # each has two fingerprints at most
            self.add((f"t:{self.texts + n}", next(material)) for n in range(count))
        self._memory = (psutil.Process().memory_info().rss - before) / 1e6

    def add(self, named: Iterable[tuple[str, str]]) -> None:
        """Add texts by name, in batches, as a worker does."""
        seen = [(name, view(text)) for name, text in named]
        for part in (seen[n : n + BATCH] for n in range(0, len(seen), BATCH)):
            start = time.process_time()
            prints = fingerprints([(text, MENTION) for _, text in part])
            made = time.process_time()
            self.window.add([(name, one) for (name, _), one in zip(part, prints, strict=True)])
            self.adding += time.process_time() - made
            self.making += made - start
        self.texts += len(seen)

    def ask(self, texts: Sequence[str]) -> list[str | None]:
        """Which text each is a copy of; asked in batches, as a worker does."""
        answers: list[str | None] = []
        for part in (texts[n : n + BATCH] for n in range(0, len(texts), BATCH)):
            made = fingerprints([(view(text), MENTION) for text in part])
            prints = {f"t:asked{n}": print_ for n, print_ in enumerate(made)}
            start = time.process_time()
            found = self.window.find(prints)
            self.finding += time.process_time() - start
            answers += [found[name].of if name in found else None for name in prints]
        self.asked += len(texts)
        return answers

    @property
    def cost(self) -> Cost:
        """What it took."""
        return Cost(
            1e6 * self.making / self.texts,
            1e6 * self.adding / self.texts,
            1e6 * self.finding / self.asked,
            self._memory,
            len(self.window),
            self.texts,
        )


class Score(NamedTuple):
    """How well the copies among some texts were found."""

    name: str
    n: int
    right: int
    answered: int

    @property
    def recall(self) -> float:
        """Of the copies, those that were found to be one of the right text."""
        return self.right / self.n

    @property
    def precision(self) -> float:
        """Of the answers, the right ones."""
        return self.right / max(self.answered, 1)


class Outcome(NamedTuple):
    """What came of a trial."""

    variants: list[Score]
    strangers: Score
    """Texts that are copies of nothing; every answer is wrong."""
    cost: Cost

    @property
    def all(self) -> Score:
        """All variants, and the wrong answers to strangers."""
        return Score(
            "all, and strangers",
            sum(score.n for score in self.variants),
            sum(score.right for score in self.variants),
            sum(score.answered for score in (*self.variants, self.strangers)),
        )


def attempt(folder: Path, window: int, sample: int) -> Outcome:
    """Fill a window and ask.

    Args:
        folder: of the texts.
        window: how many fingerprints it holds.
        sample: of how many texts variants are made, and how many strangers are asked about; fewer
            where there are few.
    """
    chance = random.Random(SEED)
    every = texts(folder)
    found = apart(chance.sample(every, min(len(every), 6 * sample)))
    sample = min(sample, len(found) // 3)
    words = sorted({word for text in found for word in text.split()})
    originals, strangers = found[:sample], found[sample:][:sample]
    variants: dict[str, Callable[[str], str]] = {
        "the same": lambda text: text,
        "10 % of words changed": lambda text: changed(text, chance, words),
        "prefix": lambda text: chance.choice(LEADS) + text,
        "suffix": lambda text: text + chance.choice(TAILS),
        "prefix and suffix": lambda text: chance.choice(LEADS) + text + chance.choice(TAILS),
        "cut at 280": lambda text: text[:280],
        "links changed": lambda text: relinked(text, chance),
    }
    trial = Trial(window, originals, filler(found[2 * sample :], chance))
    wrong = sum(answer is not None for answer in trial.ask(strangers))
    scores = []
    for name, make in variants.items():
        said = trial.ask([make(text) for text in originals])
        right = sum(answer == f"t:original{number}" for number, answer in enumerate(said))
        scores.append(Score(name, len(said), right, sum(answer is not None for answer in said)))
    return Outcome(scores, Score("strangers", len(strangers), 0, wrong), trial.cost)


def main() -> None:
    """Fill, ask, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--window", type=int, default=1_000_000)
    parser.add_argument("--sample", type=int, default=2_000)
    arguments = parser.parse_args()
    outcome = attempt(arguments.folder, arguments.window, arguments.sample)
    table = Table("variant", "n", "recall", "precision")
    for score in (*outcome.variants, outcome.all):
        table.add_row(score.name, str(score.n), f"{score.recall:.1%}", f"{score.precision:.1%}")
    console = Console(width=100)
    console.print(table)
    cost, strangers = outcome.cost, outcome.strangers
    console.print(
        f"strangers taken for copies: {strangers.answered} of {strangers.n}; "
        f"window: {cost.window:,} "
        f"fingerprints of {cost.texts:,} texts, {cost.memory:,.0f} MB; a mention costs "
        f"{cost.making:.0f} µs to make, {cost.adding:.0f} µs to add, {cost.finding:.0f} µs to ask"
    )


if __name__ == "__main__":
    main()
