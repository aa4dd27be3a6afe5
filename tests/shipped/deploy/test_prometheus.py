import json
import runpy
import subprocess
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

import agents.metrics
import pipeline.metrics
from tests.support import watched
from tests.support.deploy import ROOT
from tests.support.programs import promtool
from tests.support.watched import ALERTS, DASHBOARD, RULES

pytestmark = pytest.mark.timeout(300)  # the first time, promtool is fetched
OURS = {
    family.name: family
    for family in REGISTRY.collect()
    if family.name.startswith(("mentions_", "process_"))
}
LABELS = {
    metric._name: set(metric._labelnames)
    for module in (agents.metrics, pipeline.metrics)
    for metric in vars(module).values()
    if hasattr(metric, "_labelnames")
}
ADDED = {"instance", "le"}
"""Labels that Prometheus adds, and that a histogram has."""


def run(command: str, folder: Path, file: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(promtool()), *command.split(), file],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_prometheus_reads_the_rules_and_they_pass_their_tests() -> None:
    for command, file in (("check rules --lint-fatal", "alerts.yml"), ("test rules", "tests.yml")):
        done = run(command, ALERTS.parent, file)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
@pytest.mark.parametrize("instead", ["vector(0) > 0", "vector(1)"], ids=["never", "always"])
def test_each_rule_is_tested_both_ways(rule: dict[str, str], instead: str, tmp_path: Path) -> None:
    broken = [{**each, "expr": instead} if each == rule else each for each in RULES]
    rules = {"groups": [{"name": "broken", "rules": broken}]}
    (tmp_path / "alerts.yml").write_text(json.dumps(rules), "utf-8")
    (tmp_path / "tests.yml").write_text((ALERTS.parent / "tests.yml").read_text("utf-8"), "utf-8")
    done = run("test rules", tmp_path, "tests.yml")
    assert done.returncode == 1, done.stdout + done.stderr
    assert rule["alert"] in done.stdout + done.stderr


def test_prometheus_reads_what_the_dashboard_asks(tmp_path: Path) -> None:
    records = [
        {"record": f"asked_{number}", "expr": expression}
        for number, expression in enumerate(watched.expressions())
    ]
    assert len(records) > 15
    rules = {"groups": [{"name": "dashboard", "rules": records}]}
    (tmp_path / "asked.yml").write_text(json.dumps(rules), "utf-8")
    done = run("check rules", tmp_path, "asked.yml")
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_metric_and_label_is_one_of_ours() -> None:
    for expression in [*(rule["expr"] for rule in RULES), *watched.expressions()]:
        named = watched.metrics(expression)
        assert named
        assert named <= set(OURS), expression
        known = ADDED.union(*(LABELS.get(name, set()) for name in named))
        assert set(watched.labels(expression)) <= known, expression


def test_the_dashboard_shows_all_that_is_counted() -> None:
    shown = set().union(*map(watched.metrics, watched.expressions()))
    assert {name for name in OURS if name.startswith("mentions_")} <= shown


def test_the_dashboard_is_what_its_description_makes() -> None:
    made = runpy.run_path(str(DASHBOARD.with_name("dashboard.py")))["made"]()
    assert DASHBOARD.read_text("utf-8") == made, "run 'python deploy/grafana/dashboard.py'"


def test_every_alert_says_what_to_do() -> None:
    pages = (ROOT / "docs" / "operations.md").read_text("utf-8")
    for rule in RULES:
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert rule["annotations"]["summary"]
        assert rule["annotations"]["description"]
        assert f"`{rule['alert']}`" in pages
