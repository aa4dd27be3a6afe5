"""Brings the content to a Kibana, says what differs, and takes it away again.

It looks first and then sends only what differs, so twice is once. What an earlier version installed
and this one has no longer is removed; what people have made themselves is never touched, and
neither are a rule's threshold, interval and switch.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, Literal

from msgspec import Struct

from pipeline.kibana.client import Client
from pipeline.kibana.content import Item, Kind, Request, items
from pipeline.kibana.names import TAG, Place
from pipeline.kibana.parts import Json

__all__ = ["Change", "apply", "everything", "plan", "removal"]


class Change(Struct, frozen=True):
    """What installing does to one thing."""

    kind: Kind
    id: str
    title: str
    action: Literal["create", "update", "unchanged", "remove"]
    request: Request | None = None
    differences: tuple[str, ...] = ()
    """Paths that are missing or different."""


def everything(place: Place) -> Iterator[Request]:
    """All requests for a Kibana that has nothing yet."""
    return (item.create for item in items(place))


def plan(client: Client, place: Place) -> list[Change]:
    """What ``apply`` would do; it only looks. Raises what ``Client.find`` raises."""
    changes: list[Change] = []
    wanted = list(items(place))
    fresh = False
    for item in wanted:
        found = None if fresh else _inside(client.find(item.look), item.inside)
        fresh = fresh or (item.kind == "space" and found is None)
        changes.append(_change(item, found))
    if not fresh:
        known = {item.id for item in wanted}
        changes += [change for change in _ours(client, place) if change.id not in known]
    return changes


def removal(client: Client, place: Place) -> list[Change]:
    """What takes away everything of ours in a space, but not the space, in which others work."""
    if place.space != "default" and client.find(f"/api/spaces/space/{place.space}") is None:
        return []
    return list(_ours(client, place))


def apply(client: Client, changes: Iterable[Change]) -> None:
    """Carry out what was planned, in order. Raises what ``Client.send`` raises."""
    for change in changes:
        if change.request:
            client.send(change.request)


def _change(item: Item, found: Json | None) -> Change:
    if found is None:
        return Change(item.kind, item.id, item.title, "create", item.create)
    wanted, update = item.wanted, item.update
    if item.kind == "rule":
        wanted = _kept(wanted, found)
        update = Request(update.method, update.path, wanted)
    differences = tuple(_differences(wanted, found))
    if not differences:
        return Change(item.kind, item.id, item.title, "unchanged")
    return Change(item.kind, item.id, item.title, "update", update, differences)


def _kept(wanted: Json, found: Json) -> Json:
    """A rule with what its operator has set."""
    threshold = found.get("params", {}).get("threshold", wanted["params"]["threshold"])
    return {
        **wanted,
        "schedule": found.get("schedule", wanted["schedule"]),
        "params": {**wanted["params"], "threshold": threshold},
    }


class _Kept(Struct, frozen=True):
    """Where Kibana lists things of one kind, and how ours are told from others."""

    kind: Kind
    list: str
    inside: str
    """Where in the answer they stand; empty where the answer is the list."""
    path: str
    ours: Callable[[Json, Place], bool]
    title: Callable[[Json], str]


def _by_prefix(found: Json, place: Place) -> bool:
    return str(found["id"]).startswith(place.prefix)


_KEPT: Final = (
    _Kept(
        "rule",
        "/api/alerting/rules/_find?per_page=1000",
        "data",
        "/api/alerting/rule",
        lambda found, _: TAG in found.get("tags", ()),
        lambda found: found["name"],
    ),
    _Kept(
        "connector",
        "/api/actions/connectors",
        "",
        "/api/actions/connector",
        lambda found, _: str(found["name"]).startswith(f"{TAG}: "),
        lambda found: found["name"],
    ),
    _Kept(
        "dashboard",
        "/api/dashboards?per_page=1000",
        "dashboards",
        "/api/dashboards",
        _by_prefix,
        lambda found: found["data"]["title"],
    ),
    _Kept(
        "session",
        "/api/saved_objects/_find?type=search&per_page=1000",
        "saved_objects",
        "",
        _by_prefix,
        lambda found: found["attributes"]["title"],
    ),
    _Kept(
        "data view",
        "/api/data_views",
        "data_view",
        "/api/data_views/data_view",
        _by_prefix,
        lambda found: found.get("name") or found["title"],
    ),
)
"""In the order in which they can go: rules first, then what they use."""


def _ours(client: Client, place: Place) -> Iterator[Change]:
    """What is there of ours."""
    for kept in _KEPT:
        answer = client.find(place.path(kept.list)) or {}
        for found in answer.get(kept.inside, ()) if kept.inside else answer:
            if kept.ours(found, place):
                name = found["id"]
                yield Change(
                    kept.kind, name, kept.title(found), "remove", _removal(kept, place, name)
                )


def _removal(kept: _Kept, place: Place, name: str) -> Request:
    if kept.path:
        return Request("DELETE", place.path(f"{kept.path}/{name}"))
    bulk = place.path("/api/saved_objects/_bulk_delete")
    return Request("POST", bulk, [{"type": "search", "id": name}])


def _inside(answer: Any, path: tuple[str, ...]) -> Json | None:  # noqa: ANN401 - JSON
    for step in path:
        answer = answer.get(step) if isinstance(answer, Mapping) else None
    return answer if isinstance(answer, dict) else None


def _differences(wanted: Any, found: Any, path: str = "") -> Iterator[str]:  # noqa: ANN401 - JSON
    """Where ``found`` lacks something; what it has besides is Kibana's own."""
    if isinstance(wanted, Mapping) and isinstance(found, Mapping):
        for key, value in wanted.items():
            yield from _differences(value, found.get(key), f"{path}.{key}".lstrip("."))
    elif isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        for place, (one, other) in enumerate(zip(wanted, found, strict=True)):
            yield from _differences(one, other, f"{path}[{place}]")
    elif wanted != found:
        yield path
