"""What is known about a topic: who said what when, and how much is usual at an hour of the week.

Bounded: facts of the last days, one count an hour for some weeks.
"""

from bisect import bisect_left, bisect_right, insort
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import Final

from msgspec import Struct

from schemas.mention import EnrichedMention

__all__ = ["DAY", "HOUR", "MINUTE", "WEEK", "Fact", "History", "facts"]

MINUTE: Final = 60.0
HOUR: Final = 3_600.0
DAY: Final = 86_400.0
WEEK: Final = 604_800.0
_HOURS_A_WEEK: Final = 168
_WEEKS: Final = 8
_KEPT: Final = 2 * DAY
_MOST_KEPT: Final = 20_000
_LEAST_RATE: Final = 0.05
"""Mentions an hour that are expected of any topic: a first mention is no sensation."""
_OWN: Final = 2.0
"""How many hours the topic's mean over all hours counts for beside those of the hour of week."""
_LEAST_RELEVANCE: Final = 0.5


class Fact(Struct, frozen=True, order=True):
    """One mention of a topic, as alerts see it."""

    at: float
    """When it was said, in seconds since 1970."""
    id: str
    topic: str = ""
    confidential: bool = False
    negative: bool | None = None
    """None where no tone is known."""
    author: str = ""
    followers: int = 0
    stars: float | None = None
    site: str = ""
    source: str = ""


def facts(mention: EnrichedMention) -> Iterator[Fact]:
    """One fact a matched topic; none for what was collected as back-fill or is irrelevant."""
    if mention.collector.backfill:
        return
    tones = {target.topic: target.label for target in mention.targets}
    whole = mention.sentiment.label if mention.sentiment is not None else None
    author = mention.author
    for match in {match.topic: match for match in mention.matches}.values():
        if match.relevance is not None and match.relevance.score < _LEAST_RELEVANCE:
            continue
        label = tones.get(match.topic, whole)
        yield Fact(
            # Said in the future is said when it was seen.
            at=min(mention.published_at, mention.collected_at).timestamp(),
            id=mention.id,
            topic=match.topic,
            confidential=match.kind == "confidential",
            negative=None if label is None else label == "negative",
            author=(author.id or author.handle or author.name or "") if author else "",
            followers=(author.followers or 0) if author else 0,
            stars=mention.rating.stars if mention.rating is not None else None,
            site=mention.site or mention.channel,
            source=mention.collector.source,
        )


class History:
    """One topic."""

    def __init__(self) -> None:
        self.recent: list[Fact] = []
        """The facts of the last two days, in the order in which they were said."""
        self.stars: list[tuple[float, float]] = []
        """Time and stars of reviews, in order."""
        self.hours: Counter[int] = Counter()
        """Mentions in each hour since 1970."""
        self.sources: Counter[str] = Counter()
        """Mentions from each source."""
        self.toned = 0
        self.negative = 0
        self._ids: set[str] = set()
        self._rates: dict[tuple[int, int], float] = {}

    def add(self, fact: Fact) -> bool:
        """Take a fact in; False where it is known or too old to be looked at."""
        if fact.id in self._ids:
            return False
        hour = int(fact.at // HOUR)
        self.hours[hour] += 1
        if self.recent and hour <= self.recent[-1].at // HOUR - 24:
            self._rates.clear()  # what is usual has changed
        self.sources[fact.source] += 1
        if fact.negative is not None:
            self.toned += 1
            self.negative += fact.negative
        if fact.stars is not None:
            insort(self.stars, (fact.at, fact.stars))
            del self.stars[:-_MOST_KEPT]
        newest = max(self.recent[-1].at, fact.at) if self.recent else fact.at
        if fact.at < newest - _KEPT:
            return False
        insort(self.recent, fact)
        self._ids.add(fact.id)
        if self.recent[0].at < newest - _KEPT or len(self.recent) > _MOST_KEPT:
            self._forget(newest)
        return True

    def _forget(self, newest: float) -> None:
        keep = bisect_left(self.recent, Fact(newest - _KEPT, ""))
        keep = max(keep, len(self.recent) - _MOST_KEPT)
        self._ids.difference_update([fact.id for fact in islice(self.recent, keep)])
        del self.recent[:keep]
        oldest = int((newest - (_WEEKS + 1) * WEEK) // HOUR)
        for hour in [hour for hour in self.hours if hour < oldest]:
            del self.hours[hour]

    def within(self, start: float, end: float) -> list[Fact]:
        """The facts from ``start`` to ``end``, both included."""
        first = bisect_left(self.recent, Fact(start, ""))
        return self.recent[first : bisect_right(self.recent, Fact(end, "\U0010ffff"))]

    def expected(self, start: float, end: float, began: float) -> float:
        """Mentions to be expected in a period, by its hours of the week in the weeks before.

        Args:
            start: in seconds since 1970.
            end: the same.
            began: since when anything was listened to.
        """
        total = 0.0
        for hour in range(int(start // HOUR), int(end // HOUR) + 1):
            overlap = min(end, (hour + 1) * HOUR) - max(start, hour * HOUR)
            if overlap > 0:
                total += self._rate(hour, int(began // HOUR)) * overlap / HOUR
        return total

    def _rate(self, hour: int, began: int) -> float:
        """Mentions to be expected in an hour.

        The busiest of the hours that are looked at is left out, so that a crisis a week ago does
        not hide one of today; the day before is not looked at.
        """
        place = (hour, began)
        if (known := self._rates.get(place)) is not None:
            return known
        last = hour - 24
        counts = self.hours
        same = [
            counts[at]
            for week in range(1, _WEEKS + 1)
            for at in (hour - week * _HOURS_A_WEEK + near for near in (-1, 0, 1))
            if began <= at <= last
        ]
        span = min(last - began, _WEEKS * _HOURS_A_WEEK)
        every = sorted(n for at, n in counts.items() if last - span < at <= last)
        overall = sum(every[: -max(len(every) // 50, 1)]) / span if span > 0 else 0.0
        usual = sorted(same)[:-1]
        rate = (_OWN * overall + sum(usual)) / (_OWN + len(usual))
        if len(self._rates) > _HOURS_A_WEEK:
            self._rates.clear()
        self._rates[place] = max(rate, _LEAST_RATE)
        return self._rates[place]
