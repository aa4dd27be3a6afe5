from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from pipeline.search.document import Joined
from pipeline.search.probe import Capabilities
from pipeline.search.templates import wanted
from pipeline.settings import Elasticsearch
from schemas.mention import EnrichedMention
from schemas.work import Work

BARE = Capabilities(version="9.5.3")
FULL = Capabilities(version="9.5.3", analysis=True)


def mapping(capabilities: Capabilities = BARE) -> dict[str, Any]:
    templates = wanted(Elasticsearch(), capabilities)
    mappings: dict[str, Any] = templates["component template", "mentions-mappings"]["template"]
    return mappings


def fields(kind: msgspec.inspect.Type, path: str = "") -> Iterator[str]:
    """The paths of a struct's fields, down to values and spans."""
    if isinstance(kind, msgspec.inspect.UnionType):
        for part in kind.types:
            yield from fields(part, path)
    elif isinstance(kind, msgspec.inspect.VarTupleType | msgspec.inspect.ListType):
        yield from fields(kind.item_type, path)
    elif isinstance(kind, msgspec.inspect.StructType) and not kind.array_like:
        for field in kind.fields:
            yield from fields(field.type, f"{path}.{field.encode_name}".lstrip("."))
    elif not isinstance(kind, msgspec.inspect.NoneType):
        yield path


def mapped(properties: dict[str, Any], path: str = "") -> Iterator[str]:
    for name, definition in properties.items():
        here = f"{path}.{name}".lstrip(".")
        if "properties" in definition:
            yield from mapped(definition["properties"], here)
        else:
            yield here


@pytest.mark.parametrize("struct", [EnrichedMention, Joined])
def test_every_field_is_mapped(struct: type) -> None:
    known = set(mapped(mapping()["mappings"]["properties"]))
    by_kind = {path for path in known if path.startswith("topic_of.")}
    wanted_ = set(fields(msgspec.inspect.type_info(struct)))
    assert wanted_ - {"topic_of"} <= known
    assert by_kind


def test_every_field_of_work_is_mapped_and_no_other() -> None:
    template = wanted(Elasticsearch(), BARE)["index template", "mentions-work"]["template"]
    known = set(mapped(template["mappings"]["properties"]))
    counted = {"open", "seconds"}
    as_mentions = {"topics", "channel", "language.code", "sentiment.label"}
    assert known == {*fields(msgspec.inspect.type_info(Work)), *counted, *as_mentions}


def test_nothing_is_mapped_that_no_document_has() -> None:
    known = set(mapped(mapping()["mappings"]["properties"]))
    possible = {
        path
        for struct in (EnrichedMention, Joined)
        for path in fields(msgspec.inspect.type_info(struct))
    }
    assert {path for path in known - possible if not path.startswith("topic_of.")} == set()


def test_topics_can_be_counted_for_every_kind() -> None:
    kinds = msgspec.inspect.type_info(EnrichedMention)
    assert isinstance(kinds, msgspec.inspect.StructType)
    (matches,) = (field.type for field in kinds.fields if field.name == "matches")
    assert isinstance(matches, msgspec.inspect.VarTupleType)
    assert isinstance(matches.item_type, msgspec.inspect.StructType)
    (kind,) = (field.type for field in matches.item_type.fields if field.name == "kind")
    assert isinstance(kind, msgspec.inspect.LiteralType)
    assert set(mapping()["mappings"]["properties"]["topic_of"]["properties"]) == set(kind.values)


def test_languages_are_added_where_the_cluster_has_them() -> None:
    assert "fields" not in mapping(BARE)["mappings"]["properties"]["text"]
    text = mapping(FULL)["mappings"]["properties"]["text"]
    assert text["analyzer"] == "mention"
    assert {name: field["analyzer"] for name, field in text["fields"].items()} == {
        "de": "german",
        "en": "english",
        "folded": "unaccented",
    }
    analyzers = mapping(FULL)["settings"]["index"]["analysis"]["analyzer"]
    assert set(analyzers) == {"mention", "unaccented"}


def test_settings_and_names_come_from_the_configuration() -> None:
    templates = wanted(Elasticsearch(alias="x", replicas=2, refresh="5s", shards=7), BARE)
    index = templates["component template", "x-settings"]["template"]["settings"]["index"]
    assert (index["number_of_replicas"], index["refresh_interval"]) == ("2", "5s")
    assert index["number_of_shards"] == "7"
    months = templates["index template", "x-months"]
    assert months["index_patterns"] == ["x-20*"]
    assert months["template"]["aliases"] == {"x": {}}
    assert templates["index template", "x-tombstones"]["index_patterns"] == ["x-tombstones"]
