"""TLS as docker-compose.yml has it: its certificates, its servers' settings, its services'."""

import re
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from pipeline.page.guard import Guard
from pipeline.search.roles import ACCOUNTS, roles
from pipeline.stack import Stack, spare
from tests.support.composed import Certified, ComposedElasticsearch, ComposedKafka
from tests.support.deploy import composed, example
from tests.support.installation import Installation
from tests.support.procedures import procedure, run
from tests.support.programs import needed

PASSWORD = example()["ELASTIC_PASSWORD"]
ALIAS = "composed"
SERVICES = composed(example() | {"MENTIONS_ELASTICSEARCH__ALIAS": ALIAS})
ROOT = "root"
"""Stands for ``elastic``, whose name is taken where its password cannot be set."""
ADA = "ada-" * 5
LEAVES = ("elasticsearch", "kafka", "kibana", "mentions", "page")
ALL = {"cluster": ["all"], "indices": [{"names": ["*"], "privileges": ["all"]}]}


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory) -> Certified:
    return Certified(SERVICES["certificates"], tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def servers(
    tmp_path_factory: pytest.TempPathFactory, certified: Certified
) -> Iterator[tuple[ComposedElasticsearch, ComposedKafka]]:
    settings = spare(tmp_path_factory.mktemp("composed") / "data")
    stack = Stack(settings)
    search, broker = stack.servers
    elasticsearch = ComposedElasticsearch(search.folder, search.host, search.port, search.heap)
    elasticsearch.certified = certified
    elasticsearch.environment = SERVICES["elasticsearch"]["environment"]
    accounts = {f"{ALIAS}_{name}": f"{ALIAS}_{role}" for name, role in ACCOUNTS.items()}
    elasticsearch.users = {ROOT: (PASSWORD, "all")}
    elasticsearch.users |= {name: (PASSWORD, role) for name, role in accounts.items()}
    elasticsearch.roles = {"all": ALL} | {role: roles(ALIAS)[role] for role in accounts.values()}
    kafka = ComposedKafka(broker.folder, broker.host, broker.port, broker.heap)
    kafka.certified = certified
    kafka.environment = SERVICES["kafka"]["environment"]
    kafka.settings = certified.settings(
        SERVICES["topics"]["environment"], MENTIONS_KAFKA__BOOTSTRAP=broker.address
    )
    stack.servers = (elasticsearch, kafka)
    stack.up()
    try:
        yield elasticsearch, kafka
    finally:
        stack.down()


@pytest.fixture
def installation(
    tmp_path: Path, servers: tuple[ComposedElasticsearch, ComposedKafka], certified: Certified
) -> Iterator[Installation]:
    elasticsearch, kafka = servers
    settings = certified.settings(
        SERVICES["setup"]["environment"],
        MENTIONS_KAFKA__BOOTSTRAP=kafka.address,
        MENTIONS_ELASTICSEARCH__URL=elasticsearch.address,
        MENTIONS_ELASTICSEARCH__USERNAME=ROOT,
    )
    made = Installation(tmp_path, settings, ALIAS)
    yield made
    made.close()


def own(service: str, installation: Installation, certified: Certified) -> dict[str, str]:
    """A service's environment, but for where the servers are."""
    given: dict[str, Any] = SERVICES[service]["environment"]
    here = {name: certified.here(str(value)) for name, value in given.items()}
    places = {n: v for n, v in installation.env.items() if n.endswith(("BOOTSTRAP", "URL"))}
    off = {"MENTIONS_WORKER__PORT": "0", "MENTIONS_AGENT__PORT": "0"}
    off["MENTIONS_PAGE__LISTEN"] = "127.0.0.1:0"
    if here.get("MENTIONS_ELASTICSEARCH__USERNAME") == "elastic":
        here["MENTIONS_ELASTICSEARCH__USERNAME"] = ROOT
    return here | places | off | {"MENTIONS_CONFIG": str(installation.config)}


def test_mentions_pass_where_everybody_shows_a_certificate(
    installation: Installation,
    servers: tuple[ComposedElasticsearch, ComposedKafka],
    certified: Certified,
) -> None:
    elasticsearch, kafka = servers
    (installation.folder / "some.jsonl").write_text(
        '{"id": "1", "text": "Der Bus kommt"}\n', "utf-8"
    )
    installation.configure(
        """
[[sources]]
type = "files"
name = "some"
paths = ["some.jsonl"]
defaults = { channel = "forum" }

[page]
people = [{ name = "ada", token = "env:PAGE_ADA" }]
"""
    )
    before = installation.env
    for name in ("topics", "setup"):
        installation.env = before | own(name, installation, certified)
        installation.run(*SERVICES[name]["command"])
    started = []
    for name in ("agent", "enrich", "index"):
        installation.env = before | own(name, installation, certified)
        started.append(installation.start(*SERVICES[name]["command"]))
    installation.wait(lambda: installation.count() == 1, "the mention in the index")
    correct(installation, before | own("page", installation, certified), certified)
    for process in started:
        assert installation.stop(process) == 0

    kind, command = SERVICES["kafka"]["healthcheck"]["test"]
    assert kind == "CMD-SHELL"
    assert kafka.check(command) == 0
    stranger = own("topics", installation, certified)
    for part in ("CERT_FILE", "KEY_FILE"):
        del stranger[f"MENTIONS_KAFKA__{part}"]
    installation.env = {n: v for n, v in before.items() if not n.endswith("_FILE")} | stranger
    refused = installation.run("topics", "diff", code=1)
    assert "does not answer" in refused.stderr
    with pytest.raises(httpx.ConnectError, match="certificate"):
        httpx.get(elasticsearch.address, trust_env=False)


def correct(installation: Installation, environment: dict[str, str], certified: Certified) -> None:
    """Say on the page that the mention's tone is another, and see it indexed."""
    installation.env = environment | {"PAGE_ADA": ADA}
    name, *_ = SERVICES["page"]["command"]  # the rest is about a port that is the same for all
    process = installation.start(name)
    listens = re.compile(r"(https://127\.0\.0\.1:\d+)/mention")
    installation.wait(lambda: listens.search(installation.log(process)) is not None, "it listens")
    found = listens.search(installation.log(process))
    assert found
    (mention,) = installation.documents()
    say = {"say": '["negative",null,null,null]', "sign": Guard({"ada": ADA}).sign("ada", mention)}
    with httpx.Client(
        verify=ssl.create_default_context(cafile=certified.folder / "ca.crt"),
        auth=("ada", ADA),
        params={"id": mention},
        timeout=60,
        trust_env=False,
    ) as browser:
        assert browser.get(f"{found[1]}/mention").status_code == 200
        assert browser.post(f"{found[1]}/mention", data=say).status_code == 200

    def marked() -> bool:
        (document,) = installation.documents().values()
        return any(one["by"] == "ada" for one in document.get("amendments", ()))

    installation.wait(marked, "the word in the index")
    assert installation.stop(process) == 0


def test_accounts_suffice_for_what_runs_as_them(
    installation: Installation, certified: Certified
) -> None:
    (installation.folder / "more.jsonl").write_text('{"id": "bad", "text": 7}\n', "utf-8")
    installation.configure(
        """
[[sources]]
type = "files"
name = "more"
paths = ["more.jsonl"]
defaults = { channel = "forum" }

[[watchlist]]
topic = "Bus"
kind = "brand"
terms = ["Bus"]
"""
    )
    before = installation.env

    def done(service: str, *arguments: str) -> None:
        installation.env = before | own(service, installation, certified)
        installation.run(*arguments)

    for name in ("topics", "setup"):
        done(name, *SERVICES[name]["command"])
    client, figures = installation.client, f"{ALIAS}-figures"
    old = {"end": "2020-01-01T00:00:00Z"}
    client.index(index=figures, id="old", document=old, refresh=True)
    done("agent", "agent", "--once")
    installation.env = before | own("archive", installation, certified)
    process = installation.start(*SERVICES["archive"]["command"])
    letters = f"{ALIAS}-dead-letters"
    installation.wait(lambda: installation.stored(letters) > 0, "the letter in the index")
    assert installation.stop(process) == 0
    for name in ("people", "retention"):
        command, flag, *_ = SERVICES[name]["command"]  # the rest is about going on
        done(name, command, flag)
    assert not client.exists(index=figures, id="old")


DOCKER = """#!/bin/bash
case "$*" in
"compose exec -T elasticsearch "*) cd "$NODE" && shift 4 && exec "$@" ;;
"compose run --rm -T --no-deps setup "*) shift 6 && exec "$PYTHON" -m pipeline "$@" ;;
esac
exit 64
"""
"""Runs on this machine what is to run in a container."""


def test_a_snapshot_is_taken_and_restored_inside_the_containers(
    installation: Installation,
    servers: tuple[ComposedElasticsearch, ComposedKafka],
    certified: Certified,
) -> None:
    node, _ = servers
    programs = installation.folder / "bin"
    programs.mkdir()
    (programs / "docker").write_text(DOCKER, "ascii")
    (programs / "docker").chmod(0o755)
    installation.env |= own("setup", installation, certified)
    installation.env |= {
        "NODE": str(node.folder),
        "ELASTIC_PASSWORD": PASSWORD,
        "PYTHON": sys.executable,
    }
    inside = procedure("In containers").replace('"elastic:', f'"{ROOT}:')
    inside = inside.replace("localhost:9200", f"localhost:{node.port}")
    inside = inside.replace("ALIAS=mentions", f"ALIAS={ALIAS}")
    installation.run("index", "apply")
    client = installation.client
    month = f"{ALIAS}-2026.05"
    client.index(index=month, id="a:1", document={"id": "a:1"}, refresh=True)
    snapshot = run(installation, programs, inside + procedure("Snapshot")).split()[-1]
    for found in client.indices.resolve_index(name=f"{ALIAS}-*")["indices"]:
        client.indices.delete(index=found["name"])
    run(installation, programs, inside + procedure("Restore"), SNAPSHOT=snapshot)
    assert client.exists(index=month, id="a:1")


def openssl(*arguments: str) -> str:
    command = [needed("openssl", "install OpenSSL (Debian: openssl)"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def verified(folder: Path) -> None:
    """As strictly as Python does since 3.13."""
    leaves = (f"{folder}/{name}.crt" for name in LEAVES)
    openssl("verify", "-x509_strict", "-CAfile", f"{folder}/ca.crt", *leaves)


def test_an_authority_that_python_refuses_is_replaced_with_all_it_signed(
    tmp_path: Path,
) -> None:
    certified = Certified(SERVICES["certificates"], tmp_path)
    verified(tmp_path)
    key = ["-key", f"{certified.authority}/ca.key", "-subj", "/CN=mentions", "-days", "3650"]
    openssl("req", "-x509", "-new", *key, "-out", f"{tmp_path}/ca.crt")
    with pytest.raises(subprocess.CalledProcessError):
        verified(tmp_path)
    certified.make()
    verified(tmp_path)


def test_a_key_that_signs_leaves_the_folder_that_all_see(tmp_path: Path) -> None:
    certified = Certified(SERVICES["certificates"], tmp_path)
    assert not (tmp_path / "ca.key").exists()
    authority = (tmp_path / "ca.crt").read_bytes()
    (certified.authority / "ca.key").rename(tmp_path / "ca.key")  # as an earlier version left it
    (tmp_path / "kafka.crt").unlink()
    certified.make()
    assert not (tmp_path / "ca.key").exists()
    assert (tmp_path / "ca.crt").read_bytes() == authority
    verified(tmp_path)


def test_certificates_are_renewed_before_they_end(certified: Certified) -> None:
    def serial(name: str) -> str:
        return openssl("x509", "-noout", "-serial", "-in", f"{certified.folder}/{name}.crt")

    names = ("ca", *LEAVES)
    first = {name: serial(name) for name in names}
    certified.make()
    assert {name: serial(name) for name in names} == first, "twice is once"
    folder = certified.folder
    soon = ["-CA", f"{folder}/ca.crt", "-CAkey", f"{certified.authority}/ca.key"]
    soon += ["-days", "29"]
    for name in ("kafka", "kibana"):
        key = ["-key", f"{folder}/{name}.key", "-subj", f"/CN={name}"]
        openssl("req", "-x509", "-new", *key, *soon, "-out", f"{folder}/{name}.crt")
    certified.make()
    renewed = {name: serial(name) for name in names}
    assert {name for name in names if renewed[name] != first[name]} == {"kafka", "kibana"}
    verified(folder)
    for file in folder.glob("*.key"):
        assert file.stat().st_mode & 0o077 == 0
