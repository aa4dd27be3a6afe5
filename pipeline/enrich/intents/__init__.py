"""What the author of a text wants: asks, complains, praises, means to buy, needs help.

Rules, not a model: ``de.txt`` and ``en.txt`` are phrases that anyone can read and mend, and an
intent always comes with the words that triggered it. A phrase is words in lower case; ``kauf*`` is
any word that starts so, ``..`` stands for up to four words of the same clause, ``,..`` for as many
that may stand behind a comma, ``a|b`` for either. Praise and complaints do not count behind a
negation ("nicht kaputt"), nor do wishes that have one in them ("brauche keine Hilfe"), unless the
phrase has it itself. Of praise and complaint, the longer phrase counts, not what lies in it ("danke
für nichts"); what lies in a phrase under ``[nothing]`` never does ("kaputtgelacht").

Phrases are found by their first word, all at once (Aho-Corasick, over words between edges, so that
``in`` does not even come up in ``dahin``), and only then looked at closely: a pattern is compiled
when its first word is first met.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.resources import files
from itertools import accumulate
from typing import Final, Literal, TypeAlias, get_args

import ahocorasick
from msgspec.structs import replace

from pipeline.enrich.passages import ALL
from pipeline.enrich.text import View
from schemas.mention import Intent, IntentKind, Producer

__all__ = ["LANGUAGES", "Intents"]

LANGUAGES: Final = ("de", "en")
_VERSION: Final = "2"
_MOST: Final = 10
"""Places of one intent that are shown."""
_APART: Final = r"[^\w.!?\n]+"
_WITHIN: Final = r"[^\w.!?\n,;:]+"
"""Between words of a clause."""
_GAP: Final = rf"(?:{_WITHIN}\w+){{0,4}}?{_WITHIN}"
_GAPS: Final = {"..": _GAP, ",..": f",?{_GAP}"}
_ASKED: Final = r"[\w\"')\u201c\u00ab%\u20ac]"
_ASKS: Final = re.compile(rf"\?(?:(?<={_ASKED}\?)|(?<={_ASKED}\s\?))")
_NO: Final = r"\b(?:nicht|nich|nie|kein\w{0,2}|ohne|weder|not|never|no|without|\w{2,5}n't)"
_FAINT: Final = r"\b(?:kaum|wenig|hardly|barely)"
_NEGATED: Final = re.compile(rf"(?:{_NO}(?:{_WITHIN}\w+){{0,2}}|{_FAINT}){_WITHIN}\Z")
_UNWANTED: Final = re.compile(rf"\b(?:not|never|\w{{2,5}}n't){_WITHIN}\Z")
"""Before a wish: "doesn't work please help" is one, and so is "geht nicht wie kann ich"."""
_NEGATION: Final = re.compile(rf"{_NO}\b")
_INSIDE: Final = re.compile(rf"(?:{_NO}|{_FAINT})\b")
_BEFORE: Final = 40
_EDGE: Final = "\x01"
_TO_EDGES: Final = bytes(code if chr(code).isalnum() else ord(_EDGE) for code in range(256))
_Heading: TypeAlias = IntentKind | Literal["nothing"]
_NEGATIONS: Final[dict[_Heading, re.Pattern[str]]] = {
    "complaint": _NEGATED, "praise": _NEGATED, "purchase": _UNWANTED, "help": _UNWANTED,
}  # fmt: skip
"""What may not stand before a phrase."""


class Intents:
    """The rules of one language."""

    def __init__(self, language: str) -> None:
        self.by = Producer(name=f"intents-{language}", version=_VERSION)
        text = files("pipeline.enrich.intents").joinpath(f"{language}.txt").read_text("utf-8")
        rules: dict[str, list[tuple[_Heading, str, re.Pattern[str] | None]]] = {}
        for kind, phrase in _phrases(text):
            for first, pattern in _patterns(phrase):
                has_own = _NEGATION.search(phrase.replace("|", " "))
                unless = None if has_own else _NEGATIONS.get(kind)
                rules.setdefault(first, []).append((kind, pattern, unless))
        self._automaton = ahocorasick.Automaton()
        for first, found in rules.items():
            self._automaton.add_word(first, (len(first), found))
        self._automaton.make_automaton()

    def find(self, view: View, title: View | None = None) -> tuple[Intent, ...]:
        """The intents of a text, each once, in the order of ``IntentKind``.

        What only the title says comes without spans, which speak of the text.
        """
        found = {kind: self._intent(view, kind, at) for kind, at in self._places(view).items()}
        if title is not None:
            for kind, at in self._places(title).items():
                if kind not in found:
                    found[kind] = replace(self._intent(title, kind, at), spans=())
        return tuple([found[kind] for kind in _KINDS if kind in found]) if found else ()

    def _places(self, view: View) -> dict[IntentKind, list[tuple[int, int]]]:
        """Where a text, of very long ones the passages, says what."""
        # A phone writes another apostrophe.
        prose = view.low[:ALL].replace("\u2019", "'")
        places: dict[_Heading, list[tuple[int, int]]] = {}
        for final, (length, rules) in self._automaton.iter(f"{_EDGE}{_marked(prose)}{_EDGE}"):
            start = final + 1 - length
            if start and prose[start - 1].isalnum():  # a letter that one byte does not hold
                continue
            for kind, pattern, unless in rules:
                match = _compiled(pattern).match(prose, start)
                if match and not (unless and _negated(unless, prose, *match.span())):
                    places.setdefault(kind, []).append(match.span())
        if "?" in prose:
            asked = [match.span() for match in _ASKS.finditer(prose)]
            if asked:
                places["question"] = sorted({*places.get("question", ()), *asked})
        return _counting(places)

    def _intent(self, view: View, kind: IntentKind, places: list[tuple[int, int]]) -> Intent:
        spans = [view.span(*place) for place in _longest(places)[:_MOST]]
        return Intent(
            kind=kind,
            words=tuple([view.written(span)[:200] for span in spans]),
            spans=tuple(spans),
            by=self.by,
        )


_KINDS: Final[tuple[IntentKind, ...]] = get_args(IntentKind)
_HEADINGS: Final[tuple[_Heading, ...]] = (*_KINDS, "nothing")


def _marked(prose: str) -> str:
    """Of the same length, with edges for what belongs to no word, or is not in Latin-1."""
    return prose.encode("latin-1", "replace").translate(_TO_EDGES).decode("latin-1")


def _negated(negation: re.Pattern[str], prose: str, start: int, end: int) -> bool:
    """Whether a negation stands shortly before a place, or in it."""
    before = max(start - _BEFORE, 0)
    return bool(negation.search(prose, before, start) or _INSIDE.search(prose, start, end))


def _counting(
    places: dict[_Heading, list[tuple[int, int]]],
) -> dict[IntentKind, list[tuple[int, int]]]:
    """The places that count, by kind."""
    nothing = places.get("nothing", ())
    found = {kind: _outside(places[kind], nothing) for kind in _KINDS if kind in places}
    if "complaint" in found and "praise" in found:
        found["praise"] = _outside(found["praise"], found["complaint"])
        found["complaint"] = _outside(found["complaint"], found["praise"])
    return {kind: at for kind, at in found.items() if at}


def _outside(
    places: list[tuple[int, int]], others: Sequence[tuple[int, int]]
) -> list[tuple[int, int]]:
    """The places that lie in none of the others."""
    if not others:
        return places
    others = sorted(others)
    starts = [start for start, _ in others]
    reach = [0, *accumulate((end for _, end in others), max)]
    return [(start, end) for start, end in places if reach[bisect_right(starts, start)] < end]


def _phrases(text: str) -> Iterator[tuple[_Heading, str]]:
    """The phrases of a file, under their headings."""
    kind: _Heading | None = None
    for line in text.splitlines():
        content = line.partition("#")[0].strip()
        if content.startswith("["):
            (kind,) = (known for known in _HEADINGS if known == content.strip("[]"))
        elif content:
            assert kind is not None, line  # noqa: S101 - a file starts with a heading
            yield kind, content


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def _patterns(phrase: str) -> Iterator[tuple[str, str]]:
    """For each way a phrase begins: it between edges, and the pattern of all of it."""
    first, *rest = phrase.split()
    for way in first.split("|"):
        pattern = _word(way)
        gap = _APART
        for word in rest:
            if word in _GAPS:
                gap = _GAPS[word]
            else:
                pattern += gap + _word(word)
                gap = _APART
        begins = f"{_EDGE}{_marked(way.rstrip('*'))}"
        yield (begins if way.endswith("*") else begins + _EDGE), pattern


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
