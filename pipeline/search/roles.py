"""Who may do what in Elasticsearch, from one description.

Five roles, each named ``<alias>_<role>``:

* ``analyst`` reads mentions without personal fields, teams' work on them, alerts, and what the
  pipeline says of itself (what was collected, figures of processes). Elasticsearch filters fields
  by role only under a paid licence (or its trial). Without one, such a role is refused when it is
  used, so nothing is shown by mistake; then either make the analysts ``lead``, or let them read an
  index that never had these fields.
* ``lead`` reads mentions whole, who the right people are, and dead letters.
* ``indexer`` writes, and reads back what writing needs: which version of a mention is where, and
  the mentions that people are found in. What else it writes (alerts, work, dead letters, coverage,
  figures) it cannot read.
* ``keeper`` ends what is over (``mentions retention``) or is to be forgotten, for which it must
  find it, and takes and restores snapshots; it writes nothing. Snapshots are the cluster's: what
  anybody put into one it can restore.
* ``ops`` manages templates and indices, looks at the cluster and at what the pipeline says of
  itself, and reads no mention.

All but the two that are for processes may open Kibana. Its spaces keep nobody out: who may open one
may open all, and finds there what Elasticsearch shows to the role.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal, TypeAlias

from elasticsearch import Elasticsearch
from msgspec import Struct

__all__ = ["ACCOUNTS", "PERSONAL", "Call", "account_calls", "apply", "role_calls", "roles"]

Body: TypeAlias = dict[str, Any]

PERSONAL: Final = (
    "author.*",
    "handles",
    "people",
    "entities.*",
    "amendments.name",
    "place.latitude",
    "place.longitude",
    "geo",
    "url",
    "media.url",
)
"""Fields that name a person or lead to one. The text itself may, too: that is what people write."""

ACCOUNTS: Final[Mapping[str, str]] = {"indexer": "indexer", "keeper": "keeper", "page": "lead"}
"""Accounts that the pipeline logs in with, and the role of each."""


class Call(Struct, frozen=True):
    """One request to Elasticsearch."""

    method: Literal["PUT", "POST"]
    path: str
    body: Body


def roles(alias: str) -> dict[str, Body]:
    """The roles, in Elasticsearch's words."""
    mentions = [alias, f"{alias}-20*", f"{alias}-v*"]
    shown = [*mentions, f"{alias}-work"]
    everything = [alias, f"{alias}-*"]
    read = ["read", "view_index_metadata"]
    write = ["auto_configure", "write"]
    own = {"names": [f"{alias}-coverage", f"{alias}-figures"], "privileges": read}
    # Kibana's base privilege: the names of single features change with its versions.
    kibana = [{"application": "kibana-.kibana", "privileges": ["read"], "resources": ["*"]}]
    fields = {"grant": ["*"], "except": list(PERSONAL)}
    return {
        f"{alias}_analyst": {
            "cluster": [],
            "indices": [
                # Nothing else of it names a person today; what does tomorrow is kept back, too.
                {
                    "names": [*shown, f"{alias}-alerts", *own["names"]],
                    "privileges": read,
                    "field_security": fields,
                },
            ],
            "applications": kibana,
        },
        f"{alias}_lead": {
            "cluster": [],
            "indices": [
                {
                    "names": [
                        *shown,
                        *(f"{alias}-{n}" for n in ("alerts", "people", "dead-letters")),
                    ],
                    "privileges": read,
                },
                own,
            ],
            "applications": kibana,
        },
        f"{alias}_indexer": {
            "cluster": [],
            "indices": [
                # To write the newest version only, a writer must see which one is there.
                {"names": [*mentions, f"{alias}-tombstones"], "privileges": [*read, *write]},
                # Who is not found again goes: what was just written must be seen before.
                {"names": [f"{alias}-people"], "privileges": [*read, *write, "maintenance"]},
                {
                    "names": [
                        f"{alias}-{n}"
                        for n in ("alerts", "coverage", "dead-letters", "figures", "work")
                    ],
                    "privileges": write,
                },
            ],
            "applications": [],
        },
        f"{alias}_keeper": {
            "cluster": ["monitor", "cluster:admin/repository/*", "cluster:admin/snapshot/*"],
            "indices": [
                {
                    "names": everything,
                    "privileges": [*read, "monitor", "maintenance", "delete", "delete_index"],
                }
            ],
            "applications": [],
        },
        f"{alias}_ops": {
            "cluster": ["monitor", "manage_index_templates", "manage_ilm"],
            "indices": [{"names": everything, "privileges": ["manage", "monitor"]}, own],
            "applications": kibana,
        },
    }


def role_calls(alias: str) -> Iterator[Call]:
    """The requests that make the roles."""
    for name, body in roles(alias).items():
        yield Call("PUT", f"/_security/role/{name}", body)


def account_calls(alias: str, passwords: Mapping[str, str]) -> Iterator[Call]:
    """The requests that make accounts, or set their passwords.

    Args:
        alias: the name over all mentions.
        passwords: by account: one of ``ACCOUNTS``, or a name that Elasticsearch has itself, such as
            ``kibana_system``.
    """
    for name, password in passwords.items():
        if name in ACCOUNTS:
            body = {"password": password, "roles": [f"{alias}_{ACCOUNTS[name]}"]}
            yield Call("PUT", f"/_security/user/{alias}_{name}", body)
        else:
            yield Call("POST", f"/_security/user/{name}/_password", {"password": password})


def apply(client: Elasticsearch, calls: Iterator[Call]) -> list[str]:
    """Carry out the requests; returns their paths.

    Raises:
        elasticsearch.ApiError: a request is refused.
        elasticsearch.TransportError: no answer.
    """
    done = []
    for call in calls:
        client.perform_request(
            call.method,
            call.path,
            body=call.body,
            headers={"accept": "application/json", "content-type": "application/json"},
        )
        done.append(call.path)
    return done
