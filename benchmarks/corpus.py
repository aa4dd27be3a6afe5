"""Mentions to measure with: as long and as mixed as real ones, and made of none of them.

The figures below were measured on 2,369 real posts about a railway from Twitter, Facebook, forums,
blogs and news (GermEval 2017, development set), which was gathered as German;
``python -m benchmarks.corpus FILE`` prints them again for such a file, beside those of what is
made here. The sentences are the demo's own, which has German and English, with some
words exchanged for others that nobody knows: what is written once and never again is an eighth of
all words in life, and whoever keeps what he knows of a word is not to be flattered.
"""

import json
import random
import re
import sys
from bisect import bisect
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from pipeline.demo.story import tell
from pipeline.enrich.language import build
from pipeline.enrich.text import view
from pipeline.settings import Enrichment
from schemas import encode
from schemas.mention import Author, Collector, RawMention

__all__ = ["mentions", "new_words", "topics_toml"]

# Quantiles of the length in characters, and how many of 1,000 posts have what.
QUANTILES: Final = (0.0, 0.05, 0.10, 0.25, 0.50, 0.75, 0.90, 0.95, 0.99, 1.0)
LENGTHS: Final = (16, 55, 70, 104, 140, 295, 375, 590, 890, 1002)
LINK, HASHTAG, HANDLE = 0.211, 0.142, 0.276
STEP: Final = 7_500
"""Words of which it is counted how many are new."""
_WORD: Final = re.compile(r"[^\W\d_]+")
_NO_WORD: Final = re.compile(r"https?:\S+|[@#]\w+")
_LONG: Final = re.compile(r"[^\W\d_]{5,}")
MARKS: Final = {"link": r"https?:", "hashtag": r"#", "handle": r"@\w"}
ENGLISH: Final = 0.002
"""What our detector calls English, 5 of those posts, and all 5 are. It calls 5 more not German: two
of them are, one is Dutch, two hardly a sentence. Of the 80 that look least German among those it
calls German, two are English, one Portuguese, and five half English. So some ten in all are not
German, too few to matter here; languages beside German and English are left out."""

COINED, COMMON, RARE = 0.37, 3_000, 0.5
"""The share of words of five letters or more that are coined, how many of those are common, and how
slowly the rest gets rarer (Pareto's exponent): so that new words go on to come as in those posts.
Of their first 7,500 words 39 % were new, 24 % of the next as many, 15 % after 60,000."""
START: Final = datetime(2026, 1, 1, tzinfo=UTC)


class _Sentences:
    """What is said in a language, and words of its kind.

    Args:
        language: ``de`` or ``en``.
    """

    def __init__(self, language: str) -> None:
        self._told = _told(language)
        long = {word.lower() for said in self._told for word in _LONG.findall(said)}
        self._heads = sorted({word[:4] for word in long})
        self._tails = sorted({word[4:] for word in long})

    def one(self, chance: random.Random) -> str:
        """A sentence, with words of its own."""

        def exchanged(match: re.Match[str]) -> str:
            if chance.random() >= COINED:
                return match[0]
            word = self._word(int(COMMON * (chance.paretovariate(RARE) - 1)))
            return word.capitalize() if match[0][0].isupper() else word

        return _LONG.sub(exchanged, chance.choice(self._told))

    def _word(self, number: int) -> str:
        """The word of a number: the start of one and the ends of others."""
        rest, head = divmod(number, len(self._heads))
        word = self._heads[head]
        number += rest  # what is common is to end in many ways, too
        while True:
            number, tail = divmod(number, len(self._tails))
            word += self._tails[tail]
            if not number:
                return word


def _told(language: str) -> list[str]:
    told = tell(datetime(2026, 6, 1, tzinfo=UTC))
    texts = [post.line.text for post in told.posts.values() if post.line.lang == language]
    parts = [part for text in texts for part in re.split(r"(?<=[.!?])\s+|\n+", text) if part]
    return [part for part in parts if not any(re.search(mark, part) for mark in MARKS.values())]


def mentions(count: int, *, seed: int = 1, length: int | None = None) -> Iterator[RawMention]:
    """Make mentions; the same for the same arguments.

    Args:
        count: how many.
        seed: of the random numbers.
        length: characters of each text; as measured by default.
    """
    chance = random.Random(seed)
    sentences = {code: _Sentences(code) for code in ("de", "en")}
    for number in range(count):
        language = "en" if chance.random() < ENGLISH else "de"
        wanted = length or _length(chance)
        moment = START + timedelta(seconds=30 * number)
        yield RawMention(
            id=f"bench:{seed}-{number}",
            revision=int(moment.timestamp() * 1_000),
            channel=chance.choice(("microblog", "microblog", "social", "forum", "news", "blog")),
            text=_text(chance, sentences[language], wanted),
            url=f"https://platform.example/{seed}/{number}",
            site="platform.example",
            author=Author(handle=f"user{chance.randrange(5_000)}", followers=chance.randrange(900)),
            published_at=moment,
            collected_at=moment,
            collector=Collector(source="bench"),
        )


def _length(chance: random.Random) -> int:
    """A length whose quantiles are those measured, by straight lines between them."""
    share = chance.random()
    right = min(bisect(QUANTILES, share), len(QUANTILES) - 1)
    left = right - 1
    along = (share - QUANTILES[left]) / (QUANTILES[right] - QUANTILES[left])
    return round(LENGTHS[left] + along * (LENGTHS[right] - LENGTHS[left]))


def _text(chance: random.Random, sentences: _Sentences, wanted: int) -> str:
    parts, tail = [], ""
    if chance.random() < HANDLE:
        parts.append(f"@user{chance.randrange(5_000)}")
    if chance.random() < HASHTAG:
        tail += f" #{chance.choice(('Lüftung', 'Zugausfall', 'news', 'BriseBrennt'))}"
    if chance.random() < LINK:
        tail += f" https://t.example/{chance.randrange(10_000_000):x}"
    if 2 * len(tail) > wanted:
        tail = ""
    # A number of its own, so that no text is another's copy.
    parts.append(f"{sentences.one(chance)} {chance.randrange(10_000_000)}")
    while sum(map(len, parts)) + len(parts) + len(tail) < wanted:
        parts.append(sentences.one(chance))
    return " ".join(parts)[: wanted - len(tail)] + tail


def topics_toml(count: int) -> str:
    """A watchlist of so many topics: a few that occur, the rest invented words."""
    chance = random.Random(count)
    common = ["Vennbruck", "Brise", "Klarvent", "Wärmling", "Aerodorn", "Tholmeyer", "Lüftung"]
    syllables = ["ka", "lo", "mi", "ren", "tus", "vel", "dor", "fin", "gra", "hop"]
    invented = ("".join(chance.choices(syllables, k=4)) + str(n) for n in range(count))
    names = [*common, *invented][:count]
    return "\n".join(
        f'[[watchlist]]\ntopic = "{name}"\nkind = "brand"\nterms = ["{name}"]\n' for name in names
    )


def _measure(texts: Sequence[str]) -> None:
    """Print how long texts are, how many have what, and how many are in which language."""
    lengths = sorted(map(len, texts))
    last = len(lengths) - 1
    print("lengths", [lengths[min(int(len(lengths) * share), last)] for share in QUANTILES])
    for name, pattern in MARKS.items():
        print(name, round(sum(bool(re.search(pattern, text)) for text in texts) / len(texts), 3))
    print(f"new of each {STEP:,} words", new_words(texts))
    detector = build(Enrichment().language_backend, Enrichment().languages)
    found = Counter(detector.detect(view(text).prose).code for text in texts)
    print("languages", {code: round(n / len(texts), 4) for code, n in found.most_common()})


def new_words(texts: Iterable[str]) -> list[float]:
    """Of each ``STEP`` words, without links and handles, the share that did not occur before."""
    known: set[str] = set()
    shares: list[float] = []
    words = [word for text in texts for word in _WORD.findall(_NO_WORD.sub(" ", text))]
    for start in range(0, len(words) - STEP + 1, STEP):
        before = len(known)
        known.update(words[start : start + STEP])
        shares.append(round((len(known) - before) / STEP, 3))
    return shares


def main(path: Path) -> None:
    """Print the figures of a file of texts, and of as many that are made here."""
    lines = path.read_text(encoding="utf-8").splitlines()
    made = list(mentions(len(lines)))
    print(f"{path.name}: {len(lines):,} texts")
    _measure([json.loads(line)["text"] for line in lines])
    size = sum(len(encode(mention)) for mention in made) // len(made)
    print(f"as many generated, of {size} bytes on average")
    _measure([mention.text for mention in made])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
