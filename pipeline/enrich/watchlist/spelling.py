"""The spellings, inflected forms and wildcards of a word: strings in, strings out.

Folding makes lower case and takes accents off, and keeps every character's place. ``ä ö ü ß`` stay,
because they tell German words apart (``schon``, ``schön``); they are met by their other spelling
``ae oe ue ss`` instead. Inflection is by rule, not by dictionary: it may propose forms that no one
uses, which cost nothing, and does not know strong verbs.
"""

import re
import unicodedata
from typing import Final

from pipeline.enrich.text import composed

__all__ = ["WILD_WORDS", "WORDS", "fits", "fold", "forms", "inside", "plain", "spellings", "tidy"]

WORDS: Final = re.compile(r"\w+")
WILD_WORDS: Final = re.compile(r"[\w*?]+")
_BLANKS: Final = re.compile(r"\s+")
_TO_ASCII: Final = (("ä", "ae"), ("ö", "oe"), ("ü", "ue"), ("ß", "ss"))
_UMLAUT: Final = {"a": "ä", "o": "ö", "u": "ü"}
_LAST_VOWEL: Final = re.compile(
    r"(?:au|[ao]|(?<![aeä])u)(?=[^aeiouäöüy]*(?:e[nlr])?\Z)", re.IGNORECASE
)
_KEPT: Final = frozenset("äöüÄÖÜ")
_LATIN: Final = (range(0xC0, 0x250), range(0x1E00, 0x1F00))


def _unaccented() -> dict[int, str]:
    table = {ord(one): other for one, other in zip("øØłŁđĐ", "oOlLdD", strict=True)}
    for code in (code for block in _LATIN for code in block):
        parts = unicodedata.normalize("NFD", chr(code))
        base = parts[0]
        if len(parts) > 1 and base.isascii() and chr(code) not in _KEPT:
            table[code] = base
    return table


_PLAIN: Final = _unaccented()
_ACCENTED: Final = re.compile("[" + "".join(map(chr, sorted(_PLAIN))) + "]")


def fold(text: str) -> str:
    """Lower case without accents, of the same length; ``text`` has no ``\u0130``."""
    return plain(text.lower())


def plain(text: str) -> str:
    """Without accents, of the same length."""
    if text.isascii() or not _ACCENTED.search(text):
        return text
    return text.translate(_PLAIN)


def tidy(term: str) -> str:
    """A term in the form texts are searched in: composed, with single blanks."""
    return _BLANKS.sub(" ", composed(term)).strip()


def spellings(term: str, *, case: bool = False, accents: bool = False) -> frozenset[str]:
    """All spellings under which a tidy term is searched.

    Args:
        term: a word or more.
        case: capitals count, so they stay.
        accents: accents and umlauts count, so there is one spelling.
    """
    text = term if case else term.lower()
    if accents:
        return frozenset({text})
    text = plain(text)
    pairs = umlauts = text
    for letter, pair in _TO_ASCII:
        for one, two in ((letter, pair), (letter.upper(), pair.capitalize())):
            pairs = pairs.replace(one, two)
            if letter != "ß":  # "ss" is far more often itself than a spelling of "ß"
                umlauts = umlauts.replace(two, one)
    return frozenset({text, pairs, umlauts, pairs.replace("ss", "ß")})


def fits(pattern: str, word: str) -> bool:
    """Whether a word is what a pattern describes: ``*`` is any letters or none, ``?`` is one.

    The time is bounded by the product of both lengths, whatever the pattern.
    """
    at = place = 0
    star = back = -1
    while place < len(word):
        if at < len(pattern) and pattern[at] == "*":
            star, back = at, place
            at += 1
        elif at < len(pattern) and pattern[at] in ("?", word[place]):
            at += 1
            place += 1
        elif star >= 0:
            at = star + 1
            back += 1
            place = back
        else:
            return False
    return pattern[at:].strip("*") == ""


_BEFORE: Final = frozenset(
    {
        "aus", "auf", "bei", "ein", "ent", "ver", "vor", "zer", "mit", "nach", "über", "ueber",
        "unter", "durch", "her", "hin", "los", "weg", "wieder", "zurück", "zurueck", "zusammen",
        "wider", "fort", "miss",
    }
)  # fmt: skip
"""What makes another word of a word, not a compound with it: Vorzug is no Zug."""
_REST: Final = 3
"""Fewer letters are an ending or a prefix, no part of a compound."""


def inside(part: str, word: str) -> bool:
    """Whether a word is, or is a compound with, ``part``: ``Güterzug`` and ``Zugfahrt`` of ``Zug``.

    Both are folded. What stands beside the part has to be long enough to be a word itself.
    """
    at = word.find(part)
    while at >= 0:
        left, right = word[:at], word[at + len(part) :]
        if (not left or (_is_word(left) and left not in _BEFORE)) and (
            not right or _is_word(right)
        ):
            return True
        at = word.find(part, at + 1)
    return False


def _is_word(text: str) -> bool:
    return len(text) >= _REST and text.isalpha()


_USUAL: Final = ("", "s", "es", "e", "en", "er", "ern")
# The endings that a German noun takes, by how its base form ends; the first that fits counts.
_NOUN: Final = (
    (("nis",), 0, ("", "se", "ses", "sen")),
    (("in",), 0, (*_USUAL, "nen")),
    (("um",), 2, (*(f"um{ending}" for ending in _USUAL), "en", "a")),
    (("us",), 2, (*(f"us{ending}" for ending in _USUAL), "en", "usse", "ussen", "usses")),
    (("a",), 1, ("a", "as", "en")),
    (("chen", "lein"), 0, ("", "s")),
    (("e",), 0, ("", "n", "ns", "s")),
    (("er", "el", "en"), 0, ("", "s", "n")),
    (("o", "i", "u", "y"), 0, ("", "s")),
    (("",), 0, _USUAL),
)
_ENGLISH_Y: Final = re.compile(r"[^aeiou]y\Z")
_ADJECTIVE: Final = (
    "", "e", "en", "em", "er", "es", "ere", "eren", "erer", "eres", "erem",
    "ste", "sten", "ster", "stes", "este", "esten", "ester", "estes",
)  # fmt: skip
_VERB: Final = ("en", "n", "e", "st", "est", "t", "et", "te", "test", "ten", "tet", "ete", "eten",
                "end", "ende", "enden", "ender", "endes")  # fmt: skip
_PARTICIPLE: Final = ("t", "et", "te", "ten", "ter", "tes", "en", "ene", "enen", "ener", "enes")


def forms(word: str) -> frozenset[str]:
    """The forms that a word in its base form may take, itself among them.

    A word with a capital is taken as a noun, any other as an adjective, or as a verb where it ends
    in ``-en``, ``-ern`` or ``-eln``.
    """
    if word[:1].isupper():
        return _noun(word)
    if word.endswith(("en", "ern", "eln")):
        stem = word[:-2] if word.endswith("en") else word[:-1]
        found = {stem + ending for ending in _VERB}
        found |= {f"ge{stem}{ending}" for ending in _PARTICIPLE}
        changed = _umlauted(stem)
        return frozenset(found | {word} | ({changed + "t", changed + "st"} if changed else set()))
    stem = word.removesuffix("e")
    return frozenset({stem + ending for ending in _ADJECTIVE} | {word})


def _noun(word: str) -> frozenset[str]:
    low = word.lower()
    found: set[str] = {word}
    for ends, cut, endings in _NOUN:
        if low.endswith(ends):
            stem = word[: len(word) - cut]
            found |= {stem + ending for ending in endings}
            break
    changed = _umlauted(word)
    if changed and not low.endswith(("e", "a", "o", "i", "u", "y")):
        found |= {changed + ending for ending in ("", "e", "en", "er", "ern", "n")}
    if _ENGLISH_Y.search(low):
        found.add(word[:-1] + "ies")
    if low.endswith("s"):
        found |= {word + "se", word + "ses", word + "sen"}
    return frozenset(found)


def _umlauted(word: str) -> str | None:
    """With an umlaut in the last syllable that can take one: Haus, Häus; Garten, Gärten."""
    vowel = _LAST_VOWEL.search(word)
    if vowel is None:
        return None
    letter = word[vowel.start()]
    changed = _UMLAUT[letter.lower()]
    if letter.isupper():
        changed = changed.upper()
    return word[: vowel.start()] + changed + word[vowel.start() + 1 :]
