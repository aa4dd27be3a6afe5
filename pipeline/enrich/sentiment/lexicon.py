"""What a language's words say: their tone, and how they change the tone of words near them."""

import re
import zlib
from collections.abc import Callable, Iterable, Mapping
from importlib.resources import files
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import Struct

__all__ = ["NOTHING", "Lexicon", "Word", "enter", "rows"]


class Word(NamedTuple):
    """One word form, in lower case."""

    weight: float = 0.0
    """Its own tone, -1 to 1."""
    boost: float = 1.0
    """What it multiplies the tone of the next word with."""
    negates: bool = False
    """It turns the tone of the words after it."""
    postposed: bool = False
    """It turns the tone of the words before it, where none follow."""
    breaks: bool = False
    """A new clause begins with it."""
    lifts: bool = False
    """Right after a negation it takes it back: ``not only``."""
    joins: bool = False
    """What stands before it is not turned by a negation after it: ``toll und nicht teuer``."""
    remarks: bool = False
    """It says what the author makes of the whole clause, so no negation turns it: ``leider``."""


NOTHING: Final = Word()


class Lexicon(Struct, frozen=True):
    """All word forms that say something, and the label's thresholds."""

    words: dict[str, Word]
    neutral: tuple[float, float]
    """Scores between these are neutral."""
    turned: tuple[float, float] = (-0.6, -0.6)
    """What a negation multiplies praise and blame with: ``nicht gut``, ``nicht schlecht``."""
    particles: re.Pattern[str] | None = None
    """What begins with a word that breaks, where it does not: ``gefällt mir aber nicht``."""
    pairs: Mapping[tuple[str, str], float] = {}
    """What a word multiplies the tone of this next word with, instead of its own factor."""
    phrases: tuple[tuple[str, float], ...] = ()
    """What words say together, and none of them alone: lines as ``phrases`` reads them."""

    def digest(self) -> str:
        """Eight digits that tell it from others; a checksum, since it is made at every start."""
        particles = self.particles.pattern if self.particles else ""
        pairs = list(self.pairs.items())
        content = self.words, self.neutral, particles, self.turned, pairs, self.phrases
        return f"{zlib.crc32(msgspec.msgpack.encode(content)):08x}"


def rows(name: str) -> list[list[str]]:
    """The rows of a tab-separated file in ``data``; ``#`` starts a comment line."""
    text = files("pipeline.enrich.sentiment").joinpath("data", name).read_text(encoding="utf-8")
    return [line.split("\t") for line in text.splitlines() if line and not line.startswith("#")]


def enter(
    table: dict[str, Word],
    boosts: Mapping[float, str],
    negations: str,
    breaks: str,
    lifts: str,
    *,
    postposed: str = "",
    joins: str = "",
    remarks: str = "",
    spelled: Callable[[str], Iterable[str]] = lambda form: (form,),
) -> None:
    """Give the function words of a language their roles, and drop words that have none.

    Args:
        table: the lexicon so far; changed.
        boosts: a factor, and the blank-separated words that multiply by it.
        negations: words that turn what follows.
        breaks: words that begin a clause.
        lifts: words that take a negation before them back.
        postposed: negations that also turn what stands before them.
        joins: words that a negation after them does not reach across.
        remarks: words that no negation turns.
        spelled: all spellings of a word.
    """
    roles: list[tuple[str, dict[str, Any]]] = [
        *((forms, {"boost": factor}) for factor, forms in boosts.items()),
        (negations, {"weight": 0.0, "boost": 1.0, "negates": True}),
        (postposed, {"weight": 0.0, "boost": 1.0, "negates": True, "postposed": True}),
        (breaks, {"breaks": True}),
        (lifts, {"lifts": True}),
        (joins, {"joins": True}),
        (remarks, {"remarks": True, "boost": 1.0}),
    ]
    for forms, role in roles:
        for form in forms.split():
            for spelling in spelled(form):
                table[spelling] = table.get(spelling, NOTHING)._replace(**role)
    for form in [form for form, word in table.items() if word == NOTHING]:
        del table[form]
