"""What German compounds are made of, so that *Lüftung* finds *Lüftungsanlage*.

A word is taken apart where each part is a noun on the list, the first ones perhaps with a linking
``s``, without their final ``e``, or one of some stems (``fahr``, ``groß``). Of several ways the one
with the fewest parts is taken, then the one whose parts are most common; and a word that is itself
more common than its parts are on average stays whole: *Flughafen* is a word of its own, and who
asks for *Hafen* does not mean it. That is the rule of Koehn and Knight (2003), "Empirical Methods
for Compound Splitting", on the logarithmic scale. Parts are nouns in their dictionary form, so that
*Anlage* finds *Lüftungsanlagen*, too.

This is done here and not by an analyzer of Elasticsearch (``dictionary_decompounder``), because
that knows neither frequencies nor dictionary forms, takes every listed word inside another one for
a part (*Rat* in *Beratung*), needs a file on each node or the list in each index, and is missing in
the minimal Elasticsearch. ``python -m benchmarks.compounds`` compares them.

The list: see ``data/NOTICE``.
"""

import gzip
import re
from collections.abc import Collection, Iterator
from functools import cache, lru_cache
from importlib.resources import files
from typing import Final

from msgspec import Struct

__all__ = ["nouns", "parts", "parts_of", "place_of"]

_WORD: Final = re.compile(r"[^\W\d_]{7,60}")
_SHORTEST: Final = 3
_COMMON: Final = 3.9
"""Zipf value (log10 of occurrences in 10⁹ words) that a part of three letters must have."""
_LINKED: Final = re.compile(
    r"(?:ung|heit|keit|schaft|ion|taet|tum|ling|ing|eit|bund|arbeit|hilfe)$"
)
"""Nouns that take a linking ``s`` which is in none of their forms."""
_MOST: Final = 4
_FOLD: Final = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})


class _Noun(Struct, frozen=True):
    lemma: str
    zipf: float


class _Split(Struct, frozen=True):
    parts: tuple[str, ...]
    """Those that are nouns."""
    zipfs: tuple[float, ...]
    """Of all of them."""

    @property
    def zipf(self) -> float:
        """How common its parts are."""
        return sum(self.zipfs) / len(self.zipfs)

    def cost(self) -> tuple[int, float]:
        """Fewest parts first, then the most common ones."""
        return len(self.zipfs), -self.zipf


def parts(text: str) -> list[str]:
    """The parts of all compounds in a German text, each once, in lower case."""
    found: dict[str, None] = {}
    for word in _WORD.findall(text):
        found.update(dict.fromkeys(parts_of(word)))
    return list(found)


def place_of(wanted: Collection[str], text: str) -> tuple[int, int] | None:
    """Where the first compound stands of which one of these words, in lower case, is a part."""
    for word in _WORD.finditer(text):
        if any(part in wanted for part in parts_of(word[0])):
            return word.span()
    return None


@lru_cache(65_536)
def parts_of(word: str) -> tuple[str, ...]:
    """The parts of one word; none where it is no compound."""
    folded = _folded(word)
    split = min(_ways(folded, _MOST), key=_Split.cost, default=None)
    whole = _nouns().get(folded)
    if split is None or (whole and whole.zipf > split.zipf):
        return ()
    if word.islower() and len(split.parts) < len(split.zipfs):
        return ()  # a stem makes adjectives, too: "freistehendes"
    return split.parts


def _rest(word: str, most: int) -> _Split | None:
    """What stands behind a first part: one noun, or a compound itself."""
    noun = _nouns().get(word)
    if noun is not None and _long_enough(word, noun):
        return _Split((noun.lemma,), (noun.zipf,))
    return min(_ways(word, most), key=_Split.cost, default=None)


def _ways(word: str, most: int) -> Iterator[_Split]:
    """Each way to take a word apart, into two parts at least."""
    if most == 1:
        return
    for end in range(_SHORTEST, len(word) - _SHORTEST + 1):
        first = _first(word[:end])
        if first is None:
            continue
        rest = _rest(word[end:], most - 1)
        if rest is not None:
            yield _Split((*first.parts, *rest.parts), (*first.zipfs, *rest.zipfs))


def _first(part: str) -> _Split | None:
    """What may stand before another part."""
    if part in _words("stems"):
        return _Split((), (_COMMON,))
    known = _nouns()
    noun = known.get(part)
    if noun is None and part.endswith("s") and _LINKED.search(part[:-1]):
        noun = known.get(part[:-1])
    if noun is None and len(part) > _SHORTEST:
        noun = known.get(part + "e")
    if noun is not None and _long_enough(part, noun):
        return _Split((noun.lemma,), (noun.zipf,))
    return None


def _long_enough(part: str, noun: _Noun) -> bool:
    return part not in _words("endings") and (len(part) > _SHORTEST or noun.zipf >= _COMMON)


def nouns() -> dict[str, str]:
    """Each form of each noun on the list, in lower case, and its dictionary form."""
    return {form.lower(): lemma for _, lemma, forms in _listed() for form in (*forms, lemma)}


@cache
def _nouns() -> dict[str, _Noun]:
    """Each form of each noun, folded."""
    found: dict[str, _Noun] = {}
    own: dict[str, _Noun] = {}  # a word is first of all what it is in the dictionary
    for zipf, lemma, forms in _listed():
        noun = own[_folded(lemma)] = _Noun(lemma.lower(), zipf)
        for form in map(_folded, forms):
            known = found.get(form)
            if known is None or known.zipf < zipf:
                found[form] = noun
    return found | own


def _listed() -> Iterator[tuple[float, str, list[str]]]:
    packed = files("pipeline.search").joinpath("data", "nouns.de.txt.gz").read_bytes()
    for line in gzip.decompress(packed).decode("utf-8").splitlines():
        zipf, lemma, *forms = line.split(" ")
        yield float(zipf), lemma, forms


@cache
def _words(name: str) -> frozenset[str]:
    """A list.

    ``stems`` are first parts that are no nouns, or none that anyone would look for; ``endings`` are
    nouns that, at the end of a word, are mostly something else.
    """
    file = files("pipeline.search").joinpath("data", f"{name}.de.txt")
    return frozenset(file.read_text("utf-8").split())


def _folded(word: str) -> str:
    return word.lower().translate(_FOLD)
