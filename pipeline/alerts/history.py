"""What is known about a topic: who said what when, and how much is usual at an hour of the week.

Bounded: facts of the last days, one count an hour for some weeks, counts of the commonest terms.
"""

from bisect import bisect_left, bisect_right, insort
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from pipeline.alerts.leaks import Prints
from pipeline.alerts.terms import found_by, terms
from schemas.mention import EnrichedMention

__all__ = ["DAY", "HOUR", "MINUTE", "WEEK", "Fact", "History", "Usage", "facts"]

MINUTE: Final = 60.0
HOUR: Final = 3_600.0
DAY: Final = 86_400.0
WEEK: Final = 604_800.0
_HOURS_A_WEEK: Final = 168
_WEEKS: Final = 8
_KEPT: Final = 2 * DAY
_MOST_KEPT: Final = 20_000
_MOST_TERMS: Final = 50_000
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
    story: str = ""
    """The mention that leads its story, where it is a near copy."""
    terms: tuple[str, ...] = ()
    """Words and hashtags that may be seen to rise."""
    passages: int = 0
    """How many it has in common with a document; the topic is the document's name then."""
    staff: bool = False
    """Whether one of our own people says it."""


def facts(mention: EnrichedMention, prints: Prints | None = None) -> Iterator[Fact]:
    """One fact a matched topic and leaked document.

    None for what was collected as back-fill, or is irrelevant.

    Args:
        mention: an enriched one.
        prints: documents to look for.
    """
    if mention.collector.backfill or not (mention.matches or prints):
        return
    tones = {target.topic: target.label for target in mention.targets}
    whole = mention.sentiment.label if mention.sentiment is not None else None
    author = mention.author
    staff = mention.origin == "staff"
    text = f"{mention.title}\n{mention.text}" if mention.title else mention.text
    leaks = prints.find(text, staff=staff) if prints else []
    said = Fact(
        # Said in the future is said when it was seen.
        at=min(mention.published_at, mention.collected_at).timestamp(),
        id=mention.id,
        author=(author.id or author.handle or author.name or "") if author else "",
        followers=(author.followers or 0) if author else 0,
        stars=mention.rating.stars if mention.rating is not None else None,
        site=mention.site or mention.channel,
        source=mention.collector.source,
        story=mention.duplicate.of if mention.duplicate is not None else "",
        # What a document holds is not told by its words either.
        terms=() if leaks else terms(mention),
        staff=staff,
    )
    for leak in leaks:
        yield replace(said, topic=leak.document, passages=leak.passages)
    own = found_by(mention) if said.terms else {}
    for match in {match.topic: match for match in mention.matches}.values():
        if match.relevance is not None and match.relevance.score < _LEAST_RELEVANCE:
            continue
        label = tones.get(match.topic, whole)
        yield replace(
            said,
            topic=match.topic,
            confidential=match.kind == "confidential",
            negative=None if label is None else label == "negative",
            terms=tuple([term for term in said.terms if term not in own[match.topic]]),
        )


class Usage:
    """In how many stories each term was said. Bounded."""

    def __init__(self) -> None:
        self.stories = 0
        """Stories that have terms."""
        self._said: Counter[str] = Counter()

    def add(self, fact: Fact) -> None:
        """Count a story; near copies of it do not count."""
        if not fact.terms or fact.story:
            return
        self.stories += 1
        self._said.update(fact.terms)
        while len(self._said) > _MOST_TERMS:
            # What is long over is forgotten, what is common stays so.
            self._said = Counter({term: n // 2 for term, n in self._said.items() if n > 1})
            self.stories //= 2

    def before(self, term: str, found: Iterable[Fact]) -> int:
        """Stories in which a term was said, but for those of these facts."""
        return max(self._said[term] - sum(not fact.story for fact in found), 0)

    def least(self, term: str, found: Sequence[Fact]) -> int:
        """The same for less work: it may be too few, never too many."""
        return max(self._said[term] - len(found), 0)


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
        self.usage = Usage()
        self._speaking: dict[str, list[Fact]] = {}
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
        self.usage.add(fact)
        newest = max(self.recent[-1].at, fact.at) if self.recent else fact.at
        if fact.at < newest - _KEPT:
            return False
        insort(self.recent, fact)
        for term in fact.terms:
            insort(self._speaking.setdefault(term, []), fact)
        self._ids.add(fact.id)
        if self.recent[0].at < newest - _KEPT or len(self.recent) > _MOST_KEPT:
            self._forget(newest)
        return True

    def _forget(self, newest: float) -> None:
        keep = bisect_left(self.recent, Fact(newest - _KEPT, ""))
        keep = max(keep, len(self.recent) - _MOST_KEPT)
        for fact in islice(self.recent, keep):
            self._ids.discard(fact.id)
            for term in fact.terms:
                speaking = self._speaking[term]
                speaking.remove(fact)  # it is among the first
                if not speaking:
                    del self._speaking[term]
        del self.recent[:keep]
        oldest = int((newest - (_WEEKS + 1) * WEEK) // HOUR)
        for hour in [hour for hour in self.hours if hour < oldest]:
            del self.hours[hour]

    def speaking(self, term: str, start: float, end: float) -> list[Fact]:
        """The facts that hold a term, from ``start`` to ``end``, both included."""
        found = self._speaking.get(term, [])
        first = bisect_left(found, Fact(start, ""))
        return found[first : bisect_right(found, Fact(end, "\U0010ffff"))]

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
