"""Index templates, kept as JSON files beside this module, brought to a cluster.

Mentions live in monthly indices ``<alias>-YYYY.MM``, which Elasticsearch makes from the template
when the first mention of a month is written, and are found through the alias. (Data streams know
no external versions, which make writing idempotent.) Next to them, outside the alias, stand
``<alias>-tombstones``, the memory of deletions (see ``writer``), ``<alias>-dead-letters``, what is
missing and why (see ``letters``), ``<alias>-coverage``, the ledger of what was collected,
``<alias>-figures``, what worker processes did, ``<alias>-alerts``, ``<alias>-work``, what teams
have to do about mentions, and ``<alias>-people``, who speaks about what and is heard (see
``people``).

Why the mapping is as it is:

* ``dynamic: false``: every field of the contract is mapped explicitly (a test compares). A field
  that this version does not know, from a newer minor version of the contract, is kept and returned
  but not indexed: ``strict`` would refuse the mention, ``true`` would let anyone's input grow the
  mapping.
* Arrays of objects are flat, see ``document``.
* ``text`` and ``title`` are analysed by Unicode word boundaries and lower case, which every cluster
  can do and which keeps emoji as words of their own; German, English and unaccented forms are added
  as sub-fields where the cluster has them, so that the main field is the same everywhere.
* A change that an existing index cannot follow (a field of another type, another analyzer) is
  refused as a whole, before anything is changed: months that are mapped differently break every
  chart over both. ``reindex`` brings such an index to the new form.
* ``gc_deletes``: how long an index remembers a deleted document's version, by default one minute.
  An hour covers a worker that was suspended or repeats a batch; the tombstones cover the rest.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any, Final, Literal, TypeAlias

import msgspec
from elasticsearch import (
    ApiError,
    AsyncElasticsearch,
    AuthorizationException,
    Elasticsearch,
    NotFoundError,
    TransportError,
)
from msgspec import Struct

from pipeline.errors import Retryable
from pipeline.search import classify
from pipeline.search.probe import Capabilities
from pipeline.settings import Elasticsearch as Settings

__all__ = [
    "Change",
    "Difference",
    "apply",
    "differences",
    "index_body",
    "letters_template",
    "months_template",
    "plan",
    "require",
    "wanted",
]

Body: TypeAlias = dict[str, Any]
Kind: TypeAlias = Literal["component template", "index template", "index", "life-cycle policy"]

_PRIORITY: Final = 200
"""Above Elasticsearch's own templates (100)."""
_DYNAMIC: Final = ("number_of_replicas", "refresh_interval", "gc_deletes", "query", "lifecycle")
"""The settings of an index that can change while it is open."""
_MONTH: Final = re.compile(r"(20\d\d)\.(\d\d)$")
_BESIDE: Final = ("tombstones", "dead-letters", "coverage", "figures", "alerts", "work", "people")
"""The single indices beside the months."""


_FOLLOWS: Final = re.compile(r"_meta\.|dynamic$|.*\.(ignore_above|search_analyzer)$")
"""What of a mapping can change in an existing index; the rest can only be added to."""


class Difference(Struct, frozen=True):
    """One value that is not as wanted."""

    path: str
    found: str | None
    wanted: str | None


class Change(Struct, frozen=True):
    """What applying does, or did, to one thing."""

    kind: Kind
    name: str
    action: Literal["created", "updated", "unchanged", "refused", "held"]
    """``refused``: an existing index cannot follow. ``held``: not changed, because of that."""
    differences: tuple[Difference, ...] = ()
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
    shards = {"number_of_shards": str(settings.shards)}
    tiers = {"lifecycle": {"name": prefix}} if settings.lifecycle and capabilities.lifecycle else {}
    mappings = _file("mappings")
    if capabilities.analysis:
        mappings = _merged(mappings, _file("languages"))
    return {
        ("component template", f"{prefix}-settings"): {
            "template": {"settings": _merged(_file("settings"), {"index": sizes | shards | tiers})}
        },
        ("component template", f"{prefix}-mappings"): {"template": mappings},
        ("index template", months_template(prefix)): {
            "index_patterns": [f"{prefix}-20*"],
            "composed_of": [f"{prefix}-settings", f"{prefix}-mappings"],
            "priority": _PRIORITY,
            "template": {"aliases": {prefix: {}}},
        },
        **{
            ("index template", f"{prefix}-{name}"): {
                "index_patterns": [f"{prefix}-{name}"],
                "priority": _PRIORITY,
                "template": _merged(_file(name.replace("-", "_")), {"settings": {"index": sizes}}),
            }
            for name in _BESIDE
        },
    }


def index_body(settings: Settings, capabilities: Capabilities, name: str = "") -> Body:
    """Settings and mappings of a monthly index, as its template makes it, without the alias.

    Args:
        settings: what is wanted.
        capabilities: what the cluster can do.
        name: the month's index, where its age is to count from its first day.
    """
    settings_, mappings, *_ = (body["template"] for body in wanted(settings, capabilities).values())
    return _aged(name, _merged(settings_, mappings), leaving=False)


def plan(client: Elasticsearch, settings: Settings, capabilities: Capabilities) -> list[Change]:
    """What ``apply`` would do; it only looks.

    Raises:
        elasticsearch.ApiError: it may not look.
        elasticsearch.TransportError: no answer.
    """
    templates = wanted(settings, capabilities)
    return [
        *(_template_change(client, kind, name, body) for (kind, name), body in templates.items()),
        *(_index_change(name, *states) for name, states in _indices(client, settings, templates)),
    ]


def apply(client: Elasticsearch, settings: Settings, capabilities: Capabilities) -> list[Change]:
    """Create or update the templates, and existing indices as far as they can follow.

    Doing it twice changes nothing the second time. What is already indexed stays searchable. Where
    one index cannot follow, nothing is changed.

    Raises:
        elasticsearch.ApiError: a template is refused.
        elasticsearch.TransportError: no answer.
    """
    changes = plan(client, settings, capabilities)
    if any(change.action == "refused" for change in changes):
        return [_held(change) for change in changes]
    templates = wanted(settings, capabilities)
    states = dict(_indices(client, settings, templates))
    for change in changes:
        if change.action == "unchanged":
            continue
        if change.kind == "index":
            _follow(client, change.name, states[change.name][1])
        else:
            _, put = _calls(client, change.kind)
            put(name=change.name, **templates[change.kind, change.name])
    return changes


def _held(change: Change) -> Change:
    if change.action in {"unchanged", "refused"}:
        return change
    return msgspec.structs.replace(change, action="held")


def _indices(
    client: Elasticsearch, settings: Settings, templates: Mapping[tuple[Kind, str], Body]
) -> Iterator[tuple[str, tuple[Body, Body]]]:
    """Each existing index: as it is and as it should be."""
    settings_, mappings, _, *beside = (body["template"] for body in templates.values())
    for pattern, target in (
        ("20*", _merged(settings_, mappings)),
        *((f"{name}*", body) for name, body in zip(_BESIDE, beside, strict=True)),
    ):
        found = client.indices.get(index=f"{settings.alias}-{pattern}", expand_wildcards="open")
        for name, state in sorted(found.items()):
            there = state["settings"]["index"].get("lifecycle", {})
            # A policy of another name is somebody else's: it stays, unless ours takes its place.
            ours = there.get("name") == settings.alias
            yield name, (state, _aged(name, target, leaving=ours))


def _aged(name: str, target: Body, *, leaving: bool) -> Body:
    """The same, and from when the age of a month counts; with what ends that, where we leave it."""
    policy = target["settings"]["index"].get("lifecycle")
    if policy and (month := _MONTH.search(name)):
        start = datetime(int(month[1]), int(month[2]), 1, tzinfo=UTC)
        aged: Body = {"origination_date": str(int(start.timestamp() * 1_000))}
    elif not policy and leaving:
        aged = {"name": None, "origination_date": None}
    else:
        return target
    return _merged(target, {"settings": {"index": {"lifecycle": aged}}})


def _calls(client: Elasticsearch, kind: Kind) -> tuple[Callable[..., Any], Callable[..., Any]]:
    if kind == "component template":
        return client.cluster.get_component_template, client.cluster.put_component_template
    return client.indices.get_index_template, client.indices.put_index_template


def _template_change(client: Elasticsearch, kind: Kind, name: str, body: Body) -> Change:
    get, _ = _calls(client, kind)
    inner = kind.replace(" ", "_")
    try:
        found = get(name=name)[f"{inner}s"][0][inner]
    except NotFoundError:
        return Change(kind, name, "created")
    differing = differences(body, {key: found[key] for key in body if key in found})
    return Change(kind, name, "updated" if differing else "unchanged", differing)


def _index_change(name: str, state: Body, target: Body) -> Change:
    index, there = target["settings"]["index"], state["settings"]["index"]
    mappings = tuple(_differences(target["mappings"], state["mappings"]))
    analysis = tuple(
        _differences(
            {"analysis": index.get("analysis", {})}, {"analysis": there.get("analysis", {})}
        )
    )
    dynamic = tuple(_differences(_dynamic(index), there))
    breaking = [
        *(f"the field's {each.path} is {each.found}" for each in mappings if _breaks(each)),
        *(f"{each.path} can't be changed" for each in analysis),
    ]
    differences = mappings + analysis + dynamic
    if breaking:
        more = f" and {len(breaking) - 1} more" if len(breaking) > 1 else ""
        return Change("index", name, "refused", differences, breaking[0] + more)
    return Change("index", name, "updated" if differences else "unchanged", differences)


def _breaks(difference: Difference) -> bool:
    return difference.found is not None and not _FOLLOWS.match(difference.path)


def _dynamic(index: Body) -> Body:
    return {key: index[key] for key in _DYNAMIC if key in index}


def _follow(client: Elasticsearch, name: str, target: Body) -> None:
    """Bring an existing index to the templates: new fields and dynamic settings."""
    client.indices.put_mapping(index=name, **_arguments(target["mappings"]))
    dynamic = _dynamic(target["settings"]["index"])
    client.indices.put_settings(index=name, settings={"index": dynamic})


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


def differences(wanted_: Body, found: Body) -> tuple[Difference, ...]:
    """Where ``found`` is not as wanted: what is missing, different, or too much, by path."""
    missing = {each.path: each for each in _differences(wanted_, found)}
    surplus = {
        each.path: Difference(path=each.path, found=each.wanted, wanted=each.found)
        for each in _differences(found, wanted_)
    }
    both = surplus | missing
    return tuple(both[path] for path in sorted(both))


def _differences(wanted_: Body, found: Body) -> Iterator[Difference]:
    """What of ``wanted_`` is missing or different in ``found``."""
    there = dict(_flat(found))
    for path, value in _flat(wanted_):
        if there.get(path) != value:
            yield Difference(path, there.get(path), value)


def _flat(body: Any, path: str = "") -> Iterator[tuple[str, str]]:  # noqa: ANN401 - JSON
    """Leaves by path, as text: Elasticsearch gives settings and some booleans back as text."""
    if isinstance(body, Mapping) and body:
        for key, value in body.items():
            # An object's type is said by its properties.
            if not (key == "type" and value == "object"):
                yield from _flat(value, f"{path}.{key}" if path else key)
    else:
        yield path, json.dumps(body).strip('"')
