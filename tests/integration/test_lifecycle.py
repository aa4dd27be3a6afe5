"""Elasticsearch's own code reads the life-cycle policy, and says which steps it would take.

The embedded server has the classes of index life-cycle management, and not the module that runs it.
"""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from rich.progress import Progress

from pipeline.search.lifecycle import policy
from pipeline.settings import Retention
from pipeline.stack import artifacts
from pipeline.stack.elasticsearch import Elasticsearch
from pipeline.stack.java import find
from tests.support.quick import QUICK

READER = Path(__file__).parents[1] / "support" / "Lifecycle.java"
"""Needs a Java with its compiler."""


def steps(body: dict[str, Any]) -> list[list[str]]:
    """Phase, age, action, and step of each."""
    server = Elasticsearch(Path(), "127.0.0.1", 0, "1g")
    with Progress(disable=True) as progress:
        server.fetch(progress)
    program = artifacts.cache_folder() / f"elasticsearch-{Elasticsearch.version}"
    java = find().home / "bin"
    compiler = java / "javac"
    assert compiler.exists(), f"{compiler} is missing: set JAVA_HOME to a JDK, not a JRE"
    jars = f"{program}/lib/*:{program}/modules/x-pack-core/*"
    done = subprocess.run(
        [str(java / "java"), QUICK, "-cp", jars, str(READER)],
        input=json.dumps(body),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    if done.returncode:
        raise ValueError(done.stderr)
    return [line.split() for line in done.stdout.splitlines()]


def test_months_move_through_the_tiers_to_their_end_and_stay_writable() -> None:
    found = steps(policy(Retention(index_months=24)))
    assert {(phase, age) for phase, age, *_ in found} == {
        ("hot", "0s"),
        ("warm", "62d"),
        ("cold", "217d"),
        ("delete", "775d"),
    }
    actions = {(phase, action) for phase, _, action, _ in found}
    # Elasticsearch adds "migrate" by itself.
    assert {("warm", "migrate"), ("cold", "migrate"), ("delete", "delete")} <= actions
    assert {action for _, action in actions} == {"set_priority", "migrate", "delete"}


def test_nothing_ends_unless_it_is_told_and_a_mistake_is_refused() -> None:
    body = policy(Retention())
    assert {phase for phase, *_ in steps(body)} == {"hot", "warm", "cold"}
    body["phases"]["warm"]["actions"]["sleep"] = {}
    with pytest.raises(ValueError, match="sleep"):
        steps(body)
    late = policy(Retention(index_months=24))
    late["phases"]["cold"]["min_age"] = "1d"
    with pytest.raises(ValueError, match="cold"):
        steps(late)
