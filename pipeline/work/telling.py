"""What people are told of work: once a story, when nobody takes it, and summed up at set times.

Near copies of one mention are one story of each team that has them, however many hours or copies it
takes; ids are made of team and story, so that whoever tells knows what was told. Pure functions of
what is open.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

from msgspec import Struct

from pipeline.advice import Language
from pipeline.settings import NotifyChannel
from schemas.work import Priority, Work

__all__ = ["Story", "digest", "stories"]

_SHOWN: Final = 20
_LATE: Final = timedelta(hours=1)
"""A digest that could not be told at its time is told so long after it, and then left out."""
_SEVERITIES: Final[dict[Priority, Literal["info", "warning"]]] = {
    "low": "info",
    "normal": "warning",
    "high": "warning",
}


_WORDS: Final[dict[str, dict[Language, str]]] = {
    "new": {
        "en": "{many} for {team}, {about}, due {due}",
        "de": "{many} für {team}, {about}, fällig {due}",
    },
    "escalated": {"en": "nobody has taken it: {new}", "de": "niemand hat es übernommen: {new}"},
    "mention": {"en": "1 mention", "de": "1 Erwähnung"},
    "mentions": {"en": "{n} mentions", "de": "{n} Erwähnungen"},
    "on": {"en": "{label} on {place}", "de": "{label} auf {place}"},
    "negative": {"en": "negative", "de": "negativ"},
    "neutral": {"en": "neutral", "de": "neutral"},
    "positive": {"en": "positive", "de": "positiv"},
    "sum new": {"en": "{n} new", "de": "{n} neu"},
    "sum assigned": {"en": "{n} assigned", "de": "{n} zugeteilt"},
    "sum overdue": {"en": "{n} overdue", "de": "{n} überfällig"},
    "sum escalated": {"en": "{n} escalated", "de": "{n} eskaliert"},
}


class Story(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a channel is told, beside alerts; words and fields as alerts have them."""

    id: str
    """``<kind>:<team or channel>:<story or time>``."""
    kind: Literal["new", "escalated", "digest"]
    teams: tuple[str, ...]
    topic: str
    """The watchlist topics, with commas."""
    severity: Literal["info", "warning", "critical"]
    at: datetime
    """When it began."""
    due: datetime
    """When the first of it is due."""
    why: str
    """All of it in a sentence."""
    count: int
    """Mentions."""
    mentions: tuple[str, ...]
    """Some of them, the most urgent first."""

    @property
    def name(self) -> str:
        """What people call it."""
        return self.kind


def stories(works: Iterable[Work], lang: Language = "en") -> Iterator[Story]:
    """What is to be told of open work: each story once, and once more when it is escalated."""
    groups: dict[tuple[str, str], list[Work]] = {}
    for work in works:
        if work.state == "new":
            lead = work.subject.story or work.mention
            groups.setdefault((work.team, lead), []).append(work)
    for (team, lead), some in groups.items():
        yield _story("new", (team, lead), some, min(work.since for work in some), lang)
        late = [work.escalated_at for work in some if work.escalated_at is not None]
        if late:
            yield _story("escalated", (team, lead), some, min(late), lang)


def digest(
    channel: NotifyChannel, works: Iterable[Work], now: datetime, lang: Language = "en"
) -> Story | None:
    """The sum of a channel's open work, where one is due now and there is any."""
    local = now.astimezone(ZoneInfo(channel.timezone))
    times = [
        local.replace(hour=int(time[:2]), minute=int(time[3:]), second=0, microsecond=0)
        for time in channel.digest
    ]
    moment = max((time for time in times if time <= local < time + _LATE), default=None)
    some = _urgent(work for work in works if work.team in channel.teams)
    if moment is None or not some:
        return None
    return Story(
        id=f"digest:{channel.name}:{moment.isoformat()}",
        kind="digest",
        teams=tuple(sorted({work.team for work in some})),
        topic=_topics(some),
        severity="info",
        at=now,
        due=some[0].subject.due,
        why="; ".join(_sums(some, now, lang)),
        count=len(some),
        mentions=tuple(work.mention for work in some[:_SHOWN]),
    )


def _story(
    kind: Literal["new", "escalated"],
    which: tuple[str, str],
    some: list[Work],
    at: datetime,
    lang: Language,
) -> Story:
    """What is told of a team and a story of its own."""
    team, lead = which
    some = _urgent(some)
    first = some[0].subject
    many = _WORDS["mentions" if len(some) > 1 else "mention"][lang].format(n=len(some))
    label = _WORDS[first.label][lang] if first.label else ""
    about = _WORDS["on"][lang].format(label=label, place=first.site or first.channel).strip()
    due = f"{first.due:%Y-%m-%d %H:%M} UTC"
    why = _WORDS["new"][lang].format(many=many, team=team, about=about, due=due)
    return Story(
        id=f"{kind}:{team}:{lead}",
        kind=kind,
        teams=(team,),
        topic=_topics(some),
        severity="critical" if kind == "escalated" else _SEVERITIES[first.priority],
        at=at,
        due=first.due,
        why=why if kind == "new" else _WORDS["escalated"][lang].format(new=why),
        count=len(some),
        mentions=tuple(work.mention for work in some[:_SHOWN]),
    )


def _urgent(works: Iterable[Work]) -> list[Work]:
    return sorted(works, key=lambda work: (work.subject.due, work.mention))


def _topics(works: Iterable[Work]) -> str:
    return ", ".join(dict.fromkeys(topic for work in works for topic in work.subject.topics))


def _sums(works: list[Work], now: datetime, lang: Language) -> Iterator[str]:
    """For each team how much is in which state."""
    for team in sorted({work.team for work in works}):
        own = [work for work in works if work.team == team]
        counts = {
            "new": sum(work.state == "new" for work in own),
            "assigned": sum(work.state == "assigned" for work in own),
            "overdue": sum(work.subject.due < now for work in own),
            "escalated": sum(work.escalated_at is not None for work in own),
        }
        said = (_WORDS[f"sum {what}"][lang].format(n=n) for what, n in counts.items() if n)
        yield f"{team}: {', '.join(said)}"
