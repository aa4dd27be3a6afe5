"""Months move to cheaper nodes by age, and end: a policy for index life-cycle management.

For clusters that have it, where ``elasticsearch.lifecycle`` is on; elsewhere all months stay where
they are, and ``mentions retention`` ends them. The policy is ``templates/lifecycle.json``: from hot
to warm one whole month after a month has ended, to cold six; Elasticsearch moves an index to the
nodes of its phase by itself, and leaves it where there are none. The end comes from
``retention.index_months``, and never sooner than ``mentions retention`` would bring it: 31 days are
counted for each month.

Ages count from the first day of a month. A month that is made while it lasts is born then; for
older ones, of a back-fill, ``mentions index apply`` sets the date (``templates``), and until then
they count as young.

No phase makes an index read-only, which ``forcemerge``, ``shrink``, ``readonly`` and searchable
snapshots do: edits, deletions and ``mentions forget`` must reach mentions of any age.
"""

import json
from importlib.resources import files
from typing import Any, Final

from elasticsearch import Elasticsearch, NotFoundError

from pipeline.errors import ConfigError
from pipeline.search.probe import Capabilities
from pipeline.search.templates import Change, differences
from pipeline.settings import Elasticsearch as Settings
from pipeline.settings import Retention

__all__ = ["apply", "plan", "policy"]

_MONTH: Final = 31
"""Days: no month has more."""


def policy(retention: Retention) -> dict[str, Any]:
    """The policy, in Elasticsearch's words."""
    text = files("pipeline.search").joinpath("templates", "lifecycle.json").read_text("utf-8")
    made: dict[str, Any] = json.loads(text)
    months = retention.index_months
    if months is not None:
        end = _MONTH * (months + 1)
        sooner = {name: body for name, body in made["phases"].items() if _days(body) < end}
        made["phases"] = sooner | {"delete": {"min_age": f"{end}d", "actions": {"delete": {}}}}
    return made


def plan(
    client: Elasticsearch, settings: Settings, retention: Retention, capabilities: Capabilities
) -> list[Change]:
    """What ``apply`` would do; it only looks.

    Raises:
        ConfigError: the policy is wanted, and this cluster has no life-cycle management.
        elasticsearch.ApiError: it may not look (the privilege ``read_ilm`` is needed).
        elasticsearch.TransportError: no answer.
    """
    if not settings.lifecycle:
        return []
    if not capabilities.lifecycle:
        msg = (
            "elasticsearch.lifecycle is on, but this Elasticsearch has no index life-cycle "
            "management: leave it off, and run 'mentions retention --apply' once a day"
        )
        raise ConfigError(msg)
    wanted, name = policy(retention), settings.alias
    try:
        found = client.ilm.get_lifecycle(name=name)[name]["policy"]
    except NotFoundError:
        return [Change("life-cycle policy", name, "created")]
    differing = differences(wanted, found)
    return [Change("life-cycle policy", name, "updated" if differing else "unchanged", differing)]


def apply(
    client: Elasticsearch, settings: Settings, retention: Retention, capabilities: Capabilities
) -> list[Change]:
    """Create or update the policy; twice is once. Raises what ``plan`` raises."""
    changes = plan(client, settings, retention, capabilities)
    for change in changes:
        if change.action != "unchanged":
            client.ilm.put_lifecycle(name=change.name, policy=policy(retention))
    return changes


def _days(phase: dict[str, Any]) -> int:
    age: str = phase["min_age"]
    return int(age.removesuffix("d")) if age.endswith("d") else 0
