import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from pydantic import SecretStr

from pipeline.cli import mentions
from pipeline.errors import ConfigError, PipelineError, Retryable
from pipeline.kibana.client import Client
from pipeline.kibana.content import items
from pipeline.kibana.dashboards import ALL
from pipeline.kibana.install import Change, apply, plan, removal
from pipeline.kibana.names import Place
from pipeline.kibana.rules import RULES
from pipeline.kibana.sessions import SESSIONS
from pipeline.settings import Kibana
from tests.support.kibana_api import VALIDATOR, Check, KibanaApi, remembering, validator

PRESS = Place(space="press", lang="en")
TEAM = Place(space="press", lang="en", team="press", topics=("Acme", "Brise brennt"))
ROUTES = """
[[watchlist]]
topic = "Acme"
kind = "brand"
terms = ["Acme"]

[[routes]]
team = "press"
topics = ["Acme"]

[[routes]]
team = "desk"

[[routes]]
team = "default"
"""


@pytest.fixture(scope="module")
def check() -> Check | None:
    """Kibana's own check of a request, where it lies beside the checkout."""
    return remembering(validator().check) if VALIDATOR.exists() else None


@pytest.fixture
def api(check: Check | None) -> Iterator[KibanaApi]:
    with KibanaApi(check) as made:
        yield made


@pytest.fixture
def client(api: KibanaApi) -> Iterator[Client]:
    with Client(Kibana(url=api.url, username="elastic", password=SecretStr("secret"))) as made:
        yield made


def installed(client: Client, place: Place) -> Counter[str]:
    changes = plan(client, place)
    apply(client, changes)
    return Counter(change.action for change in changes)


@pytest.mark.parametrize("place", [Place(), PRESS, TEAM], ids=["default", "a space", "a team's"])
def test_twice_is_once(api: KibanaApi, client: Client, place: Place) -> None:
    total = len(list(items(place)))
    assert installed(client, place) == {"create": total}
    shown = [board for board in ALL if board.for_teams or not place.team]
    assert len(api.of("dashboard", place.space)) == len(shown)
    assert len(api.of("search", place.space)) == len(SESSIONS)
    sent = len(api.writes)
    assert installed(client, place) == {"unchanged": total}
    assert len(api.writes) == sent


def test_two_spaces_do_not_touch_each_other(api: KibanaApi, client: Client) -> None:
    installed(client, Place())
    installed(client, PRESS)
    assert installed(client, Place()).keys() == {"unchanged"}
    apply(client, removal(client, PRESS))
    assert not api.of("dashboard", "press")
    assert "press" in api.spaces
    assert installed(client, Place()).keys() == {"unchanged"}


def test_an_upgrade_renews_what_differs_and_removes_what_is_gone(
    api: KibanaApi, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed(client, Place())
    theirs = {"title": "made by an analyst", "panels": []}
    api.of("dashboard")["a1b2"] = theirs
    api.of("dashboard")["mentions-overview"]["title"] = "changed"
    gone = ALL[-1]
    monkeypatch.setattr("pipeline.kibana.content.ALL", ALL[:-1])
    monkeypatch.setattr("pipeline.kibana.content.SESSIONS", SESSIONS[1:])
    changes = [change for change in plan(client, Place()) if change.action != "unchanged"]
    assert [(change.action, change.id, change.differences) for change in changes] == [
        ("update", "mentions-overview", ("title",)),
        ("remove", f"mentions-{gone.name}", ()),
        ("remove", f"mentions-{SESSIONS[0].name}", ()),
    ]
    apply(client, changes)
    assert installed(client, Place()).keys() == {"unchanged"}
    assert api.of("dashboard")["a1b2"] == theirs


def test_a_team_s_space_holds_what_is_the_team_s(api: KibanaApi, client: Client) -> None:
    installed(client, Place())
    installed(client, TEAM)
    boards = api.of("dashboard", "press")
    assert {"press-mentions-overview", "press-mentions-alerts-and-work"} <= boards.keys()
    assert "press-mentions-operations" not in boards
    for name in boards:
        (chosen,) = (
            control["config"]["selected_options"]
            for control in boards[name]["pinned_panels"]
            if control["config"].get("field_name") == "topics"
        )
        assert chosen == ["Acme", "Brise brennt"], name
    told = {name: json.dumps(body) for name, body in api.of("search", "press").items()}
    assert 'team:\\\\\\"press\\\\\\" AND (open:true)' in told["press-mentions-work-open"]
    assert "team:" not in told["press-mentions-negative"]
    queries = list(_work_queries(boards["press-mentions-alerts-and-work"]))
    assert len(queries) > 10
    assert all(query.startswith('team:"press"') for query in queries)

    rules = api.of("rule", "press")
    assert {rule["name"] for rule in rules.values()} == {"New crisis or leak", "Work is overdue"}
    asked = {
        name: json.loads(rules[TEAM.uuid(name)]["params"]["esQuery"])["query"]["query_string"]
        for name in ("new-crisis", "overdue")
    }
    assert asked["new-crisis"]["query"] == (
        '(rule:(crisis OR leak)) AND topics:("Acme" OR "Brise brennt")'
    )
    assert asked["overdue"]["query"].startswith('team:"press" AND (')

    # Everybody's space is narrowed to nobody.
    everybody = api.of("dashboard")["mentions-alerts-and-work"]
    assert not any("team:" in query for query in _work_queries(everybody))
    assert "selected_options" not in json.dumps(everybody["pinned_panels"])
    assert len(api.of("rule")) > 5


def _work_queries(board: dict[str, Any]) -> Iterator[str]:
    """The queries of all panels that show teams' work."""
    for section in (each for each in board["panels"] if "panels" in each):
        for panel in section["panels"]:
            config = panel["config"]
            (asked,) = config.get("tabs", [config])
            sources = [layer.get("data_source") for layer in config.get("layers", [asked])]
            if any(source and source["ref_id"].endswith("-work") for source in sources):
                yield asked["query"]["expression"]


def test_a_rule_that_has_another_meaning_now_is_another_rule(
    api: KibanaApi, client: Client
) -> None:
    installed(client, Place())
    old = Place().uuid("crisis")  # it once counted negative mentions, and operators tuned how many
    rule = api.of("rule").pop(Place().uuid("new-crisis"))
    api.of("rule")[old] = {**rule, "params": {**rule["params"], "threshold": [500]}}
    assert installed(client, Place())["remove"] == 1
    assert old not in api.of("rule")
    assert api.of("rule")[Place().uuid("new-crisis")]["params"]["threshold"] == [0]


def test_another_language_renews_the_titles(api: KibanaApi, client: Client) -> None:
    installed(client, Place(lang="de"))
    assert installed(client, Place(lang="en"))["update"] > 10
    assert api.of("dashboard")["mentions-crisis"]["title"] == "Crisis room"


def test_what_an_operator_tuned_stays(api: KibanaApi, client: Client) -> None:
    installed(client, Place(lang="de"))
    rule = api.of("rule")[Place().uuid("lag")]
    rule["params"]["threshold"] = [500]
    rule["schedule"] = {"interval": "1m"}
    rule["enabled"] = False
    assert installed(client, Place(lang="de")).keys() == {"unchanged"}
    installed(client, Place(lang="en"))
    rule = api.of("rule")[Place().uuid("lag")]
    assert rule["name"].startswith("Lag grows")
    assert (rule["params"]["threshold"], rule["schedule"], rule["enabled"]) == (
        [500],
        {"interval": "1m"},
        False,
    )


def test_removal_takes_rules_before_what_they_use(api: KibanaApi, client: Client) -> None:
    installed(client, Place())
    changes = removal(client, Place())
    kinds = [change.kind for change in changes]
    assert kinds.index("connector") > kinds.index("rule")
    assert kinds[-1] == "data view"
    apply(client, changes)
    assert not any(api.kept.values())
    assert removal(client, Place()) == []
    assert removal(client, PRESS) == []


def test_a_key_goes_before_a_password_to_both_libraries(api: KibanaApi) -> None:
    key = Kibana(
        url=api.url, api_key=SecretStr("abc"), username="elastic", password=SecretStr("secret")
    )
    with Client(key) as client:
        installed(client, PRESS)
    assert api.authorization == {"ApiKey abc"}


def test_what_goes_wrong_says_what_to_do(api: KibanaApi, monkeypatch: pytest.MonkeyPatch) -> None:
    with Client(Kibana(url="http://127.0.0.1:1")) as client:
        with pytest.raises(Retryable, match="MENTIONS_KIBANA__URL"):
            plan(client, Place())
        with pytest.raises(Retryable, match="MENTIONS_KIBANA__URL"):
            client.send(next(items(PRESS)).create)
    create = [change for change in _created(api) if change.kind in {"space", "dashboard"}]
    monkeypatch.setattr(api, "answer", lambda *_: (403, {"message": "no"}))
    with Client(Kibana(url=api.url)) as client:
        for change in (create[0], create[-1]):
            with pytest.raises(ConfigError, match="MENTIONS_KIBANA__API_KEY"):
                apply(client, [change])
        monkeypatch.setattr(api, "answer", lambda *_: (400, {"message": "bad panel"}))
        for change in (create[0], create[-1]):
            with pytest.raises(PipelineError, match="bad panel"):
                apply(client, [change])


def _created(api: KibanaApi) -> list[Change]:
    with Client(Kibana(url=api.url)) as client:
        return plan(client, PRESS)


def test_the_commands(api: KibanaApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MENTIONS_KIBANA__URL", api.url)

    def run(*arguments: str) -> tuple[int, str]:
        result = CliRunner().invoke(mentions, ["kibana", *arguments])
        assert result.exit_code in {0, 1}, result.output
        return result.exit_code, result.stdout

    code, out = run("install", "--space", "press", "--dry-run", "--json")
    lines = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert lines[0]["path"] == "/api/spaces/space"
    assert all(line.keys() >= {"method", "path"} for line in lines)
    assert api.writes == []

    assert run("diff", "--space", "press")[0] == 1
    assert run("install", "--space", "press")[0] == 0
    assert run("diff", "--space", "press")[0] == 0
    assert run("install", "--space", "press", "--json") == (0, "")
    code, out = run("uninstall", "--space", "press")
    assert code == 0
    assert "Krisenraum" in out
    assert not api.of("dashboard", "press")


def test_a_space_for_each_team_of_the_routes(
    api: KibanaApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "mentions.toml"
    config.write_text(ROUTES, encoding="utf-8")
    monkeypatch.setenv("MENTIONS_KIBANA__URL", api.url)
    monkeypatch.setenv("MENTIONS_CONFIG", str(config))

    def run(*arguments: str) -> int:
        result = CliRunner().invoke(mentions, ["kibana", *arguments, "--teams"])
        assert result.exit_code in {0, 1}, result.output
        return result.exit_code

    assert run("install") == 0
    assert set(api.spaces) == {"default", "press", "desk"}
    assert "mentions-operations" in api.of("dashboard"), "everybody's, whatever a team is called"
    assert "Acme" in json.dumps(api.of("dashboard", "press"))
    # A route that lets everything through leaves nothing to be chosen beforehand.
    assert "Acme" not in json.dumps(api.of("dashboard", "desk"))
    assert run("diff") == 0
    api.of("dashboard", "desk")["desk-mentions-overview"]["title"] = "changed"
    assert run("diff") == 1
    assert run("uninstall") == 0
    assert not any(api.kept.values())
    assert set(api.spaces) == {"default", "press", "desk"}


def test_export_writes_and_checks(tmp_path: object) -> None:
    def run(*arguments: str) -> int:
        return (
            CliRunner().invoke(mentions, ["kibana", "export", str(tmp_path), *arguments]).exit_code
        )

    assert run("--check") == 1
    assert run() == 0
    assert run("--check") == 0
    assert run("--lang", "en", "--check") == 1


def test_work_is_overdue_by_when_it_was_due_however_long_ago() -> None:
    (rule,) = [rule.json(Place()) for rule in RULES if rule.name == "overdue"]
    asked = rule["params"]
    assert asked["timeField"] == "subject.due"
    assert (asked["timeWindowSize"], asked["timeWindowUnit"]) >= (3_650, "d")
