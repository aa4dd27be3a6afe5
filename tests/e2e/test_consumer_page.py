"""The quick start of docs/consumer.md, typed as it stands there."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from pipeline.settings import Settings

ROOT = Path(__file__).parents[2]


def commands() -> str:
    page = (ROOT / "docs" / "consumer.md").read_text(encoding="utf-8")
    (section,) = re.findall(r"^## Quick start\n(.*?)^## ", page, re.MULTILINE | re.DOTALL)
    return "\n".join(line[4:] for line in section.splitlines() if line.startswith("    "))


def test_the_quick_start_brings_mentions_to_a_consumer(
    settings: Settings, unique: str, tmp_path: Path
) -> None:
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    env = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "MENTIONS_STACK__DATA": str(settings.stack.data),
        "MENTIONS_KAFKA__BOOTSTRAP": settings.kafka.bootstrap,
        "MENTIONS_KAFKA__PREFIX": f"{unique}.",
        "MENTIONS_ELASTICSEARCH__URL": settings.elasticsearch.url,
        "MENTIONS_ELASTICSEARCH__ALIAS": unique,
    }
    *steps, last = commands().rstrip().split("\n")
    assert last.startswith("python docs/consumers/")
    assert any(step.startswith("mentions up") for step in steps)
    script = "\n".join(["set -euo pipefail", *steps])
    log = tmp_path / "steps.log"
    with log.open("w") as out:
        shell = subprocess.Popen(
            ["bash", "-c", script],  # noqa: S607 - the reader's own shell
            env=env,
            cwd=tmp_path,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            assert shell.wait(120) == 0, log.read_text()
            # The page's servers stand at the default address, the test's elsewhere.
            here = last.replace("127.0.0.1:9092", settings.kafka.bootstrap)
            here = here.replace(" mentions.routed.", f" {unique}.mentions.routed.")
            with subprocess.Popen(
                shlex.split(here), env=env, cwd=tmp_path, stdout=subprocess.PIPE, text=True
            ) as reader:
                try:
                    assert reader.stdout
                    lines = {reader.stdout.readline().strip() for _ in range(2)}
                finally:
                    reader.kill()
        finally:
            os.killpg(shell.pid, 9)  # the worker that the page leaves running
    assert all(line.startswith("mention files:") for line in lines), lines
    assert {line.split()[-1] for line in lines} == {"de", "en"}
