"""Compares the contract with the last release's and says of each change what it means to others.

Both directions count. A consumer built on the old schema reads new messages, so nothing it relies
on may go; and new code reads old messages, which are kept, so nothing may be asked of them that
they do not have. Decoders check types and bounds, so a wider bound breaks an old reader as surely
as a narrower one breaks an old message. What is left is adding what is optional.

A breaking change takes a new major version, on a parallel topic: ``mentions.enriched.v2`` beside
``mentions.enriched``, which goes on as it was until its consumers have moved.
"""

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, Literal, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from pipeline.contract.export import Version, files, released
from pipeline.errors import ConfigError

__all__ = ["Change", "Verdict", "compare", "contract", "judge"]

Contract: TypeAlias = Mapping[str, Any]
"""JSON Schemas by message, and under ``topics`` the table of topics."""

_WORDS: Final = frozenset({"description", "examples", "x-since", "title"})
_SPOKEN: Final = {
    "x-unit": "the unit",
    "maxLength": "the greatest length",
    "minLength": "the least length",
    "maximum": "the greatest value",
    "minimum": "the least value",
    "maxItems": "the greatest number",
    "minItems": "the least number",
}
_SOONER: Final = {
    "retention.ms": "messages go sooner than promised",
    "delete.retention.ms": "tombstones go sooner than promised: who was away misses them",
}
_BROKER_KEEPS_TOMBSTONES: Final = "86400000"
"""What Kafka takes where a topic does not say ``delete.retention.ms``."""


class Change(Struct, frozen=True):
    """One difference."""

    kind: Literal["compatible", "breaking"]
    where: str
    """``Struct.field``, or a topic's name."""
    what: str
    why: str
    """What it means to a consumer or to recorded messages."""
    topics: tuple[str, ...] = ()
    """The topics whose messages it changes."""


class Verdict(Struct, frozen=True):
    """What all changes together ask for."""

    base: str
    """The version compared with."""
    version: str
    changes: tuple[Change, ...]
    problems: tuple[str, ...]
    """Why they may not go out as they are; empty when they may."""


def judge() -> Verdict:
    """Compare what the code says with the last release.

    Raises:
        ConfigError: nothing was released yet.
    """
    base = max(released(), default=None)
    if base is None:
        msg = "no version was released yet: 'mentions schema release' makes the first"
        raise ConfigError(msg)
    old = released()[base]
    new = contract(files())
    changes = tuple(compare(old, new))
    version = _version(new)
    return Verdict(
        base=f"{base[0]}.{base[1]}",
        version=f"{version[0]}.{version[1]}",
        changes=changes,
        problems=tuple(problems(base, version, changes, {t["name"] for t in new["topics"]})),
    )


def contract(made: Mapping[str, str]) -> Contract:
    """The contract in some published files."""
    return {
        name.removesuffix(".json"): json.loads(content)
        for name, content in made.items()
        if name.endswith(".json")
    }


def problems(
    base: Version, version: Version, changes: Iterable[Change], topics: set[str]
) -> Iterator[str]:
    """Why changes may not go out under a version."""
    changes = list(changes)
    if version < base:
        yield f"the version {version[0]}.{version[1]} is below the released {base[0]}.{base[1]}"
    elif changes and version == base:
        yield f"{base[0]}.{base[1]} is released, and differs: raise SCHEMA_VERSION"
    for change in changes:
        if change.kind == "compatible":
            continue
        if version[0] <= base[0]:
            yield f"{change.where}: breaking needs major version {base[0] + 1}: {change.why}"
        for topic in change.topics:
            if version[0] > base[0] and f"{topic}.v{version[0]}" not in topics:
                yield f"{change.where}: breaking needs the parallel topic {topic}.v{version[0]}"


def compare(old: Contract, new: Contract) -> Iterator[Change]:
    """All changes between two versions of the contract."""
    yield from _topics(old["topics"], new["topics"])
    found: dict[Change, dict[str, None]] = {}  # a part may stand in several messages
    for message in sorted((set(old) | set(new)) - {"topics"}):
        on = {
            topic["name"]: None
            for topic in old["topics"]
            if message in (*topic["types"], topic["headers"])
        }
        for change in _message(message, old.get(message), new.get(message)):
            found.setdefault(change, {}).update(on)
    for change, names in found.items():
        yield replace(change, topics=tuple(names))


def _topics(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> Iterator[Change]:
    after = {topic["name"]: topic for topic in new}
    for topic in old:
        name = topic["name"]
        if name not in after:
            yield Change("breaking", name, "topic removed", "its consumers get nothing", (name,))
            continue
        for part in ("key", "types", "headers", "partitions", "config"):
            if topic[part] != after[name][part]:
                yield _topic(name, part, topic[part], after[name][part])
    known = {topic["name"] for topic in old}
    for name in after:
        if name not in known:
            yield Change("compatible", name, "topic added", "nobody reads it yet")


def _topic(name: str, part: str, old: Any, new: Any) -> Change:  # noqa: ANN401 - any JSON
    what = f"{part}: {_brief(old)} → {_brief(new)}"
    if part == "config" and old["cleanup.policy"] == new["cleanup.policy"]:
        kept = {word: (_kept(old, word), _kept(new, word)) for word in _SOONER}
        for word, (before, after) in kept.items():
            if after < before:
                return Change("breaking", name, what, _SOONER[word], (name,))
        if any(before < after for before, after in kept.values()):
            return Change("compatible", name, what, "messages are kept longer")
        return Change("compatible", name, what, "a broker's setting that no consumer sees")
    why = {
        "key": "who stores by the key stores twice",
        "types": "who reads the topic meets another type",
        "headers": "who reads the headers misses some",
        "partitions": "keys move to other partitions: the order of versions is not kept",
        "config": "other messages remain than promised",
    }[part]
    return Change("breaking", name, what, why, (name,))


def _kept(config: Mapping[str, str], word: str) -> float:
    """Milliseconds; for ever is more than any number."""
    time = int(config.get(word, _BROKER_KEEPS_TOMBSTONES))
    return time if time >= 0 else math.inf


def _message(
    name: str, old: Mapping[str, Any] | None, new: Mapping[str, Any] | None
) -> Iterator[Change]:
    if old is None:
        yield Change("compatible", name, "message added", "nobody reads it yet")
    elif new is None:
        yield Change("breaking", name, "message removed", "recorded ones cannot be read")
    else:
        for part, before in old["$defs"].items():
            if part in new["$defs"]:
                yield from _part(part, before, new["$defs"][part])


def _part(name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    if old.get("type") != new.get("type"):
        what = f"type: {_brief(old.get('type'))} → {_brief(new.get('type'))}"
        yield Change("breaking", name, what, _why("type", None, None))
        return
    before, after = _fields(old), _fields(new)
    for field in before.keys() - after.keys():
        yield Change("breaking", f"{name}.{field}", "removed", "who reads it misses it")
    required = set(old.get("required", ())), set(new.get("required", ()))
    for field, schema in after.items():
        where = f"{name}.{field}"
        if field not in before:
            if field in required[1] or "prefixItems" in new:
                yield Change("breaking", where, "added, required", "recorded messages lack it")
            else:
                yield Change(
                    "compatible", where, "added, optional", "who does not know it skips it"
                )
            continue
        if field in required[1] - required[0]:
            yield Change("breaking", where, "now required", "recorded messages may lack it")
        if field in required[0] - required[1]:
            yield Change("breaking", where, "now optional", "who relies on it may miss it")
        yield from _schema(where, before[field], schema)
    if _words(old) != _words(new):
        yield Change("compatible", name, "described in other words", "nothing is read differently")


def _schema(where: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    for word in sorted((old.keys() | new.keys()) - _WORDS):
        before, after = old.get(word), new.get(word)
        if before == after:
            continue
        what = f"{word}: {_brief(before)} → {_brief(after)}"
        if word == "x-personal-data":
            why = "nothing is read differently; who keeps it has to look again at why"
            yield Change("compatible", where, what, why)
            continue
        yield Change("breaking", where, what, _why(word, before, after))
    if _words(old) != _words(new):
        yield Change("compatible", where, "described in other words", "nothing is read differently")


def _why(word: str, old: Any, new: Any) -> str:  # noqa: ANN401 - any JSON
    if word == "default":
        return "where it is left out it now means something else"
    if word == "enum":
        gone = set(old or ()) - set(new or ())
        if gone:
            return f"recorded messages may say {', '.join(sorted(map(str, gone)))}"
        return "who reads by the old schema refuses the new words"
    if word in _SPOKEN:
        return f"{_SPOKEN[word]} is another: old readers or recorded messages do not fit it"
    return "a value of another form: old readers or recorded messages do not fit it"


def _fields(part: Mapping[str, Any]) -> dict[str, Any]:
    """Properties by name; the places of an array-like part by their titles."""
    if "prefixItems" in part:
        return {place["title"]: place for place in part["prefixItems"]}
    return dict(part.get("properties", {}))


def _words(schema: Mapping[str, Any]) -> list[Any]:
    return [schema.get(word) for word in ("description", "examples")]


def _brief(value: object) -> str:
    return json.dumps(value, ensure_ascii=False) if value is not None else "none"


def _version(made: Contract) -> Version:
    (number, *_) = (schema["$id"] for name, schema in made.items() if name != "topics")
    major, _, minor = number.split(":")[2].partition(".")
    return int(major), int(minor)
