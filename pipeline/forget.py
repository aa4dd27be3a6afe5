"""Forgetting a person: their mentions are found, deleted everywhere, and not processed again.

What is done, in this order, so that an interruption leaves nothing half forgotten that a second run
does not finish:

1. The keys of the person (hashes, see ``schemas.forgotten``) go to ``mentions.forgotten``: whatever
   is collected from then on ends in the stage ``enrich``.
2. ``MOMENT`` later all workers have read them and let go of what they had in hand. Everything is
   searched, and searched again after what was found is deleted, until nothing is found or the time
   is over; what is left then is said. In each round:

   * A tombstone for each mention goes to ``mentions.raw``. It travels the way every deletion does:
     to ``mentions.enriched``, to all teams' topics, to Elasticsearch; consumers see it. The topics'
     logs lose the older versions when they are compacted, see ``topics.RAW``.
   * Dead letters are not compacted. In a partition that has letters of the person, all other
     letters that still wait are written again at its end, and everything before is deleted
     (``DeleteRecords``); the searchable copies of what was deleted go too.
   * Alerts that name the mentions are published again without them, and who stands in
     ``<alias>-people`` is deleted there.
3. These copies are deleted once more: a worker may have had a letter in hand.

Names are compared folded (``schemas.forgotten.folded``), in Kafka as in Elasticsearch.
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
from msgspec.structs import replace

from pipeline import admin, dead
from pipeline.alerts.watch import published
from pipeline.reader import records
from pipeline.search import alerts, people
from pipeline.search.client import connect_sync, explained
from pipeline.search.folded import patterns
from pipeline.search.removal import remove
from pipeline.search.templates import letters_template
from pipeline.settings import Settings
from schemas import forgotten, headers, topics
from schemas.alert import Alert

_Message: TypeAlias = tuple[str, bytes, bytes | None, list[tuple[str, bytes]]]

__all__ = ["ELASTICSEARCH", "MOMENT", "Found", "Person", "Receipt", "find", "forget"]

MOMENT: Final = 2.0
"""Seconds between what is published and the next search: a worker that follows
``mentions.forgotten`` reads within one, and a batch in its hands takes less."""

ELASTICSEARCH: Final = "Elasticsearch"
"""The name of that place in a receipt."""

_SOURCE: Final = "forget"
_ROUNDS: Final = 10
_CHUNK: Final = 500
_CONFIRM_WITHIN: Final = 60.0  # seconds
_SHOWN: Final = ["revision", "url", "author"]
_EXAMPLES: Final = 5
_NAMES: Final = ("id", "handle", "name", "url")


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

    mentions: dict[str, int] = field(default_factory=dict)
    """Id → the newest revision seen."""
    messages: dict[str, set[tuple[int, int]]] = field(default_factory=dict)
    """Topic → partition and offset of messages that still have a value."""
    documents: set[str] = field(default_factory=set)
    """Ids, in Elasticsearch."""
    letters: set[str] = field(default_factory=set)
    """Positions of dead letters."""
    people: set[str] = field(default_factory=set)
    """Ids of documents in the index of people."""
    alerts: dict[str, Alert] = field(default_factory=dict)
    """Alerts that name their mentions, by id."""
    copies: set[str] = field(default_factory=set)
    """Ids of documents in the index of alerts that do."""
    examples: list[str] = field(default_factory=list)
    """Some links, to see whether it is the right person."""

    @property
    def places(self) -> dict[str, int]:
        """How much there is in each place that has any."""
        counts = {topic: len(some) for topic, some in self.messages.items()}
        counts |= {
            ELASTICSEARCH: len(self.documents),
            "dead letters": len(self.letters),
            "people": len(self.people),
            "alerts": max(len(self.alerts), len(self.copies)),
        }
        return {place: count for place, count in counts.items() if count}

    def add(self, other: "Found") -> None:
        """Take in what was found at another time."""
        for name, revision in other.mentions.items():
            self.note(name, revision)
        for topic, some in other.messages.items():
            self.messages.setdefault(topic, set()).update(some)
        self.documents |= other.documents
        self.letters |= other.letters
        self.people |= other.people
        self.alerts |= other.alerts
        self.copies |= other.copies

    def note(self, name: str, revision: int, url: str = "") -> None:
        """A version of a mention was seen."""
        self.mentions[name] = max(self.mentions.get(name, 0), revision)
        if url and url not in self.examples and len(self.examples) < _EXAMPLES:
            self.examples.append(url)


class Receipt(Struct, frozen=True, kw_only=True):
    """What was done."""

    mentions: int
    messages: dict[str, int]
    documents: int
    letters: int
    people: int
    """Documents in the index of people."""
    alerts: int
    """Alerts that named their mentions."""
    letters_moved: int
    """Letters of others that were written again."""
    left: dict[str, int]
    """What the last search still found, by place; empty where all is deleted."""
    keys: list[str]
    at: datetime


class _Said(Struct):
    """Of any JSON: a dead letter may hold anything in these fields."""

    id: Any = None
    revision: Any = None
    url: Any = None
    author: Any = None


class _Who(Struct, frozen=True):
    id: str = ""
    revision: int = 0
    url: str = ""
    names: tuple[str, ...] = ()


_said: Final = msgspec.json.Decoder(_Said).decode


class _Wanted:
    """Whether something is the person's."""

    def __init__(self, person: Person, salt: bytes, ids: Iterable[str] = ()) -> None:
        self._ids = {*person.ids, *ids} - {""}  # what has no id is nobody's
        self._names = {forgotten.folded(name) for name in person.names(salt)}

    def meant(self, key: bytes | None, value: bytes | None) -> _Who | None:
        """What a message is of, where it is the person's."""
        try:
            who = _who(_said(value or b""))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            who = _Who()  # its key can tell
        if key is not None and key.decode(errors="replace") in self._ids:
            return who
        return who if self.means(who) else None

    def means(self, who: _Who) -> bool:
        """Whether it is of the person."""
        return who.id in self._ids or any(
            forgotten.folded(name) in self._names for name in who.names
        )


def _who(said: _Said) -> _Who:
    author = said.author if isinstance(said.author, dict) else {}
    names = (author.get(name) for name in _NAMES)
    return _Who(
        said.id if isinstance(said.id, str) else "",
        said.revision if isinstance(said.revision, int) else 0,
        said.url if isinstance(said.url, str) else "",
        tuple(name for name in names if isinstance(name, str) and name),
    )


def find(
    settings: Settings,
    person: Person,
    looked: Callable[[str], None] = lambda _: None,
    gone: Iterable[str] = (),
) -> Found:
    """Look everywhere; nothing is changed.

    Args:
        settings: how to reach the servers.
        person: who is meant.
        looked: told the name of each place before it is searched.
        gone: mentions that are deleted already, but may be named still.

    Raises:
        PipelineError: a server does not answer.
    """
    found = Found()
    salt = settings.privacy.key()
    wanted = _Wanted(person, salt)
    table = [topics.RAW, topics.ENRICHED, *(topics.routed(r.team) for r in settings.routes)]
    for topic in table:
        name = settings.kafka.topic(topic)
        looked(name)
        found.messages[name] = _in_topic(settings, name, wanted, found)
    looked(ELASTICSEARCH)
    _in_index(settings, person, wanted, found)
    name = settings.kafka.topic(topics.ALERTS)
    looked(name)
    _in_alerts(settings, {*found.mentions, *person.ids, *gone}, found)
    name = settings.kafka.topic(topics.DEAD_LETTER)
    looked(name)
    # A letter that cannot be read says by its key whose mention it is.
    wanted = _Wanted(person, salt, found.mentions)
    found.letters = {
        letter.position
        for letter in dead.letters(settings, dead.Filter(marked=True))
        if wanted.meant(letter.key, letter.value)
    }
    return found


def forget(
    settings: Settings,
    person: Person,
    looked: Callable[[str], None] = lambda _: None,
    *,
    within: float = 60.0,
) -> Receipt:
    """Delete everything, and block it from coming back.

    Args:
        settings: how to reach the servers.
        person: who is meant.
        looked: told the name of each place before it is searched.
        within: seconds to wait for the workers to delete what was found last.

    Raises:
        PipelineError: a server does not answer, or does not delete a document; run it again.
    """
    now = datetime.now(UTC)
    salt = settings.privacy.key()
    keys = person.keys(salt)
    every, ended, gone = Found(), dict[str, int](), set[str]()
    rounds = moved = 0
    with admin.producer(settings) as producer:
        name = settings.kafka.topic(topics.FORGOTTEN)
        value = msgspec.json.encode(forgotten.Forgetting(now))
        _send(producer, [(name, key.encode(), value, []) for key in keys])
        until = time.monotonic() + within
        while True:
            time.sleep(MOMENT)
            left = find(settings, person, looked, every.mentions)
            every.add(left)
            fresh = {n: r for n, r in left.mentions.items() if r > ended.get(n, -1)}
            if (fresh or left.letters or left.people or left.alerts) and rounds < _ROUNDS:
                rounds += 1
                until = time.monotonic() + within
                ended |= _end(settings, producer, fresh)
                _unname(settings, producer, left.alerts.values(), {*every.mentions, *person.ids})
                _drop_people(settings, left.people)
                if left.letters:
                    wanted = _Wanted(person, salt, every.mentions)
                    positions, others = _clear_letters(settings, producer, wanted)
                    gone |= positions
                    moved += others
                    _drop_copies(settings, gone, ())
            elif not left.places or time.monotonic() > until:
                break
    _drop_copies(settings, gone, {*every.mentions, *person.ids})
    return Receipt(
        mentions=len(every.mentions),
        messages={topic: len(some) for topic, some in every.messages.items()},
        documents=len(every.documents),
        letters=len(every.letters),
        people=len(every.people),
        alerts=len(every.alerts),
        letters_moved=moved,
        left=left.places,
        keys=keys,
        at=now,
    )


def _in_topic(settings: Settings, name: str, wanted: _Wanted, found: Found) -> set[tuple[int, int]]:
    """Note ids and revisions; returns where the topic shows something of the person."""
    alive: dict[bytes, dict[tuple[int, int], _Who]] = {}
    for record in records(settings, name):
        if record.value is None:
            alive.pop(record.key, None)  # deleted already; compaction takes what is before
        elif who := wanted.meant(record.key, record.value):
            key = record.key or who.id.encode(errors="replace")
            alive.setdefault(key, {})[record.partition, record.offset] = who
    for key, versions in alive.items():
        for who in versions.values():
            found.note(key.decode(errors="replace"), who.revision, who.url)
    return {position for versions in alive.values() for position in versions}


def _in_index(settings: Settings, person: Person, wanted: _Wanted, found: Found) -> None:
    config = settings.elasticsearch
    with explained(config), connect_sync(config) as client:
        query = {"bool": {"should": list(_queries(person, settings.privacy.key()))}}
        found.people = set(_in_people(client, people.index_name(config.alias), query, wanted))
        if not client.indices.exists_alias(name=config.alias):
            return
        client.indices.refresh(index=config.alias)
        for hit in scan(client, index=config.alias, query={"query": query}, source=_SHOWN):
            who = _who(_Said(hit["_id"], **hit["_source"]))
            if wanted.means(who):
                found.documents.add(who.id)
                found.note(who.id, who.revision, who.url)


def _in_people(
    client: Elasticsearch, index: str, query: dict[str, Any], wanted: _Wanted
) -> Iterator[str]:
    client.indices.refresh(index=index, ignore_unavailable=True)
    hits = scan(
        client, index=index, query={"query": query}, source=["author"], ignore_unavailable=True
    )
    for hit in hits:
        if wanted.means(_who(_Said(**hit["_source"]))):
            yield hit["_id"]


def _in_alerts(settings: Settings, mentions: set[str], found: Found) -> None:
    """Note the alerts that name mentions, as published and as indexed."""
    found.alerts = {
        alert.id: alert for alert in published(settings) if not mentions.isdisjoint(alert.mentions)
    }
    config = settings.elasticsearch
    with explained(config), connect_sync(config) as client:
        found.copies = set(alerts.naming(client, config.alias, sorted(mentions)))


def _queries(person: Person, salt: bytes) -> Iterator[dict[str, Any]]:
    """What finds all of the person's mentions, and some of others."""
    yield {"ids": {"values": list(person.ids)}}
    for name in person.names(salt):
        for pattern in patterns(name):
            like = {"value": pattern, "case_insensitive": True}
            yield from ({"regexp": {f"author.{place}": like}} for place in _NAMES)


def _end(settings: Settings, producer: Any, mentions: dict[str, int]) -> dict[str, int]:  # noqa: ANN401 - kafka-python has no types
    """Send tombstones; returns up to which revision each id is over."""
    raw = settings.kafka.topic(topics.RAW)
    now = datetime.now(UTC)
    # Above every version that is known, and above what was said up to now.
    said = int(now.timestamp() * 1_000)
    ends = {name: max(revision, said) for name, revision in mentions.items()}
    _send(
        producer,
        [
            (raw, name.encode(), None, headers.tombstone_headers(name, end, _SOURCE, now))
            for name, end in ends.items()
        ],
    )
    return ends


def _unname(
    settings: Settings,
    producer: Any,  # noqa: ANN401
    named: Iterable[Alert],
    mentions: set[str],
) -> None:
    """Publish alerts again without some mentions: the log and the index keep the newest."""
    name = settings.kafka.topic(topics.ALERTS)
    messages: list[_Message] = []
    for alert in named:
        left = tuple(one for one in alert.mentions if one not in mentions)
        value = msgspec.json.encode(replace(alert, mentions=left))
        about = headers.alert_headers(alert.id, alert.kind, alert.at)
        messages.append((name, alert.id.encode(), value, about))
    _send(producer, messages)


def _drop_people(settings: Settings, names: Iterable[str]) -> None:
    config = settings.elasticsearch
    with explained(config), connect_sync(config) as client:
        remove(client, people.index_name(config.alias), names)


def _send(producer: Any, messages: Sequence[_Message]) -> None:  # noqa: ANN401
    sent = [
        producer.send(topic, value, key=key, headers=about) for topic, key, value, about in messages
    ]
    for confirmation in sent:
        confirmation.get(timeout=_CONFIRM_WITHIN)


def _clear_letters(settings: Settings, producer: Any, wanted: _Wanted) -> tuple[set[str], int]:  # noqa: ANN401
    """Delete the person's letters.

    Returns:
        The positions that are no more, and how many letters of others had to be written again.
    """
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
    return {letter.position for letters in affected.values() for letter in letters}, moved


def _drop_copies(settings: Settings, positions: Iterable[str], ids: Iterable[str]) -> None:
    """Delete the searchable copies of letters: at these positions, and of these mentions."""
    config = settings.elasticsearch
    index = letters_template(config.alias)
    with explained(config), connect_sync(config) as client:
        remove(client, index, {*positions, *_copies(client, index, sorted(ids))})


def _copies(client: Elasticsearch, index: str, ids: Sequence[str]) -> Iterator[str]:
    client.indices.refresh(index=index, ignore_unavailable=True)
    for start in range(0, len(ids), _CHUNK):
        query = {"query": {"terms": {"key": ids[start : start + _CHUNK]}}}
        found = scan(client, index=index, query=query, source=False, ignore_unavailable=True)
        yield from (hit["_id"] for hit in found)
