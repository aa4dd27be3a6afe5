"""The operators' own definitions take what is written for KEDA, Strimzi and ECK."""

from pathlib import Path

import jsonschema
import pytest

from tests.support.deploy import everything
from tests.support.operators import definitions

META = {"type": "object"}
WANTED = {
    ("keda.sh/v1alpha1", "ScaledObject"),
    ("keda.sh/v1alpha1", "TriggerAuthentication"),
    ("kafka.strimzi.io/v1", "Kafka"),
    ("kafka.strimzi.io/v1", "KafkaNodePool"),
    ("kafka.strimzi.io/v1", "KafkaUser"),
    ("elasticsearch.k8s.elastic.co/v1", "Elasticsearch"),
    ("kibana.k8s.elastic.co/v1", "Kibana"),
}


def test_operators_take_everything(tmp_path: Path) -> None:
    known = definitions(tmp_path)
    folder = tmp_path / "all"
    folder.mkdir()
    seen = set()
    for each in everything(folder):
        kind = each["apiVersion"], each["kind"]
        if kind not in known:
            group = each["apiVersion"].partition("/")[0]
            assert "." not in group or group.endswith(".k8s.io"), kind
            continue
        seen.add(kind)
        schema = known[kind] | {"properties": known[kind]["properties"] | {"metadata": META}}
        jsonschema.Draft4Validator(schema).validate(each)
        broken = {**each, "spec": {**each["spec"], "replica": 3}}
        with pytest.raises(jsonschema.ValidationError, match="replica"):
            jsonschema.Draft4Validator(schema).validate(broken)
    assert seen == WANTED
