"""What a worker says of itself, and the watchdog that ends one that is stuck."""

import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from pipeline.settings import Settings
from tests.support.installation import Installation
from tests.support.messages import mention, message, publish
from tests.support.proxy import Proxy

STUCK = """
import asyncio, sys, time
from pipeline import logs
from pipeline.app import run
from pipeline.settings import load
from schemas import topics

class Stuck:
    name = sys.argv[1]
    source = topics.ENRICHED
    async def start(self): pass
    async def close(self): pass
    async def handle(self, batch):
        if self.name == "waits":
            await asyncio.sleep(600)
        time.sleep(600)

logs.setup()
run(Stuck(), load())
"""

HANGS = """
import sys, time
from agents import runner
from agents.ownership import Ownership
from pipeline import logs
from pipeline.cli._shared import places
from pipeline.settings import load

poll, until = Ownership.poll, time.monotonic() + 6

def hangs(self, seconds):
    owned = poll(self, seconds)
    if owned and time.monotonic() > until:
        time.sleep(600)
    return owned

Ownership.poll = hangs
logs.setup()
config = load()
sys.exit(runner.run([], config.kafka.kafka_python(), places=places(config), stuck_after=3))
"""


def test_health_and_readiness_tell_an_outage_from_work(
    installation: Installation, settings: Settings
) -> None:
    publish(installation, "mentions.enriched", [message(mention(n)) for n in range(50)])
    server = urlsplit(settings.elasticsearch.url)
    assert server.hostname
    assert server.port
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    page = f"http://127.0.0.1:{port}"

    def says(path: str) -> tuple[int, str]:
        try:
            answer = httpx.get(page + path, timeout=5, trust_env=False)
        except httpx.HTTPError:
            return 0, ""
        return answer.status_code, answer.text

    with Proxy(server.hostname, server.port, cut=True) as wire:
        installation.env |= {
            "MENTIONS_ELASTICSEARCH__URL": f"http://127.0.0.1:{wire.port}",
            "MENTIONS_WORKER__PORT": str(port),
        }
        worker = installation.start("worker", "--stages", "index")
        installation.wait(
            lambda: "Elasticsearch does not answer" in says("/ready")[1], "it says what it awaits"
        )
        assert says("/ready")[0] == 503
        assert says("/health")[0] == 200
        installation.wait(
            lambda: 'mentions_lag{stage="index"} 50.0' in says("/metrics")[1], "it says how much"
        )
        wire.restore()
        installation.wait(lambda: says("/ready")[0] == 200, "it is ready again")
        installation.wait(lambda: installation.count() == 50, "all is indexed")
        installation.wait(
            lambda: 'mentions_lag{stage="index"} 0.0' in says("/metrics")[1], "all is committed"
        )
        assert installation.stop(worker) == 0


def test_a_worker_told_to_stop_before_kafka_answers_leaves_quietly(
    installation: Installation,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        installation.env["MENTIONS_KAFKA__BOOTSTRAP"] = f"127.0.0.1:{silent.getsockname()[1]}"
        worker = installation.start("worker", "--stages", "enrich")
        silent.settimeout(30)
        silent.accept()[0].close()  # it has got as far as asking for a broker
        installation.wait(lambda: "Kafka does not answer" in installation.log(worker), "it waits")
        assert installation.stop(worker) == 0
    assert "Traceback" not in installation.log(worker), installation.log(worker)


@pytest.mark.alone
def test_who_watches_and_who_tells_say_how_they_are_and_end_on_a_signal(
    installation: Installation,
) -> None:
    installation.configure('[[channels]]\nname = "desk"\nurl = "env:DESK"\n')
    installation.env["DESK"] = "https://desk.invalid/hook"
    for command in ("watch", "notify"):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        process = installation.start("alerts", command, "--port", str(port))

        def says(path: str, port: int = port) -> int:
            try:
                answer = httpx.get(f"http://127.0.0.1:{port}{path}", timeout=5, trust_env=False)
            except httpx.HTTPError:
                return 0
            return answer.status_code

        installation.wait(lambda: says("/ready") == 200, f"{command} is ready")
        assert says("/health") == 200
        assert says("/metrics") == 200
        since = time.monotonic()
        assert installation.stop(process) == 0
        assert time.monotonic() - since < 15


def test_a_worker_that_is_stuck_ends_itself(installation: Installation) -> None:
    publish(installation, "mentions.enriched", [message(mention(1))])
    script = installation.folder / "stuck.py"
    script.write_text(textwrap.dedent(STUCK), encoding="utf-8")
    env = installation.env | {"MENTIONS_WORKER__STUCK_AFTER": "10"}
    started = [
        subprocess.Popen(
            [sys.executable, str(script), how],
            env=env,
            cwd=installation.folder,
            stderr=subprocess.PIPE,
            text=True,
        )
        for how in ("waits", "blocks")
    ]
    for process in started:
        _, said = process.communicate(timeout=90)
        assert process.returncode == 75, said
        assert "no progress for" in said


def test_an_agent_whose_loop_hangs_ends_itself_and_another_has_its_sources(
    installation: Installation, tmp_path: Path
) -> None:
    rows = tmp_path / "rows.jsonl"
    row = (
        '{{"id": "{}", "channel": "forum", "text": "-", "published_at": "2026-01-01T00:00:00Z"}}\n'
    )
    rows.write_text(row.format(1))
    installation.configure(
        f'[[sources]]\ntype = "files"\nname = "rows"\npaths = ["{rows}"]\nevery = 1\nquiet = 1\n'
    )
    installation.start("worker", "--stages", "enrich,index")
    script = installation.folder / "hangs.py"
    script.write_text(HANGS, encoding="utf-8")
    installation.run("agent", "--once")
    hangs = subprocess.Popen(
        [sys.executable, str(script)],
        env=installation.env,
        cwd=installation.folder,
        stderr=subprocess.PIPE,
        text=True,
    )
    _, said = hangs.communicate(timeout=60)
    assert hangs.returncode == 75, said
    assert "no progress for" in said
    with rows.open("a") as more:
        more.write(row.format(2))
    installation.start("agent")
    installation.wait(lambda: installation.count() == 2, "the other read on")
