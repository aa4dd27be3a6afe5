import inspect
from pathlib import Path

import pytest

from agents import runner
from agents.push import PushConfig
from pipeline.cli.alerts import command as alerts
from pipeline.cli.page import command as page
from pipeline.cli.people import command as people
from pipeline.errors import ConfigError
from pipeline.settings import load
from schemas import topics


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def written(tmp_path: Path, content: str) -> Path:
    path = tmp_path / "given.toml"
    path.write_text(content, encoding="utf-8")
    return path


def test_without_a_file_the_defaults_are_loopback_and_german_first() -> None:
    settings = load()
    assert settings.kafka.bootstrap == "127.0.0.1:9092"
    assert settings.enrichment.languages[:2] == ("de", "en")


def test_everything_listens_on_loopback_unless_told_otherwise() -> None:
    settings = load()
    listening = [PushConfig.model_fields["listen"].default, settings.page.listen]
    hosts = {each.rpartition(":")[0] for each in listening}
    hosts |= {settings.worker.host, settings.agent.host}
    hosts |= {
        parameter.default
        for command in (alerts.commands["watch"], alerts.commands["notify"], people, page)
        for parameter in command.params
        if parameter.name == "host"
    }
    hosts.add(inspect.signature(runner.run).parameters["pages"].default[0])
    assert hosts == {"127.0.0.1"}


def test_mentions_toml_in_the_working_directory_is_found(tmp_path: Path) -> None:
    (tmp_path / "mentions.toml").write_text("[worker]\nbatch = 7\n", encoding="utf-8")
    assert load().worker.batch == 7


def test_the_environment_wins_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path, '[kafka]\nbootstrap = "a:1"\nreplication = 3\n')
    monkeypatch.setenv("MENTIONS_KAFKA__BOOTSTRAP", "b:2")
    kafka = load(path).kafka
    assert (kafka.bootstrap, kafka.replication) == ("b:2", 3)


def test_secrets_come_from_files_and_are_never_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "kafka__password").write_text("hunter2", encoding="utf-8")
    monkeypatch.setenv("MENTIONS_SECRETS_DIR", str(tmp_path))
    monkeypatch.setenv("MENTIONS_ELASTICSEARCH__API_KEY", "topsecret")
    settings = load()
    assert settings.kafka.password is not None
    assert settings.kafka.password.get_secret_value() == "hunter2"
    assert settings.elasticsearch.api_key is not None
    assert "hunter2" not in repr(settings)
    assert "topsecret" not in repr(settings)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[kafka]\nbootstrp = 'x'\n", "unknown key 'kafka.bootstrp'; did you mean 'bootstrap'?"),
        ("[worker]\nbatch = 0\n", "worker.batch: Input should be greater than or equal to 1"),
        ("watchlst = []\n", "unknown key 'watchlst'; did you mean 'watchlist'?"),
        (
            "[[watchlist]]\ntopic='a'\nkind='brand'\nterm=['xx']\n",
            "unknown key 'watchlist.0.term'; did you mean 'terms'?",
        ),
        ("[kafka]\npassword = 'x'\n", "set MENTIONS_KAFKA__PASSWORD instead"),
        ("[[sources]]\nname='a'\n[[sources]]\nname='a'\n", "source 'a' is there twice"),
        (
            "watchlist=[{topic='Bahn',kind='brand',terms=['xy']}]\nroutes=[{team='p',topics=['Bahm']}]",
            "no watchlist topic 'Bahm'; did you mean 'Bahn'?",
        ),
        ("[alerts]\nkinds = ['incomplete']\n", "name 'silence'"),
        ("= nothing", "not TOML"),
        (
            '[work]\nheir = "servce"\n[[routes]]\nteam = "service"\n',
            "work.heir: no route for team 'servce'; did you mean 'service'?",
        ),
        (
            "[[page.people]]\nname='ada'\ntoken='env:A'\n[[page.people]]\nname='ada'\ntoken='env:B'\n",
            "person of the page 'ada' is there twice",
        ),
        ('[page]\npeople = [{ name = "ada", token = "hush" }]\n', "page.people.0.token"),
        ("[page]\nkey_file = 'page.key'\n", "page: a key_file needs a cert_file"),
    ],
)
def test_a_mistake_is_named_in_one_line(tmp_path: Path, content: str, said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load(written(tmp_path, content))
    lines = str(refused.value).splitlines()
    assert any(said in line for line in lines), lines
    assert all("given.toml" in line for line in lines)


def test_a_named_file_must_exist(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        load(tmp_path / "absent.toml")


def test_topics_and_groups_carry_the_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MENTIONS_KAFKA__PREFIX", "acme.")
    kafka = load().kafka
    assert kafka.topic(topics.RAW) == "acme.mentions.raw"
    assert kafka.group("enrich") == "acme.mentions-enrich"
