import json
from pathlib import Path
from typing import Annotated, Any

import msgspec
import pytest
import yaml
from jsonschema import Draft202012Validator
from msgspec import Struct

from pipeline.contract import export
from pipeline.contract.describe import describe, example, gaps
from pipeline.errors import ConfigError
from schemas import EnrichedMention, topics
from schemas.about import About
from schemas.headers import MentionHeaders
from schemas.mention import SCHEMA_VERSION, RawMention, decode_enriched, decode_raw


def published() -> dict[str, Any]:
    return {path.stem: json.loads(path.read_text()) for path in export.PUBLISHED.glob("*.json")}


def test_what_is_published_is_what_the_code_says() -> None:
    assert export.stale() == [], "run 'make schemas'"


def test_a_folder_is_brought_up_to_date(tmp_path: Path) -> None:
    (tmp_path / "Gone.json").write_text("{}")
    changed = export.write(tmp_path)
    assert {"Gone.json", "RawMention.json", "asyncapi.yaml", "fields.md"} <= set(changed)
    assert not (tmp_path / "Gone.json").exists()
    assert export.write(tmp_path) == []
    (tmp_path / "fields.md").write_text("by hand")
    assert export.stale(tmp_path) == ["fields.md"]


def test_every_schema_is_one_and_every_field_says_what_a_reader_asks() -> None:
    for name, schema in published().items():
        if name == "topics":
            continue
        Draft202012Validator.check_schema(schema)
        for part in schema["$defs"].values():
            assert part["description"]
            for field in (*part.get("properties", {}).values(), *part.get("prefixItems", ())):
                assert field["description"]
                assert field["examples"] != [None]
                assert isinstance(field["x-personal-data"], bool)
                assert field["x-since"]


def test_the_example_of_a_message_is_one() -> None:
    enriched = example(EnrichedMention)
    decode_raw(msgspec.json.encode(example(RawMention)))
    assert decode_enriched(msgspec.json.encode(enriched)).author
    Draft202012Validator(published()["EnrichedMention"]).validate(enriched)
    with pytest.raises(Exception, match="is not of type 'string'"):
        Draft202012Validator(published()["EnrichedMention"]).validate(enriched | {"text": 1})


def test_fields_of_an_author_are_personal_data_and_those_of_a_producer_are_not() -> None:
    parts = {part.__name__: fields for part, fields in describe([EnrichedMention]).items()}
    assert all(field.personal for field in parts["Author"])
    assert not any(field.personal for field in parts["Producer"])
    defs = published()["EnrichedMention"]["$defs"]
    assert defs["Author"]["properties"]["name"]["x-personal-data"] is True


class Undocumented(Struct):
    bare: str
    """Meaning without an example."""
    number: Annotated[int, About(3)]
    renamed: Annotated[str, About("x")] = ""


class Whole(Struct):
    """A part."""

    inner: Undocumented
    """A part of it."""


def test_a_field_without_documentation_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert gaps(describe([Whole])) == [
        "Undocumented: a docstring",
        "Undocumented.bare: an example, About(…)",
        "Undocumented.number: a docstring below it",
        "Undocumented.number: a unit, About(unit=…)",
        "Undocumented.renamed: a docstring below it",
    ]
    topic = msgspec.structs.replace(topics.CURSORS, types=(Whole,))
    monkeypatch.setattr(topics, "TABLE", (topic,))
    with pytest.raises(ConfigError, match=r"Undocumented\.bare: an example"):
        export.files()


def test_every_topic_is_in_the_asyncapi_document_with_its_keys_headers_and_retention() -> None:
    document = yaml.safe_load((export.PUBLISHED / "asyncapi.yaml").read_text())
    assert document["asyncapi"] == "3.0.0"
    assert document["info"]["version"] == f"{SCHEMA_VERSION}.0"
    channels = {channel["address"]: channel for channel in document["channels"].values()}
    for topic in (*topics.TABLE, topics.ROUTED):
        kafka = channels[topic.name]["bindings"]["kafka"]
        assert kafka["partitions"] == topic.partitions
        stated = {name: str(value) for name, value in kafka["topicConfiguration"].items()}
        stated["cleanup.policy"] = ",".join(kafka["topicConfiguration"]["cleanup.policy"])
        assert stated.items() <= topic.config.items()
        assert ("delete.retention.ms" in stated) == ("delete.retention.ms" in topic.config)
        assert stated["retention.ms"] == str(topic.retention_ms)
        assert len(channels[topic.name]["messages"]) == len(topic.types)
    message = document["components"]["messages"]["mentionsRawRawMention"]
    assert message["bindings"]["kafka"]["key"] == {"type": "string", "description": "mention id"}
    assert message["headers"] == {"$ref": "#/components/schemas/MentionHeaders"}
    assert message["examples"][0]["headers"] == example(MentionHeaders)
    assert document["servers"]["cluster"]["security"]


def test_a_released_version_is_not_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "RELEASED", tmp_path)
    folder = export.release()
    assert folder == tmp_path / SCHEMA_VERSION
    assert export.release() == folder
    (folder / "Mark.json").write_text("{}")
    with pytest.raises(ConfigError, match=r"Mark\.json differs: raise SCHEMA_VERSION"):
        export.release()
