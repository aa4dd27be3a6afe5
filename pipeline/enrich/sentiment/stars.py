"""The stars an author gave: in the platform's own field, or typed into the text or the title.

Typed are ``★★★★☆``, ``4/5 Sternen``, ``4 von 5`` and ``5 stars!``; only what can hardly mean
anything else counts: a row of five signs, points out of five or ten, or a number of stars that
stands alone or behind a word of giving. A hotel with four stars, a thread's ``1/5`` and ``4 von 5
Zügen`` are no ratings; nor is anything where two differ. The field wins over the text, the text
over the title.
"""

import re
from typing import Final, NamedTuple

import msgspec

from pipeline.enrich.text import View
from schemas.mention import Rating, Span

__all__ = ["READ", "Stars", "given"]

READ: Final = 10_000
"""Characters of a text that are read, for its stars and for its tone."""

_FULL: Final = "★⭐🌟✭✮"
_EMPTY: Final = "☆✩✰"
_SIGNS: Final = f"[{_FULL}{_EMPTY}]"
_NUMBERS: Final = {
    word: value
    for value, words in enumerate(
        ("ein eine einen one", "zwei two", "drei three", "vier four", "fünf fuenf five"), start=1
    )
    for word in words.split()
}
_NUMBER: Final = rf"(?<![\w.,/:-])(?:[0-5](?:[.,]\d)?|{'|'.join(_NUMBERS)})"
_ALONE: Final = r"(?=\s*(?:[.!?,;:)\n]|\Z|(?:für|von mir|for|from me)\b))"
"""What may stand behind a rating that has no unit."""
_GIVEN: Final = (
    r"(?:(?:\A|[.!?:;(\n])\s*|\b(?:geb|gib|gab|gebe|geben|vergebe|vergeben|verdien(?:t|en)|bekommt"
    r"|bewerte|klare|volle|glatte|nur|leider|glaube|deserves?|giv(?:e|en|ing)|gave|rated|rate|only"
    r"|just|full|solid|easily)\s+(?:(?:it|ihm|ihr|them|dem|der|the|this|mit)\s+)?)"
)
"""What may stand before such a one."""
_RATING: Final = re.compile(
    rf"(?P<row>(?<!{_SIGNS})(?=[{_FULL}])(?:{_SIGNS}\ufe0f?){{5}}(?!{_SIGNS}))"
    rf"|(?P<points>{_NUMBER})\s?(?:/|von|out of|of)\s?(?:5|fünf|five)\s?"
    r"(?:möglichen\s|possible\s)?(?:sternen?|stars?|punkten?|points?)(?![\w-])"
    r"|(?<![\w.,/:-])(?P<tenths>\d(?:[.,]\d)?|10)\s?(?:/|von|out of)\s?10\s?"
    r"(?:möglichen\s|possible\s)?(?:sternen?|stars?|punkten?|points?)(?![\w-])"
    rf"|{_GIVEN}(?P<alone>{_NUMBER})\s(?:(?:von|out of)\s(?:5|fünf|five)|sterne?|stars?){_ALONE}",
    re.IGNORECASE,
)
_HINTS: Final = (*_FULL, "Stern", "stern", "STERN", "Star", "star", "STAR", "fünf", "five")
_OUT_OF: Final = ("/5", "/10", "on 5", "of 5", "on 10", "of 10")
"""Without one of all these there is no rating; quick to look for."""
_UNIT: Final = re.compile(
    rf"[{_FULL}]|\b(?:stern|star)|(?:/|von|of)\s?(?:5|10|fünf|five)", re.IGNORECASE
)
"""Nor without one of these; slower, but not found in ``gestern`` and ``starten``."""


class Stars(NamedTuple):
    """A rating between -1 and 1."""

    value: float
    said: str
    """How it is shown: as written, or ``4 (1-5)``."""
    span: Span | None = None
    """Where it stands in the text's original, if it does."""


class _Typed(NamedTuple):
    value: float
    start: int
    end: int


def given(
    view: View, title: View | None = None, rating: Rating | None = None
) -> tuple[Stars | None, View, View | None]:
    """The stars of a text, and what is left to be read of it and its title.

    Stars that were typed and count are left out: four and an empty one are not four good signs.
    """
    if rating is not None and rating.worst < rating.best:
        place = (rating.value - rating.worst) / (rating.best - rating.worst)
        if 0 <= place <= 1:
            said = f"{rating.value:g} ({rating.worst:g}-{rating.best:g})"
            return Stars(2 * place - 1, said), view, title
    if found := _typed(view):
        span = view.span(found.start, found.end)
        return Stars(found.value, view.written(span), span), _without(view, found), title
    if title is not None and (found := _typed(title)):
        said = title.text[found.start : found.end]
        return Stars(found.value, said), view, _without(title, found)
    return None, view, title


def _typed(view: View) -> _Typed | None:
    """The first rating in a text; None where there is none, or two that differ."""
    prose = view.prose
    if not any(map(prose.__contains__, _HINTS)) and not (
        ("5" in prose or "10" in prose) and any(map(prose.__contains__, _OUT_OF))
    ):
        return None
    if _UNIT.search(prose, 0, READ) is None:
        return None
    found = [_read(match) for match in _RATING.finditer(prose, 0, READ)]
    return found[0] if found and len({one.value for one in found}) == 1 else None


def _read(match: re.Match[str]) -> _Typed:
    kind = match.lastgroup or ""
    written = match[kind].lower()
    best = 10.0 if kind == "tenths" else 5.0
    if kind == "row":
        value = float(sum(written.count(sign) for sign in _FULL))
    else:
        value = float(_NUMBERS.get(written) or written.replace(",", "."))
    value = min(max(value, 1.0), best)  # none at all is as bad as one
    return _Typed(2 * (value - 1) / (best - 1) - 1, match.start(kind), match.end())


def _without(view: View, found: _Typed) -> View:
    blank = " " * (found.end - found.start)
    prose = f"{view.prose[: found.start]}{blank}{view.prose[found.end :]}"
    return msgspec.structs.replace(view, prose=prose)
