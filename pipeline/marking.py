"""An analyst's word on a mention: written, and the mention published again with it at once.

Guarantee: when ``say`` has returned, the brokers have the word, and the mention as it is with it.
Killed (-9) in between, the word stands, and the mention follows with the next
``mentions reprocess``.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final, Literal, TypeAlias, cast

import msgspec

from pipeline import amendments, corrections, reprocess
from pipeline.enrich.amend import occurrences
from pipeline.enrich.relevance import Relevances
from pipeline.enrich.text import view
from pipeline.errors import ConfigError
from pipeline.republish import republishing
from pipeline.search import history
from pipeline.search.client import connect_sync, explained
from pipeline.search.history import Stored
from pipeline.settings import Settings
from pipeline.verdicts import TONES, WITHDRAWN, Word
from schemas.amendment import Amendment, Value
from schemas.mention import EnrichedMention, Kind, Part, encode_over

__all__ = ["UnknownMention", "Unsayable", "find", "say"]

_LONGEST_NOTE: Final = 1_000
_Changed: TypeAlias = tuple[bytes, str]
"""The watchlist version that a mention was changed with, and what the word is about."""


class UnknownMention(ConfigError):
    """No mention of that id is indexed."""

    def __init__(self, mention_id: str) -> None:
        super().__init__(
            f"no mention {mention_id} is indexed; 'mentions search' finds ids with --json"
        )


class Unsayable(ConfigError):
    """A word that cannot be said of this mention.

    Args:
        message: for the command line.
        why: for who translates it.
    """

    def __init__(
        self, message: str, *, why: Literal["long", "no mark", "no topic", "no entity", "unsaid"]
    ) -> None:
        super().__init__(message)
        self.why = why


def find(settings: Settings, mention_id: str) -> EnrichedMention:
    """A mention as it is indexed.

    Raises:
        UnknownMention: there is none of that id.
        Retryable: Elasticsearch does not answer, or not now.
        PipelineError: it refuses the credentials or the request.
    """
    with explained(settings.elasticsearch), connect_sync(settings.elasticsearch) as client:
        found = history.find(client, settings.elasticsearch.alias, mention_id)
    if found is None:
        raise UnknownMention(mention_id)
    return found.mention


def say(settings: Settings, word: Word) -> tuple[EnrichedMention, str]:
    """Write a word, and publish its mention again.

    Returns:
        The mention as it is now, and what the word is about, in words.

    Raises:
        UnknownMention: there is none of that id.
        Unsayable: there is no such topic or entity, nothing to withdraw, or the note is too long.
        ConfigError: no broker answers, a topic is missing, or Elasticsearch refuses
            the credentials.
        Retryable: Elasticsearch does not answer, or not now.
        PipelineError: it refuses the request.
        kafka.errors.KafkaError: the brokers answer no more; the word may stand.
    """
    if len(word.note or "") > _LONGEST_NOTE:
        msg = f"the note is longer than {_LONGEST_NOTE} characters"
        raise Unsayable(msg, why="long")
    part = word.part

    def change(found: Stored) -> _Changed:
        if part is None:
            return _marked(settings, word, found)
        return _amended(settings, word, part, found)

    return _changed(settings, word.mention, change)


def _changed(
    settings: Settings, mention_id: str, change: Callable[[Stored], _Changed]
) -> tuple[EnrichedMention, str]:
    """Look a mention up, let it be changed, and publish it again."""
    with (
        republishing(settings) as again,
        explained(settings.elasticsearch),
        connect_sync(settings.elasticsearch) as client,
    ):
        found = history.find(client, settings.elasticsearch.alias, mention_id)
        if found is None:
            raise UnknownMention(mention_id)
        version, what = change(found)
        again.publish([(found.mention, encode_over(found.value, found.mention))], version)
    return found.mention, what


def _marked(settings: Settings, word: Word, found: Stored) -> _Changed:
    """A word on relevance."""
    mention = found.mention
    chosen = _chosen(mention, word.topic)
    marks = corrections.read(settings)
    if word.verdict == WITHDRAWN:
        if marks.pop((mention.id, chosen), None) is None:
            msg = f"{mention.id} has no mark for {chosen!r}"
            raise Unsayable(msg, why="no mark")
        corrections.publish(settings, withdrawn=[(mention.id, chosen)])
    else:
        made = corrections.mark(
            mention, chosen, relevant=word.verdict == "relevant", by=word.by, note=word.note
        )
        corrections.publish(settings, [made])
        marks[mention.id, chosen] = made
    if amendments.read(settings).get(mention.id):
        # The index may not show the last of them yet, and it must not be lost.
        chain = reprocess.in_force(settings)
        reprocess.changed(chain, [found])
        return chain.watchlist.by.version.encode(), chosen
    version = mention.matches[0].by.version.encode()
    mention.matches = tuple(
        msgspec.structs.replace(match, relevance=None) for match in mention.matches
    )
    title = view(mention.title) if mention.title else None
    mention.matches = Relevances(marks).judge(mention, view(mention.text), title)
    return version, chosen


def _amended(settings: Settings, word: Word, part: Part, found: Stored) -> _Changed:
    """A word on anything else: the mention is enriched again, with what is in force."""
    chain = reprocess.in_force(settings)
    kinds = {watched.topic: watched.kind for watched in chain.watchlist.topics}
    known = amendments.read(settings)
    said = known.setdefault(word.mention, {})
    if word.verdict == WITHDRAWN:
        name = _withdrawn(found.mention, word, part)
        if said.pop((part, name), None) is None:
            has = ", ".join(" ".join(filter(None, place)) for place in said) or "none"
            msg = f"{word.mention} has no such amendment: {has}"
            raise Unsayable(msg, why="no mark")
        amendments.publish(settings, withdrawn=[(word.mention, part, name)])
    else:
        name, value = _value(found.mention, word, kinds)
        made = Amendment(
            mention=word.mention,
            part=part,
            name=name,
            value=value,
            by=word.by,
            at=datetime.now(UTC),
            note=word.note,
        )
        said[part, name] = made
        amendments.publish(settings, [made])
    chain.amend(known)
    reprocess.changed(chain, [found])
    return chain.watchlist.by.version.encode(), name or "the text"


def _withdrawn(mention: EnrichedMention, word: Word, part: Part) -> str:
    """The name of the amendment that is meant."""
    if part == "sentiment":
        return ""
    if part == "entity":
        return _given(word.entity, "--entity")
    return word.topic if word.topic is not None else _chosen(mention, word.topic)


def _value(
    mention: EnrichedMention, word: Word, kinds: Mapping[str, Kind]
) -> tuple[str, Value | None]:
    """What an amendment is about, and what it says."""
    if word.verdict in TONES:
        about = _chosen(mention, word.topic) if word.topic is not None else ""
        return about, cast("Value", word.verdict)
    if word.verdict == "not-about":
        return _chosen(mention, word.topic), None
    if word.verdict == "about":
        name = _given(word.topic, "--topic")
        if name not in kinds:
            msg = f"no watchlist topic {name!r}, but: {', '.join(map(repr, sorted(kinds)))}"
            raise Unsayable(msg, why="no topic")
        return name, kinds[name]
    name = _given(word.entity, "--entity")
    known = {text for one in mention.entities for text in (one.text, one.name or one.text)}
    if word.verdict == "no-entity":
        if name not in known:
            msg = f"no such entity, but: {', '.join(map(repr, sorted(known))) or 'none'}"
            raise Unsayable(msg, why="no entity")
        return name, None
    if name not in known and not occurrences(name, mention.text):
        msg = f"{name!r} does not stand in the text"
        raise Unsayable(msg, why="no entity")
    return name, cast("Value", word.verdict)


def _given(name: str | None, option: str) -> str:
    if not name:
        msg = f"say which with {option}"
        raise Unsayable(msg, why="unsaid")
    return name


def _chosen(mention: EnrichedMention, topic: str | None) -> str:
    """The topic meant, which the mention must match."""
    matched = list(dict.fromkeys(match.topic for match in mention.matches))
    if topic is None and len(matched) == 1:
        return matched[0]
    if topic is None or topic not in matched:
        msg = f"say which with --topic: it matches {', '.join(map(repr, matched)) or 'no topic'}"
        raise Unsayable(msg, why="no topic" if topic else "unsaid")
    return topic
