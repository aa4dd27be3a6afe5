"""Feeds facts to the rules and lets each speak once an episode.

An episode of a rule and topic begins when the rule first finds something and ends when it has found
nothing for ``QUIET`` by the clock of what was said. A fact that comes late is looked at where it
belongs: it may complete what later facts alone did not make. Facts may come in any order within two
days, and twice.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Final, cast

from pipeline.alerts.history import DAY, HOUR, MINUTE, Fact, History, Usage
from pipeline.alerts.ledger import Ledger
from pipeline.alerts.rules import RULES, Finding, Limits, Moment
from schemas.alert import Alert, AlertKind, AlertRule, SourceCount
from schemas.coverage import Coverage

__all__ = ["QUIET", "Engine"]

QUIET: Final = 6 * HOUR
_LATE: Final = 6 * HOUR
"""How far behind the newest fact one may be and still be looked at."""
_MOST_AFTER: Final = 50
"""Facts after a late one at which the rules look again."""
_MOST_MENTIONS: Final = 20
_LONGEST: Final = 500  # code points of a reason; a source may have a long name
_CLOCK: Final[tuple[AlertRule, ...]] = ("silence",)
"""Rules about what is not said: only the clock makes them speak."""
_LEAKS: Final[tuple[AlertRule, ...]] = ("leak",)
"""All that can be said of a document: what is not said of it is no silence."""


class Engine:
    """All topics.

    Args:
        kinds: which rules speak.
        limits: what counts as remarkable.
        topics: about which topics; by default all.
        fired: alerts of earlier runs, whose episodes are not begun again.
    """

    def __init__(
        self,
        kinds: Iterable[AlertRule] = tuple(RULES),
        limits: Limits | None = None,
        topics: frozenset[str] | None = None,
        fired: Iterable[Alert] = (),
    ) -> None:
        self._kinds = tuple(kinds)
        self._limits = limits or Limits()
        self._topics = topics
        self._histories: dict[str, History] = {}
        self._documents: set[str] = set()
        self._last_seen: dict[str, float] = {}
        self._began = float("inf")
        self._newest = 0.0
        self._ticked = 0.0
        self._ledger = Ledger()
        self._usage = Usage()
        self._spoke: dict[tuple[str, str, str], float] = {}
        for alert in fired:
            about = alert.id.removeprefix(f"{alert.name}:{alert.topic}:").partition(":")[2]
            place = (alert.name, alert.topic, about)
            self._spoke[place] = max(self._spoke.get(place, 0.0), alert.at.timestamp())

    @property
    def histories(self) -> Mapping[str, History]:
        """What is known about each topic."""
        return self._histories

    def note(self, said: Coverage) -> None:
        """Take in what was read of a source."""
        self._ledger.note(said)

    def learn(self, fact: Fact) -> None:
        """Take a fact in without looking at it: the past, on starting."""
        self._take(fact)

    def feed(self, fact: Fact) -> Iterator[Alert]:
        """Take a fact in; what becomes remarkable by it."""
        if not self._take(fact) or fact.at < self._newest - _LATE:
            return
        if self._topics is not None and not (fact.topic in self._topics or fact.passages):
            return
        history = self._histories[fact.topic]
        kinds = [k for k in self._kinds if (k in _LEAKS if fact.passages else k not in _CLOCK)]
        moments = [later.at for later in history.within(fact.at, fact.at + QUIET)[:_MOST_AFTER]]
        for at in dict.fromkeys(moments):
            yield from self._look(fact.topic, at, kinds)

    def tick(self, now: float) -> Iterator[Alert]:
        """Tell the time; what becomes remarkable by it. To be called in order, at any interval."""
        if now - self._ticked < 10 * MINUTE:
            return
        self._ticked = now
        for topic in sorted(self._histories.keys() - self._documents):
            if self._topics is None or topic in self._topics:
                yield from self._look(topic, now, [k for k in self._kinds if k in _CLOCK])

    def _take(self, fact: Fact) -> bool:
        self._began = min(self._began, fact.at)
        self._newest = max(self._newest, fact.at)
        seen = self._last_seen
        seen[fact.source] = max(seen.get(fact.source, 0.0), fact.at)
        if (history := self._histories.get(fact.topic)) is None:
            history = self._histories[fact.topic] = History()
            if fact.passages:
                self._documents.add(fact.topic)
        self._usage.add(fact)
        return history.add(fact)

    def _look(self, topic: str, at: float, kinds: Iterable[AlertRule]) -> Iterator[Alert]:
        moment = Moment(
            topic,
            self._histories[topic],
            at,
            self._began,
            self._last_seen,
            self._limits,
            self._ledger,
            self._usage,
        )
        for kind in kinds:
            found = RULES[kind](moment)
            if found is None:
                continue
            rule = found.rule or kind
            place = (rule, topic, found.about)
            spoke = self._spoke.get(place)
            quiet = DAY if found.about else QUIET
            if spoke is None or abs(at - spoke) > quiet:
                yield _alert(rule, topic, at, found)
            self._spoke[place] = max(spoke or at, at)


def _alert(rule: AlertRule, topic: str, at: float, found: Finding) -> Alert:
    kind = found.kind or cast("AlertKind", rule)  # a rule that is no kind names one
    sources: dict[str, int] = {}
    for fact in found.facts:
        sources[fact.source] = sources.get(fact.source, 0) + 1
    about = f":{found.about}" if found.about else ""
    return Alert(
        id=f"{rule}:{topic}:{int(at // MINUTE)}{about}",
        kind=kind,
        topic=topic,
        severity=found.severity,
        at=_time(at),
        since=_time(found.since),
        observed=found.observed,
        expected=found.expected,
        why=found.why[:_LONGEST],
        count=len(found.facts),
        mentions=tuple(fact.id for fact in list(found.facts)[::-1][:_MOST_MENTIONS]),
        sources=tuple(SourceCount(source=source, count=count) for source, count in sources.items()),
        rule=None if rule == kind else rule,
        terms=found.terms,
        gaps=found.gaps,
    )


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
