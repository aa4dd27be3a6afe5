"""Text care: what people see of a text, as one plain string, with the way back to the original.

Models and rules work on a *view*: HTML entities are decoded, invisible characters are dropped,
look-alike forms (full-width, mathematical, ligatures, decomposed umlauts) are composed (NFKC),
control characters are blanks. Every position in the view maps to code points of the original, so
that spans always speak of what the author wrote. Work and memory are linear in the text's length.
"""

import html
import re
import unicodedata
from typing import Final

from msgspec import Struct

from pipeline.enrich import marks
from schemas.mention import Span

__all__ = ["View", "view"]

_INVISIBLE: Final = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b\u200c\u200e\u200f\u202a-\u202e"
    "\u2060-\u206f\ufe00-\ufe0e\ufeff\ufff9-\ufffb\U000e0000-\U000e0fff"
)
_CONTROL: Final = "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff"
# What makes a text of NFKC form need a closer look; \u0130 is the one letter whose lower case is
# longer than itself.
_SUSPECT: Final = re.compile(f"[&{_CONTROL}{_INVISIBLE}\u0130\u200d\ufe0f]")
_CHANGED: Final = re.compile(
    r"(?P<entity>&(?:\#[0-9]{1,7}|\#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});)"
    f"|(?P<dropped>[{_INVISIBLE}]|(?<![{marks.JOINED}])[\u200d\ufe0f])"
    f"|(?P<blank>[{_CONTROL}])"
    "|(?P<cluster>[^\x00-\x7f\u0300-\u036f][\u0300-\u036f]{0,8}|[A-Za-z][\u0300-\u036f]{1,8})"
)
_HIDDEN: Final = frozenset({"link", "mail", "handle"})
_FORMS: Final = {"\u00b4": "'"}  # typed as an apostrophe
_UNSEEN: Final = re.compile(f"[{_CONTROL}{_INVISIBLE}]")


class View(Struct, frozen=True):
    """A text as models see it."""

    original: str
    text: str
    """The readable form; its positions are what ``span`` takes."""
    prose: str
    """``text`` with links, addresses and handles blanked: same length, same positions."""
    marks: list[marks.Mark]
    """What ``text`` holds besides prose."""
    starts: list[int] | None = None
    """Where in the original each character of ``text`` starts; None when they are the same."""
    ends: list[int] | None = None
    """Where in the original each character of ``text`` ends."""

    def span(self, start: int, end: int) -> Span:
        """The stretch of the original that ``text[start:end]`` stands for; ``start < end``."""
        if self.starts is None or self.ends is None:
            return Span(start, end)
        return Span(self.starts[start], self.ends[end - 1])

    def written(self, span: Span) -> str:
        """What the author wrote there."""
        return self.original[span.start : span.end]


def view(original: str) -> View:
    """Make the view of a text."""
    text, starts, ends = original, None, None
    if _SUSPECT.search(original) or not unicodedata.is_normalized("NFKC", original):
        text, starts, ends = _readable(original)
    found = marks.find(text)
    return View(original, text, _prose(text, found), found, starts, ends)


def _readable(original: str) -> tuple[str, list[int] | None, list[int] | None]:
    pieces: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    done = 0
    for match in _CHANGED.finditer(original):
        start, end = match.span()
        now = _replacement(match)
        if now == match[0]:
            continue
        pieces += original[done:start], now
        starts += range(done, start)
        ends += range(done + 1, start + 1)
        starts += [start] * len(now)
        ends += [end] * len(now)
        done = end
    if not pieces:
        return original, None, None
    pieces.append(original[done:])
    starts += range(done, len(original))
    ends += range(done + 1, len(original) + 1)
    return "".join(pieces), starts, ends


def _replacement(match: re.Match[str]) -> str:
    kind, old = match.lastgroup, match[0]
    if kind == "dropped":
        return ""
    if kind == "blank":
        return " "
    seen = html.unescape(old) if kind == "entity" else old
    if _UNSEEN.match(seen):
        return " "
    new = unicodedata.normalize("NFKC", _FORMS.get(seen, seen)).replace("\u0130", "I")
    # A lone accent would be set on a blank: it stays as it is.
    return old if new[:1] == " " != new else new


def _prose(text: str, found: list[marks.Mark]) -> str:
    pieces: list[str] = []
    done = 0
    for kind, start, end, _ in found:
        if kind in _HIDDEN and start >= done:
            pieces += text[done:start], " " * (end - start)
            done = end
    if not done:
        return text
    pieces.append(text[done:])
    return "".join(pieces)
