"""How people are told something: in which language, and what they probably meant."""

import difflib
import os
from collections.abc import Iterable
from typing import Literal, TypeAlias

__all__ = ["Language", "language", "nearest", "number", "share"]

Language: TypeAlias = Literal["de", "en"]


def language(chosen: Language | None = None) -> Language:
    """The language of messages: the chosen one, else that of the environment, else English."""
    if chosen:
        return chosen
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if value := os.environ.get(name):
            return "de" if value.lower().startswith("de") else "en"
    return "en"


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that was probably meant."""
    close = difflib.get_close_matches(name.lower(), list(known), n=1, cutoff=0.6)
    return close[0] if close else None


def number(value: float, lang: Language, digits: int = 0) -> str:
    """A number with its thousands set apart, and so many digits behind the point or comma."""
    said = f"{value:,.{digits}f}"
    return said.translate({44: ".", 46: ","}) if lang == "de" else said


def share(part: float, lang: Language) -> str:
    """A part of one, in hundredths."""
    return f"{part:.0%}".replace("%", " %" if lang == "de" else "%")
