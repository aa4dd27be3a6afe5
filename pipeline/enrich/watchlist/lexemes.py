"""Terms as the automata know them: each different one once, whichever queries use it.

A lexeme stands for a word, a run of words or a term with signs. The patterns of those that lead to
a topic go into one of two Aho-Corasick automata: over the folded words of a field between edges, so
that ``Bahn`` does not even come up in ``Autobahn``; or over the whole folded text, for terms with
signs. All others (context, exclusions) are looked for only when a topic that
has them is judged. What a pattern alone cannot say (inner wildcards, capitals, compounds) is
checked on what it finds.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, TypeAlias

import ahocorasick
from msgspec import Struct

from pipeline.enrich.letters import of_words
from pipeline.enrich.watchlist.grammar import is_signed
from pipeline.enrich.watchlist.reading import EDGE, Place, Reading
from pipeline.enrich.watchlist.spelling import (
    WILD_WORDS,
    WORDS,
    fits,
    fold,
    forms,
    inside,
    plain,
    spellings,
)
from pipeline.enrich.watchlist.tree import Options, Term

__all__ = ["MOST_PLACES", "Hits", "Lexeme", "Lexicon"]

MOST_PLACES: Final = 100
"""Places of one lexeme in one field that are looked at."""
_TAGS: Final = frozenset("#@")

Check: TypeAlias = Callable[[str, str], bool]
"""Whether a stretch of words, as written and as folded, is what is meant."""

_Stretch: TypeAlias = tuple[int, int, int]
"""The number of a field, the start and the end in the text that is searched."""
_Stretches: TypeAlias = dict[int, list[_Stretch]]
"""By lexeme."""


class Lexeme(Struct, frozen=True):
    """One thing that is searched for."""

    words: dict[str, list[tuple[str, ...]]] = {}
    """Patterns for the automaton over words, each with the runs of words that may follow it."""
    first: frozenset[str] = frozenset()
    """One of these words must be there; empty where no word need be there as a whole."""
    signs: frozenset[str] = frozenset()
    """Patterns for the automaton over the whole text."""
    check: Check | None = None
    in_links: bool = False
    to_word_end: bool = False
    """A pattern of signs that goes on to the end of the word."""
    exact: frozenset[str] = frozenset()
    """For a term with signs whose capitals or accents count: how it may be written."""
    keep_case: bool = False
    keep_accents: bool = False


class Hits:
    """Where the lexemes stand in the fields of one mention."""

    def __init__(self, lexicon: "Lexicon", readings: Sequence[Reading]) -> None:
        self._lexicon = lexicon
        self.readings = readings
        self._found = lexicon.scan(readings)
        self._places: dict[int, list[Place]] = {}

    @property
    def leading(self) -> Iterable[int]:
        """Those that lead to a topic and may stand somewhere."""
        return self._found

    def places(self, lexeme: int) -> list[Place]:
        """All places of a lexeme, in the order of fields and text."""
        if (known := self._places.get(lexeme)) is None:
            known = self._lexicon.places(lexeme, self.readings, self._found)
            self._places[lexeme] = known
        return known


class Lexicon:
    """All lexemes, compiled."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, Options, bool], tuple[int, ...]] = {}
        self._lexemes: list[Lexeme] = []
        self._leading: frozenset[int] = frozenset()
        self._over_words: ahocorasick.Automaton | None = None
        self._over_signs: ahocorasick.Automaton | None = None

    def __len__(self) -> int:
        return len(self._lexemes)

    def add(self, term: Term) -> tuple[int, ...]:
        """The lexemes of a term: words that must follow each other, mostly one."""
        key = (term.text, term.options, term.wild)
        if (known := self._known.get(key)) is None:
            known = tuple(self._new(made) for made in _lexemes(term))
            self._known[key] = known
        return known

    def _new(self, lexeme: Lexeme) -> int:
        number = len(self._lexemes)
        self._lexemes.append(lexeme)
        return number

    def length(self, number: int) -> int:
        """Characters of the shortest pattern: the longer, the rarer."""
        lexeme = self._lexemes[number]
        return min(map(len, lexeme.words or lexeme.signs))

    def finish(self, leading: Iterable[int]) -> None:
        """Build the automata, once all terms are added.

        Args:
            leading: the lexemes that ``scan`` has to find.
        """
        self._leading = frozenset(leading)
        chosen = [(number, self._lexemes[number]) for number in sorted(self._leading)]
        self._over_words = _automaton((one, n) for n, lexeme in chosen for one in lexeme.words)
        self._over_signs = _automaton((one, n) for n, lexeme in chosen for one in lexeme.signs)

    def scan(self, readings: Sequence[Reading]) -> _Stretches:
        """For each leading lexeme the field, start and end of every pattern of it, unchecked."""
        found: _Stretches = {}
        for field, reading in enumerate(readings):
            for automaton, text in (
                (self._over_words, reading.marked),
                (self._over_signs, reading.whole if self._over_signs else ""),
            ):
                if automaton is None:
                    continue
                for last, (length, numbers) in automaton.iter(text):
                    hit = (field, last - length + 1, last + 1)
                    for number in numbers:
                        if (known := found.get(number)) is None:
                            found[number] = [hit]
                        else:
                            known.append(hit)
        return found

    def places(self, number: int, readings: Sequence[Reading], scanned: _Stretches) -> list[Place]:
        """The checked places of a lexeme; at most ``MOST_PLACES`` a field."""
        lexeme = self._lexemes[number]
        if number in self._leading:
            found: Iterable[_Stretch] = scanned.get(number, ())
        else:
            found = _searched(lexeme, readings)
        look = _signed_place if lexeme.signs else _word_place
        counts = [0] * len(readings)
        places: set[Place] = set()
        for field, start, end in found:
            if counts[field] < MOST_PLACES:
                place = look(lexeme, readings[field], start, end)
                if place is not None and place not in places:
                    places.add(place)
                    counts[field] += 1
        return sorted(places)


def _searched(lexeme: Lexeme, readings: Sequence[Reading]) -> Iterator[_Stretch]:
    """What ``scan`` would have found of a lexeme."""
    for field, reading in enumerate(readings):
        if lexeme.first and reading.vocabulary.isdisjoint(lexeme.first):
            continue
        text = reading.whole if lexeme.signs else reading.marked
        for pattern in lexeme.signs or lexeme.words:
            at = text.find(pattern)
            while at >= 0:
                yield field, at, at + len(pattern)
                at = text.find(pattern, at + 1)


def _automaton(patterns: Iterable[tuple[str, int]]) -> "ahocorasick.Automaton | None":
    numbers: dict[str, list[int]] = {}
    for pattern, number in patterns:
        numbers.setdefault(pattern, []).append(number)
    if not numbers:
        return None
    automaton = ahocorasick.Automaton()
    for pattern, found in numbers.items():
        automaton.add_word(pattern, (len(pattern), tuple(found)))
    automaton.make_automaton()
    return automaton


def _word_place(lexeme: Lexeme, reading: Reading, start: int, end: int) -> Place | None:
    text = reading.marked
    runs = lexeme.words[text[start:end]]
    # From edge to edge: a pattern with a wildcard is a part of its word only.
    start = start + 1 if text[start] == EDGE else text.rfind(EDGE, 0, start) + 1
    end = end - 1 if text[end - 1] == EDGE else text.find(EDGE, end)
    if runs:
        end = max(_followed(text, end, run) for run in runs)
        if end < 0:
            return None
    place = Place(reading.number, start - 1, end - 1)
    if lexeme.check is not None:
        written = reading.prose[place.start : place.end]
        if not lexeme.check(written, text[start:end]):
            return None
    return place


def _followed(text: str, end: int, run: Sequence[str]) -> int:
    """Where a run of words ends that stands right behind ``end``; -1 where it does not."""
    for word in run:
        at = end
        while at < len(text) and text[at] == EDGE:
            at += 1
        end = at + len(word)
        if not text.startswith(word, at) or text[end] != EDGE:
            return -1
    return end


def _signed_place(lexeme: Lexeme, reading: Reading, start: int, end: int) -> Place | None:
    text = reading.whole
    if start and _joined(text[start - 1], text[start], tag=True):
        return None
    if lexeme.to_word_end:
        while end < len(text) and of_words(text[end]):
            end += 1
    elif end < len(text) and _joined(text[end - 1], text[end]):
        return None
    if not lexeme.in_links and any(
        mark.start <= start and end <= mark.end for mark in reading.addresses
    ):
        return None
    if lexeme.exact:
        written = reading.view.text[start:end].replace("\n", " ")
        seen = _prepared(written, case=lexeme.keep_case, accents=lexeme.keep_accents)
        # Only a wildcard term may be compared as a pattern: elsewhere * and ? are themselves.
        if seen not in lexeme.exact and not (
            lexeme.to_word_end and any(fits(pattern, seen) for pattern in lexeme.exact)
        ):
            return None
    return Place(reading.number, start, end)


def _joined(left: str, right: str, *, tag: bool = False) -> bool:
    """Whether two characters belong to one word; ``tag``: or the right one is no tag of its own."""
    sides = left if tag and right in _TAGS else left + right
    return all(map(of_words, sides))


def _prepared(text: str, *, case: bool, accents: bool) -> str:
    text = text if case else text.lower()
    return text if accents else plain(text)


def _lexemes(term: Term) -> Iterator[Lexeme]:
    options = term.options
    if is_signed(term):
        yield _signed(term)
        return
    words = WILD_WORDS.findall(term.text) if term.wild else WORDS.findall(term.text)
    if not (term.wild or options.forms or options.compound):
        yield _run(words, options)
        return
    for word in words:
        if options.compound:
            yield _compound(word, options)
        elif options.forms:
            yield _inflected(word, options)
        elif "*" in word or "?" in word:
            yield _wild(word, options)
        else:
            yield _run([word], options)


def _signed(term: Term) -> Lexeme:
    options = term.options
    text = term.text[:-1] if term.wild else term.text
    sensitive = options.case or options.accents
    written = spellings(term.text, case=options.case, accents=options.accents)
    return Lexeme(
        signs=frozenset(fold(pattern) for pattern in spellings(text, accents=options.accents)),
        in_links=any(sign in text for sign in "./"),
        to_word_end=term.wild,
        exact=written if sensitive else frozenset(),
        keep_case=options.case,
        keep_accents=options.accents,
    )


def _run(words: Sequence[str], options: Options) -> Lexeme:
    """Words that follow each other."""
    text = " ".join(words)
    check = _written_as({text}, options) if options.case or options.accents else None
    return _whole(spellings(text, accents=options.accents), check)


def _inflected(word: str, options: Options) -> Lexeme:
    every = forms(word)
    check = _written_as(every, options) if options.case or options.accents else None
    return _whole((s for form in every for s in spellings(form, accents=options.accents)), check)


def _whole(texts: Iterable[str], check: Check | None) -> Lexeme:
    """Whole words: the first of each text is the pattern, the others follow it."""
    patterns: dict[str, list[tuple[str, ...]]] = {}
    firsts = set()
    for text in sorted({fold(text) for text in texts}):
        first, *others = text.split(" ")
        firsts.add(first)
        runs = patterns.setdefault(f"{EDGE}{first}{EDGE}", [])
        if others:
            runs.append(tuple(others))
    return Lexeme(words=patterns, first=frozenset(firsts), check=check)


def _compound(word: str, options: Options) -> Lexeme:
    every = forms(word) if options.forms else {word}
    parts = sorted({fold(one) for form in every for one in spellings(form)})

    def check(_written: str, folded: str) -> bool:
        return any(inside(part, folded) for part in parts)

    # Only the shortest are searched: what has a longer one has a shorter one too.
    searched = {part for part in parts if not any(o != part and o in part for o in parts)}
    return Lexeme(words={part: [] for part in searched}, check=check)


def _wild(word: str, options: Options) -> Lexeme:
    patterns = set()
    for spelling in spellings(word, accents=options.accents):
        chunks = fold(spelling).replace("?", "*").split("*")
        at = max(range(len(chunks)), key=lambda number: len(chunks[number]))
        # A chunk at the word's end meets its edge there; the next word's edge is that same one.
        tail = EDGE if at == len(chunks) - 1 else ""
        head = "" if at else EDGE
        patterns.add(head + chunks[at] + tail)
    return Lexeme(words={one: [] for one in patterns}, check=_written_as({word}, options))


def _written_as(words: Iterable[str], options: Options) -> Check:
    """A check of how words are written, wildcards and all."""
    allowed = {
        spelling
        for word in words
        for spelling in spellings(word, case=options.case, accents=options.accents)
    }

    def check(written: str, _folded: str) -> bool:
        words = " ".join(WORDS.findall(written))
        seen = _prepared(words, case=options.case, accents=options.accents)
        return any(fits(pattern, seen) for pattern in allowed)

    return check
