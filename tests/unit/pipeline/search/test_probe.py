from typing import Any

from pipeline.search.probe import common


def node(version: str, modules: list[str], plugins: list[str]) -> dict[str, Any]:
    return {
        "version": version,
        "modules": [{"name": name} for name in modules],
        "plugins": [{"name": name} for name in plugins],
    }


def test_a_cluster_can_what_every_node_can() -> None:
    found = common(
        [
            node("9.10.0", ["analysis-common", "reindex"], ["analysis-icu"]),
            node("9.9.1", ["analysis-common", "x-pack-ilm"], ["analysis-icu"]),
        ]
    )
    assert found.version == "9.9.1"
    assert found.analysis
    assert found.icu
    assert not found.by_query
    assert not found.lifecycle
