"""Compares what was published with what is there: documents, letters, topics, work, the ledger."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TypeAlias

import msgspec
from elasticsearch import Elasticsearch
from elasticsearch.helpers import scan
from msgspec import Struct

from pipeline import dead
from pipeline.reader import records
from pipeline.search import coverage
from pipeline.settings import Settings
from schemas import headers, topics, work
from schemas.coverage import decode_coverage
from tests.faults.load import TEAM, Load, Mention

__all__ = ["Verdict", "compare", "outstanding"]

_Word: TypeAlias = tuple[int, bool]
"""A revision, and whether it is a deletion."""


class _Revised(Struct):
    revision: int


_revised = msgspec.json.Decoder(_Revised)


class Verdict(Struct):
    """Ids by what is wrong with them, each with the round it was last spoken of in.

    On a topic: the name of the topic and the id.
    """

    lost: dict[str, int] = {}
    """Neither in Elasticsearch nor in the dead letters, or not on a topic; poison: not in both
    places of those; an interval of the ledger: not in Elasticsearch."""
    doubled: dict[str, int] = {}
    """In two indices."""
    stale: dict[str, int] = {}
    """In an old version, or there although deleted; on a topic: in its last message."""

    @property
    def good(self) -> bool:
        """Whether nothing is wrong."""
        return not (self.lost or self.doubled or self.stale)


def compare(load: Load, settings: Settings, client: Elasticsearch) -> Verdict:
    """Read everything and compare by id."""
    alias = settings.elasticsearch.alias
    client.indices.refresh(index=f"{alias}*")
    found: dict[str, list[int]] = defaultdict(list)
    for hit in scan(client, index=alias, source=["revision"], size=5_000):
        found[hit["_id"]].append(hit["_source"]["revision"])
    letters = {(letter.key or b"").decode() for letter in dead.letters(settings, dead.Filter())}
    copies = {
        hit["_source"]["key"]
        for hit in scan(client, index=f"{alias}-dead-letters", source=["key"], size=5_000)
    }
    verdict = _judge(load.mentions, load.poison, found, letters, copies)
    for topic in (topics.ENRICHED, topics.routed(TEAM)):
        last = _last_words(settings, settings.kafka.topic(topic))
        _judge_topic(topic.name, load.mentions, last, letters, verdict)
    known = {r.key: r.value for r in records(settings, settings.kafka.topic(topics.WORK))}
    _judge_work(load.mentions, {name for name, value in known.items() if value}, letters, verdict)
    said = (record.value for record in records(settings, settings.kafka.topic(topics.COVERAGE)))
    _judge_ledger(said, client, coverage.index_name(alias), verdict)
    return verdict


def _last_words(settings: Settings, name: str) -> dict[str, _Word]:
    """What a reader of a topic ends up with, by mention."""
    last = {}
    for record in records(settings, name):
        if record.value is None:
            word = headers.revision(record.headers, record.timestamp), True
        else:
            word = _revised.decode(record.value).revision, False
        last[record.key.decode()] = word
    return last


def _judge_topic(
    topic: str,
    mentions: Mapping[str, Mention],
    last: Mapping[str, _Word],
    letters: set[str],
    verdict: Verdict,
) -> None:
    for name, mention in mentions.items():
        word = last.get(name)
        if word is None:
            if name not in letters:
                verdict.lost[f"{topic} {name}"] = mention.round
        elif word != (mention.revision, mention.deleted):
            verdict.stale[f"{topic} {name}"] = mention.round


def _judge_work(
    mentions: Mapping[str, Mention], there: set[bytes], letters: set[str], verdict: Verdict
) -> None:
    """A mention is its team's work, and no longer once it is deleted."""
    for name, mention in mentions.items():
        known = work.key(TEAM, name) in there
        if mention.deleted and known:
            verdict.stale[f"{topics.WORK.name} {name}"] = mention.round
        elif not mention.deleted and not known and name not in letters:
            verdict.lost[f"{topics.WORK.name} {name}"] = mention.round


def _judge_ledger(
    said: Iterable[bytes], client: Elasticsearch, index: str, verdict: Verdict
) -> None:
    intervals = {decode_coverage(value).id for value in said}
    there = {hit["_id"] for hit in scan(client, index=index, source=False, size=5_000)}
    verdict.lost.update((f"{index} {name}", 0) for name in intervals - there)


def _judge(
    mentions: Mapping[str, Mention],
    poison: Mapping[str, int],
    found: Mapping[str, list[int]],
    letters: set[str],
    copies: set[str],
) -> Verdict:
    verdict = Verdict()
    for name, mention in mentions.items():
        revisions = found.get(name, [])
        if len(revisions) > 1:
            verdict.doubled[name] = mention.round
        elif mention.deleted:
            if revisions:
                verdict.stale[name] = mention.round
        elif not revisions:
            if name not in letters:
                verdict.lost[name] = mention.round
        elif revisions[0] != mention.revision:
            verdict.stale[name] = mention.round
    for key, number in poison.items():
        if key not in letters or key not in copies:
            verdict.lost[key] = number
    return verdict


def outstanding(client: Elasticsearch, alias: str, names: list[str]) -> list[str]:
    """Which of these mentions cannot be read yet."""
    month = f"{alias}-2026.01"  # probes are said on the first of January
    answer = client.mget(index=month, ids=names, source=False)
    return [doc["_id"] for doc in answer["docs"] if not doc.get("found")]
