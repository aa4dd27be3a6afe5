"""Procedures of docs/operations.md, run as they stand there."""

import os
import re
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

from rich.progress import Progress

from pipeline.stack import artifacts
from pipeline.stack.java import find
from pipeline.stack.kafka import Kafka
from tests.support.installation import Installation
from tests.support.quick import QUICK

__all__ = ["procedure", "run", "tools"]

REPOSITORY = Path(__file__).parents[2]
TOOLS = {
    "kafka-consumer-groups.sh": "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
    "connect-mirror-maker.sh": "org.apache.kafka.connect.mirror.MirrorMaker",
}


def procedure(name: str) -> str:
    """The lines of a procedure: the first indented block behind its name, bold, at a line start."""
    text = (REPOSITORY / "docs" / "operations.md").read_text("utf-8")
    _, _, behind = text.partition(f"\n**{name}** ")
    block = re.search(r"\n\n((?:    .*\n|\n(?=    ))+)", behind)
    assert block, f"docs/operations.md has no procedure {name!r}"
    return textwrap.dedent(block[1])


def tools(folder: Path) -> Path:
    """A folder with ``mentions`` and the programs that come with Kafka, under their own names."""
    with Progress(disable=True) as progress:
        jars = artifacts.jars(
            "Mirror",
            Kafka.version,
            ("org.apache.kafka:connect-mirror", "org.apache.kafka:kafka-tools"),
            progress,
        )
    java = find().home / "bin" / "java"
    made = folder / "bin"
    made.mkdir()
    programs = {
        name: f"{java} {QUICK} -Xmx256m -Dlog4j2.level=WARN -cp '{jars}/*' {main}"
        for name, main in TOOLS.items()
    }
    for name, command in (programs | {"mentions": f"{sys.executable} -m pipeline"}).items():
        path = made / name
        path.write_text(f'#!/bin/sh\nexec {command} "$@"\n', "utf-8")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return made


def run(installation: Installation, programs: Path, script: str, **more: str) -> str:
    """Run lines of a procedure against an installation; they must all succeed."""
    done = subprocess.run(
        ["/bin/bash", "-euo", "pipefail", "-c", script],
        cwd=installation.folder,
        env=environment(installation, programs) | more,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def environment(installation: Installation, programs: Path) -> dict[str, str]:
    """What the procedures of the documentation take from the environment."""
    kafka, search = installation.settings.kafka, installation.settings.elasticsearch
    return {
        **installation.env,
        "PATH": f"{programs}:{os.environ['PATH']}",
        "KAFKA": kafka.bootstrap,
        "PREFIX": kafka.prefix,
        "SEARCH": search.url,
        "ALIAS": search.alias,
    }
