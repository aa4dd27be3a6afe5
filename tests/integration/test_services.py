"""What docker-compose.yml starts, started as plain processes against the real servers."""

import os
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack, suppress
from typing import Any

import httpx
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from pipeline.admin import STAGES
from tests.support import watched
from tests.support.deploy import composed, example
from tests.support.installation import Installation
from tests.support.kibana_api import KibanaApi

ONCE = ("topics", "setup", "kibana-content")
STAYING = (
    *("agent", "enrich", "index", "route", "archive", "record", "worker"),
    *("work", "watch", "people", "retention", "notify", "page"),
)
HERE = "127.0.0.1"
NO_TLS = ("SECURITY", "CA_FILE", "CERT_FILE", "KEY_FILE")
"""Settings left out, as these servers have none; ``test_compose`` has some that do."""


def test_every_service_starts_answers_and_stops(installation: Installation) -> None:
    (installation.folder / "some.jsonl").write_text(
        '{"id": "1", "text": "Der Bus kommt"}\n', "utf-8"
    )
    installation.configure(
        f"""
[[sources]]
type = "files"
name = "some"
paths = ["{installation.folder}/some.jsonl"]
defaults = {{ channel = "forum" }}

[[channels]]
name = "desk"
url = "env:DESK_URL"

[page]
people = [{{ name = "ada", token = "env:PAGE_ADA" }}]
"""
    )
    secrets = installation.folder / "secrets.env"
    secrets.write_text("DESK_URL=http://127.0.0.1:1/\n", "ascii")
    tokens = installation.folder / "page.env"
    tokens.write_text(f"PAGE_ADA={'ada-' * 5}\n", "ascii")
    services = composed(example() | {"MENTIONS_SECRETS": str(secrets), "PAGE_TOKENS": str(tokens)})
    with KibanaApi(None) as kibana:
        for name in ONCE:
            environment = _environment(services[name], installation, kibana.url)
            done = _start(services[name], environment, installation)
            assert done.wait(90) == 0, name
        assert kibana.of("dashboard")
    figures = f"{installation.alias}-figures"
    body = {"end": "2020-01-01T00:00:00Z"}
    installation.client.index(index=figures, id="old", document=body, refresh=True)
    exported: set[str] = set()
    for name in STAYING:
        environment = _environment(services[name], installation, "")
        process = _start(services[name], environment, installation)
        try:
            check = _check(services[name], environment["MENTIONS_WORKER__PORT"])
            installation.wait(lambda check=check: _passes(check), f"{name} healthy")  # type: ignore[misc]
            ready = [each.replace("/health", "/ready") for each in check]
            installation.wait(lambda check=ready: _passes(check), f"{name} ready")  # type: ignore[misc]
            if name == "agent":
                installation.wait(lambda: bool(installation.tail("raw")), "something collected")
            said = _exported(environment["MENTIONS_WORKER__PORT"])
            assert ("mentions_sources_owned" in said) == (name == "agent"), name
            looped = {name} if "--port" in services[name]["command"] else set()
            assert _loops(environment["MENTIONS_WORKER__PORT"]) == looped
            exported |= said
            if name == "retention":
                assert not installation.client.exists(index=figures, id="old")
            assert process.poll() is None, name
        finally:
            process.send_signal(signal.SIGTERM)
            code = _ended(process)
        assert code == 0, name
    asked = [*watched.expressions(), *(rule["expr"] for rule in watched.RULES)]
    assert set().union(*map(watched.metrics, asked)) <= exported


def _exported(port: str) -> set[str]:
    """The families of metrics that a process shows to Prometheus."""
    return {family.name for family in _families(port)}


def _loops(port: str) -> set[str]:
    """The loops that it says came round."""
    samples = [sample for family in _families(port) for sample in family.samples]
    return {s.labels["loop"] for s in samples if s.name == "mentions_turned_timestamp_seconds"}


def _families(port: str) -> list[Metric]:
    answer = httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False)
    return list(text_string_to_metric_families(answer.text))


def _environment(
    service: dict[str, Any], installation: Installation, kibana: str
) -> dict[str, str]:
    """The service's own variables, but for where things are on this machine."""
    port = str(_free(len(STAGES)))
    names = {name for name in service["environment"] if name.startswith("MENTIONS_")}
    here = {
        **installation.env,
        "MENTIONS_WORKER__PORT": port,
        "MENTIONS_WORKER__HOST": "127.0.0.1",
        "MENTIONS_AGENT__PORT": port,
        "MENTIONS_AGENT__HOST": "127.0.0.1",
        "MENTIONS_PAGE__LISTEN": "127.0.0.1:0",
        "MENTIONS_KAFKA__REPLICATION": "1",
        "MENTIONS_KIBANA__URL": kibana,
    }
    given = {
        name: str(value)
        for name, value in service["environment"].items()
        if not name.endswith(NO_TLS)
    }
    kept = {name for name in here if name.startswith("MENTIONS_")} - {"MENTIONS_KIBANA__URL"}
    wanted = kept | (names & here.keys())
    return {
        **{name: value for name, value in os.environ.items() if name not in given},
        **given,
        **{name: here[name] for name in wanted},
    }


def _free(count: int) -> int:
    """The first of so many ports in a row that nobody listens on."""
    while True:
        with ExitStack() as held:
            first: int = held.enter_context(socket.create_server((HERE, 0))).getsockname()[1]
            with suppress(OSError, OverflowError):
                for port in range(first + 1, first + count):
                    held.enter_context(socket.create_server((HERE, port)))
                return first


def _start(
    service: dict[str, Any], environment: dict[str, str], installation: Installation
) -> subprocess.Popen[bytes]:
    here = {"6066": environment["MENTIONS_WORKER__PORT"], "0.0.0.0": "127.0.0.1"}  # noqa: S104
    return subprocess.Popen(
        [sys.executable, "-m", "pipeline", *(here.get(each, each) for each in service["command"])],
        env=environment,
        cwd=installation.folder,
    )


def _check(service: dict[str, Any], port: str) -> list[str]:
    kind, program, *rest = service["healthcheck"]["test"]
    assert (kind, program) == ("CMD", "python")
    return [sys.executable, *(each.replace("6066", port) for each in rest)]


def _passes(check: list[str]) -> bool:
    return subprocess.run(check, capture_output=True, check=False).returncode == 0


def _ended(process: subprocess.Popen[bytes]) -> int:
    try:
        return process.wait(30)  # what compose waits, too
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()
