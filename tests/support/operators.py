"""What operators' custom resources may look like, from where the operators publish it.

KEDA's and ECK's definitions lie in their Go modules, Strimzi's are made by its own generator from
its API, which is on Maven Central. None of them is kept here: each is fetched as it is released.
"""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml
from rich.progress import Progress

from pipeline.stack.artifacts import jars
from pipeline.stack.java import find
from tests.support.programs import needed

__all__ = ["definitions", "strict"]

_GO: Final = {
    "github.com/kedacore/keda/v2@v2.20.2": "config/crd/bases",
    "github.com/elastic/cloud-on-k8s/v3@v3.5.0": "config/crds/v1/resources",
}
_STRIMZI: Final = "1.2.0"
_KINDS: Final = {
    "Kafka": "io.strimzi.api.kafka.model.kafka.Kafka",
    "KafkaNodePool": "io.strimzi.api.kafka.model.nodepool.KafkaNodePool",
    "KafkaUser": "io.strimzi.api.kafka.model.user.KafkaUser",
}


def definitions(folder: Path) -> dict[tuple[str, str], dict[str, Any]]:
    """JSON Schemas by ``apiVersion`` and ``kind``.

    Args:
        folder: where what is made may lie.
    """
    files = [*_of_go(), *_of_strimzi(folder)]
    return {
        (f"{crd['spec']['group']}/{version['name']}", crd["spec"]["names"]["kind"]): strict(
            version["schema"]["openAPIV3Schema"]
        )
        for file in files
        for crd in yaml.safe_load_all(file.read_text("utf-8"))
        if crd and crd["kind"] == "CustomResourceDefinition"
        for version in crd["spec"]["versions"]
        if version["served"]
    }


def _of_go() -> Iterator[Path]:
    for module, folder in _GO.items():
        done = subprocess.run(
            [needed("go", "install Go (Debian: golang-go)"), "mod", "download", "-json", module],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "GOFLAGS": "-mod=mod", "GOTOOLCHAIN": "local"},
        )
        assert done.returncode == 0, done.stdout + done.stderr
        yield from Path(json.loads(done.stdout)["Dir"], folder).glob("*_*.yaml")


def _of_strimzi(folder: Path) -> Iterator[Path]:
    with Progress(disable=True) as progress:
        coordinates = ["io.strimzi:crd-generator", "io.strimzi:api"]
        programs = jars("strimzi-crds", _STRIMZI, coordinates, progress)
    made = {folder / f"{kind}.yaml": name for kind, name in _KINDS.items()}
    main = [str(find().home / "bin" / "java"), "-cp", f"{programs}/*"]
    wanted = [f"{name}={file}" for file, name in made.items()]
    done = subprocess.run(
        [*main, "io.strimzi.crdgenerator.CrdGenerator", "--yaml", *wanted],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    yield from made


def strict(schema: Any) -> Any:
    """A structural schema that refuses fields it does not know; Kubernetes drops them silently."""
    if isinstance(schema, list):
        return [strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    made = {name: strict(value) for name, value in schema.items()}
    open_ = "additionalProperties" in made or made.get("x-kubernetes-preserve-unknown-fields")
    if isinstance(made.get("properties"), dict) and made.get("type") == "object" and not open_:
        made["additionalProperties"] = False
    if made.pop("x-kubernetes-int-or-string", False):
        made.pop("type", None)
        made["anyOf"] = [{"type": "integer"}, {"type": "string"}]
    return made
