import re

import promql_parser
import yaml
from prometheus_client import REGISTRY

from pipeline import metrics
from tests.support.deploy import ROOT

FILE = ROOT / "deploy" / "prometheus" / "alerts.yml"
RULES = [
    rule for group in yaml.safe_load(FILE.read_text("utf-8"))["groups"] for rule in group["rules"]
]
METRIC = re.compile(r"\bmentions_\w+")


def test_every_expression_can_be_read() -> None:
    assert len(RULES) >= 5
    for rule in RULES:
        promql_parser.parse(rule["expr"])
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert rule["annotations"]["summary"]
        assert rule["annotations"]["description"]


def test_every_metric_and_label_is_one_of_ours() -> None:
    assert metrics.__all__
    known = {}
    for family in REGISTRY.collect():
        base = family.name
        for suffix in ("", "_total", "_bucket", "_count", "_sum"):
            known[base + suffix] = family
    named = {name for rule in RULES for name in METRIC.findall(rule["expr"])}
    assert len(named) >= 5
    assert named <= set(known)


def test_every_alert_is_explained_and_tested() -> None:
    pages = (ROOT / "docs" / "operations.md").read_text("utf-8")
    tests = (FILE.parent / "tests.yml").read_text("utf-8")
    for rule in RULES:
        assert f"`{rule['alert']}`" in pages
        assert rule["alert"] in tests
