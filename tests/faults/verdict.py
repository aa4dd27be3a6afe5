"""Compares what was published with what is there."""

from collections import defaultdict
from collections.abc import Mapping

from elasticsearch import Elasticsearch
from elasticsearch.helpers import scan
from msgspec import Struct

from pipeline import dead
from pipeline.settings import Settings
from tests.faults.load import Load, Mention

__all__ = ["Verdict", "compare", "outstanding"]


class Verdict(Struct):
    """Ids by what is wrong with them, each with the round it was last spoken of in."""

    lost: dict[str, int] = {}
    """Neither in Elasticsearch nor in the dead letters; poison: not in both places of those."""
    doubled: dict[str, int] = {}
    """In two indices."""
    stale: dict[str, int] = {}
    """In an old version, or there although deleted."""

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
    return _judge(load.mentions, load.poison, found, letters, copies)


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
