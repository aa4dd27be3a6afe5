"""Fixed phrases of complaint and of praise: ``funktioniert nicht``, ``nichts zu meckern``.

They say what none of their words says alone, nor a rule of negation makes of them. They stand in
``data/<language>_phrases.tsv``, which anyone can read and mend: a phrase, a tab, its weight. A
phrase is words in lower case: ``a|b`` is either, ``lad*`` any word that starts so, ``mehr?`` may be
missing, ``..`` stands for up to four words, none of which joins clauses (``und``) nor, in praise,
takes it back (``nicht``, ``andere als``), ``,`` for a comma that may stand here. ``<`` is where a
clause starts and ``>`` where one ends; ``!nur|um`` says what may not come next. ``=`` marks the
word by which a phrase is found; without it, that is the first. A word in capitals stands for what a
line ``NOT = nicht|nich`` says. A weight of 0 says that other phrases in this one say nothing.

A phrase says nothing in a question (``Funktioniert das nicht auch mit ...?``), unless that asks for
a reason, nor behind ``wenn`` and the like. What has a negation of its own is turned by no other. Of
a text only what is around the words by which phrases are found is looked at.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Final, NamedTuple

from pipeline.enrich.sentiment.lexicon import Word, rows

__all__ = ["Phrase", "Phrases", "load"]

_BEFORE: Final = 60
"""Characters before the word by which a phrase is found."""
_BEHIND: Final = 100
"""Characters from there on."""
_MARGIN: Final = 4
"""Characters before or behind a phrase that decide whether it is one."""
_SENTENCE: Final = 200
"""Characters on either side of a phrase in which its sentence is looked for."""
_APART: Final = r"[^\w.!?\n,;:]{1,4}"
_JOINS: Final = (
    "und|u|oder|aber|sondern|weil|dass|wenn|obwohl|nur|bloß|and|or|but|because|that|if|only|just"
)
_TAKES_BACK: Final = (
    r"ni(?:cht|ch|t|e|emals|chts|x|emand|mmer)|ne[td]|kein\w*|kaum|selten"
    rf"|(?:anders|andere[rs]?|weniger){_APART}als|(?:less|other){_APART}than|far{_APART}from"
    r"|not?|never|nothing|nobody|cannot|hardly|barely|rarely|seldom"
    r"|(?:do|does|did|is|are|was|were|has|have|had|ca|could|wo|would|should|ai)n'?t"
)
"""What makes the praise behind it mean the opposite; not ``ohne``: ``läuft ohne Macken rund``."""
_START: Final = r"(?:\A\s{0,40}|[^\w\s]\s{0,3}|\n\s{0,3})"
_END: Final = (
    r"(?=\s{0,3}(?:\Z|\n|[^\w\s]|(?:und|oder|aber|sondern|weil|da|obwohl|wenn|seit|seitdem|trotz|nach"
    r"|lg|and|or|but|because|since|although|even|after|when)\b))"
)
_IF: Final = re.compile(
    r"\b(?:wenn'?s?|falls|sofern|sollten?|ob|solange|if|whether|unless|should|in case)\b[^,;:]*\Z",
    re.IGNORECASE,
)
_ASKS_WHY: Final = re.compile(r"\b(?:warum|wieso|weshalb|why|how come)\b", re.IGNORECASE)
_STOP: Final = re.compile(r"[.!?\n]+")
_NEGATION: Final = re.compile(
    r"\b(?:ni(?:cht|ch|t|e|emals|chts|x|emand)|ne[td]|kein\w{0,2}|ohne|not?|never|nothing|nobody"
    r"|without|cannot|\w+n'?t)\b",
    re.IGNORECASE,
)
_NAME: Final = re.compile(r"[A-Z]{2,}")
_SPELLED: Final = {"ä": "(?:ä|ae)", "ö": "(?:ö|oe)", "ü": "(?:ü|ue)", "ß": "(?:ß|ss)"}


class Phrase(NamedTuple):
    """A phrase at ``prose[start:end]``, read as one word."""

    start: int
    end: int
    word: Word


class _Known(NamedTuple):
    pattern: str
    leads: bool
    """Whether it starts with the word by which it is found."""
    needed: Sequence[str]
    """Parts of words of which one stands in every such phrase: quick to look for."""
    weight: float


class Phrases:
    """The phrases of one language.

    Args:
        lines: each with its weight.
    """

    def __init__(self, lines: Iterable[tuple[str, float]]) -> None:
        self._found: dict[str, list[_Known]] = {}
        for line, weight in lines:
            words, leads = _found_by(line)
            known = _Known(_pattern(line, praises=weight > 0), leads, _needed(line), weight)
            for word in words:
                self._found.setdefault(word, []).append(known)

    def finds(self, token: str) -> bool:
        """Whether phrases are found by this token."""
        return token.lower() in self._found

    def find(self, prose: str, at: int, token: str, start: int, end: int) -> Phrase | None:
        """The longest phrase that is found by a token and says something where it stands.

        Args:
            prose: the text, apostrophes straight.
            at: where the token stands.
            token: one that ``finds`` is true of.
            start: where the phrase may start at the earliest.
            end: where it ends at the latest.
        """
        low, high = max(start, at - _BEFORE), min(end, at + _BEHIND)
        last = high if high == end else high - _MARGIN
        around = prose[low:high].lower()
        first = past = at
        weight = 0.0
        for pattern, leads, needed, tone in self._found[token.lower()]:
            if needed and not any(map(around.__contains__, needed)):
                continue
            compiled = _compiled(pattern)
            if leads:
                match = compiled.match(prose, at, high)
            else:
                match = _around(compiled, prose, at, low, high)
            if match is None:
                continue
            begins, ends = match.span(1)
            if ends <= last and ends - begins > past - first:
                first, past, weight = begins, ends, tone
        if first == past or _is_open(prose, first, past):
            return None
        # What has a negation of its own is turned by no other.
        remarks = _NEGATION.search(prose, first, past) is not None
        return Phrase(first, past, Word(weight=weight, remarks=remarks))

    def among(
        self, prose: str, tokens: Iterable[tuple[int, str]], start: int, end: int
    ) -> Iterator[tuple[int, Phrase]]:
        """The phrases of ``prose[start:end]``, none of which overlap.

        Args:
            prose: the text, apostrophes straight.
            tokens: where each of its tokens stands, and the token, in order; those by which no
                phrases are found may be left out.
            start: where the first phrase may start.
            end: where the last one ends at the latest.

        Yields:
            Of each phrase where the token stands by which it was found, and the phrase.
        """
        for at, token in tokens:
            if at >= start and self.finds(token):
                phrase = self.find(prose, at, token, start, end)
                if phrase is not None:
                    start = phrase.end
                    yield at, phrase


def load(language: str) -> tuple[tuple[str, float], ...]:
    """The phrases of a language that come with the package, and their tones."""
    named: dict[str, str] = {}
    lines = []
    for line, *weight in rows(f"{language}_phrases.tsv"):
        if weight:
            lines.append((" ".join(_named(line, named)), float(weight[0])))
        else:
            name, _, meant = line.partition(" = ")
            named[name] = meant
    return tuple(lines)


def _named(line: str, named: dict[str, str]) -> Iterator[str]:
    """The items of a line, words in capitals replaced."""
    for item in line.split():
        yield _NAME.sub(lambda name: named[name[0]], item)


def _around(
    compiled: re.Pattern[str], prose: str, at: int, low: int, high: int
) -> re.Match[str] | None:
    """The first phrase from ``low`` on that holds the word at ``at``, not just one before it."""
    begin = max(low - _MARGIN, 0)  # the sign before a clause may stand there
    while match := compiled.search(prose, begin, high):
        begins, ends = match.span(1)
        if begins > at:
            return None
        if low <= begins and at < ends:
            return match
        begin = match.start() + 1
    return None


def _is_open(prose: str, first: int, past: int) -> bool:
    """Whether what stands here is asked, or holds under a condition."""
    before = prose[max(first - _SENTENCE, 0) : first]
    stops = list(_STOP.finditer(before))
    before = before[stops[-1].end() :] if stops else before
    if _IF.search(before):
        return True
    stop = _STOP.search(prose, past, past + _SENTENCE)
    return stop is not None and set(stop[0]) == {"?"} and not _ASKS_WHY.search(before)


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """A pattern, compiled when its word is first met."""
    return re.compile(pattern, re.IGNORECASE)


def _found_by(line: str) -> tuple[list[str], bool]:
    """The words by which a phrase is found, in every spelling, and whether it starts with them."""
    items = line.split()
    (chosen,) = [item for item in items if item.startswith("=")] or items[:1]
    words = chosen.strip("=").split("|")
    return _spelled(words), chosen == items[0]


def _needed(line: str) -> list[str]:
    """Of what stands in every such phrase, beside the word by which it is found, the shortest."""
    items = [
        _spelled(item.replace("*", "").split("|"))
        for item in line.split()
        if item.strip("<>.,") and item[0] not in "!=" and item[-1] != "?"
    ]
    words = min(items, key=len, default=[])
    return [word for word in words if not any(other in word for other in words if other != word)]


def _spelled(words: Sequence[str]) -> list[str]:
    """Words, and how they are written without umlauts."""
    plain = [
        word.replace("ä", "ae").replace("ö", "oe").replace("ü", "ue").replace("ß", "ss")
        for word in words
    ]
    return list(dict.fromkeys([*words, *plain]))


def _pattern(line: str, *, praises: bool) -> str:
    """The pattern of a phrase; its group 1 is what is shown."""
    items = line.split()
    never = f"{_JOINS}|{_TAKES_BACK}" if praises else _JOINS
    pattern = f"{_START}(" if items[0] == "<" else r"(?<!\w)("
    apart = ""
    for item, following in zip(items, [*items[1:], ""], strict=True):
        if item == "..":
            pattern += rf"(?:{_APART}(?!(?:{never})\b)\w+){{0,4}}?"
        elif item == ",":
            pattern += ",?"
        elif item.startswith("!"):
            pattern += rf"(?!{_APART}{_ways(item[1:])})"
        elif item not in "<>":
            word = _ways(item.strip("=?"))
            if not item.endswith("?"):
                pattern += apart + word
                apart = _APART
            else:  # the first word has what is between words behind it, any other before it
                pattern += f"(?:{apart}{word})?" if apart else f"(?:{word}{_APART})?"
                # Given back, it would stand between what was read and what may not come next.
                pattern += "+" * following.startswith("!")
    return pattern + (f"){_END}" if items[-1] == ">" else ")")


def _ways(item: str) -> str:
    """A pattern for any of the words of an item."""
    ways = [
        re.escape(way[:-1]) + r"\w{0,15}" if way.endswith("*") else re.escape(way)
        for way in item.split("|")
    ]
    spelled = "".join([_SPELLED.get(sign, sign) for sign in "|".join(ways)])
    return rf"(?:{spelled})(?!\w)"
