"""Finding names in Elasticsearch that are the same to ``schemas.forgotten.folded``.

A server compares ASCII without case, and knows nothing of the rest: neither ``Ü`` and ``ü``, nor
``ß`` and ``ss``, nor letters of another form, as people put them into names (bold, full-width, with
an accent of its own). So the patterns here find all that may be meant, and some more; who asks
folds what comes back, and compares. A name wholly in another script finds all names that are:
right, if slow, for what is done rarely.
"""

import unicodedata
from collections.abc import Iterator
from itertools import groupby
from typing import Final

from schemas.forgotten import folded

__all__ = ["patterns"]

_LONGEST: Final = 700  # an index refuses patterns of over 1,000 characters
_OTHERS: Final = "\x7f-\U0010ffff"
_BLANKS: Final = "\t-\r\x1c- "
_BEFORE: Final = r"[^!-~]*\@?"
_AFTER: Final = "[^!-~]*"


def patterns(name: str) -> tuple[str, str]:
    """Two regular expressions, one of which matches whatever is folded to the same, in any case.

    The first is for names whose ASCII letters are all written as such; the second for those in
    which another character stands for some of them.
    """
    wanted = folded(name)
    exact = _BEFORE
    for part in _parts(wanted):
        if len(exact) + len(part) > _LONGEST:
            exact += ".*"
            break
        exact += part
    else:
        exact += _AFTER
    any_ = f"[{_letters(wanted)}@{_BLANKS}{_OTHERS}]*"
    return exact, f"{any_}[{_OTHERS}]{any_}"


def _parts(text: str) -> Iterator[str]:
    """A pattern for each ASCII character, and one for each run of others."""
    for ascii_, run in groupby(text, str.isascii):
        if ascii_:
            yield from map(_escaped, run)
        else:
            yield f"[{_letters(''.join(run))}{_OTHERS}]*"


def _letters(text: str) -> str:
    """The ASCII characters of which a text may be composed, as part of a class."""
    parts = unicodedata.normalize("NFKD", text)
    return "".join(_escaped(char) for char in sorted(set(parts)) if char.isascii())


def _escaped(char: str) -> str:
    return char if char.isalnum() else f"\\{char}"
