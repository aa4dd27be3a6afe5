from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from pipeline.search.document import Joined, joined
from pipeline.search.probe import Capabilities
from pipeline.search.templates import wanted
from pipeline.settings import Elasticsearch
from schemas.mention import Collector, EnrichedMention, Language, Producer
from schemas.work import Work

BARE = Capabilities(version="9.5.3")
FULL = Capabilities(version="9.5.3", analysis=True)
ANALYZERS = {
    "arabic", "armenian", "basque", "bengali", "brazilian", "bulgarian", "catalan", "cjk", "czech",
    "danish", "dutch", "english", "estonian", "finnish", "french", "galician", "german", "greek",
    "hindi", "hungarian", "indonesian", "irish", "italian", "latvian", "lithuanian", "norwegian",
    "persian", "portuguese", "romanian", "russian", "serbian", "sorani", "spanish", "swedish",
    "thai", "turkish",
}  # fmt: skip
"""Elasticsearch's own, see "Language analyzers" in its reference."""


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
    known = set(mapped(mapping(FULL)["mappings"]["properties"]))
    by_key = {"topic_of", "words"}
    assert by_key <= {path.partition(".")[0] for path in known}
    wanted_ = set(fields(msgspec.inspect.type_info(struct)))
    assert wanted_ - by_key <= known
    assert wanted_ - by_key <= set(mapped(mapping()["mappings"]["properties"]))


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


@pytest.mark.parametrize("code", ["fr", "it", "es", "pt", "nl", "cs", "da", "sv", "tr", "pl", "de"])
def test_a_language_is_kept_apart_where_it_has_an_analyzer_and_no_sub_field(code: str) -> None:
    said = EnrichedMention(
        id="test:1",
        revision=1,
        channel="forum",
        text="C'est ça",
        published_at=datetime(2026, 3, 5, tzinfo=UTC),
        collected_at=datetime(2026, 3, 5, tzinfo=UTC),
        collector=Collector(source="test"),
        language=Language(code=code, confidence=1, by=Producer(name="test", version="1")),
    )
    analysed = mapping(FULL)["mappings"]["properties"]["words"]["properties"]
    assert (code in joined(said).words) == (code in analysed)
    assert all(field["analyzer"] in ANALYZERS for field in analysed.values())


def test_settings_and_names_come_from_the_configuration() -> None:
    templates = wanted(Elasticsearch(alias="x", replicas=2, refresh="5s", shards=7), BARE)
    index = templates["component template", "x-settings"]["template"]["settings"]["index"]
    assert (index["number_of_replicas"], index["refresh_interval"]) == ("2", "5s")
    assert index["number_of_shards"] == "7"
    months = templates["index template", "x-months"]
    assert months["index_patterns"] == ["x-20*"]
    assert months["template"]["aliases"] == {"x": {}}
    assert templates["index template", "x-tombstones"]["index_patterns"] == ["x-tombstones"]
