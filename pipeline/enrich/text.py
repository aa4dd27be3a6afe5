"""Text care: what people see of a text, as one plain string, with the way back to the original.

Models and rules work on a *view*: HTML tags are taken out and entities decoded, invisible
characters are dropped, other forms of a letter (full-width, mathematical, ligatures, decomposed
umlauts) are composed (NFKC), look-alikes of other scripts are read as what they look like, control
characters are blanks. Every position in the view maps to code points of the original, so spans
always speak of what the author wrote. Work and memory are linear in the text's length.
"""

import html
import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from typing import Final

from msgspec import Struct
from msgspec.structs import force_setattr

from pipeline.enrich import lookalikes, marks
from pipeline.enrich.portions import portions
from schemas.mention import Span

__all__ = ["View", "composed", "view", "views"]

_INVISIBLE: Final = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b\u200c\u200e\u200f\u202a-\u202e"
    "\u2060-\u206f\ufe00-\ufe0e\ufeff\ufff9-\ufffb\U000e0000-\U000e0fff"
)
_CONTROL: Final = "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff"
# What makes a text of NFKC form need a closer look; \u0130 is the one letter whose lower case is
# longer than itself.
_SUSPECT: Final = re.compile(  # one class first: so it is searched for without trying
    rf"[&<{_CONTROL}{_INVISIBLE}\u0130\u200d\ufe0f](?:(?<!<)|[a-zA-Z/!])"
)
_CODE: Final = r"<(script|style)\b[^<>]{0,500}>[^<]{0,5000}</\2\s{0,9}>|<!--[^<>]{0,5000}-->"
_INLINE: Final = (
    "a|abbr|b|bdi|bdo|big|cite|code|del|dfn|em|font|i|ins|kbd|mark|q|s|small|span|strike|strong|sub"
    "|sup|tt|u|var|wbr"
)
_BLOCK: Final = (
    "address|article|aside|audio|blockquote|body|br|button|caption|center|dd|details|div|dl|dt"
    "|figcaption|figure|footer|form|h[1-6]|head|header|hr|html|iframe|img|input|label|li|link|main"
    "|meta|nav|noscript|object|ol|option|p|picture|pre|script|section|select|source|style|summary"
    "|svg|table|tbody|td|textarea|tfoot|th|thead|title|tr|ul|video"
)
_TAG_END: Final = r"(?:\s[^<>]{0,2000})?/?>"
_CHANGED: Final = re.compile(
    f"(?i:(?P<code>{_CODE})|(?P<inline></?(?:{_INLINE}){_TAG_END})"
    f"|(?P<block></?(?:{_BLOCK}){_TAG_END}))"
    r"|(?P<entity>&(?:\#[0-9]{1,7}|\#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});)"
    f"|(?P<flag>{marks.FLAG})"
    f"|(?P<dropped>[{_INVISIBLE}]|(?<![{marks.JOINED}])[\u200d\ufe0f])"
    f"|(?P<blank>[{_CONTROL}])"
    "|(?P<cluster>[^\x00-\x7f\u0300-\u036f][\u0300-\u036f]{0,8}|[A-Za-z][\u0300-\u036f]{1,8})"
)
_START: Final = re.compile("[^\t\n\r -%'-;=-~\u00c0-\u00ff]")
"""Where ``_CHANGED`` may match, or, where it is an accent, one character further on."""
_ACCENTED: Final = re.compile("[A-Za-z\u00c0-\u00ff][\u0300-\u036f]")
_GONE: Final = frozenset({"dropped", "inline"})
_GAPS: Final = {"blank": " ", "code": " ", "block": "\n"}
_HIDDEN: Final = frozenset({"link", "mail", "handle"})
_AT_ONCE: Final = 25_000
"""Characters that are looked at in one go."""
_FORMS: Final = str.maketrans(
    {
        "\u00b4": "'",  # typed as an apostrophe
        "\u2122": " ",  # the signs of a trade mark and a service mark, not the letters TM and SM
        "\u2120": " ",
    }
)
_UNSEEN: Final = re.compile(f"[{_CONTROL}{_INVISIBLE}]")
_VANISHING: Final = re.compile(f"[{_INVISIBLE}]")


class View(Struct, frozen=True, gc=False):
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
    low: str = ""
    """``prose`` in lower case, whatever is given: same length, same positions."""

    def __post_init__(self) -> None:
        """Put in lower case once what many look at so."""
        force_setattr(self, "low", self.prose.lower())

    def span(self, start: int, end: int) -> Span:
        """The stretch of the original that ``text[start:end]`` stands for; ``start < end``."""
        if self.starts is None or self.ends is None:
            return Span(start, end)
        return Span(self.starts[start], self.ends[end - 1])

    def place(self, span: Span) -> tuple[int, int]:
        """Where in ``text`` a stretch of the original stands; empty where nothing of it does."""
        if self.starts is None or self.ends is None:
            return span.start, span.end
        start = bisect_right(self.ends, span.start)
        return start, max(bisect_left(self.starts, span.end), start)

    def cut(self, parts: Sequence[tuple[int, int]]) -> "View":
        """Only these stretches, a line each; what is found in them leads back to the original.

        Args:
            parts: in order, apart, none empty.
        """
        starts, ends = (
            self.starts or range(len(self.text)),
            self.ends or range(1, 1 + len(self.text)),
        )
        kept_starts: list[int] = []
        kept_ends: list[int] = []
        kept_marks: list[marks.Mark] = []
        for start, end in parts:
            if kept_starts:  # the line's end stands for the gap
                kept_starts.append(kept_ends[-1])
                kept_ends.append(starts[start])
            moved = len(kept_starts) - start
            kept_starts += starts[start:end]
            kept_ends += ends[start:end]
            kept_marks += [
                mark._replace(start=mark.start + moved, end=mark.end + moved)
                for mark in self.marks
                if start <= mark.start and mark.end <= end
            ]
        return View(
            self.original,
            "\n".join([self.text[start:end] for start, end in parts]),
            "\n".join([self.prose[start:end] for start, end in parts]),
            kept_marks,
            kept_starts,
            kept_ends,
        )

    def written(self, span: Span) -> str:
        """What the author wrote there."""
        return self.original[span.start : span.end]


def view(original: str) -> View:
    """Make the view of a text."""
    return views([original])[0]


def views(originals: Sequence[str]) -> list[View]:
    """Make the views of texts, which takes far less time than one after another."""
    return [made for some in portions(originals, _AT_ONCE, len) for made in _views(some)]


def _views(originals: Sequence[str]) -> list[View]:
    """Make the views of so few texts that what is told of their letters does not take much room."""
    read = list(map(_read, originals))
    found = marks.find([text for text, _, _ in read])
    return [
        View(original, text, _prose(text, marked), marked, starts, ends)
        for original, (text, starts, ends), marked in zip(originals, read, found, strict=True)
    ]


def _read(original: str) -> tuple[str, list[int] | None, list[int] | None]:
    """The readable form of a text, and where in it each of its characters starts and ends."""
    text, starts, ends = original, None, None
    if _SUSPECT.search(original) or not unicodedata.is_normalized("NFKC", original):
        text, starts, ends = _readable(original)
    return lookalikes.plain(text), starts, ends


def composed(text: str) -> str:
    """A text with its letters in the form that texts are read in; positions may move."""
    return unicodedata.normalize("NFKC", text.translate(_FORMS)).replace("\u0130", "I")


def _readable(original: str) -> tuple[str, list[int] | None, list[int] | None]:
    pieces: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    done = 0
    for match in _changes(original):
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


def _changes(original: str) -> Iterator[re.Match[str]]:
    """What ``_CHANGED`` finds, letters that are nothing but themselves apart."""
    at = 0
    while near := _START.search(original, at):
        start = near.start()
        if start > at and _ACCENTED.match(original, start - 1):
            start -= 1
        match = _CHANGED.match(original, start)
        if match is None:
            at = start + 1
        else:
            yield match
            at = match.end()


def _replacement(match: re.Match[str]) -> str:
    kind, old = match.lastgroup, match[0]
    if kind == "flag":  # its letters stay, though they are invisible
        return old
    if kind in _GONE:
        return ""
    if kind in _GAPS:
        return _GAPS[kind]
    seen = html.unescape(old) if kind == "entity" else old
    if _UNSEEN.match(seen):
        return "" if _VANISHING.match(seen) else " "
    new = composed(seen)
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
