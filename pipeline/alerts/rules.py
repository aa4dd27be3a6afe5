"""The rules: what is known about a topic in, what is remarkable about it out. Pure functions.

Every rule looks at a moment by the clock of what was said. It says what it observed, what was to be
expected and which facts made it; how often it may speak is the engine's business.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from statistics import fmean, pstdev
from typing import Final, Literal, TypeAlias

from msgspec import Struct

from pipeline.advice import Language, number, share
from pipeline.alerts.chance import at_least, at_most, share_at_least
from pipeline.alerts.history import DAY, HOUR, MINUTE, Fact, History, Usage
from pipeline.alerts.ledger import Ledger, without
from pipeline.alerts.reasons import reason, span
from schemas.alert import AlertKind, AlertRule, SourceGap
from schemas.forgotten import pseudonym

__all__ = ["RULES", "Finding", "Limits", "Moment"]

Severity: TypeAlias = Literal["info", "warning", "critical"]

_LEARN: Final = 2 * DAY
"""How long must have been listened before anything can be called unusual."""
_SPIKE_WINDOWS: Final = (10 * MINUTE, HOUR, 6 * HOUR)
_CRISIS_AUTHORS: Final = 5
_CRISIS_ONE_AUTHOR: Final = 0.5
_CRISIS_ONE_SITE: Final = 0.9
"""The part that a single author or site may have of it."""
_CRISIS_NEGATIVE: Final = 0.25
"""Of mentions with a tone: usual is a fifth. What is new is told soberly at first."""
_TONE_WINDOW: Final = 6 * HOUR
_TONE_LEAST: Final = 10
_TONE_BASE: Final = 100
_TONE_RISE: Final = 0.2
_SILENT_WINDOW: Final = 12 * HOUR
_LOST_LEAST: Final = 0.2
"""What part must not have been read for a silence to be beyond judgement."""
_TERM_WINDOWS: Final = (6 * HOUR, DAY)
_TERM_BASE: Final = 30
"""Stories from which is known what is usually said."""
_TERM_WORDS: Final = 1.5
"""How many more stories and authors a word needs than a hashtag."""
_TERM_OTHERS: Final = 20
"""For how many of them counts what is said with any topic: common words are known from there."""
_TERM_TIMES: Final = 3.0
"""How much more often than usual."""
_TERMS: Final = 5
_MOST_GAPS: Final = 20
_RATINGS: Final = 8
_RATINGS_BEFORE: Final = 20
_RATINGS_WITHIN: Final = 14 * DAY
_RATING_DROP: Final = 0.5
_RATING_ERRORS: Final = 3.0


class Limits(Struct, frozen=True):
    """What may be set."""

    chance: float = 1e-6
    """A count this unlikely is remarkable; smaller is fewer alerts."""
    least: int = 4
    """Mentions that a spike needs at least."""
    followers: int = 100_000
    """From where on an author's reach is large."""
    lang: Language = "en"
    """Of the reasons."""


@dataclass(frozen=True)
class Moment:
    """A topic at a moment."""

    topic: str
    history: History
    at: float
    began: float
    """Since when anything was listened to."""
    last_seen: Mapping[str, float]
    """When each source brought its newest mention, of whatever topic."""
    limits: Limits
    ledger: Ledger = field(default_factory=Ledger)
    """What was read of each source."""
    usage: Usage = field(default_factory=Usage)
    """What is said with any topic."""

    @cached_property
    def spike(self) -> "Finding | None":
        """More than the hour of the week explains, in 10 minutes, an hour or six."""
        if self.at - self.began < _LEARN:
            return None
        for window in _SPIKE_WINDOWS:
            start = self.at - window
            found = self.history.within(start, self.at)
            if len(found) < self.limits.least:
                continue
            expected = self.history.expected(start, self.at, self.began)
            if len(found) > expected and at_least(len(found), expected) <= self.limits.chance:
                why = self.because(
                    "spike",
                    n=len(found),
                    span=span(window, self.limits.lang),
                    usual=number(expected, self.limits.lang, 1),
                )
                return Finding("warning", start, len(found), expected, why, found)
        return None

    def because(self, code: str, **facts: object) -> str:
        """A reason, in the language that is set."""
        return reason(code, self.limits.lang, **facts)


class Finding(Struct, frozen=True):
    """Something remarkable."""

    severity: Severity
    since: float
    observed: float
    expected: float | None
    why: str
    facts: Sequence[Fact]
    about: str = ""
    """What the episode is about besides the topic: a hash of an author's name, a mention."""
    kind: AlertKind | None = None
    """Where it is not the rule's name: what the alert is to readers of version 1.0."""
    rule: AlertRule | None = None
    """Where it is not the rule that found it."""
    terms: tuple[str, ...] = ()
    gaps: tuple[SourceGap, ...] = ()


Rule: TypeAlias = Callable[[Moment], "Finding | None"]


def spike(now: Moment) -> Finding | None:
    """More than usual."""
    return now.spike


def crisis(now: Moment) -> Finding | None:
    """A spike that is negative and comes from many sides."""
    found = now.spike
    if found is None:
        return None
    toned = [fact for fact in found.facts if fact.negative is not None]
    negative = fmean([bool(fact.negative) for fact in toned]) if toned else 0.0
    authors = Counter(fact.author or fact.id for fact in found.facts)
    sites = Counter(fact.site for fact in found.facts)
    if (
        negative < _CRISIS_NEGATIVE
        or len(authors) < _CRISIS_AUTHORS
        or max(authors.values()) > _CRISIS_ONE_AUTHOR * len(found.facts)
        or max(sites.values()) > _CRISIS_ONE_SITE * len(found.facts)
    ):
        return None
    why = now.because(
        "crisis",
        spike=found.why,
        share=share(negative, now.limits.lang),
        authors=len(authors),
        sites=len(sites),
    )
    return Finding("critical", found.since, found.observed, found.expected, why, found.facts)


def sentiment(now: Moment) -> Finding | None:
    """A larger part is negative than usual."""
    history = now.history
    found = [
        fact for fact in history.within(now.at - _TONE_WINDOW, now.at) if fact.negative is not None
    ]
    negative = sum(bool(fact.negative) for fact in found)
    before = history.toned - len(found)
    if len(found) < _TONE_LEAST or before < _TONE_BASE:
        return None
    usual = (history.negative - negative) / before
    part = negative / len(found)
    if part < usual + _TONE_RISE:
        return None
    # What is usual is known from so many mentions only.
    surely = usual + 2 * (usual * (1 - usual) / before) ** 0.5
    if share_at_least(negative, len(found), surely) > now.limits.chance ** (2 / 3):
        return None
    lang = now.limits.lang
    why = now.because("sentiment", share=share(part, lang), n=len(found), usual=share(usual, lang))
    facts = [fact for fact in found if fact.negative]
    return Finding("warning", now.at - _TONE_WINDOW, part, usual, why, facts)


def silence(now: Moment) -> Finding | None:
    """Far less than usual, also of what was read: a dark source is not a silent public.

    Where so few are explained by what was not read, that is what is found: ``incomplete``.
    """
    start = now.at - _SILENT_WINDOW
    if now.at - now.began < _LEARN:
        return None
    expected = now.history.expected(start, now.at, now.began)
    found = now.history.within(start, now.at)
    limit = now.limits.chance**0.5
    if at_most(len(found), expected) > limit:
        return None
    lang = now.limits.lang
    what = now.because("silence", n=len(found), usual=number(expected, lang))
    lost, gaps = _lost(now, start)
    read = expected - lost
    if read > 0 and at_most(len(found), read) <= limit:
        why = now.because("partly dark", silence=what, lost=number(lost, lang)) if gaps else what
        return Finding("warning", start, len(found), expected, why, found)
    if lost < _LOST_LEAST * expected:
        return None  # nearly all was read: wait until it is clear
    first = gaps[0]
    why = now.because(
        "incomplete",
        silence=what,
        source=first.source,
        start=f"{first.start:%Y-%m-%d %H:%M}",
        end=f"{first.end:%Y-%m-%d %H:%M}",
    )
    if len(gaps) > 1:
        why += now.because("more gaps", n=len(gaps) - 1)
    return Finding(
        "info",
        start,
        len(found),
        expected,
        why,
        found,
        kind="silence",
        rule="incomplete",
        gaps=tuple(gaps),
    )


def _lost(now: Moment, start: float) -> tuple[float, list[SourceGap]]:
    """How many mentions are to be expected of what was not read, and the gaps, the worst first."""
    sources = now.history.sources
    last = now.history.recent[-1].at if now.history.recent else 0.0
    weighed = []
    for source, count in sources.items():
        dark = now.ledger.dark(source, start, now.at)
        if dark is None:
            # It keeps no ledger: it is alive if it brought anything since the topic's last mention.
            seen = now.last_seen.get(source, 0.0)
            dark = without([(max(seen, start), now.at)] if seen <= last else (), ())
        for begin, end in dark:
            usual = now.history.expected(begin, end, now.began) * count / sources.total()
            gap = SourceGap(source=source, start=_time(begin), end=_time(end))
            weighed.append((usual, gap))
    weighed.sort(key=lambda pair: (-pair[0], pair[1].source, pair[1].start))
    return sum(usual for usual, _ in weighed), [gap for _, gap in weighed[:_MOST_GAPS]]


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def term(now: Moment) -> Finding | None:
    """Words or hashtags that many people begin to use with the topic.

    What is usual is a term's share in all stories before, with a little of its share in those of
    all topics; near copies are one story, and as many different authors are needed as stories.
    There are many more words than hashtags, so that words need more of both; they share one
    episode, a hashtag has its own.
    """
    history = now.history
    if now.at - now.began < _LEARN:
        return None
    new = {term for fact in history.within(now.at, now.at) for term in fact.terms}
    rising = []
    for window in _TERM_WINDOWS:
        start = now.at - window
        every = [fact for fact in history.within(start, now.at) if fact.terms]
        before = history.usage.stories - sum(not fact.story for fact in every)
        if before < _TERM_BASE:
            continue
        told = _stories(every) / (before + _TERM_OTHERS)
        for word in new:
            found = history.speaking(word, start, now.at)
            few = now.limits.least * (1 if word.startswith("#") else _TERM_WORDS)
            if len(found) <= max(few - 1, _TERM_TIMES * told * history.usage.least(word, found)):
                continue  # most words, most of the time
            count = _stories(found)
            if min(count, _authors(found)) < few:
                continue
            anywhere = (now.usage.before(word, found) + 1) / (now.usage.stories + 1)
            expected = told * (history.usage.before(word, found) + _TERM_OTHERS * anywhere)
            chance = at_least(count, expected)
            if count > _TERM_TIMES * expected and chance <= now.limits.chance:
                rising.append((chance, word, window, count, expected, found))
    if not rising:
        return None
    rising.sort(key=lambda one: (not one[1].startswith("#"), one[0], one[1]))
    _, word, window, count, expected, found = rising[0]
    words = tuple(dict.fromkeys(one[1] for one in rising))[:_TERMS]
    why = now.because(
        "term",
        term=word,
        n=count,
        authors=_authors(found),
        span=span(window, now.limits.lang),
        usual=number(expected, now.limits.lang, 1),
    )
    if len(words) > 1:
        why += now.because("more terms", terms=", ".join(words[1:]))
    severity: Severity = "warning" if word.startswith("#") or _negative(found) else "info"
    start = now.at - window
    about = word if word.startswith("#") else ""
    return Finding(severity, start, count, expected, why, found, about, "spike", terms=words)


def _stories(found: Sequence[Fact]) -> int:
    return len({fact.story or fact.id for fact in found})


def _authors(found: Sequence[Fact]) -> int:
    return len({fact.author or fact.id for fact in found})


def _negative(found: Sequence[Fact]) -> bool:
    toned = [fact for fact in found if fact.negative is not None]
    return bool(toned) and fmean([bool(fact.negative) for fact in toned]) >= _CRISIS_NEGATIVE


def author(now: Moment) -> Finding | None:
    """Someone with a large reach speaks."""
    for fact in reversed(now.history.within(now.at, now.at)):
        if fact.followers >= now.limits.followers:
            severity: Severity = "warning" if fact.negative else "info"
            why = now.because("author", n=number(fact.followers, now.limits.lang))
            # Alerts are kept for a year, and their ids with them: they name nobody.
            who = pseudonym(fact.author, b"") if fact.author else fact.id
            return Finding(severity, fact.at, fact.followers, None, why, [fact], who)
    return None


def rating(now: Moment) -> Finding | None:
    """Reviews of two weeks are worse than those before."""
    new = [stars for at, stars in now.history.stars if now.at - _RATINGS_WITHIN <= at <= now.at]
    old = [stars for at, stars in now.history.stars if at < now.at - _RATINGS_WITHIN]
    if len(new) < _RATINGS or len(old) < _RATINGS_BEFORE:
        return None
    mean, usual = fmean(new), fmean(old)
    error = max(pstdev(old), 0.5) / len(new) ** 0.5
    if usual - mean < max(_RATING_DROP, _RATING_ERRORS * error):
        return None
    lang = now.limits.lang
    why = now.because(
        "rating", n=len(new), mean=number(mean, lang, 1), usual=number(usual, lang, 1)
    )
    facts = [
        fact
        for fact in now.history.within(now.at - _RATINGS_WITHIN, now.at)
        if fact.stars is not None
    ]
    return Finding("warning", now.at - _RATINGS_WITHIN, mean, usual, why, facts)


def leak(now: Moment) -> Finding | None:
    """What must not be known outside was said; the alert does not repeat it."""
    for fact in reversed(now.history.within(now.at, now.at)):
        if not (fact.passages or fact.confidential):
            continue
        who = now.because("staff") if fact.staff else ""
        code = "passages" if fact.passages else "confidential"
        why = now.because(code, n=fact.passages, who=who)
        return Finding("critical", fact.at, fact.passages or 1, 0.0, why, [fact], fact.id)
    return None


RULES: Final[Mapping[AlertRule, Rule]] = {
    "leak": leak,
    "crisis": crisis,
    "spike": spike,
    "term": term,
    "sentiment": sentiment,
    "silence": silence,
    "author": author,
    "rating": rating,
}
