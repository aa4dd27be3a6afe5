"""The contract as files: JSON Schema per message, AsyncAPI, a table of topics, a field reference.

Everything is made from the Structs in ``schemas`` and from ``schemas.topics``; nothing is kept by
hand, so nothing can be wrong about them. Files are written to ``schemas/published``; a release
copies them to ``schemas/released/<version>``, where they stay as they are for ever.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeAlias

import msgspec
from msgspec import Struct

import schemas
from pipeline.contract.asyncapi import asyncapi
from pipeline.contract.describe import Parts, describe, example, gaps
from pipeline.contract.reference import reference
from pipeline.errors import ConfigError
from schemas import topics
from schemas.headers import EventHeaders
from schemas.mention import SCHEMA_VERSION
from schemas.topics import Topic

__all__ = ["PUBLISHED", "RELEASED", "Version", "files", "release", "released", "stale", "write"]

Version: TypeAlias = tuple[int, int]
"""Major and minor."""

_HOME: Final = Path(schemas.__file__).parent
PUBLISHED: Final = _HOME / "published"
RELEASED: Final = _HOME / "released"
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def files() -> dict[str, str]:
    """The content of every file of ``schemas/published``, by name.

    Raises:
        ConfigError: a field lacks its documentation.
    """
    table = (*topics.TABLE, topics.ROUTED)
    roots = _messages(table)
    parts = describe(roots)
    if missing := gaps(parts):
        msg = "the contract is not documented: missing " + "; ".join(missing)
        raise ConfigError(msg)
    components = _components(roots, parts)
    made = {
        f"{root.__name__}.json": _json(
            {
                "$schema": DIALECT,
                "$id": f"urn:mention-pipeline:{SCHEMA_VERSION}:{root.__name__}",
                "title": root.__name__,
                "$ref": f"#/$defs/{root.__name__}",
                "$defs": {name: components[name] for name in sorted(_reached(root))},
            }
        )
        for root in roots
    }
    return {
        **made,
        "topics.json": _json([_topic(topic) for topic in table]),
        "asyncapi.yaml": asyncapi(table, components, {r.__name__: example(r) for r in roots}),
        "fields.md": reference(table, parts, components),
    }


def stale(folder: Path = PUBLISHED) -> list[str]:
    """The files of a folder that are missing, too many, or say something else."""
    wanted = files()
    there = {path.name for path in folder.iterdir()} if folder.exists() else set()
    return sorted(
        name
        for name in there | set(wanted)
        if name not in there
        or name not in wanted
        or (folder / name).read_text(encoding="utf-8") != wanted[name]
    )


def write(folder: Path = PUBLISHED) -> list[str]:
    """Bring a folder up to date; returns the names of the files that changed."""
    changed = stale(folder)
    wanted = files()
    folder.mkdir(parents=True, exist_ok=True)
    for name in changed:
        if name in wanted:
            (folder / name).write_text(wanted[name], encoding="utf-8")
        else:
            (folder / name).unlink()
    return changed


def release() -> Path:
    """Keep the schemas of this version for ever; returns where.

    Raises:
        ConfigError: this version was released before, and differently.
    """
    folder = RELEASED / SCHEMA_VERSION
    wanted = {name: content for name, content in files().items() if name.endswith(".json")}
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in wanted.items():
        path = folder / name
        if path.exists() and path.read_text(encoding="utf-8") != content:
            msg = f"{SCHEMA_VERSION} is released, and {name} differs: raise SCHEMA_VERSION"
            raise ConfigError(msg)
        path.write_text(content, encoding="utf-8")
    return folder


def _messages(table: Iterable[Topic]) -> list[type[Struct]]:
    """Every Struct that stands on a topic, as value or as headers, once."""
    found: dict[type[Struct], None] = {}
    for topic in table:
        kinds = (*topic.types, topic.headers, EventHeaders if None in topic.types else None)
        found |= {k: None for k in kinds if isinstance(k, type) and issubclass(k, Struct)}
    return list(found)


def _topic(topic: Topic) -> dict[str, Any]:
    """A topic as JSON, its types by name."""
    return {
        "name": topic.name,
        "purpose": topic.purpose,
        "key": topic.key,
        "value": topic.value,
        "types": [kind.__name__ if kind else None for kind in topic.types],
        "headers": topic.headers.__name__ if topic.headers else None,
        "partitions": topic.partitions,
        "config": topic.config,
    }


@cache
def released() -> Mapping[Version, Mapping[str, Any]]:
    """The schemas of each released version by file name, the oldest version first."""
    found = {}
    for folder in RELEASED.iterdir() if RELEASED.exists() else ():
        major, _, minor = folder.name.partition(".")
        found[int(major), int(minor)] = {
            path.stem: json.loads(path.read_text(encoding="utf-8"))
            for path in sorted(folder.glob("*.json"))
        }
    return dict(sorted(found.items()))


def _components(roots: list[type[Struct]], parts: Parts) -> dict[str, Any]:
    """The JSON Schema of every part by name, with what is said of its fields."""
    _, bare = msgspec.json.schema_components(roots, ref_template="#/$defs/{name}")
    components: dict[str, Any] = msgspec.to_builtins(bare)
    for part, fields in parts.items():
        component = components[part.__name__]
        if part.__struct_config__.array_like:
            places = component["prefixItems"]
        else:
            places = [component["properties"][field.name] for field in fields]
        for field, place in zip(fields, places, strict=True):
            place["description"] = field.meaning
            place["examples"] = [field.example]
            if field.unit:
                place["x-unit"] = field.unit
            place["x-personal-data"] = field.personal
            place["x-since"] = _since(part.__name__, field.name)
            if part.__struct_config__.array_like:
                place["title"] = field.name
    return components


def _since(part: str, field: str) -> str:
    """The first version with a field: the first released one, else the one in the making."""
    for (major, minor), published in released().items():
        for schema in published.values():
            if isinstance(schema, dict) and field in _names(schema["$defs"].get(part, {})):
                return f"{major}.{minor}"
    return SCHEMA_VERSION


def _names(component: Mapping[str, Any]) -> Iterator[str]:
    yield from component.get("properties", ())
    yield from (place["title"] for place in component.get("prefixItems", ()))


def _reached(root: type[Struct]) -> set[str]:
    return {part.__name__ for part in describe([root])}


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
