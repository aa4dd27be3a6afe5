import json
from unittest.mock import create_autospec

import pytest
from click.testing import CliRunner
from elasticsearch import Elasticsearch as Client

from pipeline.cli import mentions
from pipeline.search.probe import Capabilities
from pipeline.search.roles import PERSONAL, account_calls, apply, role_calls, roles
from pipeline.search.templates import index_body, wanted
from pipeline.settings import Elasticsearch

CAPABILITIES = Capabilities(version="9.5.3")


def test_only_the_analyst_s_fields_are_kept_back() -> None:
    made = roles("m")
    assert set(made) == {"m_analyst", "m_lead", "m_indexer", "m_keeper", "m_ops"}
    (indices,) = made["m_analyst"]["indices"]
    beside = {"m-work", "m-alerts", "m-coverage", "m-figures"}
    assert {"m", "m-20*", "m-v*"} | beside == set(indices["names"])
    assert "m-people" in made["m_lead"]["indices"][0]["names"]  # people have names
    assert indices["field_security"] == {"grant": ["*"], "except": list(PERSONAL)}
    assert not any("field_security" in each for each in made["m_lead"]["indices"])
    assert "read" not in made["m_ops"]["indices"][0]["privileges"]
    assert all(not made[name]["cluster"] for name in made if name not in {"m_ops", "m_keeper"})


def test_who_looks_at_kibana_may_open_it_and_processes_may_not() -> None:
    opens = {name for name, body in roles("m").items() if body["applications"]}
    assert opens == {"m_analyst", "m_lead", "m_ops"}


def test_every_index_is_written_by_the_indexer_and_most_are_only_written() -> None:
    read: set[str] = set()
    written: set[str] = set()
    for each in roles("m")["m_indexer"]["indices"]:
        written |= set(each["names"])
        read |= set(each["names"]) if "read" in each["privileges"] else set()
    templates = {
        pattern
        for (kind, _), body in wanted(Elasticsearch(alias="m"), CAPABILITIES).items()
        if kind == "index template"
        for pattern in body["index_patterns"]
    }
    assert templates <= written
    assert read == {"m", "m-20*", "m-v*", "m-tombstones", "m-people"}


def test_what_is_personal_is_there() -> None:
    properties = index_body(Elasticsearch(), CAPABILITIES)["mappings"]["properties"]
    for name in PERSONAL:
        first, _, rest = name.partition(".")
        assert first in properties
        assert rest in {"", "*"} or rest in properties[first]["properties"]


def test_an_account_gets_its_role_or_only_a_password() -> None:
    passwords = {
        "indexer": "secret-1",
        "keeper": "secret-3",
        "page": "secret-4",
        "kibana_system": "secret-2",
    }
    calls = list(account_calls("m", passwords))
    assert [(call.method, call.path, call.body) for call in calls] == [
        ("PUT", "/_security/user/m_indexer", {"password": "secret-1", "roles": ["m_indexer"]}),
        ("PUT", "/_security/user/m_keeper", {"password": "secret-3", "roles": ["m_keeper"]}),
        ("PUT", "/_security/user/m_page", {"password": "secret-4", "roles": ["m_lead"]}),
        ("POST", "/_security/user/kibana_system/_password", {"password": "secret-2"}),
    ]
    assert [call.path for call in role_calls("m")] == [
        f"/_security/role/{name}" for name in roles("m")
    ]


def test_every_request_is_sent_as_json() -> None:
    client = create_autospec(Client, instance=True)
    done = apply(client, role_calls("m"))
    assert done == [f"/_security/role/{name}" for name in roles("m")]
    for call, sent in zip(role_calls("m"), client.perform_request.call_args_list, strict=True):
        assert sent.args == (call.method, call.path)
        assert sent.kwargs["body"] == call.body
        assert sent.kwargs["headers"]["content-type"] == "application/json"


def test_the_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = CliRunner().invoke(mentions, ["roles", "show", "--json"])
    assert [json.loads(line)["method"] for line in shown.stdout.splitlines()] == ["PUT"] * 5
    assert "mentions_analyst" in CliRunner().invoke(mentions, ["roles", "show"]).stdout
    monkeypatch.setenv("MENTIONS_ACCOUNT_INDEXER", "short")
    refused = CliRunner().invoke(mentions, ["roles", "apply"])
    assert refused.exit_code == 1
    assert "12 characters" in refused.stderr
    assert "short" not in refused.stderr
