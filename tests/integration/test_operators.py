"""The operators' own definitions take what is written for KEDA, Strimzi and ECK."""

import os
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from tests.support.deploy import ROOT, rendered
from tests.support.operators import definitions

FOLDER = ROOT / "deploy" / "kubernetes"
META = {"type": "object"}
WANTED = {
    ("keda.sh/v1alpha1", "ScaledObject"),
    ("kafka.strimzi.io/v1", "Kafka"),
    ("kafka.strimzi.io/v1", "KafkaNodePool"),
    ("elasticsearch.k8s.elastic.co/v1", "Elasticsearch"),
    ("kibana.k8s.elastic.co/v1", "Kibana"),
}


def resources(folder: Path) -> list[dict[str, Any]]:
    """All that the example and every component make together."""
    where = {name: os.path.relpath(FOLDER / name, folder) for name in ("overlays/example",)}
    parts = [os.path.relpath(path.parent, folder) for path in FOLDER.glob("components/*/kust*")]
    parts = [part for part in parts if not part.endswith("keda")]  # in the example already
    body = {"resources": [*where.values()], "components": parts}
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(body), "utf-8")
    return rendered(folder)


def test_operators_take_everything(tmp_path: Path) -> None:
    known = definitions(tmp_path)
    folder = tmp_path / "all"
    folder.mkdir()
    seen = set()
    for each in resources(folder):
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
