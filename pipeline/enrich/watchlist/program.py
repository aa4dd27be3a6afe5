"""Queries, compiled: which terms make a topic worth a look, whether it holds, and by what.

A topic is looked at only where a mention has one of the lexemes or field values without which its
query cannot hold. So what a mention costs grows with what it says, not with the number of topics.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, TypeAlias

from msgspec import Struct

from pipeline.enrich.watchlist import facts, tree
from pipeline.enrich.watchlist.lexemes import MOST_PLACES, Hits, Lexicon
from pipeline.enrich.watchlist.reading import Place
from schemas.mention import EnrichedMention

__all__ = ["Compiler", "Context", "Cost", "Program", "Reason", "Step", "need", "reason", "steps"]

Need: TypeAlias = frozenset["int | facts.Key"]
"""Lexemes and field values, one of which there must be."""

Cost: TypeAlias = Callable[["int | facts.Key"], float]

_MOST_STRETCHES: Final = 500
_NAME: Final = 0.2
"""How much rarer a topic's name is taken to be than a word of its context."""


class Context(Struct, frozen=True):
    """One mention as programs see it."""

    hits: Hits
    mention: EnrichedMention | None


class _Word(Struct, frozen=True):
    lexemes: tuple[int, ...]
    written: str

    def places(self, context: Context) -> list[Place]:
        """Where all lexemes stand, each right after the one before."""
        first, *others = self.lexemes
        found = context.hits.places(first)
        for lexeme in others:
            found = [
                Place(place.field, place.start, after.end)
                for place in found
                for after in context.hits.places(lexeme)
                if place.field == after.field
                and place.end <= after.start
                and context.hits.readings[place.field].between(place.end, after.start) == 0
            ]
        return found


class _Fact(Struct, frozen=True):
    holds: facts.Fact
    keys: tuple[facts.Key, ...] | None
    written: str


class _Not(Struct, frozen=True):
    part: "Program"


class _All(Struct, frozen=True):
    parts: tuple["Program", ...]


class _Any(Struct, frozen=True):
    parts: tuple["Program", ...]


class _Near(Struct, frozen=True):
    left: "Program"
    right: "Program"
    distance: int
    ordered: bool


Program: TypeAlias = _Word | _Fact | _Not | _All | _Any | _Near


class Compiler:
    """Turns trees into programs that share lexemes, and each tree into one program."""

    def __init__(self, lexicon: Lexicon) -> None:
        self._lexicon = lexicon
        self._known: dict[int, tuple[tree.Node, Program]] = {}

    def compile(self, node: tree.Node) -> Program:
        """The program of a tree."""
        if (known := self._known.get(id(node))) is None:
            known = (node, self._compile(node))  # the node is kept, so that its id stays its own
            self._known[id(node)] = known
        return known[1]

    def _compile(self, node: tree.Node) -> Program:
        match node:
            case tree.Term():
                return _Word(self._lexicon.add(node), node.written)
            case tree.Field():
                return _Fact(facts.holds_for(node), facts.keys(node), node.written)
            case tree.Not(part):
                return _Not(self.compile(part))
            case tree.All(parts):
                return _All(tuple(map(self.compile, parts)))
            case tree.Any(parts):
                return _Any(tuple(map(self.compile, parts)))
            case tree.Near(left, right, distance, ordered):
                return _Near(self.compile(left), self.compile(right), distance, ordered)


def need(program: Program, cost: Cost) -> Need | None:
    """What there must be for a program to hold; None where it may hold without any such thing.

    Args:
        program: what is to hold.
        cost: how often a lexeme or value is expected; the cheapest way is chosen.
    """
    match program:
        case _Word(lexemes):
            return frozenset({min(lexemes, key=cost)})
        case _Fact(_, keys):
            return None if keys is None else frozenset(keys)
        case _Not():
            return None
        case _Any(parts):
            every = [need(part, cost) for part in parts]
            known = [one for one in every if one is not None]
            return frozenset().union(*known) if len(known) == len(every) else None
        case _All(parts):
            return _cheapest([need(part, cost) for part in parts], cost)
        case _Near(left, right):
            return _cheapest([need(left, cost), need(right, cost)], cost)


def _cheapest(needs: Sequence[Need | None], cost: Cost) -> Need | None:
    """Mostly the first, which names the topic: what follows is context, of common words."""
    found = [
        (math.fsum(map(cost, one)) * (_NAME if number == 0 else 1), number)
        for number, one in enumerate(needs)
        if one is not None
    ]
    return needs[min(found)[1]] if found else None


def holds(program: Program, context: Context) -> bool:
    """Whether a program holds for a mention."""
    match program:
        case _Word():
            return bool(program.places(context))
        case _Fact(condition):
            return context.mention is not None and condition(context.mention)
        case _Not(part):
            return not holds(part, context)
        case _All(parts):
            return all(holds(part, context) for part in parts)
        case _Any(parts):
            return any(holds(part, context) for part in parts)
        case _Near():
            return bool(_stretches(program, context))


class _Stretch(Struct, frozen=True):
    """From the first to the last of some words that stand near each other."""

    at: Place
    parts: tuple[tuple[_Word, Place], ...]


def _stretches(program: Program, context: Context) -> list[_Stretch]:
    match program:
        case _Word():
            found = [_Stretch(place, ((program, place),)) for place in program.places(context)]
        case _Any(parts):
            found = [stretch for part in parts for stretch in _stretches(part, context)]
        case _Near(left, right, distance, ordered):
            one = _stretches(left, context)
            two = _stretches(right, context) if one else []
            found = list(_pairs(one, two, distance, context))
            if not ordered:
                found += _pairs(two, one, distance, context)
        case _:
            msg = "the grammar lets only words, OR and NEAR stand beside NEAR"
            raise AssertionError(msg)
    found.sort(key=lambda stretch: stretch.at)
    return found[:_MOST_STRETCHES]


def _pairs(
    before: Sequence[_Stretch], after: Sequence[_Stretch], distance: int, context: Context
) -> Iterator[_Stretch]:
    """Every two with at most so many words between; ``after`` is in order."""
    starts = [(stretch.at.field, stretch.at.start) for stretch in after]
    for one in before:
        field, start, end = one.at
        low = bisect_left(starts, (field, end))
        if low == len(starts):
            continue
        reach = context.hits.readings[field].reach(end, distance)
        for two in after[low : bisect_right(starts, (field, reach))]:
            yield _Stretch(Place(field, start, two.at.end), one.parts + two.parts)


class Reason(Struct, frozen=True):
    """Why a clause holds."""

    clause: str
    """The clause without what did not occur."""
    places: tuple[Place, ...]
    """Everything that did occur, in order."""
    subject: tuple[Place, ...]
    """What stands for the topic itself: the first part of an AND, NEAR or BEFORE names it, the
    others are its context."""


class _Seen(Struct, frozen=True):
    text: str
    places: list[Place]
    subject: list[Place]
    bare: bool = True
    """It needs no parentheses inside another."""

    @property
    def inner(self) -> str:
        return self.text if self.bare else f"({self.text})"


def reason(clause: Program, context: Context) -> Reason | None:
    """Why a clause holds; None where it does not."""
    if isinstance(clause, _Word):  # as most are
        found = tuple(clause.places(context)[:MOST_PLACES])
        return Reason(clause.written, found, found) if found else None
    if not holds(clause, context):
        return None
    seen = _seen(clause, context)
    if seen is None:
        return None
    places = sorted(set(seen.places))[:MOST_PLACES]
    return Reason(seen.text, tuple(places), tuple(sorted(set(seen.subject))))


def _seen(program: Program, context: Context) -> "_Seen | None":
    """The parts of a holding program that occur."""
    match program:
        case _Word(_, written):
            found = program.places(context)
            return _Seen(written, found, found)
        case _Fact(_, _, written):
            return _Seen(written, [], [])
        case _All(parts):
            return _both([seen for part in parts if (seen := _seen(part, context)) is not None])
        case _Any(parts):
            true = [part for part in parts if holds(part, context)]
            return _either([seen for part in true if (seen := _seen(part, context)) is not None])
        case _Near():
            alive: dict[str, list[Place]] = {}
            for stretch in _stretches(program, context):
                for word, place in stretch.parts:
                    alive.setdefault(word.written, []).append(place)
            return _near(program, alive)
        case _:  # what must not be there does not occur
            return None


def _both(every: Sequence[_Seen]) -> "_Seen | None":
    if len(every) <= 1:
        return every[0] if every else None
    return _Seen(
        " AND ".join(seen.inner for seen in every),
        [place for seen in every for place in seen.places],
        next((seen.subject for seen in every if seen.subject), []),
    )


def _either(every: Sequence[_Seen]) -> "_Seen | None":
    if len(every) <= 1:
        return every[0] if every else None
    return _Seen(
        " OR ".join(seen.text for seen in every),
        [place for seen in every for place in seen.places],
        [place for seen in every for place in seen.subject],
        bare=False,
    )


def _near(program: Program, alive: Mapping[str, list[Place]]) -> "_Seen | None":
    """The parts of a NEAR that take part in it."""
    match program:
        case _Word(_, written):
            found = alive.get(written)
            return _Seen(written, found, found) if found else None
        case _Any(parts):
            return _either([seen for part in parts if (seen := _near(part, alive)) is not None])
        case _Near(left, right, distance, ordered):
            one, two = _near(left, alive), _near(right, alive)
            if one is None or two is None:
                return one or two
            name = "BEFORE" if ordered else "NEAR"
            text = f"{one.inner} {name}/{distance} {two.inner}"
            return _Seen(text, one.places + two.places, one.subject)
        case _:
            return None


class Step(Struct, frozen=True):
    """One part of a query, and whether it holds."""

    depth: int
    text: str
    """A term or field as written, or the operator that joins the parts below."""
    holds: bool


def steps(program: Program, context: Context, depth: int = 0) -> Iterator[Step]:
    """Every part of a program, the whole first."""
    parts: tuple[Program, ...] = ()
    match program:
        case _Word() | _Fact():
            text = program.written
        case _Not(part):
            text, parts = "NOT", (part,)
        case _All():
            text, parts = "AND", program.parts
        case _Any():
            text, parts = "OR", program.parts
        case _Near(left, right, distance, ordered):
            text, parts = f"{'BEFORE' if ordered else 'NEAR'}/{distance}", (left, right)
    yield Step(depth, text, holds(program, context))
    for part in parts:
        yield from steps(part, context, depth + 1)
