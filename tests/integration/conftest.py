"""An installation of its own for each test: topics, groups and indices under a unique prefix."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.settings import Settings
from tests.support.installation import Installation


@pytest.fixture
def installation(tmp_path: Path, settings: Settings, unique: str) -> Iterator[Installation]:
    made = Installation(tmp_path, settings, unique)
    try:
        made.prepare()
        yield made
    finally:
        made.close()
