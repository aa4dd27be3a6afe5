"""The short form of ``make faults``: every fault once, on servers of its own."""

from pathlib import Path

import pytest

from pipeline.stack import spare
from tests.faults.harness import run


@pytest.mark.timeout(900)
def test_every_fault_once_loses_doubles_and_ages_nothing(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)  # Elasticsearch runs as another user
    report = run(spare(tmp_path / "data"), tmp_path, faults=15, mentions=5_000, together=5, seed=3)
    assert report.injected >= 15
    assert report.sent >= 5_000
    assert sum(row.injected > 0 for row in report.rows) >= 15
    assert report.verdict.good, report.verdict
