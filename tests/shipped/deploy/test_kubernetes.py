import re
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from agents.mail import MailConfig
from agents.network import is_public
from agents.push import PushConfig
from pipeline import admin
from pipeline.settings import Kafka
from schemas import topics
from tests.support import deploy, watched
from tests.support.deploy import ROOT, known_variable, settings_of, takes

EXAMPLE = ROOT / "deploy" / "kubernetes" / "overlays" / "example"
STAGES = {"enrich": topics.RAW, "index": topics.ENRICHED, "route": topics.ENRICHED}
DAY = 86_400
GIVEN = "0123456789abcdef"
OTHERS = {
    "ScaledObject",
    "TriggerAuthentication",
    "Kafka",
    "KafkaNodePool",
    "KafkaUser",
    "Elasticsearch",
    "Kibana",
}
"""Kinds that operators bring; Kubernetes has no schema for them."""

pytestmark = pytest.mark.timeout(300)  # where neither kubectl nor kustomize is, it is built


@pytest.fixture(scope="module")
def rendered() -> list[dict[str, Any]]:
    """The example as it is shipped."""
    return deploy.rendered(EXAMPLE)


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


def environment(rendered: list[dict[str, Any]], container: dict[str, Any]) -> dict[str, str]:
    """What a container is given; a secret's content stands for itself."""
    made: dict[str, str] = {}
    for each in container.get("envFrom", ()):
        made |= of(rendered, "ConfigMap")[each["configMapRef"]["name"]]["data"]
    for each in container.get("env", ()):
        made[each["name"]] = each.get("value", GIVEN)
    return made


def containers(pod: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in (*pod["containers"], *pod.get("initContainers", ()))}


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
    ours = {name: pod for name, pod in pods(whole).items() if name != "ner"}
    assert len(ours) > 10
    for pod in ours.values():
        for container in containers(pod).values():
            takes(container["args"])
            given = environment(whole, container)
            assert {name for name in given if not known_variable(name)} == set()
            settings_of(given)


def test_the_example_names_one_image_for_all_that_run_our_program(
    whole: list[dict[str, Any]],
) -> None:
    (chosen,) = yaml.safe_load((EXAMPLE / "kustomization.yaml").read_text("utf-8"))["images"]
    images = {
        container["image"]
        for name, pod in pods(whole).items()
        if name != "ner"
        for container in containers(pod).values()
    }
    assert images == {f"{chosen['newName']}:{chosen['newTag']}"}


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
        for container in containers(pod).values():
            assert container["securityContext"]["readOnlyRootFilesystem"] is True
            assert container["resources"]["limits"]["memory"]
            for each in container.get("env", ()):
                secret = re.search("PASSWORD|ACCOUNT_|API_KEY|SALT", each["name"])
                assert ("valueFrom" in each) == bool(secret)
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


def test_a_loop_that_is_always_there_is_missed_when_it_is_gone() -> None:
    base = pods(deploy.rendered(EXAMPLE.parents[1] / "base"))
    loops = {name for name, pod in base.items() if "--port" in pod["containers"][0]["args"]}
    (rule,) = (rule for rule in watched.RULES if rule["alert"] == "MentionsLoopsGone")
    named = re.findall(r'absent\(mentions_turned_timestamp_seconds{loop="(\w+)"}\)', rule["expr"])
    assert loops == set(named) != set()


def test_what_is_over_is_deleted_each_day(rendered: list[dict[str, Any]]) -> None:
    (container,) = pods(rendered)["retention"]["containers"]
    assert container["args"] == ["retention", "--apply"]
    spec = of(rendered, "CronJob")["retention"]["spec"]
    assert re.fullmatch(r"\d+ \d+ \* \* \*", spec["schedule"])
    assert spec["concurrencyPolicy"] == "Forbid"
    assert spec["jobTemplate"]["spec"]["activeDeadlineSeconds"] < DAY


def test_who_enriches_and_nobody_else_asks_the_sidecar(whole: list[dict[str, Any]]) -> None:
    policies = of(whole, "NetworkPolicy")
    (rule,) = policies["ner-answers-who-enriches"]["spec"]["ingress"]
    (asker,) = rule["from"]
    (names,) = asker["podSelector"]["matchExpressions"]
    assert names == {
        "key": "app.kubernetes.io/name", "operator": "In", "values": ["enrich", "page"]
    }  # fmt: skip
    assert policies["who-enriches-asks-ner"]["spec"]["podSelector"] == asker["podSelector"]
    (port,) = of(whole, "Service")["ner"]["spec"]["ports"]
    assert rule["ports"] == [{"port": port["port"], "protocol": "TCP"}]
    for name in names["values"]:
        (container,) = pods(whole)[name]["containers"]
        made = settings_of({each["name"]: each["value"] for each in container["env"]}).enrichment
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


def test_with_operators_all_talk_by_tls_and_show_who_they_are(whole: list[dict[str, Any]]) -> None:
    (listener,) = of(whole, "Kafka")["mentions"]["spec"]["kafka"]["listeners"]
    assert (listener["tls"], listener["authentication"]) == (True, {"type": "tls"})
    bootstrap = f"mentions-kafka-bootstrap:{listener['port']}"
    user = of(whole, "KafkaUser")["pipeline"]
    assert user["spec"]["authentication"] == listener["authentication"]
    for name, pod in pods(whole).items():
        if name == "ner":
            continue
        files = provided(pod, "certificates")
        for container in containers(pod).values():
            made = settings_of(environment(whole, container))
            mounts = {each["name"]: each["mountPath"] for each in container["volumeMounts"]}
            named: list[Path | None] = []
            if container["args"][0] == "kibana":
                assert made.kibana.url == "https://mentions-kb-http:5601"
                named += [made.kibana.ca_file]
            else:
                assert (made.kafka.bootstrap, made.kafka.security) == (bootstrap, "SSL")
                assert made.elasticsearch.url == "https://mentions-es-http:9200"
                kafka, search = made.kafka, made.elasticsearch
                named += [kafka.ca_file, kafka.cert_file, kafka.key_file, search.ca_file]
            assert {str(file) for file in named} <= {
                f"{mounts['certificates']}/{file}" for file in files
            }
    assert files["pipeline.key"] == (user["metadata"]["name"], "user.key")
    (policy,) = of(whole, "NetworkPolicy")["setup-reaches-kibana"]["spec"]["egress"]
    assert policy["ports"] == [{"port": 5601, "protocol": "TCP"}]


def provided(pod: dict[str, Any], volume: str) -> dict[str, tuple[str, str]]:
    """The files of a projected volume, and which secret and key each is."""
    (found,) = (each["projected"] for each in pod["volumes"] if each["name"] == volume)
    return {
        item["path"]: (source["secret"]["name"], item["key"])
        for source in found["sources"]
        for item in source["secret"]["items"]
    }


def test_with_operators_accounts_are_made_with_the_passwords_that_are_used(
    whole: list[dict[str, Any]],
) -> None:
    setup = pods(whole)["setup"]
    apply = containers(setup)["roles"]
    passwords = {
        each["name"]: each["valueFrom"]["secretKeyRef"]
        for each in apply["env"]
        if each["name"].startswith("MENTIONS_ACCOUNT_")
    }
    used = set()
    for name in ("index", "archive", "record", "people", "retention"):
        (pod, container) = (pods(whole)[name], containers(pods(whole)[name])[name])
        account = environment(whole, container)["MENTIONS_ELASTICSEARCH__USERNAME"]
        used.add(f"MENTIONS_ACCOUNT_{account.removeprefix('mentions_').upper()}")
        made = passwords[f"MENTIONS_ACCOUNT_{account.removeprefix('mentions_').upper()}"]
        (secrets,) = (each["secret"] for each in pod["volumes"] if each["name"] == "secrets")
        assert made == {"name": secrets["secretName"], "key": "elasticsearch__password"}
    assert used == {"MENTIONS_ACCOUNT_INDEXER", "MENTIONS_ACCOUNT_KEEPER"}
    (own,) = (each["secret"] for each in setup["volumes"] if each["name"] == "secrets")
    assert own["secretName"] == "mentions-es-elastic-user"
    for item in own["items"]:
        table, _, key = item["path"].partition("__")
        assert key in type(getattr(settings_of({}), table)).model_fields
    for each in containers(setup).values():
        given = environment(whole, each)
        table = {"kibana": "KIBANA", "topics": None}.get(each["args"][0], "ELASTICSEARCH")
        assert table is None or given[f"MENTIONS_{table}__USERNAME"] == "elastic"


def test_operators_are_told_what_the_namespace_asks_of_pods(whole: list[dict[str, Any]]) -> None:
    level = of(whole, "Namespace")["mentions"]["metadata"]["labels"]
    assert level["pod-security.kubernetes.io/enforce"] == "restricted"
    kafka = of(whole, "Kafka")["mentions"]["spec"]
    broker, user = kafka["kafka"]["template"], kafka["entityOperator"]["template"]
    assert set(kafka["entityOperator"]) == {"userOperator", "template"}
    kibana = of(whole, "Kibana")["mentions"]["spec"]["podTemplate"]["spec"]["securityContext"]
    for pod in (broker["pod"]["securityContext"], user["pod"]["securityContext"], kibana):
        assert pod["runAsNonRoot"] is True
        assert pod["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in (broker["kafkaContainer"], user["userOperatorContainer"]):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
        }


def test_keda_asks_the_same_kafka(
    rendered: list[dict[str, Any]], whole: list[dict[str, Any]]
) -> None:
    (index,) = pods(rendered)["index"]["containers"]
    plain = settings_of(environment(rendered, index)).kafka.bootstrap
    (index,) = pods(whole)["index"]["containers"]
    secured = settings_of(environment(whole, index)).kafka.bootstrap
    for found, bootstrap in ((rendered, plain), (whole, secured)):
        host, _, port = bootstrap.partition(":")
        for scaled in of(found, "ScaledObject").values():
            (trigger,) = scaled["spec"]["triggers"]
            # It runs in a namespace of its own.
            assert trigger["metadata"]["bootstrapServers"] == f"{host}.mentions.svc:{port}"
            assert (trigger["metadata"].get("tls") == "enable") == (found is whole)
    shown = of(whole, "TriggerAuthentication")[trigger["authenticationRef"]["name"]]
    files = provided(pods(whole)["index"], "certificates")
    assert {
        each["parameter"]: (each["name"], each["key"]) for each in shown["spec"]["secretTargetRef"]
    } == {
        "ca": files["kafka-ca.crt"],
        "cert": files["pipeline.crt"],
        "key": files["pipeline.key"],
    }


def test_agents_reach_the_world_and_nothing_private(rendered: list[dict[str, Any]]) -> None:
    (rule,) = of(rendered, "NetworkPolicy")["agents-reach-their-sources"]["spec"]["egress"]
    assert {443, MailConfig.model_fields["port"].default} <= {
        each["port"] for each in rule["ports"]
    }
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
