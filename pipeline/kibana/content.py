"""All content of one place, as the requests that bring it about, in the order they need."""

from collections.abc import Iterator
from typing import Any, Final, Literal, TypeAlias

from msgspec import Struct

from pipeline.kibana.dashboards import ALL
from pipeline.kibana.data_views import VIEWS, View, data_view
from pipeline.kibana.names import Place
from pipeline.kibana.parts import Json
from pipeline.kibana.rules import LOG, RULES, connector
from pipeline.kibana.sessions import SESSIONS
from pipeline.kibana.words import Words

__all__ = ["IMPORT", "Item", "Kind", "Request", "items"]

Kind: TypeAlias = Literal["space", "data view", "session", "connector", "rule", "dashboard"]

IMPORT: Final = "/api/saved_objects/_import"
_NEW_ONLY: Final = frozenset({"rule_type_id", "consumer", "enabled"})
"""What of a rule is said once, when it is made."""


class Request(Struct, frozen=True, omit_defaults=True):
    """One request to Kibana."""

    method: Literal["GET", "POST", "PUT", "DELETE"]
    path: str
    body: Any = None
    """JSON; for an import its lines."""


class Item(Struct, frozen=True, kw_only=True):
    """One thing in Kibana."""

    kind: Kind
    id: str
    title: str
    look: str
    """Where it is read."""
    inside: tuple[str, ...]
    """Where in the answer to ``look`` it stands."""
    wanted: Json
    """What that should hold, at least."""
    create: Request
    update: Request


def items(place: Place) -> Iterator[Item]:
    """Everything, first what others need; in a team's space what is for teams."""
    if place.space != "default":
        yield _space(place)
    yield from (_data_view(view, place) for view in VIEWS)
    yield from (_session(place, session.saved(place)) for session in SESSIONS)
    yield _connector(place)
    for rule in RULES:
        if rule.for_teams or not place.team:
            yield _rule(place, place.uuid(rule.name), rule.json(place))
    for dashboard in ALL:
        if dashboard.for_teams or not place.team:
            yield _dashboard(place, place.id(dashboard.name), dashboard.json(place))


def _space(place: Place) -> Item:
    body = {
        "id": place.space,
        "name": place.space.replace("-", " ").replace("_", " ").capitalize(),
        "description": Words(
            "Was über uns gesagt wird: von mention-pipeline eingerichtet",
            "What is said about us: set up by mention-pipeline",
        )[place.lang],
        "color": "#209280",
        "initials": place.space[:2].upper(),
        "disabledFeatures": [],
    }
    path = f"/api/spaces/space/{place.space}"
    return Item(
        kind="space",
        id=place.space,
        title=str(body["name"]),
        look=path,
        inside=(),
        # Its name and colours are its team's to change.
        wanted={"id": place.space},
        create=Request("POST", "/api/spaces/space", body),
        update=Request("PUT", path, body),
    )


def _data_view(view: View, place: Place) -> Item:
    wanted = data_view(view, place)
    body = {"override": True, "data_view": wanted}
    path = place.path("/api/data_views/data_view")
    put = Request("POST", path, body)
    return Item(
        kind="data view",
        id=view.id(place),
        title=view.title[place.lang],
        look=f"{path}/{view.id(place)}",
        inside=("data_view",),
        wanted=wanted,
        create=put,
        update=put,
    )


def _session(place: Place, saved: Json) -> Item:
    put = Request("POST", place.path(f"{IMPORT}?overwrite=true"), [saved])
    attributes = saved["attributes"]
    return Item(
        kind="session",
        id=saved["id"],
        title=attributes["title"],
        look=place.path(f"/api/saved_objects/search/{saved['id']}"),
        inside=("attributes",),
        # Kibana brings the rest to the form of its version.
        wanted={"title": attributes["title"], "description": attributes["description"]},
        create=put,
        update=put,
    )


def _connector(place: Place) -> Item:
    name, body = place.uuid(LOG), connector()
    path = place.path(f"/api/actions/connector/{name}")
    changed = {key: value for key, value in body.items() if key != "connector_type_id"}
    return Item(
        kind="connector",
        id=name,
        title=body["name"],
        look=path,
        inside=(),
        wanted={"name": body["name"], "connector_type_id": body["connector_type_id"]},
        create=Request("POST", path, body),
        update=Request("PUT", path, changed),
    )


def _rule(place: Place, name: str, body: Json) -> Item:
    path = place.path(f"/api/alerting/rule/{name}")
    changed = {key: value for key, value in body.items() if key not in _NEW_ONLY}
    return Item(
        kind="rule",
        id=name,
        title=body["name"],
        look=path,
        inside=(),
        wanted=changed,
        create=Request("POST", path, body),
        update=Request("PUT", path, changed),
    )


def _dashboard(place: Place, name: str, body: Json) -> Item:
    path = place.path(f"/api/dashboards/{name}")
    put = Request("PUT", path, body)
    return Item(
        kind="dashboard",
        id=name,
        title=body["title"],
        look=path,
        inside=("data",),
        wanted=body,
        create=put,
        update=put,
    )
