"""The life-cycle policy; Elasticsearch itself reads it in tests/integration/test_lifecycle.py."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, ClassVar
from unittest.mock import MagicMock

import elasticsearch
import pytest

from pipeline.errors import ConfigError
from pipeline.search.client import connect_sync
from pipeline.search.lifecycle import apply, plan, policy
from pipeline.search.probe import Capabilities
from pipeline.search.templates import index_body, wanted
from pipeline.search.templates import plan as plan_templates
from pipeline.settings import Elasticsearch, Retention

FULL = Capabilities(version="9.5.3", lifecycle=True)
BARE = Capabilities(version="9.5.3")
ON = Elasticsearch(alias="m", lifecycle=True)


class Cluster(BaseHTTPRequestHandler):
    """Keeps policies as Elasticsearch's API describes it."""

    kept: ClassVar[dict[str, Any]]

    def do_GET(self) -> None:
        name = self.path.rpartition("/")[2]
        if name in self.kept:
            found = {"version": 1, "modified_date": "2026-01-01T00:00:00Z", **self.kept[name]}
            self._answer(200, {name: found})
        else:
            self._answer(404, {"error": {"type": "resource_not_found_exception"}, "status": 404})

    def do_PUT(self) -> None:
        assert self.path.startswith("/_ilm/policy/")
        body = self.rfile.read(int(self.headers["content-length"]))
        self.kept[self.path.rpartition("/")[2]] = json.loads(body)
        self._answer(200, {"acknowledged": True})

    def _answer(self, status: int, body: object) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("X-Elastic-Product", "Elasticsearch")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Say nothing."""


@pytest.fixture
def client() -> Iterator[elasticsearch.Elasticsearch]:
    Cluster.kept = {}
    server = HTTPServer(("127.0.0.1", 0), Cluster)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    with connect_sync(Elasticsearch(url=f"http://127.0.0.1:{server.server_port}")) as made:
        yield made
    server.shutdown()
    thread.join()
    server.server_close()


def test_it_is_put_once_and_follows_the_settings(client: elasticsearch.Elasticsearch) -> None:
    def actions(kept: Retention) -> list[str]:
        return [change.action for change in apply(client, ON, kept, FULL)]

    assert actions(Retention()) == ["created"]
    assert actions(Retention()) == ["unchanged"]
    (change,) = plan(client, ON, Retention(index_months=24), FULL)
    assert change.action == "updated"
    assert any("delete" in each.path for each in change.differences)
    assert "delete" not in Cluster.kept["m"]["policy"]["phases"]
    assert actions(Retention(index_months=24)) == ["updated"]
    assert actions(Retention(index_months=24)) == ["unchanged"]
    assert actions(Retention()) == ["updated"]
    assert "delete" not in Cluster.kept["m"]["policy"]["phases"]


def test_it_is_off_by_default_and_refused_where_it_cannot_work(
    client: elasticsearch.Elasticsearch,
) -> None:
    assert apply(client, Elasticsearch(), Retention(), FULL) == []
    with pytest.raises(ConfigError, match="mentions retention --apply"):
        apply(client, ON, Retention(), BARE)


@pytest.mark.parametrize("months", [1, 2, 6, 12, 24, 120])
def test_nothing_ends_sooner_than_retention_says(months: int) -> None:
    """``mentions retention`` keeps so many whole months besides the current one."""
    phases = policy(Retention(index_months=months))["phases"]
    ages = {
        name: int(phase["min_age"].removesuffix("d").removesuffix("0ms") or 0)
        for name, phase in phases.items()
    }
    assert list(ages.values()) == sorted(ages.values())
    for first in (datetime(2024, month, 1, tzinfo=UTC) for month in range(1, 13)):
        number = first.year * 12 + first.month - 1 + months + 1
        over = datetime(number // 12, number % 12 + 1, 1, tzinfo=UTC)
        ends = first + timedelta(days=ages["delete"])
        assert over <= ends <= over + timedelta(days=1.5 * (months + 1))


def test_months_count_from_their_first_day_and_are_let_go_when_it_is_off() -> None:
    template = wanted(ON, FULL)["component template", "m-settings"]["template"]
    assert template["settings"]["index"]["lifecycle"] == {"name": "m"}
    for off in (wanted(ON, BARE), wanted(Elasticsearch(alias="m"), FULL)):
        assert (
            "lifecycle"
            not in off["component template", "m-settings"]["template"]["settings"]["index"]
        )

    def month(lifecycle: dict[str, str] | None) -> dict[str, Any]:
        index = {"lifecycle": lifecycle} if lifecycle else {}
        return {"settings": {"index": index}, "mappings": {}}

    def differing(settings: Elasticsearch, lifecycle: dict[str, str] | None) -> dict[str, Any]:
        mock = MagicMock()
        mock.indices.get.side_effect = lambda index, **_: (
            {"m-v2-2026.03": month(lifecycle)} if index == "m-20*" else {}
        )
        (change,) = [each for each in plan_templates(mock, settings, FULL) if each.kind == "index"]
        return {each.path: each.wanted for each in change.differences if "lifecycle" in each.path}

    start = str(int(datetime(2026, 3, 1, tzinfo=UTC).timestamp() * 1_000))
    path = "lifecycle.origination_date"
    assert differing(ON, None) == {"lifecycle.name": "m", path: start}
    assert differing(ON, {"name": "m"}) == {path: start}
    assert differing(ON, {"name": "m", "origination_date": start}) == {}
    turned_off = Elasticsearch(alias="m")
    assert differing(turned_off, {"name": "m"})["lifecycle.name"] == "null"
    assert differing(turned_off, None) == {}
    assert differing(turned_off, {"name": "theirs", "origination_date": "1"}) == {}
    assert differing(ON, {"name": "theirs"}) == {"lifecycle.name": "m", path: start}


def test_a_month_that_is_rebuilt_is_as_old_as_before() -> None:
    made = index_body(ON, FULL, "m-v2-2026.03")["settings"]["index"]["lifecycle"]
    start = str(int(datetime(2026, 3, 1, tzinfo=UTC).timestamp() * 1_000))
    assert made == {"name": "m", "origination_date": start}
    assert "lifecycle" not in index_body(ON, BARE, "m-2026.03")["settings"]["index"]
