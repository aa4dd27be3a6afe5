"""English: TextBlob's lexicon (Pattern's) and VADER's, and the function words around them.

Both are read from the installed packages.
"""

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean
from typing import Final
from xml.etree import ElementTree as ET

from pipeline.enrich import particles
from pipeline.enrich.sentiment import phrases
from pipeline.enrich.sentiment.lexicon import NOTHING, Lexicon, Word, enter, rows

__all__ = ["load", "textblob"]

_NEGATIONS: Final = (
    "not no never none nobody nothing neither nor nowhere without hardly barely scarcely cannot "
    "cant can't dont don't doesnt doesn't didnt didn't isnt isn't arent aren't wasnt wasn't werent "
    "weren't wont won't wouldnt wouldn't couldnt couldn't shouldnt shouldn't hasnt hasn't havent "
    "haven't hadnt hadn't aint ain't n't"
)
_BOOSTS: Final = {
    1.4: "very really so extremely totally absolutely completely incredibly insanely highly super "
    "damn fucking freaking too such truly utterly deeply exceptionally especially mega ultra "
    "awfully terribly ridiculously",
    0.6: "slightly somewhat rather fairly quite little bit kinda sorta partly mildly",
}
_BREAKS: Final = "but however although though yet except whereas nevertheless while"
_LIFTS: Final = "only just"
_JOINS: Final = "and or"
_REMARKS: Final = (
    "sadly unfortunately regrettably luckily fortunately thankfully hopefully honestly frankly "
    "finally alas sorry haha hahaha lol lmao rofl omg wtf wow ugh yay yeah"
)


_VADER_FULL: Final = 4.0
"""VADER's weights reach from -4 to 4."""


def load() -> Lexicon:
    """Build the lexicon: TextBlob's words, and VADER's where TextBlob has none."""
    table = _everyday()
    for form, weight in _vader():
        if form not in table:
            table[form] = Word(weight=weight)
    return _finished(table)


def textblob() -> Lexicon:
    """Build the lexicon of TextBlob's words alone."""
    return _finished(_everyday())


def _everyday() -> dict[str, Word]:
    table = _textblob()
    for form, weight in rows("en_everyday.tsv"):
        table[form] = table.get(form, NOTHING)._replace(weight=float(weight))
    return table


def _finished(table: dict[str, Word]) -> Lexicon:
    enter(table, _BOOSTS, _NEGATIONS, _BREAKS, _LIFTS, joins=_JOINS, remarks=_REMARKS)
    return Lexicon(
        words=table,
        neutral=(-0.05, 0.18),
        particles=particles.ENGLISH,
        phrases=phrases.load("en"),
    )


def _vader() -> Iterator[tuple[str, float]]:
    """The words of VADER's lexicon; its emoticons are left to ``emoji``."""
    text = (_folder("vaderSentiment") / "vader_lexicon.txt").read_text(encoding="utf-8")
    for line in text.splitlines():
        form, weight, *_ = line.split("\t")
        if form.replace("'", "").isalpha():
            yield form.lower(), float(weight) / _VADER_FULL


def _folder(package: str) -> Path:
    """Where an installed package lies, without importing it."""
    spec = importlib.util.find_spec(package)
    assert spec is not None  # noqa: S101 - a dependency
    assert spec.origin is not None  # noqa: S101 - a regular package
    return Path(spec.origin).parent


def _textblob() -> dict[str, Word]:
    """Read the lexicon that TextBlob brings, without the corpora and imports it does not need."""
    senses: dict[str, list[tuple[float, float, str]]] = {}
    for node in ET.parse(_folder("textblob") / "en" / "en-sentiment.xml").iter("word"):  # noqa: S314 - a file of an installed package
        senses.setdefault(node.attrib["form"].lower(), []).append(
            (float(node.attrib["polarity"]), float(node.attrib["intensity"]), node.attrib["pos"])
        )
    table: dict[str, Word] = {}
    for form, found in senses.items():
        weight = fmean(polarity for polarity, _, _ in found)
        table[form] = Word(weight=weight, boost=fmean(intensity for _, intensity, _ in found))
        if weight and any(pos == "JJ" for _, _, pos in found):  # terrible, terribly
            stem = form[:-1] + "i" if form.endswith("y") else form.removesuffix("le")
            table.setdefault(f"{stem}ly", Word(weight=weight))
    return table
