"""The rules: what is known about a topic in, what is remarkable about it out. Pure functions.

Every rule looks at a moment by the clock of what was said. It says what it observed, what was to be
expected and which facts made it; how often it may speak is the engine's business.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean, pstdev
from typing import Final, Literal, TypeAlias

from msgspec import Struct

from pipeline.alerts.chance import at_least, at_most, share_at_least
from pipeline.alerts.history import DAY, HOUR, MINUTE, Fact, History
from schemas.alert import AlertKind
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
_CRISIS_NEGATIVE: Final = 0.4
_TONE_WINDOW: Final = 6 * HOUR
_TONE_LEAST: Final = 10
_TONE_BASE: Final = 100
_TONE_RISE: Final = 0.2
_SILENT_WINDOW: Final = 12 * HOUR
_DARK_SHARE: Final = 0.5
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
                why = (
                    f"{len(found)} mentions in {_span(window)}, where {expected:.1f} are usual at "
                    "this time of the week"
                )
                return Finding("warning", start, len(found), expected, why, found)
        return None


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
    share = fmean([bool(fact.negative) for fact in toned]) if toned else 0.0
    authors = Counter(fact.author or fact.id for fact in found.facts)
    sites = Counter(fact.site for fact in found.facts)
    if (
        share < _CRISIS_NEGATIVE
        or len(authors) < _CRISIS_AUTHORS
        or max(authors.values()) > _CRISIS_ONE_AUTHOR * len(found.facts)
        or max(sites.values()) > _CRISIS_ONE_SITE * len(found.facts)
    ):
        return None
    why = f"{found.why}; {share:.0%} negative, {len(authors)} authors on {len(sites)} sites"
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
    share = negative / len(found)
    if share < usual + _TONE_RISE:
        return None
    # What is usual is known from so many mentions only.
    surely = usual + 2 * (usual * (1 - usual) / before) ** 0.5
    if share_at_least(negative, len(found), surely) > now.limits.chance ** (2 / 3):
        return None
    why = (
        f"{share:.0%} of {len(found)} mentions in 6 hours are negative, where {usual:.0%} are usual"
    )
    facts = [fact for fact in found if fact.negative]
    return Finding("warning", now.at - _TONE_WINDOW, share, usual, why, facts)


def silence(now: Moment) -> Finding | None:
    """Far less than usual, though the sources that usually speak are not dark themselves."""
    start = now.at - _SILENT_WINDOW
    if now.at - now.began < _LEARN:
        return None
    expected = now.history.expected(start, now.at, now.began)
    found = now.history.within(start, now.at)
    if at_most(len(found), expected) > now.limits.chance**0.5:
        return None
    # A source is alive that brought anything else after the topic's last mention.
    last = now.history.recent[-1].at if now.history.recent else 0.0
    every = now.history.sources.total()
    dark = sum(
        count
        for source, count in now.history.sources.items()
        if now.last_seen.get(source, 0.0) <= last
    )
    if dark > _DARK_SHARE * every:
        return None  # the source is silent, not the public
    why = f"{len(found)} mentions in 12 hours, where {expected:.0f} are usual"
    return Finding("warning", start, len(found), expected, why, found)


def author(now: Moment) -> Finding | None:
    """Someone with a large reach speaks."""
    for fact in reversed(now.history.within(now.at, now.at)):
        if fact.followers >= now.limits.followers:
            severity: Severity = "warning" if fact.negative else "info"
            why = f"an author with {fact.followers:,} followers spoke of it"
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
    why = f"{len(new)} reviews of 14 days have {mean:.1f} stars, where {usual:.1f} are usual"
    facts = [
        fact
        for fact in now.history.within(now.at - _RATINGS_WITHIN, now.at)
        if fact.stars is not None
    ]
    return Finding("warning", now.at - _RATINGS_WITHIN, mean, usual, why, facts)


def leak(now: Moment) -> Finding | None:
    """What must not be known outside was said; the alert does not repeat it."""
    for fact in reversed(now.history.within(now.at, now.at)):
        if fact.confidential:
            why = "a confidential topic was spoken of in public; read it there, do not forward it"
            return Finding("critical", fact.at, 1, 0.0, why, [fact], fact.id)
    return None


RULES: Final[Mapping[AlertKind, Rule]] = {
    "leak": leak,
    "crisis": crisis,
    "spike": spike,
    "sentiment": sentiment,
    "silence": silence,
    "author": author,
    "rating": rating,
}


def _span(seconds: float) -> str:
    return f"{seconds / MINUTE:.0f} minutes" if seconds <= HOUR else f"{seconds / HOUR:.0f} hours"
