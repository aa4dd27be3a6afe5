"""The pages leave out no topic and no stage."""

import re
from pathlib import Path

from pipeline.admin import STAGES
from schemas import topics

DOCS = Path(__file__).parents[3] / "docs"
NAMES = {topic.name.removeprefix("mentions.") for topic in topics.TABLE} | {"routed.<team>"}


def section(page: str, heading: str) -> str:
    text = (DOCS / page).read_text(encoding="utf-8")
    return text.partition(f"## {heading}\n")[2].partition("\n## ")[0]


def test_somebody_has_rights_to_each_topic_and_each_stage_has_some() -> None:
    rights = section("security.md", "Rights")
    assert set(re.findall(r"`([a-z.<>-]+)`", rights)) >= NAMES
    for stage, topic in STAGES.items():
        (row,) = re.findall(
            rf"^\|[^|]*`{stage}` (\|.*\| `mentions-{stage}` \|)$", rights, re.MULTILINE
        )
        assert f"`{topic.name.removeprefix('mentions.')}`" in row.split("|")[1]


def test_consumers_are_told_of_each_topic_whether_it_is_promised() -> None:
    said = section("consumer.md", "Topics")
    promised = set(re.findall(r"^\| `mentions\.([^`]+)` \|", said, re.MULTILINE))
    listed = re.search(r"lists \(([^)]+)\) are\s+the pipeline's own", said)
    assert listed
    own = set(re.findall(r"`([^`]+)`", listed[1]))
    assert not promised & own
    assert promised | own == NAMES
