from typing import Any

import kubernetes_validate
import pytest

from pipeline import admin
from pipeline.settings import Kafka
from schemas import topics
from tests.support import deploy
from tests.support.deploy import ROOT, known_variable, settings_of, takes

FOLDER = ROOT / "deploy" / "kubernetes"
STAGES = {"enrich": topics.RAW, "index": topics.ENRICHED, "route": topics.ENRICHED}
OTHERS = {"ScaledObject"}
"""Kinds that operators bring; Kubernetes has no schema for them."""

pytestmark = pytest.mark.timeout(300)  # where neither kubectl nor kustomize is, it is built


@pytest.fixture(scope="module")
def rendered() -> list[dict[str, Any]]:
    return deploy.rendered(FOLDER / "overlays" / "example")


def of(rendered: list[dict[str, Any]], kind: str) -> dict[str, dict[str, Any]]:
    return {each["metadata"]["name"]: each for each in rendered if each["kind"] == kind}


def pods(rendered: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    made = of(rendered, "Deployment") | of(rendered, "Job")
    return {name: each["spec"]["template"]["spec"] for name, each in made.items()}


def test_kubernetes_takes_everything(rendered: list[dict[str, Any]]) -> None:
    for each in rendered:
        if each["kind"] not in OTHERS:
            kubernetes_validate.validate(each, "1.32", strict=True)
    broken = {**of(rendered, "Deployment")["enrich"], "spek": {}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken, "1.32", strict=True)


def test_our_program_takes_commands_and_environments(rendered: list[dict[str, Any]]) -> None:
    maps = {name.rpartition("-")[0]: each for name, each in of(rendered, "ConfigMap").items()}
    shared = maps["mentions-connections"]["data"]
    for pod in pods(rendered).values():
        for container in (*pod["containers"], *pod.get("initContainers", ())):
            takes(container["args"])
            own = {each["name"]: each["value"] for each in container["env"]}
            assert {name for name in {**shared, **own} if not known_variable(name)} == set()
            settings_of({**shared, **own})


def test_workers_scale_up_to_the_number_of_partitions(rendered: list[dict[str, Any]]) -> None:
    scaled = of(rendered, "ScaledObject")
    assert set(scaled) == set(STAGES)
    for stage, topic in STAGES.items():
        spec = scaled[stage]["spec"]
        assert spec["maxReplicaCount"] == topic.partitions
        (trigger,) = spec["triggers"]
        assert trigger["metadata"]["topic"] == Kafka().topic(topic)
        assert trigger["metadata"]["consumerGroup"] == Kafka().group(stage)
        assert "replicas" not in of(rendered, "Deployment")[stage]["spec"]


def test_pods_are_restricted_probed_and_bounded(rendered: list[dict[str, Any]]) -> None:
    for name, pod in pods(rendered).items():
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["automountServiceAccountToken"] is False
        for container in (*pod["containers"], *pod.get("initContainers", ())):
            assert container["securityContext"]["readOnlyRootFilesystem"] is True
            assert container["resources"]["limits"]["memory"]
            assert not any("password" in each["name"].lower() for each in container["env"])
        if name in of(rendered, "Deployment"):
            (container,) = pod["containers"]
            assert container["livenessProbe"]["httpGet"]["path"] == "/health"
            assert container["readinessProbe"]["httpGet"]["path"] == "/ready"


def test_every_stage_that_is_on_has_a_deployment(rendered: list[dict[str, Any]]) -> None:
    args = [pod["containers"][0]["args"] for pod in pods(rendered).values()]
    for stage in set(admin.STAGES) - {"refine"}:
        assert ["worker", "--stages", stage] in args


def test_what_stays_is_drained_one_by_one(rendered: list[dict[str, Any]]) -> None:
    budgets = of(rendered, "PodDisruptionBudget")
    for name, deployment in of(rendered, "Deployment").items():
        wanted = deployment["spec"]["selector"]["matchLabels"]
        assert budgets[name]["spec"]["selector"]["matchLabels"] == wanted
        assert budgets[name]["spec"]["maxUnavailable"] == 1
