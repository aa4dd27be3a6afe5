from pathlib import Path
from typing import Any

import pytest

from agents.source import config_model, names
from pipeline.cli import check
from pipeline.cli.check import Finding, _findings, _kibana, _source
from pipeline.errors import Retryable
from pipeline.kibana.client import Client
from pipeline.settings import Kibana, Settings
from tests.support.kibana_api import KibanaApi


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"pahts": ["a"]}, "unknown key 'pahts'; did you mean 'paths'?"),
        ({"paths": ["a"], "defalts": {}}, "unknown key 'defalts'; did you mean 'defaults'?"),
        ({"paths": ["a"], "every": 0}, "every: Input should be greater than 0"),
    ],
)
def test_a_wrong_key_of_a_source_is_answered_with_the_nearest(
    keys: dict[str, object], said: str
) -> None:
    found = _source({"type": "files", "name": "posts", **keys})
    assert (found.what, found.ok) == ("source posts", False)
    assert said in found.detail
    assert "Extra inputs" not in found.detail


def test_a_missing_token_is_explained() -> None:
    found = _source({"type": "push", "name": "in", "listen": "127.0.0.1:0", "channel": "forum"})
    assert not found.ok
    assert "token: Field required" in found.detail
    assert "docs/sources.md says more" in found.detail


@pytest.mark.parametrize("kind", names())
def test_each_credential_that_is_missing_is_explained(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fields = config_model({"type": kind}).model_fields
    secrets = [name for name, field in fields.items() if "SecretStr" in str(field.annotation)]
    monkeypatch.delenv("NOT_THERE", raising=False)
    found = _source({"type": kind, "name": "it", **dict.fromkeys(secrets, "env:NOT_THERE")})
    assert not found.ok
    for name in secrets:
        assert f"{name}: " in found.detail
        assert f"{name} is: " in found.detail, "what to request, and where"
    if secrets:
        assert "NOT_THERE is not set" in found.detail
        assert "docs/sources.md says more" in found.detail


def test_kibana_is_asked_where_one_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    def tried(what: str, _look: object, _config: Settings) -> Finding:
        return Finding(what=what, ok=True, detail="")

    monkeypatch.setattr(check, "_tried", tried)
    monkeypatch.setattr(check, "known", lambda _config: {})

    def looked_at(**given: Any) -> list[str]:
        return [finding.what for finding in _findings(Settings(**given))]

    assert "Kibana" not in looked_at()
    assert "Kibana" in looked_at(kibana={"url": "http://127.0.0.1:5601"})
    monkeypatch.setenv("MENTIONS_KIBANA__USERNAME", "elastic")
    assert "Kibana" in looked_at()


def test_a_kibana_another_server_and_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with KibanaApi(None) as kibana:
        config = Settings(kibana=Kibana(url=kibana.url))
        assert _kibana(config) == f"{kibana.url}: version 9.2.0"
        monkeypatch.setattr(Client, "find", lambda *_: None)
        with pytest.raises(ValueError, match="is no Kibana"):
            _kibana(config)
        monkeypatch.undo()
    with pytest.raises(Retryable, match="set MENTIONS_KIBANA__URL"):
        _kibana(Settings(kibana=Kibana(url="http://127.0.0.1:1")))
