"""What people are told of work: once a story, when nobody takes it, and summed up at set times.

Near copies of one mention are one story, however many teams, hours or copies it takes; ids are made
of team and story, so that whoever tells knows what was told. Pure functions of what is open.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

from msgspec import Struct

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


def stories(works: Iterable[Work]) -> Iterator[Story]:
    """What is to be told of open work: each story once, and once more when it is escalated."""
    groups: dict[tuple[str, str], list[Work]] = {}
    for work in works:
        if work.state == "new":
            lead = work.subject.story or work.mention
            groups.setdefault((work.team, lead), []).append(work)
    for (team, lead), some in groups.items():
        yield _story("new", team, lead, some, min(work.since for work in some))
        late = [work.escalated_at for work in some if work.escalated_at is not None]
        if late:
            yield _story("escalated", team, lead, some, min(late))


def digest(channel: NotifyChannel, works: Iterable[Work], now: datetime) -> Story | None:
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
        why="; ".join(_sums(some, now)),
        count=len(some),
        mentions=tuple(work.mention for work in some[:_SHOWN]),
    )


def _story(
    kind: Literal["new", "escalated"], team: str, lead: str, some: list[Work], at: datetime
) -> Story:
    some = _urgent(some)
    first = some[0].subject
    many = f"{len(some)} mentions" if len(some) > 1 else "1 mention"
    about = " ".join(filter(None, [first.label, "on", first.site or first.channel]))
    began = "" if kind == "new" else "nobody has taken it: "
    return Story(
        id=f"{kind}:{team}:{lead}",
        kind=kind,
        teams=(team,),
        topic=_topics(some),
        severity="critical" if kind == "escalated" else _SEVERITIES[first.priority],
        at=at,
        due=first.due,
        why=f"{began}{many} for {team}, {about}, due {first.due:%Y-%m-%d %H:%M} UTC",
        count=len(some),
        mentions=tuple(work.mention for work in some[:_SHOWN]),
    )


def _urgent(works: Iterable[Work]) -> list[Work]:
    return sorted(works, key=lambda work: (work.subject.due, work.mention))


def _topics(works: Iterable[Work]) -> str:
    return ", ".join(dict.fromkeys(topic for work in works for topic in work.subject.topics))


def _sums(works: list[Work], now: datetime) -> Iterator[str]:
    """For each team how much is in which state."""
    for team in sorted({work.team for work in works}):
        own = [work for work in works if work.team == team]
        counts = {
            "new": sum(work.state == "new" for work in own),
            "assigned": sum(work.state == "assigned" for work in own),
            "overdue": sum(work.subject.due < now for work in own),
            "escalated": sum(work.escalated_at is not None for work in own),
        }
        yield f"{team}: " + ", ".join(f"{n} {what}" for what, n in counts.items() if n)
