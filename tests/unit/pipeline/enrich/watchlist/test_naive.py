"""The compiled watchlist agrees with an evaluator that knows nothing of automata or candidates.

The evaluator here tries every term at every word with regular expressions and reads the operators
off a tree of its own. Queries are written out from that tree, so the grammar is in it too.
"""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeAlias

from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.enrich.text import view
from pipeline.enrich.watchlist import Watchlist
from pipeline.settings import WatchTopic
from schemas.mention import Author, Channel, Collector, EnrichedMention, Language, Rating

NOW = datetime(2026, 1, 1, tzinfo=UTC)


# What a term finds, as a regular expression for each of its words.
def compound(*parts: str) -> str:
    """Three letters or more beside the part, and no prefix before it (the texts have ``aus``)."""
    every = "|".join(parts)
    return rf"(?:|(?!aus(?:{every}))[^\W\d_]{{3,}}|aus[^\W\d_]+)(?:{every})(?:|[^\W\d_]{{3,}})"


HOUSES = ("haus", "hauses", "hausen", "häuser", "haeuser", "häus", "haeus")
WORD_TERMS: dict[str, list[str]] = {
    "Bahn": ["bahn"],
    "bahn*": [r"bahn\w*"],
    "*bahn": [r"\w*bahn"],
    "*ahn*": [r"\w*ahn\w*"],
    "B?hnhof": [r"b\whnhof"],
    "b*hof": [r"b\w*hof"],
    '"Deutsche Bahn"': ["deutsche", "bahn"],
    '"deutsche bahn*"': ["deutsche", r"bahn\w*"],
    "U-Bahn": ["u", "bahn"],
    "Müller": ["(?:müller|mueller)"],
    "Mueller[case]": ["(?-i:Müller|Mueller)"],
    "Müller[accents]": ["müller"],
    "Straße": ["stra(?:ß|ss)e"],
    "Café": ["cafe"],
    "café[accents]": ["café"],
    "Bahn[case]": ["(?-i:Bahn)"],
    "BAHN[case, accents]": ["(?-i:BAHN)"],
    "Haus[forms]": [f"(?:{'|'.join(HOUSES)})"],
    "Haus[compound]": [compound("haus")],
    "Haus[compound forms]": [compound(*HOUSES)],
}
SIGN_TERMS = {
    "#bahn": r"(?<!\w)\#bahn(?!\w)",
    "#bah*": r"(?<!\w)\#bah\w*",
    "@bahn": r"(?<!\w)@bahn(?!\w)",
    "C++": r"(?<!\w)c\+\+",
    "n.de": r"(?<!\w)n\.de(?!\w)",
    '"#Bahn"[case]': r"(?<!\w)(?-i:\#Bahn)(?!\w)",
}
IN_LINKS = {"n.de"}
WORDS = [
    "Bahn", "bahn", "BAHN", "Bahnhof", "Autobahn", "Deutsche", "deutsche", "U", "Müller", "MUELLER",
    "Mueller", "Strasse", "straße", "Café", "CAFE", "Haus", "Hauses", "Häuser", "Haeuser",
    "Hochhaus", "Hochhäuser", "Hausboot", "Aushaus", "Hausen", "#Bahn", "#bahnhof", "@bahn",
    "x@bahn", "C++", "n.de", "https://n.de/bahn", "bahn@n.de", "ist", "nicht", "B\u200bahn",
    "M&uuml;ller", "a\u0301",
]  # fmt: skip
GAPS = [" ", " ", " ", "-", "\n", ", ", "  ", "_", ""]


@dataclass(frozen=True)
class Leaf:
    written: str


@dataclass(frozen=True)
class Inner:
    operator: str
    parts: tuple["Tree", ...]


Tree: TypeAlias = Leaf | Inner
Stretch: TypeAlias = tuple[str, int, int]
"""Field, first and last character."""


def written(tree: Tree) -> str:
    if isinstance(tree, Leaf):
        return tree.written
    if tree.operator == "NOT":
        return f"NOT ({written(tree.parts[0])})"
    return f" {tree.operator} ".join(f"({written(part)})" for part in tree.parts)


class Naive:
    """One mention, read the slow way."""

    def __init__(self, mention: EnrichedMention) -> None:
        self.mention = mention
        self.fields = {"text": view(mention.text)}
        if mention.title:
            self.fields["title"] = view(mention.title)
        self.bare: dict[str, str] = {}
        for name, seen in self.fields.items():
            text = seen.text
            for mark in seen.marks:
                if mark.kind in {"link", "mail"}:
                    text = text[: mark.start] + " " * (mark.end - mark.start) + text[mark.end :]
            self.bare[name] = text

    def words(self, field: str) -> list[tuple[int, int]]:
        return [found.span() for found in re.finditer(r"\w+", self.bare[field])]

    def stretches(self, tree: Tree) -> set[Stretch]:
        if isinstance(tree, Leaf):
            return self.term(tree.written)
        if tree.operator == "OR":
            return set().union(*map(self.stretches, tree.parts))
        name, _, most = tree.operator.partition("/")
        left, right = map(self.stretches, tree.parts)
        pairs = {(a, b) for a in left for b in right}
        if name == "NEAR":
            pairs |= {(b, a) for a, b in pairs}
        return {
            (a[0], a[1], b[2])
            for a, b in pairs
            if a[0] == b[0] and a[2] <= b[1] and self.between(a, b) <= int(most)
        }

    def between(self, one: Stretch, two: Stretch) -> int:
        return sum(one[2] <= start and end <= two[1] for start, end in self.words(one[0]))

    def term(self, term: str) -> set[Stretch]:
        found: set[Stretch] = set()
        for field, seen in self.fields.items():
            if term in SIGN_TERMS:
                hidden = [(m.start, m.end) for m in seen.marks if m.kind in {"link", "mail"}]
                for at in range(len(seen.text)):
                    match = re.compile(SIGN_TERMS[term], re.IGNORECASE).match(seen.text, at)
                    if match and (
                        term in IN_LINKS or not any(a <= at and match.end() <= b for a, b in hidden)
                    ):
                        found.add((field, *match.span()))
                continue
            patterns = WORD_TERMS[term]
            words = self.words(field)
            for at in range(len(words) - len(patterns) + 1):
                here = words[at : at + len(patterns)]
                texts = [self.bare[field][start:end] for start, end in here]
                if all(
                    re.fullmatch(pattern, text if "accents" in term else bare(text), re.IGNORECASE)
                    for pattern, text in zip(patterns, texts, strict=True)
                ):
                    found.add((field, here[0][0], here[-1][1]))
        return found

    def holds(self, tree: Tree) -> bool:
        if isinstance(tree, Leaf):
            if ":" in tree.written:
                return FACTS[tree.written](self.mention)
            return bool(self.term(tree.written))
        if tree.operator == "NOT":
            return not self.holds(tree.parts[0])
        if tree.operator == "AND":
            return all(map(self.holds, tree.parts))
        if tree.operator == "OR":
            return any(map(self.holds, tree.parts))
        return bool(self.stretches(tree))


def bare(text: str) -> str:
    """Without accents, umlauts kept."""
    decomposed = unicodedata.normalize("NFD", text)
    plain = re.sub(r"(?<![aouAOU])[\u0300-\u036f]|[\u0300-\u0307\u0309-\u036f]", "", decomposed)
    return unicodedata.normalize("NFC", plain)


def _stars(mention: EnrichedMention) -> float:
    assert mention.rating is not None
    return 1 + 4 * (mention.rating.value - 1) / (mention.rating.best - 1)


FACTS: dict[str, Callable[[EnrichedMention], bool]] = {
    "lang:de": lambda m: m.language.code == "de",
    "lang:(de OR en)": lambda m: m.language.code in {"de", "en"},
    "channel:review": lambda m: m.channel == "review",
    "source:s*": lambda m: m.collector.source.startswith("s"),
    "author:DB": lambda m: m.author is not None and m.author.handle == "db",
    "site:bahn.de": lambda m: m.site in {"bahn.de", "presse.bahn.de"},
    "url:/presse/": lambda m: "/presse/" in (m.url or ""),
    "rating:<3": lambda m: m.rating is not None and _stars(m) < 3,
    "rating:2..4": lambda m: m.rating is not None and 2 <= _stars(m) <= 4,
    "followers:>=1000": lambda m: m.author is not None and (m.author.followers or 0) >= 1000,
}

terms = st.sampled_from([*WORD_TERMS, *SIGN_TERMS]).map(Leaf)
placed = st.recursive(
    terms,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda parts: Inner("OR", parts)),
        st.tuples(
            st.sampled_from(["NEAR/0", "NEAR/1", "NEAR/3", "BEFORE/0", "BEFORE/2"]),
            st.tuples(inner, inner),
        ).map(lambda pair: Inner(*pair)),
    ),
    max_leaves=4,
)
trees = st.recursive(
    st.one_of(placed, placed, st.sampled_from(list(FACTS)).map(Leaf)),
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: Inner("AND", tuple(parts))),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: Inner("OR", tuple(parts))),
        st.tuples(inner, inner).map(lambda pair: Inner("AND", (pair[0], Inner("NOT", pair[1:])))),
    ),
    max_leaves=6,
)
texts = st.lists(st.tuples(st.sampled_from(WORDS), st.sampled_from(GAPS)), max_size=12).map(
    lambda pairs: "".join(word + gap for word, gap in pairs)
)
channels: list[Channel] = ["review", "news"]
mentions = st.builds(
    EnrichedMention,
    id=st.just("test:1"),
    revision=st.just(1),
    channel=st.sampled_from(channels),
    text=texts,
    title=st.none() | texts,
    published_at=st.just(NOW),
    collected_at=st.just(NOW),
    collector=st.sampled_from(["s1", "t1"]).map(lambda name: Collector(source=name)),
    site=st.sampled_from([None, "bahn.de", "presse.bahn.de", "autobahn.de"]),
    url=st.sampled_from([None, "https://x.de/presse/1", "https://x.de/1"]),
    author=st.none()
    | st.builds(
        Author, handle=st.sampled_from(["db", "dbx"]), followers=st.sampled_from([None, 10, 1000])
    ),
    rating=st.none()
    | st.builds(Rating, value=st.integers(1, 5).map(float), best=st.sampled_from([5.0, 9.0])),
    language=st.sampled_from(["de", "en", "und"]).map(lambda code: Language(code=code)),
)


@given(st.lists(trees, min_size=1, max_size=4), mentions)
@settings(max_examples=150)
@example([Inner("NEAR/0", (Leaf("C++"), Leaf("#bahn")))], None)
def test_the_same_topics_hold(queries: list[Tree], mention: EnrichedMention | None) -> None:
    mention = mention or made("C++ #bahn")
    naive = Naive(mention)
    watchlist = Watchlist(
        [
            WatchTopic(topic=str(number), kind="theme", query=written(tree))
            for number, tree in enumerate(queries)
        ]
    )
    title = view(mention.title) if mention.title else None
    found = watchlist.search(mention, view(mention.text), title)
    expected = {str(number) for number, tree in enumerate(queries) if naive.holds(tree)}
    assert {match.topic for field in found for match in field.matches} == expected


@given(placed, mentions)
@settings(max_examples=150)
def test_the_same_places(tree: Tree, mention: EnrichedMention) -> None:
    """A NEAR reaches from its first to its last place, a term is its own place."""
    naive = Naive(mention)
    watchlist = Watchlist([WatchTopic(topic="t", kind="theme", query=written(tree))])
    title = view(mention.title) if mention.title else None
    found = watchlist.search(mention, view(mention.text), title)
    expected = naive.stretches(tree)
    for field in found:
        ours = {(span.start, span.end) for match in field.matches for span in match.spans}
        seen = naive.fields[field.where]
        stretches = [seen.span(a, b) for name, a, b in expected if name == field.where]
        if isinstance(tree, Leaf):
            assert ours == {(span.start, span.end) for span in stretches}
        # Every stretch begins and ends with a place, and no place is outside of all stretches.
        assert {span.start for span in stretches} <= {start for start, _ in ours}
        assert {span.end for span in stretches} <= {end for _, end in ours}
        for start, end in ours:
            assert any(s.start <= start and end <= s.end for s in stretches)


def made(text: str) -> EnrichedMention:
    return EnrichedMention(
        id="test:1",
        revision=1,
        channel="other",
        text=text,
        published_at=NOW,
        collected_at=NOW,
        collector=Collector(source="test"),
    )
