"""kill -9 at any moment: every id is in the index exactly once, none is missing."""

import json
import random
from datetime import UTC, datetime, timedelta

from tests.support.installation import Installation

CONFIG = """
[[sources]]
type = "files"
name = "load"
paths = ["{path}"]
every = 0.5
columns = {{ id = "id", text = "text", published_at = "at" }}
defaults = {{ channel = "forum" }}

[[watchlist]]
topic = "Lüftung"
kind = "theme"
terms = ["Lüftung"]
"""

MENTIONS = 6_000


def test_killed_workers_and_agents_lose_and_double_nothing(installation: Installation) -> None:
    chance = random.Random(20)
    path = installation.folder / "load.jsonl"
    start = datetime(2026, 1, 1, tzinfo=UTC)
    words = ["die", "Lüftung", "läuft", "wieder", "ruhig", "seit", "der", "Techniker", "da", "war"]
    with path.open("w", encoding="utf-8") as file:
        for number in range(MENTIONS):
            row = {
                "id": f"n{number}",
                "text": " ".join(chance.choices(words, k=20)),
                # Over three months, so that several indices are written.
                "at": (start + timedelta(minutes=20 * number)).isoformat(),
            }
            file.write(json.dumps(row) + "\n")
    installation.configure(CONFIG.format(path=path))

    agent = installation.start("agent")
    worker = installation.start("worker", "--stages", "enrich,index")
    kills = 0
    for share in (0.02, 0.2, 0.4, 0.6):
        installation.wait(lambda share=share: installation.count() > share * MENTIONS, f"{share}")  # type: ignore[misc]
        if installation.count() < MENTIONS:
            kills += 1
        installation.kill(worker)
        installation.kill(agent)
        worker = installation.start("worker", "--stages", "enrich,index")
        agent = installation.start("agent")
    assert kills, "everything was through before the first kill: the test showed nothing"

    installation.wait(lambda: installation.count() >= MENTIONS, "every mention in the index")
    documents = installation.documents()
    assert {document["text"] != "" for document in documents.values()} == {True}
    assert sorted(documents) == sorted(f"files:n{number}" for number in range(MENTIONS))
    assert installation.tail("dead") == []
    assert installation.stop(worker) == 0
