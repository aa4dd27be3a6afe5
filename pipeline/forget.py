"""Forgetting a person: their mentions are found, deleted everywhere, and not processed again.

What is done, in this order, so that an interruption leaves nothing half forgotten that a second run
does not finish:

1. The keys of the person (hashes, see ``schemas.forgotten``) go to ``mentions.forgotten``: whatever
   is collected from now on ends in the stage ``enrich``.
2. A tombstone for each mention goes to ``mentions.raw``. It travels the way every deletion does: to
   ``mentions.enriched``, to all teams' topics, to Elasticsearch; consumers see it. The topics'
   logs lose the older versions when they are compacted, see ``topics.RAW``.
3. Dead letters are not compacted. In a partition that has letters of the person, all other letters
   that still wait are written again at its end, and everything before is deleted
   (``DeleteRecords``); the searchable copies of what was deleted go too.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

import msgspec
from elasticsearch import Elasticsearch
from elasticsearch.helpers import scan
from kafka import TopicPartition
from msgspec import Struct, field

from pipeline import admin, dead
from pipeline.reader import records
from pipeline.search.client import connect_sync, explained
from pipeline.search.templates import letters_template
from pipeline.settings import Settings
from schemas import forgotten, headers, topics
from schemas.mention import Author

_Message: TypeAlias = tuple[str, bytes, bytes | None, list[tuple[str, bytes]]]

__all__ = ["Found", "Person", "Receipt", "erase", "find"]

_SOURCE: Final = "forget"
_CHUNK: Final = 500
_CONFIRM_WITHIN: Final = 60.0  # seconds
_SHOWN: Final = ["revision", "url"]
_NAMES: Final = ("author.id", "author.handle", "author.name", "author.url")


class Person(Struct, frozen=True):
    """Who is to be forgotten."""

    authors: tuple[str, ...] = ()
    """Identifiers, handles, displayed names or profile pages."""
    ids: tuple[str, ...] = ()
    """Ids of mentions."""

    def names(self, salt: bytes) -> list[str]:
        """The author's names, and the pseudonyms under which agents may have published."""
        pseudonyms = [forgotten.pseudonym(name, salt) for name in self.authors] if salt else []
        return [*self.authors, *pseudonyms]

    def keys(self, salt: bytes) -> list[str]:
        """What goes to ``mentions.forgotten``."""
        return [
            *(forgotten.of_author(name, salt) for name in self.names(salt)),
            *(forgotten.of_id(name, salt) for name in self.ids),
        ]


class Found(Struct):
    """What there is of a person."""

    mentions: dict[str, int] = {}
    """Id → the newest revision seen."""
    messages: dict[str, int] = {}
    """Topic → messages that still have a value."""
    documents: int = 0
    """In Elasticsearch."""
    letters: list[dead.Letter] = field(default_factory=list)
    examples: list[str] = field(default_factory=list)
    """Some links, to see whether it is the right person."""


class Receipt(Struct, frozen=True, kw_only=True):
    """What was done."""

    mentions: int
    messages: dict[str, int]
    documents: int
    documents_left: int
    """Still to be deleted by the workers."""
    letters: int
    letters_moved: int
    """Letters of others that were written again."""
    keys: list[str]
    at: datetime


class _Who(Struct):
    id: str = ""
    revision: int = 0
    url: str | None = None
    author: Author | None = None


_who: Final = msgspec.json.Decoder(_Who).decode


class _Wanted:
    """Whether something is the person's."""

    def __init__(self, person: Person, salt: bytes) -> None:
        self._ids = {name.encode() for name in person.ids}
        self._names = {forgotten.folded(name) for name in person.names(salt)}

    def meant(self, key: bytes | None, value: bytes | None) -> _Who | None:
        """What the message is of, where it is the person's."""
        try:
            who = _who(value or b"")
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            who = _Who()  # its key can tell
        if key in self._ids or who.id.encode(errors="replace") in self._ids:
            return who
        names = forgotten.names(who.author)
        return who if any(forgotten.folded(name) in self._names for name in names) else None


def find(
    settings: Settings, person: Person, looked: Callable[[str], None] = lambda _: None
) -> Found:
    """Look everywhere; nothing is changed.

    Args:
        settings: how to reach the servers.
        person: who is meant.
        looked: told the name of each place before it is searched.

    Raises:
        PipelineError: a server does not answer.
    """
    found = Found()
    wanted = _Wanted(person, settings.privacy.key())
    table = [topics.RAW, topics.ENRICHED, *(topics.routed(r.team) for r in settings.routes)]
    for topic in table:
        name = settings.kafka.topic(topic)
        looked(name)
        found.messages[name] = _in_topic(settings, name, wanted, found)
    looked("Elasticsearch")
    _in_index(settings, person, found)
    name = settings.kafka.topic(topics.DEAD_LETTER)
    looked(name)
    found.letters = [
        letter
        for letter in dead.letters(settings, dead.Filter(marked=True))
        if wanted.meant(letter.key, letter.value)
    ]
    return found


def erase(settings: Settings, person: Person, found: Found, *, within: float = 60.0) -> Receipt:
    """Delete what was found, and block it from coming back.

    Args:
        settings: how to reach the servers.
        person: who is meant.
        found: what ``find`` found.
        within: seconds to wait for the workers to delete what is in Elasticsearch.

    Raises:
        PipelineError: a server does not answer; run it again.
    """
    now = datetime.now(UTC)
    keys = person.keys(settings.privacy.key())
    with admin.producer(settings) as producer:
        value = msgspec.json.encode(forgotten.Forgetting(now))
        name = settings.kafka.topic(topics.FORGOTTEN)
        _send(producer, ((name, key.encode(), value, []) for key in keys))
        _send(producer, _tombstones(settings, found, now))
        moved = _clear_letters(settings, producer, person) if found.letters else 0
    return Receipt(
        mentions=len(found.mentions),
        messages=found.messages,
        documents=found.documents,
        documents_left=_left(settings, found, within),
        letters=len(found.letters),
        letters_moved=moved,
        keys=keys,
        at=now,
    )


def _in_topic(settings: Settings, name: str, wanted: _Wanted, found: Found) -> int:
    """Note ids and revisions; returns how many messages the topic shows of the person."""
    alive: dict[bytes, list[_Who]] = {}
    for record in records(settings, name):
        if record.value is None:
            alive.pop(record.key, None)  # deleted already; compaction takes what is before
        elif who := wanted.meant(record.key, record.value):
            alive.setdefault(record.key or who.id.encode(), []).append(who)
    for key, versions in alive.items():
        for who in versions:
            _note(found, key.decode(errors="replace"), who.revision, who.url)
    return sum(map(len, alive.values()))


def _in_index(settings: Settings, person: Person, found: Found) -> None:
    config = settings.elasticsearch
    with explained(config), connect_sync(config) as client:
        if not client.indices.exists_alias(name=config.alias):
            return
        client.indices.refresh(index=config.alias)
        query = _query(person, settings.privacy.key())
        for hit in scan(client, index=config.alias, query={"query": query}, source=_SHOWN):
            found.documents += 1
            _note(found, hit["_id"], hit["_source"]["revision"], hit["_source"].get("url"))


def _query(person: Person, salt: bytes) -> dict[str, Any]:
    names = [form for name in person.names(salt) for form in (name, name.removeprefix("@"))]
    by_name = [{"terms": {place: names}} for place in _NAMES] if names else []
    by_id = [{"ids": {"values": list(person.ids)}}] if person.ids else []
    return {"bool": {"should": [*by_name, *by_id], "minimum_should_match": 1}}


def _note(found: Found, name: str, revision: int, url: str | None) -> None:
    found.mentions[name] = max(found.mentions.get(name, 0), revision)
    if url and url not in found.examples and len(found.examples) < 5:  # noqa: PLR2004 - some
        found.examples.append(url)


def _tombstones(settings: Settings, found: Found, now: datetime) -> Iterator[_Message]:
    raw = settings.kafka.topic(topics.RAW)
    for name, revision in found.mentions.items():
        # Above every version that is known, and above what was said up to now.
        ends = max(revision, int(now.timestamp() * 1_000))
        yield raw, name.encode(), None, headers.tombstone_headers(name, ends, _SOURCE, now)


def _send(producer: Any, messages: Iterable[_Message]) -> int:  # noqa: ANN401 - kafka-python has no types
    sent = [
        producer.send(topic, value, key=key, headers=about) for topic, key, value, about in messages
    ]
    for confirmation in sent:
        confirmation.get(timeout=_CONFIRM_WITHIN)
    return len(sent)


def _clear_letters(settings: Settings, producer: Any, person: Person) -> int:  # noqa: ANN401
    """Delete the person's letters; returns how many of others had to be written again."""
    wanted = _Wanted(person, settings.privacy.key())
    name = settings.kafka.topic(topics.DEAD_LETTER)
    partitions: dict[int, list[dead.Letter]] = {}
    for letter in dead.letters(settings, dead.Filter(marked=True)):
        partitions.setdefault(int(letter.position.partition(":")[0]), []).append(letter)
    affected = {
        number: letters
        for number, letters in partitions.items()
        if any(wanted.meant(letter.key, letter.value) for letter in letters)
    }
    moved = 0
    for number, letters in affected.items():
        kept = [
            producer.send(
                name,
                letter.value,
                key=letter.key,
                headers=list(letter.headers),
                partition=number,
            )
            for letter in letters
            if letter.mark is None and not wanted.meant(letter.key, letter.value)
        ]
        for confirmation in kept:
            confirmation.get(timeout=_CONFIRM_WITHIN)
        moved += len(kept)
    ends = {
        TopicPartition(name, number): int(letters[-1].position.partition(":")[2]) + 1
        for number, letters in affected.items()
    }
    admin.delete_records(settings, ends)
    config = settings.elasticsearch
    with explained(config), connect_sync(config) as client:
        gone = [letter.position for letters in affected.values() for letter in letters]
        _drop(client, letters_template(config.alias), gone)
    return moved


def _drop(client: Elasticsearch, index: str, names: Sequence[str]) -> None:
    for start in range(0, len(names), _CHUNK):
        steps = [{"delete": {"_index": index, "_id": each}} for each in names[start:][:_CHUNK]]
        client.bulk(operations=steps)


def _count(client: Elasticsearch, alias: str, names: Sequence[str]) -> int:
    if not names or not client.indices.exists_alias(name=alias):
        return 0
    client.indices.refresh(index=alias)
    chunks = (names[start : start + _CHUNK] for start in range(0, len(names), _CHUNK))
    query = ({"ids": {"values": list(chunk)}} for chunk in chunks)
    return sum(int(client.count(index=alias, query=each)["count"]) for each in query)


def _left(settings: Settings, found: Found, within: float) -> int:
    """Wait until the documents are gone; returns how many are left."""
    config = settings.elasticsearch
    names = list(found.mentions)
    deadline = time.monotonic() + within
    with explained(config), connect_sync(config) as client:
        while left := _count(client, config.alias, names):
            if time.monotonic() > deadline:
                return left
            time.sleep(0.5)
    return 0
