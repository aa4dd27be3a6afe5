"""The field reference for people, in Markdown."""

import inspect
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pipeline.contract.describe import Parts
from schemas.mention import SCHEMA_VERSION
from schemas.topics import Topic

__all__ = ["reference"]

_DAY_MS = 86_400_000


def reference(table: Iterable[Topic], parts: Parts, components: Mapping[str, Any]) -> str:
    """Write the reference.

    Args:
        table: every topic.
        parts: every Struct and its fields.
        components: the JSON Schema of every Struct, by name.
    """
    return "\n".join([*_head(table), *_body(parts, components)]) + "\n"


def _head(table: Iterable[Topic]) -> Iterator[str]:
    yield "# Topics and fields"
    yield ""
    yield f"Version {SCHEMA_VERSION}. Made by `mentions schema export`; do not edit."
    yield ""
    yield "| topic | key | value | headers | partitions | kept |"
    yield "|---|---|---|---|---|---|"
    for topic in table:
        types = [
            "null" if kind is None else _linked(kind.__name__) if kind is not bytes else topic.value
            for kind in topic.types
        ]
        headers = _linked(topic.headers.__name__) if topic.headers else ""
        yield (
            f"| `{topic.name}` | {topic.key} | {' or '.join(types)} | {headers} "
            f"| {topic.partitions} | {_kept(topic)} |"
        )


def _kept(topic: Topic) -> str:
    if topic.retention_ms < 0:
        return "the newest of each key, for ever" if "compact" in topic.cleanup else "for ever"
    days = f"{topic.retention_ms // _DAY_MS} days"
    sooner = "; what a newer one of its key replaces may go sooner"
    return days + (sooner if "compact" in topic.cleanup else "")


def _body(parts: Parts, components: Mapping[str, Any]) -> Iterator[str]:
    for part, fields in parts.items():
        component = components[part.__name__]
        array = part.__struct_config__.array_like
        places = component["prefixItems"] if array else component["properties"].values()
        yield ""
        yield f"## {part.__name__}"
        yield ""
        yield inspect.getdoc(part) or ""
        yield ""
        yield "| field | meaning | type | unit | example | since | personal |"
        yield "|---|---|---|---|---|---|---|"
        for field, place in zip(fields, places, strict=True):
            cells = (
                f"`{field.name}`" + ("" if field.required else " (optional)"),
                " ".join(field.meaning.split()).replace("``", "`"),
                _type(place),
                field.unit or "",
                _shown(field.example),
                place["x-since"],
                "yes" if field.personal else "no",
            )
            yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _shown(example: object) -> str:
    """Short values; those of parts stand with the part."""
    while isinstance(example, list) and example and isinstance(example[0], dict | list):
        example = example[0]
    return "" if isinstance(example, dict) else f"`{json.dumps(example, ensure_ascii=False)}`"


def _type(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        return _linked(schema["$ref"].rpartition("/")[2])
    if "anyOf" in schema:
        return " or ".join(_type(part) for part in schema["anyOf"])
    if "enum" in schema:
        return " ".join(f"`{value}`" for value in schema["enum"])
    if schema.get("type") == "array":
        most = f", {schema['maxItems']:,} at most" if "maxItems" in schema else ""
        return f"array of {_type(schema['items'])}{most}"
    text = str(schema.get("format") or schema.get("type") or "any")
    if "maxLength" in schema:
        text += f", {schema['maxLength']:,} code points at most"
    if "minimum" in schema or "maximum" in schema:
        text += f", {schema.get('minimum', '')} … {schema.get('maximum', '')}".rstrip()
    return text


def _linked(name: str) -> str:
    return f"[{name}](#{name.lower()})"
