"""The commands that the README tells to type, typed."""

import json
import re

import pytest

from tests.e2e.conftest import HERE, Checkout


def block(heading: str) -> list[str]:
    """The indented lines under a heading of the README, one string a block."""
    text = (HERE / "README.md").read_text(encoding="utf-8")
    section = text.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return [
        re.sub("^    ", "", found[0], flags=re.MULTILINE)
        for found in re.finditer(r"(?:^    .*\n)+", section, re.MULTILINE)
    ]


@pytest.mark.alone  # beside the demo, whose checkout it uses
@pytest.mark.timeout(900)
def test_the_commands_to_use_it_work_in_their_order(checkout: Checkout) -> None:
    use, enrich = block("Use it")
    checkout.run("make setup")
    output = checkout.run(f"{use}\nkill %1 %2\nwait")
    assert "PROBLEM" not in output
    assert "Traceback" not in output

    checkout.env["MENTIONS_PUSH_TOKEN"] = "change-me"  # noqa: S105 - the README's example
    lines = checkout.run(". .venv/bin/activate; mentions status --json").splitlines()
    rows = [json.loads(line) for line in lines]
    assert {row["name"] for row in rows if row.get("healthy")} == {"Kafka", "Elasticsearch"}
    assert {row["stage"] for row in rows if "stage" in row} >= {"enrich", "index", "route"}

    (line,) = checkout.run(f". .venv/bin/activate; {enrich}").splitlines()
    found = json.loads(line)
    assert found["language"]["code"] == "de"
    assert found["sentiment"]["by"]["name"]
    assert "Elasticsearch" in checkout.run(". .venv/bin/activate; mentions down")


def test_make_help_lists_every_target() -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (HERE / "Makefile").read_text(), re.MULTILINE))
    documented = set(
        re.findall(r"^([a-z0-9-]+):.*## ", (HERE / "Makefile").read_text(), re.MULTILINE)
    )
    assert targets == documented
