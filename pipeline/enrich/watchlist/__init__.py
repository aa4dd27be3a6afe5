"""Which watchlist topics a mention speaks of, and by which words.

A topic has ``terms``, found as they stand, and a ``query`` in the language of ``grammar``. All
terms of all topics are compiled once into two Aho-Corasick automata, so the time to search a text
does not grow with their number; the queries are then judged only for topics that a hit leads to.

A term matches whole words; a hyphen ends a word, so it also matches as a part of a hyphenated
compound. Capitals and accents do not count, unless the term says so; ``ae oe ue ss`` stand for
``ä ö ü ß`` and the other way round. ``#foo`` matches the hashtag, ``@foo`` the handle. The inside
of links is searched only for terms with a dot or a slash.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec
from msgspec import Struct

from pipeline.advice import Language, language
from pipeline.enrich.text import View, view
from pipeline.enrich.watchlist import facts, grammar, tree
from pipeline.enrich.watchlist.lexemes import Hits, Lexicon
from pipeline.enrich.watchlist.mistakes import Mistake, WatchlistError
from pipeline.enrich.watchlist.program import (
    Compiler,
    Context,
    Program,
    Reason,
    Step,
    need,
    reason,
    steps,
)
from pipeline.enrich.watchlist.reading import Reading, Where
from pipeline.settings import WatchTopic
from schemas.mention import EnrichedMention, Match, Producer, Span

__all__ = ["Found", "Hit", "Watchlist", "WatchlistError", "clauses", "digest", "mistakes"]

_MOST_MATCHES: Final = 200
_CLAUSE_LIMIT: Final = 1_024
_COMMON_FIELD: Final = 1.0
"""The value of a field is expected more often than any word."""


class Hit(Struct, frozen=True):
    """What stands for a topic, at one place of a view."""

    topic: int
    """The topic's place in the watchlist."""
    order: int
    """The clause's place among those of its topic."""
    start: int
    end: int


class Found(Struct, frozen=True):
    """Everything the watchlist has to say about one field of a mention."""

    view: View
    where: Where
    hits: list[Hit]
    """By watchlist order, then clause, then position; without context words."""
    matches: list[Match]
    """One a clause, in watchlist order; at most 200."""


class _Clause(Struct, frozen=True):
    topic: int
    order: int
    program: Program


class Watchlist:
    """The compiled topics.

    Args:
        topics: what to listen for.
        queries: named queries that the topics' queries may refer to.
        number: the version's number, 0 for a watchlist that was not published.
        lang: the language of messages; by default the environment's.

    Raises:
        WatchlistError: a query cannot be understood.
    """

    def __init__(
        self,
        topics: Sequence[WatchTopic],
        queries: Mapping[str, str] | None = None,
        *,
        number: int = 0,
        lang: Language | None = None,
    ) -> None:
        self.topics = tuple(topics)
        self.by = Producer(name="watchlist", version=f"{number}-{digest(topics, queries or {})}")
        self._lexicon = Lexicon()
        compiler = Compiler(self._lexicon)
        self._clauses: list[_Clause] = []
        for place, topic in enumerate(self.topics):
            try:
                trees = clauses(topic, queries or {})
            except Mistake as mistake:
                raise WatchlistError(topic.topic, mistake, language(lang)) from mistake
            self._clauses += [
                _Clause(place, order, compiler.compile(tree)) for order, tree in enumerate(trees)
            ]
        self._led_to: dict[int | facts.Key, list[int]] = {}
        self._always: list[int] = []
        self._index()
        self._by_field = any(isinstance(key, tuple) for key in self._led_to)
        self._lexicon.finish(key for key in self._led_to if isinstance(key, int))

    @property
    def size(self) -> int:
        """How many different terms are searched for."""
        return len(self._lexicon)

    @property
    def always(self) -> list[str]:
        """Topics of which no word must occur: they are judged for every mention."""
        topics = dict.fromkeys(self._clauses[number].topic for number in self._always)
        return [self.topics[topic].topic for topic in topics]

    def _index(self) -> None:
        """Say for each clause what makes it worth a look."""

        def cost(key: int | facts.Key) -> float:
            rarity = _COMMON_FIELD if isinstance(key, tuple) else self._lexicon.length(key) ** -2
            return rarity * (1 + len(self._led_to.get(key, ())))

        for number, clause in enumerate(self._clauses):
            keys = need(clause.program, cost)
            if keys is None:
                self._always.append(number)
                continue
            for key in keys:
                self._led_to.setdefault(key, []).append(number)

    def find(self, view: View, where: Where = "text") -> Found:
        """Search one text of which nothing else is known."""
        return self._search([Reading(0, view, where)], None)[0]

    def search(
        self, mention: EnrichedMention, text: View, title: View | None = None
    ) -> list[Found]:
        """Search a mention: one result for its text, and one for its title where it has one.

        Args:
            mention: its fields and language are asked for by queries.
            text: the view of its text.
            title: the view of its title.
        """
        return self._search(_readings(text, title), mention)

    def steps(self, topic: str, mention: EnrichedMention) -> list[list[Step]]:
        """For each clause of a topic, which parts of it hold: why it matches, and why not.

        Raises:
            KeyError: there is no such topic.
        """
        number = {watched.topic: number for number, watched in enumerate(self.topics)}[topic]
        title = view(mention.title) if mention.title else None
        context = Context(Hits(self._lexicon, _readings(view(mention.text), title)), mention)
        chosen = [clause.program for clause in self._clauses if clause.topic == number]
        return [list(steps(program, context)) for program in chosen]

    def _search(self, readings: Sequence[Reading], mention: EnrichedMention | None) -> list[Found]:
        found = [Found(reading.view, reading.where, [], []) for reading in readings]
        hits = Hits(self._lexicon, readings)
        candidates = set(self._always)
        led_to = self._led_to
        for lexeme in hits.leading:
            candidates.update(led_to[lexeme])
        if self._by_field and mention is not None:
            for key in facts.keys_of(mention):
                if key in led_to:
                    candidates.update(led_to[key])
        if candidates:
            context = Context(hits, mention)
            for number in sorted(candidates):
                clause = self._clauses[number]
                why = reason(clause.program, context)
                if why is not None:
                    self._note(found, clause, why)
        return found

    def _note(self, found: Sequence[Found], clause: "_Clause", why: Reason) -> None:
        """Add a clause that holds to the fields in which it does."""
        spans: dict[int, list[Span]] = {}
        for place in why.places:
            view = found[place.field].view
            spans.setdefault(place.field, []).append(view.span(place.start, place.end))
        watched = self.topics[clause.topic]
        for field, places in sorted(spans.items()) or [(0, [])]:
            matches = found[field].matches
            if len(matches) < _MOST_MATCHES:
                matches.append(
                    Match(
                        topic=watched.topic,
                        kind=watched.kind,
                        clause=why.clause[:_CLAUSE_LIMIT],
                        spans=tuple(places),
                        where=found[field].where,
                        by=self.by,
                    )
                )
        for place in why.subject:
            found[place.field].hits.append(Hit(clause.topic, clause.order, place.start, place.end))


def _readings(text: View, title: View | None) -> list[Reading]:
    readings = [Reading(0, text, "text")]
    if title is not None:
        readings.append(Reading(1, title, "title"))
    return readings


def clauses(topic: WatchTopic, queries: Mapping[str, str]) -> list[tree.Node]:
    """What a topic looks for: each of its terms, and each alternative of its query.

    Raises:
        Mistake: the query cannot be understood.
    """
    found: list[tree.Node] = []
    options = tree.Options(case=topic.case_sensitive)
    for text in dict.fromkeys(topic.terms):
        term = grammar.literal(text)
        found.append(msgspec.structs.replace(term, options=options))
    if topic.query is not None:
        found += _alternatives(grammar.parse(topic.query, queries))
    return found


def _alternatives(node: tree.Node) -> list[tree.Node]:
    if isinstance(node, tree.Any):
        return [one for part in node.parts for one in _alternatives(part)]
    return [node]


def mistakes(
    topics: Sequence[WatchTopic], queries: Mapping[str, str]
) -> Iterator[tuple[str, Mistake]]:
    """Every mistake: the topic, or the named query as ``$name``, and what is wrong with it."""
    for name, query in queries.items():
        try:
            grammar.parse(query, queries)
        except Mistake as mistake:
            yield f"${name}", mistake
    for topic in topics:
        try:
            clauses(topic, queries)
        except Mistake as mistake:
            yield topic.topic, mistake


def digest(topics: Sequence[WatchTopic], queries: Mapping[str, str]) -> str:
    """Tells two watchlists apart: twelve hexadecimal digits of their content."""
    content = [[topic.model_dump() for topic in topics], sorted(queries.items())]
    return hashlib.sha256(msgspec.json.encode(content)).hexdigest()[:12]
