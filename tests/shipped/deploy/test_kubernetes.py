import re
from ipaddress import ip_address, ip_network
from typing import Any

import kubernetes_validate
import pytest

from agents.mail import MailConfig
from agents.network import is_public
from agents.push import PushConfig
from pipeline import admin
from pipeline.settings import Kafka
from schemas import topics
from tests.support import deploy
from tests.support.deploy import ROOT, known_variable, settings_of, takes

FOLDER = ROOT / "deploy" / "kubernetes"
STAGES = {"enrich": topics.RAW, "index": topics.ENRICHED, "route": topics.ENRICHED}
DAY = 86_400
OTHERS = {"ScaledObject", "Kafka", "KafkaNodePool", "Elasticsearch", "Kibana"}
"""Kinds that operators bring; Kubernetes has no schema for them."""

pytestmark = pytest.mark.timeout(300)  # where neither kubectl nor kustomize is, it is built


@pytest.fixture(scope="module")
def rendered() -> list[dict[str, Any]]:
    """The example as it is shipped."""
    return deploy.rendered(FOLDER / "overlays" / "example")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The same with every component."""
    return deploy.everything(tmp_path_factory.mktemp("whole"))


def of(rendered: list[dict[str, Any]], kind: str) -> dict[str, dict[str, Any]]:
    return {each["metadata"]["name"]: each for each in rendered if each["kind"] == kind}


def pods(rendered: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {name: template["spec"] for name, template in templates(rendered).items()}


def templates(rendered: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """What pods are made from, by what makes them."""
    made = of(rendered, "Deployment") | of(rendered, "Job")
    made |= {name: each["spec"]["jobTemplate"] for name, each in of(rendered, "CronJob").items()}
    return {name: each["spec"]["template"] for name, each in made.items()}


def test_kubernetes_takes_everything(
    rendered: list[dict[str, Any]], whole: list[dict[str, Any]]
) -> None:
    for each in (*rendered, *whole):
        if each["kind"] not in OTHERS:
            kubernetes_validate.validate(each, "1.32", strict=True)
    broken = {**of(rendered, "Deployment")["enrich"], "spek": {}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken, "1.32", strict=True)


def test_our_program_takes_commands_and_environments(whole: list[dict[str, Any]]) -> None:
    maps = {name.rpartition("-")[0]: each for name, each in of(whole, "ConfigMap").items()}
    shared = maps["mentions-connections"]["data"]
    ours = {name: pod for name, pod in pods(whole).items() if name != "ner"}
    assert len(ours) > 10
    for pod in ours.values():
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


def test_pods_are_restricted_probed_and_bounded(whole: list[dict[str, Any]]) -> None:
    for name, pod in pods(whole).items():
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["automountServiceAccountToken"] is False
        for container in (*pod["containers"], *pod.get("initContainers", ())):
            assert container["securityContext"]["readOnlyRootFilesystem"] is True
            assert container["resources"]["limits"]["memory"]
            given = container.get("env", ())
            assert not any("password" in each["name"].lower() for each in given)
        if name in of(whole, "Deployment"):
            (container,) = pod["containers"]
            assert container["startupProbe"]["httpGet"]["path"] == "/health"
            if name == "ner":  # not ready and not healthy are one for it
                assert container["readinessProbe"]["httpGet"]["path"] == "/health"
                continue
            assert container["livenessProbe"]["httpGet"]["path"] == "/health"
            assert container["readinessProbe"]["httpGet"]["path"] == "/ready"


def test_every_stage_that_is_on_has_a_deployment(rendered: list[dict[str, Any]]) -> None:
    args = [pod["containers"][0]["args"] for pod in pods(rendered).values()]
    for stage in set(admin.STAGES) - {"refine"}:
        assert ["worker", "--stages", stage] in args


def test_what_is_over_is_deleted_each_day(rendered: list[dict[str, Any]]) -> None:
    (container,) = pods(rendered)["retention"]["containers"]
    assert container["args"] == ["retention", "--apply"]
    spec = of(rendered, "CronJob")["retention"]["spec"]
    assert re.fullmatch(r"\d+ \d+ \* \* \*", spec["schedule"])
    assert spec["concurrencyPolicy"] == "Forbid"
    assert spec["jobTemplate"]["spec"]["activeDeadlineSeconds"] < DAY


def test_enrich_alone_asks_the_sidecar(whole: list[dict[str, Any]]) -> None:
    policies = of(whole, "NetworkPolicy")
    (rule,) = policies["ner-answers-enrich"]["spec"]["ingress"]
    (asker,) = rule["from"]
    assert asker == {"podSelector": {"matchLabels": {"app.kubernetes.io/name": "enrich"}}}
    (port,) = of(whole, "Service")["ner"]["spec"]["ports"]
    assert rule["ports"] == [{"port": port["port"], "protocol": "TCP"}]
    (enrich,) = pods(whole)["enrich"]["containers"]
    given = {each["name"]: each["value"] for each in enrich["env"]}
    made = settings_of(given).enrichment
    assert (made.name_backend, made.corenlp) == ("corenlp", f"http://ner:{port['port']}")


def test_the_page_answers_what_speaks_tls_and_shows_its_metrics_to_prometheus_alone(
    whole: list[dict[str, Any]],
) -> None:
    (page,) = pods(whole)["page"]["containers"]
    ports = {each["name"]: each["containerPort"] for each in page["ports"]}
    given = settings_of({each["name"]: each["value"] for each in page["env"]}).page
    assert given.listen == f"0.0.0.0:{ports['page']}"
    service = of(whole, "Service")["page"]["spec"]
    labels = of(whole, "Deployment")["page"]["spec"]["template"]["metadata"]["labels"]
    assert service["selector"].items() <= labels.items()
    (port,) = service["ports"]
    assert port["targetPort"] == "page"
    (rule,) = of(whole, "NetworkPolicy")["the-page-answers-what-speaks-tls"]["spec"]["ingress"]
    assert rule["from"]
    assert rule["ports"] == [{"port": ports["page"], "protocol": "TCP"}]
    (watched,) = of(whole, "NetworkPolicy")["metrics"]["spec"]["ingress"]
    assert watched["ports"] == [{"port": ports["metrics"], "protocol": "TCP"}]


def test_each_pod_may_talk_to_what_it_needs_and_has_a_policy(whole: list[dict[str, Any]]) -> None:
    policies = [each["spec"]["podSelector"] for each in of(whole, "NetworkPolicy").values()]
    roles = {
        role
        for policy in policies
        for rule in policy.get("matchExpressions", ())
        for role in rule["values"]
    }
    for template in templates(whole).values():
        labels = template["metadata"]["labels"]
        named = {"matchLabels": {"app.kubernetes.io/name": labels["app.kubernetes.io/name"]}}
        assert labels["mentions/role"] in roles or named in policies
        assert labels["app.kubernetes.io/part-of"] == "mentions"


def test_agents_reach_the_world_and_nothing_private(rendered: list[dict[str, Any]]) -> None:
    (rule,) = of(rendered, "NetworkPolicy")["agents-reach-their-sources"]["spec"]["egress"]
    assert {443, MailConfig.model_fields["port"].default} <= {each["port"] for each in rule["ports"]}
    blocks = [each["ipBlock"] for each in rule["to"]]

    def reached(text: str) -> bool:
        address = ip_address(text)
        return any(
            address in ip_network(block["cidr"])
            and not any(address in ip_network(some) for some in block["except"])
            for block in blocks
        )

    for public in ("1.1.1.1", "2606:4700:4700::1111"):
        assert is_public(public)
        assert reached(public)
    for private in ("10.0.0.1", "172.20.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
                    "fd00:ec2::254", "fe80::1"):  # fmt: skip
        assert not is_public(private)
        assert not reached(private)


def test_what_is_pushed_comes_to_every_agent_from_what_speaks_tls(
    whole: list[dict[str, Any]],
) -> None:
    labels = templates(whole)["agent"]["metadata"]["labels"]
    service = of(whole, "Service")["push"]["spec"]
    policy = of(whole, "NetworkPolicy")["agents-take-what-is-pushed"]["spec"]
    assert service["selector"].items() <= labels.items()
    assert policy["podSelector"]["matchLabels"].items() <= labels.items()
    (port,) = service["ports"]
    (rule,) = policy["ingress"]
    assert rule["from"]
    assert rule["ports"] == [{"port": port["targetPort"], "protocol": "TCP"}]
    listen = PushConfig.model_fields["listen"].default
    assert listen.rpartition(":")[2] == str(port["targetPort"])


def test_what_stays_is_drained_one_by_one(whole: list[dict[str, Any]]) -> None:
    budgets = of(whole, "PodDisruptionBudget")
    for name, deployment in of(whole, "Deployment").items():
        wanted = deployment["spec"]["selector"]["matchLabels"]
        assert budgets[name]["spec"]["selector"]["matchLabels"] == wanted
        assert budgets[name]["spec"]["maxUnavailable"] == 1
