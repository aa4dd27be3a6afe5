"""How long what is kept: what is over is named first, and deleted when told to.

Kafka deletes by itself what is older than a topic's ``retention.ms``; here the brokers are brought
to the settings. Elasticsearch deletes months by itself only with ``elasticsearch.lifecycle``: here
months that are over go as whole indices, copies of dead letters and of alerts, the ledger of
coverage and the figures of processes by their time, and copies of teams' work by when it was done:
what is open stays, however old. The work itself is deleted by the stage ``work``, likewise.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from elasticsearch import Elasticsearch
from elasticsearch.helpers import scan
from msgspec import Struct

from pipeline import admin
from pipeline.search import alerts, coverage, figures, work
from pipeline.search.client import connect_sync, explained
from pipeline.search.removal import remove
from pipeline.search.templates import letters_template
from pipeline.settings import Settings

__all__ = ["Step", "apply", "plan"]


class Step(Struct, frozen=True):
    """One thing that is to be done."""

    kind: Literal["topic", "index", "documents"]
    name: str
    what: str
    """What is done, in words."""
    count: int
    """Documents that go; 0 where the broker does it in its own time."""


def plan(settings: Settings, now: datetime | None = None) -> list[Step]:
    """What is over; nothing is changed.

    Raises:
        PipelineError: a server does not answer.
    """
    now = now or datetime.now(UTC)
    config = settings.elasticsearch
    with explained(config), connect_sync(config) as client:
        return [
            *_topics(settings),
            *_months(client, settings, now),
            *_aged(client, settings, now),
        ]


def apply(settings: Settings, steps: Sequence[Step], now: datetime | None = None) -> Iterator[Step]:
    """Do what ``plan`` said, step by step; yields each that is done.

    Raises:
        PipelineError: a server does not answer, or does not delete a document; run it again.
    """
    now = now or datetime.now(UTC)
    topics = [step for step in steps if step.kind == "topic"]
    if topics:
        admin.apply(settings)
        yield from topics
    config = settings.elasticsearch
    with explained(config), connect_sync(config) as client:
        for step in steps:
            if step.kind == "topic":
                continue
            if step.kind == "index":
                client.indices.delete(index=step.name, ignore_unavailable=True)
            else:
                _, query = _kept(settings, now)[step.name]
                _drop(client, step.name, query)
                client.indices.refresh(index=step.name)  # so that who asks next is told the truth
            yield step


def _topics(settings: Settings) -> Iterator[Step]:
    for change in admin.diff(settings):
        if change.what == "retention.ms":
            words = f"kept {_days(change.wanted)} in place of {_days(change.found)}"
            yield Step("topic", change.topic, words, 0)


def _days(milliseconds: str) -> str:
    return "for ever" if milliseconds == "-1" else f"{int(milliseconds) / 86_400_000:g} days"


def _months(client: Elasticsearch, settings: Settings, now: datetime) -> Iterator[Step]:
    kept = settings.retention.index_months
    if kept is None:
        return
    alias = settings.elasticsearch.alias
    # Once a month was rebuilt, its index is -v2-, and the name without an alias of it.
    month = re.compile(re.escape(alias) + r"-(?:v\d+-)?(20\d\d)\.(\d\d)")
    stats = client.indices.stats(
        index=f"{alias}-20*", metric="docs", filter_path="indices.*.primaries.docs.count"
    )
    for name, found in sorted(stats.get("indices", {}).items()):
        parts = month.fullmatch(name)
        if parts and _age(now, int(parts[1]), int(parts[2])) > kept:
            count = found["primaries"]["docs"]["count"]
            yield Step("index", name, f"deleted: more than {kept} months old", count)


def _age(now: datetime, year: int, month: int) -> int:
    """Months since one ended, the current one being 0."""
    return (now.year - year) * 12 + now.month - month


def _aged(client: Elasticsearch, settings: Settings, now: datetime) -> Iterator[Step]:
    for name, (days, query) in _kept(settings, now).items():
        count = client.count(index=name, query=query, ignore_unavailable=True)["count"]
        if count:
            yield Step("documents", name, f"deleted: older than {days} days", count)


def _kept(settings: Settings, now: datetime) -> dict[str, tuple[int, dict[str, Any]]]:
    """Indices whose documents go one by one: days that they are kept, and what is over."""
    kept, alias = settings.retention, settings.elasticsearch.alias
    over = {
        name: (days, {"range": {clock: {"lt": (now - timedelta(days=days)).isoformat()}}})
        for name, clock, days in (
            (letters_template(alias), "at", kept.dead_letter_days),
            (alerts.index_name(alias), "at", kept.alert_days),
            (coverage.index_name(alias), "end", kept.coverage_days),
            (figures.index_name(alias), "end", kept.figures_days),
            (work.index_name(alias), "changed_at", kept.work_days),
        )
    }
    days, old = over[work.index_name(alias)]
    done = {"term": {"open": False}}
    return over | {work.index_name(alias): (days, {"bool": {"filter": [old, done]}})}


def _drop(client: Elasticsearch, index: str, query: dict[str, Any]) -> None:
    found = scan(client, index=index, query={"query": query}, source=False)
    remove(client, index, (hit["_id"] for hit in found))
