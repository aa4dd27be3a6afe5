"""The AsyncAPI 3.0 document of all topics."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

import yaml

from schemas.headers import EventHeaders, MentionHeaders
from schemas.mention import SCHEMA_VERSION
from schemas.topics import Topic

__all__ = ["asyncapi"]

_BINDING: Final = "0.5.0"
_ERASURE: Final = ("delete.retention.ms", "max.compaction.lag.ms")
_SCHEMES: Final = {
    "scram512": {"type": "scramSha512", "description": "SASL SCRAM-SHA-512, over TLS."},
    "scram256": {"type": "scramSha256", "description": "SASL SCRAM-SHA-256, over TLS."},
    "plain": {"type": "plain", "description": "SASL PLAIN, over TLS."},
    "certificate": {"type": "X509", "description": "Mutual TLS."},
}
_DRAFT_7: Final = {"prefixItems": "items", "$defs": "definitions"}


def asyncapi(
    table: Iterable[Topic], components: Mapping[str, Any], examples: Mapping[str, Any]
) -> str:
    """Write the document.

    Args:
        table: every topic.
        components: the JSON Schema of every part, by name.
        examples: a whole example of each message and of its headers, by name.
    """
    channels, operations, messages = {}, {}, {}
    for topic in table:
        name = _camel(topic.name)
        carried = {}
        for kind in topic.types:
            message = _message(topic, kind, examples)
            messages[name + message["title"]] = message
            carried[message["title"]] = {"$ref": f"#/components/messages/{name}{message['title']}"}
        channels[name] = _channel(topic, carried)
        operations[f"send{name[0].upper()}{name[1:]}"] = {
            "action": "send",
            "channel": {"$ref": f"#/channels/{name}"},
            "summary": topic.purpose,
        }
    document = {
        "asyncapi": "3.0.0",
        "info": {
            "title": "mention-pipeline",
            "version": f"{SCHEMA_VERSION}.0",
            "description": "Mentions of a company: collected, enriched, routed. Operations are seen"
            " from the pipeline: what it sends, others may receive. The promise in words, with"
            " delivery, order and deletions: docs/consumer.md.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "embedded": {
                "host": "127.0.0.1:9092",
                "protocol": "kafka",
                "description": "What 'mentions up' starts, on loopback, without security.",
            },
            "cluster": {
                "host": "{bootstrap}",
                "protocol": "kafka-secure",
                "description": "An installation's own brokers.",
                "variables": {"bootstrap": {"description": "Its operator knows the addresses."}},
                "security": [{"$ref": f"#/components/securitySchemes/{name}"} for name in _SCHEMES],
            },
        },
        "channels": channels,
        "operations": operations,
        "components": {
            "messages": messages,
            "schemas": {name: _draft_7(components[name]) for name in sorted(components)},
            "securitySchemes": _SCHEMES,
        },
    }
    return yaml.dump(document, Dumper=_Plain, sort_keys=False, allow_unicode=True, width=100)


class _Plain(yaml.SafeDumper):
    """Writes what is there twice twice: an alias would tie together what is not."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - the base's signature
        return True


def _channel(topic: Topic, messages: Mapping[str, Any]) -> dict[str, Any]:
    channel: dict[str, Any] = {
        "address": topic.name,
        "description": topic.purpose,
        "messages": messages,
        "bindings": {
            "kafka": {
                "partitions": topic.partitions,
                "topicConfiguration": {
                    "cleanup.policy": topic.cleanup.split(","),
                    "retention.ms": topic.retention_ms,
                    "max.message.bytes": topic.max_message_bytes,
                    # The binding lets a topic say more; these bound how long what is gone remains.
                    **{name: int(topic.config[name]) for name in _ERASURE if name in topic.config},
                },
                "bindingVersion": _BINDING,
            }
        },
    }
    if names := re.findall(r"{(\w+)}", topic.name):
        channel["parameters"] = {name: {"description": f"The {name}'s name."} for name in names}
    return channel


def _message(topic: Topic, kind: type | None, examples: Mapping[str, Any]) -> dict[str, Any]:
    title = _title(kind)
    headers = topic.headers
    if kind is None and headers is MentionHeaders:
        headers = EventHeaders
    message: dict[str, Any] = {
        "name": title,
        "title": title,
        "summary": topic.value,
        "contentType": "application/octet-stream" if kind is bytes else "application/json",
        "payload": _payload(kind),
        "bindings": {
            "kafka": {
                "key": {"type": "string", "description": topic.key},
                "bindingVersion": _BINDING,
            }
        },
    }
    if headers:
        message["headers"] = {"$ref": f"#/components/schemas/{headers.__name__}"}
    if title in examples:
        message["examples"] = [{"payload": examples[title]}]
        if headers:
            message["examples"][0]["headers"] = examples[headers.__name__]
    return message


def _title(kind: type | None) -> str:
    if kind is None:
        return "Tombstone"
    return "Bytes" if kind is bytes else kind.__name__


def _payload(kind: type | None) -> dict[str, Any]:
    if kind is None:
        return {"type": "null", "description": "No value."}
    if kind is bytes:
        return {"description": "Any bytes."}
    return {"$ref": f"#/components/schemas/{kind.__name__}"}


def _camel(name: str) -> str:
    first, *rest = re.findall("[A-Za-z0-9]+", name)
    return first + "".join(word.capitalize() for word in rest)


def _draft_7(schema: Any) -> Any:  # noqa: ANN401 - any JSON
    """The words of the older JSON Schema that AsyncAPI's own is made of."""
    if isinstance(schema, dict):
        return {_DRAFT_7.get(name, name): _draft_7(value) for name, value in schema.items()}
    if isinstance(schema, list):
        return [_draft_7(value) for value in schema]
    if isinstance(schema, str):
        return schema.replace("#/$defs/", "#/components/schemas/")
    return schema
