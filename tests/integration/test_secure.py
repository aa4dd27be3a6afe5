"""Locked servers: TLS, SCRAM, users and roles; and no secret is ever printed."""

import json
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from pipeline.settings import Settings
from pipeline.stack import Stack, spare
from tests.support.certificates import Certificates
from tests.support.installation import Installation
from tests.support.secure import SecureElasticsearch, SecureKafka

KAFKA, WRITER, READER, TOKEN, SALT, WRONG = (
    f"planted-{name}-f00d" for name in ("kafka", "writer", "reader", "token", "salt", "wrong")
)
PLANTED = (KAFKA, WRITER, READER, TOKEN, SALT, WRONG)

SOURCES = """
[[sources]]
type = "files"
name = "rows"
paths = ["rows.jsonl"]
defaults = {{ channel = "forum" }}

[[sources]]
type = "push"
name = "in"
listen = "127.0.0.1:{port}"
token = "env:PUSH_TOKEN"
"""

ROLES = {
    # What docs/security.md says that the pipeline needs.
    "pipeline": {
        "cluster": ["monitor", "manage_index_templates"],
        "indices": [{"names": ["safe", "safe-*"], "privileges": ["all"]}],
    },
    "analyst": {"indices": [{"names": ["safe", "safe-*"], "privileges": ["read"]}]},
}


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Settings, SecureKafka]]:
    folder = tmp_path_factory.mktemp("locked")
    settings = spare(folder / "data")
    certificates = Certificates(folder / "certificates")
    stack = Stack(settings)
    search, broker = stack.servers
    elasticsearch = SecureElasticsearch(search.folder, search.host, search.port, search.heap)
    elasticsearch.certificates = certificates
    elasticsearch.users = {"writer": (WRITER, "pipeline"), "reader": (READER, "analyst")}
    elasticsearch.roles = ROLES
    kafka = SecureKafka(broker.folder, broker.host, broker.port, broker.heap)
    kafka.certificates = certificates
    with socket.create_server(("127.0.0.1", 0)) as free:
        kafka.secure = free.getsockname()[1]
    stack.servers = (elasticsearch, kafka)
    stack.up()
    try:
        kafka.add_user("mentions", KAFKA)
        reached = settings.model_copy(
            update={
                "kafka": settings.kafka.model_copy(
                    update={"bootstrap": f"127.0.0.1:{kafka.secure}"}
                ),
                "elasticsearch": settings.elasticsearch.model_copy(
                    update={
                        "url": elasticsearch.address,
                        "ca_file": certificates.ca,
                        "username": "writer",
                        "password": SecretStr(WRITER),
                    }
                ),
            }
        )
        yield reached, kafka
    finally:
        stack.down()


@pytest.fixture
def installation(tmp_path: Path, locked: tuple[Settings, SecureKafka]) -> Iterator[Installation]:
    settings, kafka = locked
    made = Installation(tmp_path, settings, "safe")
    ca = str(kafka.certificates.ca)
    made.env |= {
        "MENTIONS_KAFKA__SECURITY": "SASL_SSL",
        "MENTIONS_KAFKA__USERNAME": "mentions",
        "MENTIONS_KAFKA__PASSWORD": KAFKA,
        "MENTIONS_KAFKA__CA_FILE": ca,
        "MENTIONS_ELASTICSEARCH__USERNAME": "writer",
        "MENTIONS_ELASTICSEARCH__PASSWORD": WRITER,
        "MENTIONS_ELASTICSEARCH__CA_FILE": ca,
        "MENTIONS_PRIVACY__SALT": SALT,
        "PUSH_TOKEN": TOKEN,
    }
    yield made
    made.close()


def test_everything_works_behind_locked_doors_and_no_secret_is_printed(  # noqa: PLR0915 - one story
    installation: Installation, locked: tuple[Settings, SecureKafka]
) -> None:
    settings, _ = locked
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    installation.configure(SOURCES.format(port=port))
    rows = [{"id": f"{n}", "text": "Die Lüftung läuft."} for n in range(20)]
    bad = {"id": "bad", "text": 7}
    content = "".join(json.dumps(row) + "\n" for row in [*rows, bad])
    (installation.folder / "rows.jsonl").write_text(content, encoding="utf-8")
    said = []

    def run(*arguments: str, code: int = 0, env: dict[str, str] | None = None) -> str:
        before = installation.env
        merged = before | (env or {})
        installation.env = {name: value for name, value in merged.items() if value}
        try:
            done = installation.run(*arguments, code=code)
        finally:
            installation.env = before
        said.append(done.stdout + done.stderr)
        return done.stdout + done.stderr

    run("topics", "create")
    run("index", "apply")
    assert "PROBLEM" not in run("check")
    agent = installation.start("agent")
    worker = installation.start("worker", "--stages", "enrich,index,archive", "--verbose")
    installation.wait(lambda: installation.count() == 20, "all are indexed over TLS")
    installation.wait(lambda: bool(installation.tail("dead")), "one is set aside")
    answer = httpx.post(
        f"http://127.0.0.1:{port}/mentions",
        json={"id": "push:1", "text": "Hallo"},
        headers={"Authorization": f"Bearer {WRONG}"},
        trust_env=False,
    )
    assert answer.status_code == 401
    said.append(answer.text)
    for arguments in (
        ("status",),
        ("status", "--json"),
        ("search", "Lüftung"),
        ("dead", "list", "--json"),
        ("tail", "raw", "--json"),
        ("tail", "dead", "--json"),
        ("index", "show"),
        ("forget", "--author", "nobody", "--yes", "--json"),
    ):
        run(*arguments)

    # Wrong secrets are refused in one clear line.
    wrong = run("topics", "diff", code=1, env={"MENTIONS_KAFKA__PASSWORD": WRONG})
    assert "refuses MENTIONS_KAFKA__USERNAME" in wrong
    assert "Traceback" not in wrong
    assert "refuses access" in run(
        "search", "x", code=1, env={"MENTIONS_ELASTICSEARCH__PASSWORD": WRONG}
    )
    assert "refuses access" in run(
        "search", "x", code=1, env={"MENTIONS_ELASTICSEARCH__API_KEY": WRONG}
    )
    # Who is not known is not trusted.
    assert "Traceback" not in run("topics", "diff", code=1, env={"MENTIONS_KAFKA__CA_FILE": ""})
    assert (
        "certificate"
        in run("search", "x", code=1, env={"MENTIONS_ELASTICSEARCH__CA_FILE": ""}).lower()
    )
    # Nobody comes in without a name.
    context = ssl.create_default_context(cafile=settings.elasticsearch.ca_file)
    anonymous = httpx.get(f"{settings.elasticsearch.url}/safe/_search", verify=context)
    assert anonymous.status_code == 401
    # An analyst may search, and not write.
    analyst = {
        "MENTIONS_ELASTICSEARCH__USERNAME": "reader",
        "MENTIONS_ELASTICSEARCH__PASSWORD": READER,
    }
    assert "Lüftung" in run("search", "Lüftung", env=analyst)
    assert "refuses access" in run("index", "apply", code=1, env=analyst)

    said.append(run("check", code=1, env={"MENTIONS_KAFKA__PASSWORD": WRONG}))
    mistaken = f'[kafka]\npassword = "{WRONG}"\n'
    (installation.folder / "mistaken.toml").write_text(mistaken, encoding="utf-8")
    run("--config", "mistaken.toml", "check", code=1)
    said += [installation.log(agent), installation.log(worker)]
    installation.stop(agent)
    installation.stop(worker)
    printed = "\n".join(said)
    assert [secret for secret in PLANTED if secret in printed] == []


def test_a_worker_whose_role_may_not_write_waits_and_says_what_it_lacks(
    installation: Installation,
) -> None:
    before = installation.count()
    installation.env |= {
        "MENTIONS_ELASTICSEARCH__USERNAME": "reader",
        "MENTIONS_ELASTICSEARCH__PASSWORD": READER,
        "MENTIONS_KAFKA__PREFIX": "other.",
    }
    installation.run("topics", "create")
    (installation.folder / "rows.jsonl").write_text('{"id": "new", "text": "x"}\n', "utf-8")
    installation.configure(SOURCES.format(port=0).partition('[[sources]]\ntype = "push"')[0])
    installation.run("agent", "--once")
    worker = installation.start("worker", "--stages", "enrich,index")
    installation.wait(
        lambda: "refuses access (403)" in installation.log(worker), "it says what it lacks"
    )
    assert installation.count() == before
    assert not any(secret in installation.log(worker) for secret in PLANTED)
