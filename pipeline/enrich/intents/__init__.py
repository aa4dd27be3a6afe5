"""What the author of a text wants: asks, complains, praises, means to buy, needs help.

Rules, not a model: ``de.txt`` and ``en.txt`` are phrases that anyone can read and mend, and an
intent always comes with the words that triggered it. A phrase is words in lower case; ``kauf*`` is
any word that starts so, ``..`` stands for up to four words of the same sentence, ``a|b`` for
either. Praise and complaints do not count behind a negation ("nicht kaputt"), unless the phrase has
it itself.

Phrases are found by their first word, all at once (Aho-Corasick), and only then looked at closely.
"""

import re
from collections.abc import Iterator
from importlib.resources import files
from typing import Final, get_args

import ahocorasick

from pipeline.enrich.text import View
from schemas.mention import Intent, IntentKind, Producer

__all__ = ["LANGUAGES", "Intents"]

LANGUAGES: Final = ("de", "en")
_VERSION: Final = "1"
_READ: Final = 4_000
_MOST: Final = 10
"""Places of one intent that are shown."""
_APART: Final = r"[^\w.!?\n]+"
_GAP: Final = rf"(?:{_APART}\w+){{0,4}}?"
_ASKS: Final = re.compile(r"(?<=[\w\"')\u201c\u00ab%\u20ac])\s?(\?)")
_NO: Final = r"\b(?:nicht|nich|nie|kein\w{0,2}|ohne|weder|not|never|no|without|\w{2,5}n't)"
_NEGATED: Final = re.compile(rf"{_NO}(?:{_APART}\w+){{0,2}}{_APART}\Z")
_NEGATION: Final = re.compile(rf"{_NO}\b")
_BEFORE: Final = 40
_NEGATABLE: Final = frozenset({"complaint", "praise"})


class Intents:
    """The rules of one language."""

    def __init__(self, language: str) -> None:
        self.by = Producer(name=f"intents-{language}", version=_VERSION)
        text = files("pipeline.enrich.intents").joinpath(f"{language}.txt").read_text("utf-8")
        rules: dict[str, list[tuple[IntentKind, re.Pattern[str], bool]]] = {}
        for kind, phrase in _phrases(text):
            for first, pattern in _compiled(phrase):
                negatable = kind in _NEGATABLE and not _NEGATION.search(phrase.replace("|", " "))
                rules.setdefault(first, []).append((kind, pattern, negatable))
        self._automaton = ahocorasick.Automaton()
        for first, found in rules.items():
            self._automaton.add_word(first, (len(first), found))
        self._automaton.make_automaton()

    def find(self, view: View) -> tuple[Intent, ...]:
        """The intents of a text, each once, in the order of ``IntentKind``."""
        prose = view.prose[:_READ].lower()
        places: dict[IntentKind, list[tuple[int, int]]] = {}
        for final, (length, rules) in self._automaton.iter(prose):
            start = final + 1 - length
            if start and prose[start - 1].isalnum():
                continue
            for kind, pattern, negatable in rules:
                match = pattern.match(prose, start)
                if match and not (negatable and _negated(prose, *match.span())):
                    places.setdefault(kind, []).append(match.span())
        if "?" in prose:
            asked = [match.span(1) for match in _ASKS.finditer(prose)]
            if asked:
                places["question"] = sorted({*places.get("question", ()), *asked})
        if not places:
            return ()
        return tuple([self._intent(view, kind, places[kind]) for kind in _KINDS if kind in places])

    def _intent(self, view: View, kind: IntentKind, places: list[tuple[int, int]]) -> Intent:
        spans = [view.span(*place) for place in _longest(places)[:_MOST]]
        return Intent(
            kind=kind,
            words=tuple([view.written(span)[:200] for span in spans]),
            spans=tuple(spans),
            by=self.by,
        )


_KINDS: Final[tuple[IntentKind, ...]] = get_args(IntentKind)


def _negated(prose: str, start: int, end: int) -> bool:
    """Whether a negation stands shortly before a place, or in it."""
    before = max(start - _BEFORE, 0)
    return bool(_NEGATED.search(prose, before, start) or _NEGATION.search(prose, start, end))


def _phrases(text: str) -> Iterator[tuple[IntentKind, str]]:
    """The phrases of a file, under their headings."""
    kind: IntentKind | None = None
    for line in text.splitlines():
        content = line.partition("#")[0].strip()
        if content.startswith("["):
            (kind,) = (known for known in _KINDS if known == content.strip("[]"))
        elif content:
            assert kind is not None, line  # noqa: S101 - a file starts with a heading
            yield kind, content


def _compiled(phrase: str) -> Iterator[tuple[str, re.Pattern[str]]]:
    """For each way a phrase begins: these letters, and the pattern of all of it."""
    first, *rest = phrase.split()
    for way in first.split("|"):
        pattern = _word(way)
        gap = _APART
        for word in rest:
            if word == "..":
                gap = _GAP + _APART
            else:
                pattern += gap + _word(word)
                gap = _APART
        yield way.rstrip("*"), re.compile(pattern)


def _word(word: str) -> str:
    ways = [
        re.escape(way[:-1]) + r"\w{0,15}" if way.endswith("*") else re.escape(way)
        for way in word.split("|")
    ]
    return rf"(?:{'|'.join(ways)})(?!\w)"


def _longest(places: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Places in order and apart, the longest of those that start together."""
    kept: list[tuple[int, int]] = []
    for start, end in sorted(set(places), key=lambda place: (place[0], -place[1])):
        if not kept or start >= kept[-1][1]:
            kept.append((start, end))
    return kept
