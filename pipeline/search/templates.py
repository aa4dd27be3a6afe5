"""Index templates, kept as JSON files beside this module, brought to a cluster.

Mentions live in monthly indices ``<alias>-YYYY.MM``, which Elasticsearch makes from the template
when the first mention of a month is written, and are found through the alias. (Data streams know
no external versions, which make writing idempotent.) Next to them, outside the alias, stand
``<alias>-tombstones``, the memory of deletions (see ``writer``), ``<alias>-dead-letters``, what is
missing and why (see ``letters``), and ``<alias>-coverage``, the ledger of what was collected.

Why the mapping is as it is:

* ``dynamic: false``: every field of the contract is mapped explicitly (a test compares). A field
  that this version does not know, from a newer minor version of the contract, is kept and returned
  but not indexed: ``strict`` would refuse the mention, ``true`` would let anyone's input grow the
  mapping.
* Arrays of objects are flat, see ``document``.
* ``text`` and ``title`` are analysed by Unicode word boundaries and lower case, which every cluster
  can do and which keeps emoji as words of their own; German, English and unaccented forms are added
  as sub-fields where the cluster has them, so that the main field is the same everywhere.
* ``gc_deletes``: how long an index remembers a deleted document's version, by default one minute.
  An hour covers a worker that was suspended or repeats a batch; the tombstones cover the rest.
"""

import json
from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Any, Final, Literal, TypeAlias

from elasticsearch import (
    ApiError,
    AsyncElasticsearch,
    AuthorizationException,
    BadRequestError,
    Elasticsearch,
    NotFoundError,
    TransportError,
)
from msgspec import Struct

from pipeline.errors import Retryable
from pipeline.search import classify
from pipeline.search.probe import Capabilities
from pipeline.settings import Elasticsearch as Settings

__all__ = ["Change", "apply", "letters_template", "months_template", "require", "wanted"]

Body: TypeAlias = dict[str, Any]
Kind: TypeAlias = Literal["component template", "index template", "index"]

_PRIORITY: Final = 200
"""Above Elasticsearch's own templates (100)."""
_DYNAMIC: Final = ("number_of_replicas", "refresh_interval", "gc_deletes", "query")
"""The settings of an index that can change while it is open."""


class Change(Struct, frozen=True):
    """What applying did to one thing."""

    kind: Kind
    name: str
    action: Literal["created", "updated", "unchanged", "refused"]
    """``refused``: an existing index can't change so; the next month's will be right."""
    fields: tuple[str, ...] = ()
    """Paths that were missing or different."""
    reason: str = ""


def months_template(prefix: str) -> str:
    """The name of the template of the monthly indices."""
    return f"{prefix}-months"


def letters_template(prefix: str) -> str:
    """The name of the index of dead letters, and of its template."""
    return f"{prefix}-dead-letters"


async def require(client: AsyncElasticsearch, name: str) -> None:
    """Refuse to write before an index template is there: the mapping would be guessed.

    Raises:
        Retryable: it is missing, or Elasticsearch can't say.
    """
    try:
        there = await client.indices.exists_index_template(name=name)
    except AuthorizationException:
        return  # who may only write can't look; who gave so few rights has set all up
    except (ApiError, TransportError) as error:
        raise Retryable(classify.failure(error).reason) from error
    if not there:
        msg = f"Elasticsearch has no index template {name}: run 'mentions index apply'"
        raise Retryable(msg)


def wanted(settings: Settings, capabilities: Capabilities) -> dict[tuple[Kind, str], Body]:
    """The templates as they should be, in the order in which they must be put."""
    prefix = settings.alias
    sizes = {"number_of_replicas": str(settings.replicas), "refresh_interval": settings.refresh}
    mappings = _file("mappings")
    if capabilities.analysis:
        mappings = _merged(mappings, _file("languages"))
    tombstones = _merged(_file("tombstones"), {"settings": {"index": sizes}})
    dead_letters = _merged(_file("dead_letters"), {"settings": {"index": sizes}})
    coverage = _merged(_file("coverage"), {"settings": {"index": sizes}})
    return {
        ("component template", f"{prefix}-settings"): {
            "template": {"settings": _merged(_file("settings"), {"index": sizes})}
        },
        ("component template", f"{prefix}-mappings"): {"template": mappings},
        ("index template", months_template(prefix)): {
            "index_patterns": [f"{prefix}-20*"],
            "composed_of": [f"{prefix}-settings", f"{prefix}-mappings"],
            "priority": _PRIORITY,
            "template": {"aliases": {prefix: {}}},
        },
        ("index template", f"{prefix}-tombstones"): {
            "index_patterns": [f"{prefix}-tombstones"],
            "priority": _PRIORITY,
            "template": tombstones,
        },
        ("index template", letters_template(prefix)): {
            "index_patterns": [letters_template(prefix)],
            "priority": _PRIORITY,
            "template": dead_letters,
        },
        ("index template", f"{prefix}-coverage"): {
            "index_patterns": [f"{prefix}-coverage"],
            "priority": _PRIORITY,
            "template": coverage,
        },
    }


def apply(client: Elasticsearch, settings: Settings, capabilities: Capabilities) -> list[Change]:
    """Create or update the templates, and existing indices as far as they can follow.

    Doing it twice changes nothing the second time. What is already indexed stays searchable.

    Raises:
        elasticsearch.ApiError: a template is refused.
        elasticsearch.TransportError: no answer.
    """
    templates = wanted(settings, capabilities)
    changes = [_put(client, kind, name, body) for (kind, name), body in templates.items()]
    settings_, mappings, _, tombstones, letters, coverage = (
        body["template"] for body in templates.values()
    )
    for pattern, target in (
        ("20*", _merged(settings_, mappings)),
        ("tombstones*", tombstones),
        ("dead-letters*", letters),
        ("coverage*", coverage),
    ):
        found = client.indices.get(index=f"{settings.alias}-{pattern}", expand_wildcards="open")
        changes += [_follow(client, name, state, target) for name, state in sorted(found.items())]
    return changes


def _put(client: Elasticsearch, kind: Kind, name: str, body: Body) -> Change:
    component = kind == "component template"
    get = client.cluster.get_component_template if component else client.indices.get_index_template
    put = client.cluster.put_component_template if component else client.indices.put_index_template
    inner = "component_template" if component else "index_template"
    try:
        found = get(name=name)[f"{inner}s"][0][inner]
    except NotFoundError:
        put(name=name, **body)
        return Change(kind, name, "created")
    surplus = _differences({"template": found["template"]}, {"template": body["template"]})
    fields = tuple(sorted({*_differences(body, found), *surplus}))
    if fields:
        put(name=name, **body)
    return Change(kind, name, "updated" if fields else "unchanged", fields)


def _follow(client: Elasticsearch, name: str, state: Body, target: Body) -> Change:
    """Bring an existing index to the templates: new fields and dynamic settings."""
    mappings = tuple(_differences(target["mappings"], state["mappings"]))
    index = target["settings"]["index"]
    dynamic = {key: index[key] for key in _DYNAMIC if key in index}
    settings = tuple(_differences(dynamic, state["settings"]["index"]))
    try:
        if mappings:
            client.indices.put_mapping(index=name, **_arguments(target["mappings"]))
        if settings:
            client.indices.put_settings(index=name, settings={"index": dynamic})
    except BadRequestError as error:
        reason = (
            str(error.body["error"]["reason"]) if isinstance(error.body, Mapping) else str(error)
        )
        return Change("index", name, "refused", mappings + settings, reason)
    action: Literal["updated", "unchanged"] = "updated" if mappings or settings else "unchanged"
    return Change("index", name, action, mappings + settings)


def _arguments(mappings: Body) -> Body:
    return {("meta" if key == "_meta" else key): value for key, value in mappings.items()}


def _file(name: str) -> Body:
    text = files("pipeline.search").joinpath("templates", f"{name}.json").read_text("utf-8")
    return dict(json.loads(text))


def _merged(base: Mapping[str, Any], more: Mapping[str, Any]) -> Body:
    merged = dict(base)
    for key, value in more.items():
        below = merged.get(key)
        if isinstance(below, Mapping) and isinstance(value, Mapping):
            merged[key] = _merged(below, value)
        else:
            merged[key] = value
    return merged


def _differences(wanted_: Body, found: Body) -> Iterator[str]:
    """Paths of ``wanted_`` that are missing or different in ``found``."""
    there = dict(_flat(found))
    for path, value in _flat(wanted_):
        if there.get(path) != value:
            yield path


def _flat(body: Any, path: str = "") -> Iterator[tuple[str, str]]:  # noqa: ANN401 - JSON
    """Leaves by path, as text: Elasticsearch gives settings and some booleans back as text."""
    if isinstance(body, Mapping) and body:
        for key, value in body.items():
            # An object's type is said by its properties.
            if not (key == "type" and value == "object"):
                yield from _flat(value, f"{path}.{key}" if path else key)
    else:
        yield path, json.dumps(body).strip('"')
