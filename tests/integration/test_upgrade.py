"""Workers are replaced one by one by others that find something else: nothing is lost."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta

from tests.support.installation import Installation

CHUNK = 2_000
CONFIG = """
[[sources]]
type = "files"
name = "load"
paths = ["{path}"]
every = 0.5
columns = {{ id = "id", text = "text", published_at = "at" }}
defaults = {{ channel = "forum" }}
"""
BACKEND = "MENTIONS_ENRICHMENT__LANGUAGE_BACKEND"


def test_two_versions_of_a_worker_share_a_group(installation: Installation) -> None:
    path = installation.folder / "load.jsonl"
    installation.configure(CONFIG.format(path=path))
    written = 0

    def more() -> None:
        nonlocal written
        with path.open("a", encoding="utf-8") as file:
            for number in range(written, written + CHUNK):
                file.write(json.dumps(row(number)) + "\n")
        written += CHUNK

    more()
    installation.env[BACKEND] = "eldc"
    old = [installation.start("worker", "--stages", "enrich") for _ in range(2)]
    installation.start("worker", "--stages", "index")
    installation.start("agent")
    installation.wait(lambda: installation.count() > 50, "the first mentions")

    installation.env[BACKEND] = "langdetect"  # the new version
    for process in old:
        more()
        assert installation.stop(process) == 0, installation.log(process)
        installation.start("worker", "--stages", "enrich")
        before = installation.count()
        more()
        installation.wait(lambda before=before: installation.count() > before + 50, "more of them")  # type: ignore[misc]

    installation.wait(lambda: installation.count() >= written, "every mention in the index")
    documents = installation.documents()
    assert sorted(documents) == sorted(f"files:n{number}" for number in range(written))
    by = Counter(document["language"]["by"]["name"] for document in documents.values())
    assert by.keys() == {"eldc", "langdetect"}, by
    assert installation.tail("dead") == []


def row(number: int) -> dict[str, str]:
    said = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=number)
    text = f"Die Lüftung läuft seit Tag {number} wieder ruhig."
    return {"id": f"n{number}", "text": text, "at": said.isoformat()}
