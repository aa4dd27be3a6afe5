"""Which watchlist topics a text speaks of, and by which words.

All terms are compiled once into an Aho-Corasick automaton, so the time to search a text does not
grow with their number. A term matches as a whole word; a hyphen ends a word, so it also matches as
a part of a hyphenated compound. Case does not count, unless the topic says so; ``ae oe ue ss``
stand for ``ä ö ü ß`` and the other way round. ``#foo`` matches the hashtag, ``@foo`` the handle.
The inside of links is searched only for terms that have a dot or a slash themselves.
"""

import hashlib
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Final, Literal, TypeAlias

import ahocorasick
import msgspec
from msgspec import Struct

from pipeline.enrich.text import View
from pipeline.settings import WatchTopic
from schemas.mention import Match, Producer, Span

__all__ = ["Found", "Hit", "Watchlist", "spellings"]

_MOST_SPANS: Final = 100
_MOST_MATCHES: Final = 200
_TO_ASCII: Final = (("ä", "ae"), ("ö", "oe"), ("ü", "ue"), ("ß", "ss"))
_ADDRESSES: Final = frozenset({"link", "mail"})
_TAGS: Final = frozenset("#@")
_BLANKS: Final = re.compile(r"\s+")

Where: TypeAlias = Literal["text", "title"]


class _Term(Struct, frozen=True):
    topic: int
    """Its place in the watchlist."""
    order: int
    """Its place among all terms."""
    text: str
    in_links: bool


class Hit(Struct, frozen=True):
    """One term at one place of a view."""

    topic: int
    order: int
    start: int
    end: int


class Found(Struct, frozen=True):
    """All hits in one field of a mention."""

    view: View
    where: Where
    hits: list[Hit]
    """By watchlist order, then position."""


def spellings(term: str, *, case_sensitive: bool = False) -> set[str]:
    """All folded spellings under which a term is searched."""
    text = _BLANKS.sub(" ", unicodedata.normalize("NFKC", term).strip())
    if not case_sensitive:
        text = text.replace("\u0130", "I").lower()
    plain = umlauted = text
    for letter, pair in _TO_ASCII:
        for one, two in ((letter, pair), (letter.upper(), pair.capitalize())):
            plain = plain.replace(one, two)
            if letter != "ß":  # "ss" is far more often itself than a spelling of "ß"
                umlauted = umlauted.replace(two, one)
    return {text, plain, umlauted, plain.replace("ss", "ß")} - {""}


class Watchlist:
    """The compiled terms of all topics."""

    def __init__(self, topics: Sequence[WatchTopic]) -> None:
        self.topics = tuple(topics)
        self.terms: list[str] = []
        folded: dict[str, list[_Term]] = {}
        exact: dict[str, list[_Term]] = {}
        for index, topic in enumerate(self.topics):
            for term in dict.fromkeys(topic.terms):
                entry = _Term(index, len(self.terms), term, any(sign in term for sign in "./"))
                self.terms.append(term)
                into = exact if topic.case_sensitive else folded
                for spelling in spellings(term, case_sensitive=topic.case_sensitive):
                    into.setdefault(spelling, []).append(entry)
        self._folded = _automaton(folded)
        self._exact = _automaton(exact)
        compiled = msgspec.json.encode([topic.model_dump() for topic in self.topics])
        self.by = Producer(name="watchlist", version=hashlib.sha256(compiled).hexdigest()[:12])

    def find(self, view: View, where: Where) -> Found:
        """Every place where a term stands."""
        hits: list[Hit] = []
        text = view.text.replace("\n", " ").replace("\t", " ").replace("\r", " ")
        if self._folded is not None:
            hits.extend(_scan(self._folded, text.lower(), view))
        if self._exact is not None:
            hits.extend(_scan(self._exact, text, view))
        hits.sort(key=_by_order)
        return Found(view, where, hits)

    def matches(self, found: Found) -> list[Match]:
        """One match a term, with all its places (at most 100)."""
        spans: dict[int, list[Span]] = {}
        topics: dict[int, WatchTopic] = {}
        for hit in found.hits:
            places = spans.setdefault(hit.order, [])
            topics[hit.order] = self.topics[hit.topic]
            if len(places) < _MOST_SPANS:
                places.append(found.view.span(hit.start, hit.end))
        return [
            Match(
                topic=topics[order].topic,
                kind=topics[order].kind,
                clause=self.terms[order][:1_024],
                spans=tuple(places),
                where=found.where,
                by=self.by,
            )
            for order, places in list(spans.items())[:_MOST_MATCHES]
        ]


def _by_order(hit: Hit) -> tuple[int, int]:
    return hit.order, hit.start


def _automaton(terms: dict[str, list[_Term]]) -> "ahocorasick.Automaton | None":
    if not terms:
        return None
    automaton = ahocorasick.Automaton()
    for spelling, entries in terms.items():
        automaton.add_word(spelling, (len(spelling), entries))
    automaton.make_automaton()
    return automaton


def _scan(automaton: "ahocorasick.Automaton", text: str, view: View) -> Iterator[Hit]:
    last = len(text) - 1
    addresses = [mark for mark in view.marks if mark.kind in _ADDRESSES]
    starts = [mark.start for mark in addresses]
    for final, (length, terms) in automaton.iter(text):
        start = final - length + 1
        if start and _joined(text[start - 1], text[start], tag=True):
            continue
        if final < last and _joined(text[final], text[final + 1]):
            continue
        before = bisect_right(starts, start)
        inside = before > 0 and final < addresses[before - 1].end
        for term in terms:
            if term.in_links or not inside:
                yield Hit(term.topic, term.order, start, final + 1)


def _joined(left: str, right: str, *, tag: bool = False) -> bool:
    """Whether two characters belong to one word; ``tag``: or the right one is no tag of its own."""
    sides = left if tag and right in _TAGS else left + right
    return all(side.isalnum() or side == "_" for side in sides)
