"""What is asked of Prometheus: by the alert rules, and by Grafana's dashboard."""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

import yaml

from tests.support.deploy import ROOT

__all__ = ["ALERTS", "DASHBOARD", "RULES", "expressions", "labels", "metrics"]

ALERTS: Final = ROOT / "deploy" / "prometheus" / "alerts.yml"
DASHBOARD: Final = ROOT / "deploy" / "grafana" / "mentions.json"
RULES: Final[list[dict[str, Any]]] = [
    rule for group in yaml.safe_load(ALERTS.read_text("utf-8"))["groups"] for rule in group["rules"]
]
_SAMPLE: Final = re.compile(r"\b(mentions_\w+?|process_\w+?)(?:_total|_bucket)?\b")
_BY: Final = re.compile(r"\bby \(([^)]*)\)")


def expressions() -> list[str]:
    """All of the dashboard."""
    panels = json.loads(DASHBOARD.read_text("utf-8"))["panels"]
    return [target["expr"] for panel in panels for target in panel.get("targets", ())]


def metrics(expression: str) -> set[str]:
    """The families of metrics that an expression names."""
    return set(_SAMPLE.findall(expression))


def labels(expression: str) -> Iterator[str]:
    """The labels that it sums by."""
    for found in _BY.findall(expression):
        yield from found.split(", ")
