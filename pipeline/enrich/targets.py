"""The tone towards each matched topic, from the clauses it stands in.

``Der Zug war pünktlich, aber die App ist eine Katastrophe`` says two things about two topics. A
text is cut into clauses at punctuation and at words that turn it (``aber``, ``but``), unless these
stand within a clause. Who is greeted (``Liebe Bahn, ...``) stands in the clause that follows, of
which the greeting's own words are no part. What stands before a colon takes in what follows it
(``Die App: eine Katastrophe``).
A topic takes the tone of the clause of its own that says most, of at most
``MOST_CLAUSES``; where none says anything, the document's. How much the document colours a clause
is the scorer's business.
"""

import re
from bisect import bisect_right
from collections.abc import Sequence
from typing import Final

import ahocorasick

from pipeline.enrich.particles import stands_within
from pipeline.enrich.parts import Tone
from pipeline.enrich.watchlist import Found
from schemas.mention import Producer, Sentiment, TargetSentiment

__all__ = ["MOST_CLAUSES", "Targets", "clauses"]

MOST_CLAUSES: Final = 10
"""How many clauses of one topic are read."""
_GREETING: Final = (
    r"^[^\w\n]*(?:(?:sehr[ ]geehrte[nrs]?|liebe[rs]?(?![ ](?:gr|ist|und))|hallo|hi|hey|moin"
    r"|guten[ ](?:tag|morgen|abend)|dear|hello)[ ]{1,3})+"
    r"(?=\w[\w.&'-]{0,40}(?:[ ]\w[\w.&'-]{0,40}){0,2}[,!])"
)
_BLANKS: Final = "\\t-\\r\x1c- \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
"""The inside of a character class: what ``\\s`` is."""
# All in lower case: ignoring case would try every word at every place.
_STOPS: Final = (
    # One class first, and none that asks for a property: so it is searched for without trying.
    f"[.!?;,:{_BLANKS}]"
    # A run of stops is tried from its first one only, or a letter behind it made that quadratic.
    r"(?:(?<=[.!?;\n])(?<![.!?;]{2})[.!?;\n]*(?=\s|\Z)|(?<=[,:])(?=\s)|(?<=\s)[-\u2013\u2014]+\s)"
)
_STOP: Final = re.compile(_STOPS)
_GREETS: Final = re.compile(_GREETING, re.MULTILINE)
_GREETED: Final = re.compile(rf"(?P<greeting>{_GREETING})|{_STOPS}", re.MULTILINE)
_TURNS: Final = (
    "aber|jedoch|allerdings|dagegen|hingegen|sondern|obwohl|während|trotzdem"
    "|but|however|although|though|whereas|yet|while|except"
)
_TURNS_BEHIND_AND: Final = "doch|dafür"
"""Elsewhere these two turn nothing (``danke dafür``), or stand behind a stop."""
_TURN: Final = re.compile(rf"(?<!\w)(?:{_TURNS}|(?<=und )(?:{_TURNS_BEHIND_AND}))(?!\w)")
_HINTS: Final = ahocorasick.Automaton()
for _hint in (*_TURNS.split("|"), *(f"und {turn}" for turn in _TURNS_BEHIND_AND.split("|"))):
    _HINTS.add_word(_hint, True)  # noqa: FBT003 - any value does
_HINTS.make_automaton()


def clauses(prose: str, low: str) -> list[int]:
    """Where each clause starts, the first at 0; each ends where the next one starts.

    Args:
        prose: the text.
        low: the same in lower case.
    """
    starts = [0]
    looked = 0  # up to here there are only blanks since the last start
    greeted = -1
    for match in _cuts(low):
        greeting = match.lastgroup is not None
        # A turning word opens the clause it stands in, a stop closes the one before.
        turning = match.re is _TURN
        if turning and stands_within(prose, match.start()):
            continue
        start = match.start() if turning else match.end()
        if greeting:
            greeted = start
        elif starts[-1] == greeted and match[0] in {",", "!"}:
            greeted = -1  # the name's end
            continue
        if prose[looked:start].strip():
            starts.append(start)
        looked = start
    return starts


def _cuts(low: str) -> list[re.Match[str]]:
    """Stops, greetings and turning words of a text in lower case, in order; none overlap."""
    pattern = _GREETED if _GREETS.search(low) else _STOP
    cuts = list(pattern.finditer(low))
    if next(_HINTS.iter(low), None):
        cuts += _TURN.finditer(low)
        cuts.sort(key=re.Match.start)
    return cuts


class Targets:
    """Judges topics by their clauses."""

    by: Final = Producer(name="clauses", version="6")

    def __init__(self, topics: Sequence[str]) -> None:
        self._topics = topics

    def judge(self, found: Found, document: Tone) -> list[TargetSentiment]:
        """Judge every topic that is hit in a field.

        Args:
            found: where the topics stand.
            document: the tone of the text.
        """
        view, hits = found.view, found.hits
        if not hits:
            return []
        starts = clauses(view.prose, view.low)
        places: dict[int, dict[int, None]] = {}
        for hit in hits:
            numbers = places.setdefault(hit.topic, {})
            if len(numbers) < MOST_CLAUSES:
                numbers[bisect_right(starts, hit.start) - 1] = None
        ends = _ends(view.prose, starts)
        judged: dict[int, Sentiment | None] = {}
        targets = []
        for topic, numbers in places.items():
            for number in numbers:
                if number not in judged:
                    judged[number] = document.clause(view, starts[number], ends[number])
            # The clause that says most; the first of equals.
            chosen = max(numbers, key=lambda number: _strength(judged[number]))
            tone = judged[chosen] or document.sentiment
            targets.append(
                TargetSentiment(
                    topic=self._topics[topic],
                    label=tone.label,
                    score=tone.score,
                    confidence=tone.confidence,
                    span=view.span(*_trimmed(view.prose, starts[chosen], ends[chosen])),
                    where=found.where,
                    by=self.by,
                )
            )
        return targets


def _ends(prose: str, starts: Sequence[int]) -> list[int]:
    """Where each clause ends; one with a colon behind it where the next one does."""
    ends = [*starts[1:], len(prose)]
    for number in range(len(starts) - 2, -1, -1):
        if prose[starts[number] : ends[number]].rstrip().endswith(":"):
            ends[number] = ends[number + 1]
    return ends


def _strength(tone: Sentiment | None) -> float:
    return -1.0 if tone is None else abs(tone.score)


def _trimmed(prose: str, start: int, end: int) -> tuple[int, int]:
    clause = prose[start:end]
    left = len(clause) - len(clause.lstrip())
    return (
        (start + left, end - (len(clause) - len(clause.rstrip())))
        if clause.strip()
        else (start, end)
    )
