"""Messages recorded under each version that was released: they decode for ever."""

import json
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from msgspec import Struct

from schemas import decode_enriched, topics
from schemas.headers import EventHeaders
from schemas.mention import SCHEMA_VERSION, encode_over

RECORDED = Path(__file__).parents[2] / "data" / "messages"
RELEASED = Path(__file__).parents[3] / "schemas" / "released"
VERSIONS = sorted(path.name for path in RELEASED.iterdir())
TYPES = {
    kind.__name__: kind
    for topic in (*topics.TABLE, topics.ROUTED)
    for kind in (*topic.types, topic.headers, EventHeaders)
    if kind is not None and issubclass(kind, Struct)
}
"""Values, and headers as an object of texts, by the names under which they are released."""
LINES = [
    pytest.param(TYPES[path.stem], line, id=f"{path.parent.name}-{path.stem}-{number}")
    for path in sorted(RECORDED.glob("*/*.json"))
    for number, line in enumerate(path.read_bytes().splitlines())
]


def stated(version: str) -> Iterator[str]:
    """The Structs that a released table of topics names."""
    for topic in json.loads((RELEASED / version / "topics.json").read_text(encoding="utf-8")):
        names = {*topic["types"], topic["headers"]} - {None, "bytes"}
        yield from names | ({"EventHeaders"} if None in topic["types"] else set())


@pytest.mark.parametrize("version", VERSIONS)
def test_every_type_of_a_released_version_is_recorded(version: str) -> None:
    recorded = {path.stem for path in (RECORDED / version).iterdir() if path.stat().st_size}
    assert recorded >= set(stated(version))


def test_nothing_is_recorded_of_what_was_not_released() -> None:
    assert sorted(path.name for path in RECORDED.iterdir()) == VERSIONS


@pytest.mark.parametrize(("kind", "line"), LINES)
def test_a_recorded_message_decodes_and_loses_nothing(kind: type[Struct], line: bytes) -> None:
    decoded = msgspec.json.decode(line, type=kind)
    assert msgspec.json.decode(msgspec.json.encode(decoded)) == msgspec.json.decode(line)


@pytest.mark.parametrize(
    "line", [param.values[1] for param in LINES if param.values[0] is topics.ENRICHED.types[0]]
)
def test_a_recorded_mention_enriched_again_loses_nothing(line: bytes) -> None:
    passed = msgspec.json.decode(encode_over(line, decode_enriched(line)))
    assert passed == msgspec.json.decode(line) | {"schema_version": SCHEMA_VERSION}
