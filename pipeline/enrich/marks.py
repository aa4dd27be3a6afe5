"""What a text holds that needs no list: links, mails, tags, emoji, money, dates, product numbers.

One compiled pattern, tried only where a mark may begin, which is found out for many texts at once
(``letters``). Every alternative starts with a character of its own and repeats only bounded,
disjoint classes, so the time is linear in the text's length.
"""

import re
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Final, Literal, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from pipeline.enrich.letters import Kinds, Letters, Pairs, laid_out, of_words

__all__ = ["FLAG", "JOINED", "PICTOGRAPHS", "Kind", "Mark", "find"]

Kind: TypeAlias = Literal["link", "mail", "handle", "hashtag", "emoji", "money", "date", "product"]

PICTOGRAPHS: Final = (
    "\U0001f000-\U0001f1e5\U0001f200-\U0001f3fa\U0001f400-\U0001faff\u2600-\u27bf\u2b05-\u2b55"
    "\u203c\u2049\u231a\u231b\u23e9-\u23fa\u2934\u2935"
)
"""The inside of a character class: what emoji start with, flags apart."""
FLAG: Final = "\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{3,6}\U000e007f"
"""The flag of a part of a country: England's is a black one and ``gbeng`` in invisible letters."""
_TINT: Final = "[\ufe0f\U0001f3fb-\U0001f3ff]{0,2}"
JOINED: Final = f"{PICTOGRAPHS}\ufe0f\U0001f3fb-\U0001f3ff"
"""The inside of a character class: what a joiner inside an emoji may follow."""

_MONTHS: Final = {
    name: number
    for number, names in enumerate(
        (
            "januar jänner january jan", "februar february feb", "märz march mär mrz mar",
            "april apr", "mai may", "juni june jun", "juli july jul", "august aug",
            "september sept sep", "oktober october okt oct", "november nov",
            "dezember december dez dec",
        ),
        start=1,
    )
    for name in names.split()
}  # fmt: skip
# What any of them starts with comes first: so none is tried where none can be.
_MONTH: Final = f"(?=[adfjmnos])(?:{'|'.join(sorted(_MONTHS, key=len, reverse=True))})"
_CURRENCY: Final = {
    "€": "EUR", "eur": "EUR", "euro": "EUR", "euros": "EUR", "$": "USD", "usd": "USD",
    "dollar": "USD", "dollars": "USD", "£": "GBP", "gbp": "GBP", "chf": "CHF", "franken": "CHF",
}  # fmt: skip
_UNIT: Final = r"€|\$|£|(?=[cdefgu])(?:euros?|eur|usd|dollars?|gbp|chf|franken)\b"
_CODE: Final = "EUR|USD|GBP|CHF"
# A billion is English, Billionen are German.
_SCALE: Final = {"": 1, "mio": 10**6, "million": 10**6, "mrd": 10**9, "milliard": 10**9,
                 "billion": 10**9, "billionen": 10**12, "tsd": 10**3, "tausend": 10**3,
                 "thousand": 10**3}  # fmt: skip
_MANY: Final = "(?=[bmt])(?:mio|mrd|tsd|tausend|thousand|million|milliard|billionen|billion)"
_CENTS: Final = r"(?:[.,](?:\d{1,2}|[-\u2013\u2014]))?"
_AMOUNT: Final = rf"\d{{1,3}}+(?:[.,\u2019' ]\d{{3}}){{1,4}}{_CENTS}|\d{{1,12}}+{_CENTS}"
_TLD: Final = "app|at|be|ch|com?|de|dev|eu|fr|g[gl]|info|io|it|ly|me|net|nl|org|pl|to|tv|uk"
"""Ends of hosts that make a link of ``host/path`` alone."""

_PATTERN: Final = re.compile(
    rf"""
    (?P<link>(?:https?://|(?<!\w)www\.(?=\w))[^\s<>"]{{1,2000}})
  | (?P<bare>(?<=\w)\.(?:{_TLD})/[\w@?\#][^\s<>"]{{0,2000}})
  | (?P<mail>(?<=[\w.+-])@\w[\w-]{{0,62}}(?:\.\w[\w-]{{0,62}}){{1,6}})
  | (?P<handle>(?<![\w@/])@\w{{1,64}}(?:[.-]\w{{1,64}}){{0,3}}
      (?:@\w{{1,63}}(?:[.-]\w{{1,63}}){{1,6}})?)
  | (?P<hashtag>(?<![\w&\#/])\#(?=\d{{0,20}}[^\W\d])\w{{1,139}})
  | (?P<emoji>[\U0001f1e6-\U0001f1ff]{{2}} | {FLAG} | [\d\#*]\ufe0f?\u20e3
      | [{PICTOGRAPHS}]{_TINT}(?:\u200d[{PICTOGRAPHS}]{_TINT}){{0,8}})
  | (?P<date>(?<![\w.,/-])(?:
        (?P<y1>\d{{4}})-(?P<m1>\d\d)-(?P<d1>\d\d)(?![\w-])
      | (?P<d2>\d{{1,2}})\.\s?(?P<m2>\d{{1,2}})\.\s?(?P<y2>\d{{4}}|\d\d)(?!\w|\.\d)
      | (?P<d3>\d{{1,2}})(?:(?:st|nd|rd|th)\s|(?:\.\s?|\s)(?-i:(?!ma(?:y|rch)\b)))
        (?P<m3>{_MONTH})\b(?:\.?\s(?P<y3>\d{{4}})(?!\w))?
      | (?:(?<=\bam\ )|(?<=\bden\ )|(?<=\bvom\ )|(?<=\bzum\ ))
        (?P<d4>\d{{1,2}})\.\s?(?P<m4>\d{{1,2}})\.(?!\w)
      | (?P<m5>{_MONTH})\.?\s(?P<d5>\d{{1,2}})
        (?:(?:st|nd|rd|th)\b(?:,?\s(?P<y5>\d{{4}})(?!\w))?|,?\s(?P<y6>\d{{4}})(?!\w))))
  | (?P<money>(?<![\w.,])(?:
        (?P<a1>{_AMOUNT})(?:\s?(?P<s1>{_MANY})(?:en?|s)?\.?)?\s?(?P<c1>{_UNIT})
      | (?P<c2>[€$£]|(?-i:{_CODE}))\s?(?P<a2>{_AMOUNT})
        (?:\s?(?P<s2>{_MANY})(?:en?|s|\.)?)?(?!\w)))
  | (?P<product>(?<![\w\#@/.-])(?-i:[A-Z]{{2,5}})(?!-?(?:199|20[0-3])\d(?![\w-]))
      -?\d{{3,5}}(?-i:[A-Z0-9]{{0,5}})(?:-(?-i:[A-Z0-9]{{1,5}}))?(?![\w-])
      | (?<![\w.,/-])(?P<gtin>\d{{13}})(?![\w-]))
    """,
    re.VERBOSE | re.IGNORECASE,
)
_WORDS: Final = re.compile(
    r"[hH][tT][tT][pP]|[wW]{3}\.|[A-Z]{2,5}[- ]?\d"
    r"|(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]{0,6}\.?\s\d"
    rf"|\.(?:{_TLD})/"
)
"""What must stand where one of ``_pairs`` does, or no mark begins there."""
_CAPITALS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_pairs: Final = Pairs(
    {
        "hH": "tT", "wW": "wW", _CAPITALS: _CAPITALS, ".": _CAPITALS.lower(),
        "J": "au", "DFS": "e", "M": "a", "A": "pu", "O": "c", "N": "o",
    }
)  # fmt: skip
_SIGN, _DIGIT, _BARS, _KEY = 1, 2, 4, 8
"""A mark may begin with it, whatever follows; it is one of a number; no number begins behind it; it
may stand on a keycap."""
_SIGNS: Final = re.compile(rf"[@\#\u20ac$\u00a3\U0001f1e6-\U0001f1ff{PICTOGRAPHS}]")
"""What a mark may begin with, whatever follows."""
_KEYCAP, _STYLE = 0x20E3, 0xFE0F
_LOCAL: Final = re.compile(r"[\w.+-]{1,64}\Z")
_BEFORE: Final = re.compile(r"(?<![\w@/.:-])\w[\w-]{0,62}(?:\.\w[\w-]{0,62}){0,3}\Z")
"""A host, but for its last part."""
_TRAILING: Final = ".,;:!?'*_\u2026\u201c\u201d\u2018\u2019\u00bb\u00ab|"
_BRACKETS: Final = {")": "(", "]": "[", "}": "{"}
_HOST: Final = re.compile(
    r"(?:https?://)?(?:[^/?#@\s]{0,200}@)?(?:www\.)?([^/?#:\s]{1,253})", re.IGNORECASE
)


class Mark(NamedTuple):
    """One of them, and where."""

    kind: Kind
    start: int
    end: int
    name: str | None
    """The canonical form: a folded tag or handle, a host, ``12.50 EUR``, an ISO 8601 date."""


def find(texts: Sequence[str]) -> list[list[Mark]]:
    """All marks of each text, from left to right, none overlapping another."""
    letters, at = laid_out(texts, "\n")
    places = np.flatnonzero(_begins(letters))
    bounds = np.searchsorted(places, at)
    places -= np.repeat(at[:-1], np.diff(bounds))
    begins, parts = places.tolist(), pairwise(bounds.tolist())
    return [
        _marks(text, begins[first:last]) for text, (first, last) in zip(texts, parts, strict=True)
    ]


def _begins(letters: Letters) -> npt.NDArray[np.bool_]:
    """Where marks may begin."""
    kinds = _kinds(letters)
    begins = kinds & _SIGN != 0
    begins[1:] |= (kinds[1:] & _DIGIT != 0) & (kinds[:-1] & _BARS == 0)
    begins[_pairs(letters)] = True
    keys = np.flatnonzero(letters == _KEYCAP) - 1
    keys -= letters[keys] == _STYLE
    begins[keys] |= kinds[keys] & _KEY != 0
    return begins


def _kind(letter: str) -> int:
    digit = letter.isdecimal()
    return (
        _SIGN * (_SIGNS.match(letter) is not None)
        | _DIGIT * digit
        | _BARS * (of_words(letter) or letter in ".,")
        | _KEY * (digit or letter == "*")
    )


def _marks(text: str, begins: Sequence[int]) -> list[Mark]:
    """The marks of a text, which begin at some of these places."""
    found: list[Mark] = []
    at = end = 0
    for begin in begins:
        if begin < at:
            continue
        first = text[begin]
        if (first == "." or first.isalpha()) and _WORDS.match(text, begin) is None:
            continue
        match = _PATTERN.match(text, begin)
        if match is None:
            continue
        at = match.end()
        mark = _mark(text, match, end)
        if mark is not None:
            found.append(mark)
            end = mark.end
    return found


def _mark(text: str, match: re.Match[str], free: int) -> Mark | None:
    """The mark of a match; what starts before it may reach back to ``free``."""
    start, end = match.span()
    name: str | None = None
    kind: Kind
    match match.lastgroup:
        case "hashtag" | "handle" as tag:
            kind, name = tag, text[start + 1 : end].lower()
        case "link" | "bare":
            return _link(text, match, free)
        case "mail":
            kind = "mail"
            local = _LOCAL.search(text, max(free, start - 64), start)
            start = local.start() if local else start
            name = text[start:end].lower()
        case "money":
            kind = "money"
            name = _money(match)
        case "date":
            kind = "date"
            name = _date(match)
            if name is None:
                return None
        case "product":
            kind = "product"
            name = text[start:end]
            if match["gtin"] and not _checks(name):
                return None
        case _:
            kind = "emoji"
    return Mark(kind, start, end, name)


def _link(text: str, match: re.Match[str], free: int) -> Mark | None:
    start, end = match.span()
    if match["bare"]:
        before = _BEFORE.search(text, max(free, start - 128), start)
        if before is None:
            return None
        start = before.start()
    end = _trimmed(text, start, end)
    host = _HOST.match(text, start, end)
    return Mark("link", start, end, host[1].lower() if host else None)


def _trimmed(text: str, start: int, end: int) -> int:
    """Where a link ends without the punctuation of the sentence around it."""
    while end > start + 4:
        last = text[end - 1]
        opening = _BRACKETS.get(last)
        if last not in _TRAILING and (
            opening is None or text.count(opening, start, end) >= text.count(last, start, end)
        ):
            break
        end -= 1
    return end


def _date(match: re.Match[str]) -> str | None:
    day = next(filter(None, match.group("d1", "d2", "d3", "d4", "d5")))
    month = next(filter(None, match.group("m1", "m2", "m3", "m4", "m5")))
    year = next(filter(None, match.group("y1", "y2", "y3", "y5", "y6")), None)
    if year and len(year) == 2:  # noqa: PLR2004 - a year of two digits
        year = f"20{year}"
    try:
        # Without a year, any leap year says whether the day exists.
        found = date(int(year or 2000), _MONTHS.get(month.lower()) or int(month), int(day))
    except ValueError:
        return None
    return found.isoformat() if year else f"--{found:%m-%d}"


def _checks(gtin: str) -> bool:
    """Whether the last digit of an article number fits the others (GS1)."""
    return sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(gtin)) % 10 == 0


def _money(match: re.Match[str]) -> str:
    digits = (match["a1"] or match["a2"]).rstrip("-\u2013\u2014.,")
    head, mark, cents = digits[:-3], digits[-3:-2], digits[-2:]
    if mark not in {".", ","}:
        head, mark, cents = digits[:-2], digits[-2:-1], digits[-1:]
    if mark not in {".", ","}:
        head, cents = digits, ""
    amount = Decimal(re.sub(r"\D", "", head) + (f".{cents}" if cents else ""))
    amount *= _SCALE[(match["s1"] or match["s2"] or "").lower()]
    return f"{amount:f} {_CURRENCY[(match['c1'] or match['c2']).lower()]}"


_kinds: Final = Kinds(_kind)
