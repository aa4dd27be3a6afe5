"""In which language people are told what is wrong, and what they probably meant."""

import difflib
import os
from collections.abc import Iterable
from typing import Literal, TypeAlias

__all__ = ["Language", "language", "nearest"]

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
