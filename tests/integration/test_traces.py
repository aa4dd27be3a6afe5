"""One trace from the agent to the index, and through the dead letters and back."""

import json
from typing import Any

from pipeline.reader import records
from schemas.headers import first
from tests.support.collector import Collector
from tests.support.installation import Installation

ROWS = [{"id": str(number), "text": "Der Bus kommt"} for number in range(3)]


def read(installation: Installation, topic: str) -> list[Any]:
    settings = installation.settings
    return list(records(settings, f"{settings.kafka.prefix}mentions.{topic}"))


def _page(record: Any) -> tuple[str, str]:
    """The trace and span that a message names."""
    _, trace, span, _ = (first(record.headers, "traceparent") or b"").decode().split("-")
    return trace, span


def test_a_trace_leads_from_the_agent_to_the_index(installation: Installation) -> None:
    rows = "".join(json.dumps(row) + "\n" for row in [*ROWS, {"id": "bad", "text": 7}])
    (installation.folder / "some.jsonl").write_text(rows, "utf-8")
    installation.configure(
        """
[[sources]]
type = "files"
name = "some"
paths = ["some.jsonl"]
defaults = { channel = "forum" }
"""
    )
    installation.run("topics", "create")
    installation.run("index", "apply")
    with Collector() as collector:
        installation.env |= {
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
            "OTEL_BSP_SCHEDULE_DELAY": "200",
        }
        workers = [installation.start("worker", "--stages", name) for name in ("enrich", "index")]
        installation.run("agent", "--once")
        installation.wait(lambda: installation.count() == len(ROWS), "the mentions in the index")
        for worker in workers:
            assert installation.stop(worker) == 0
        spans = {span.name: span for span in collector.spans}
    assert set(spans) == {"collect", "enrich", "index"}
    page = spans["collect"]
    for name in ("enrich", "index"):
        assert spans[name].trace_id == page.trace_id
        assert spans[name].parent_span_id == page.span_id
        assert spans[name].start_time_unix_nano >= page.start_time_unix_nano
    stated = (page.trace_id.hex(), page.span_id.hex())
    for topic in ("raw", "enriched", "dead-letter"):
        assert {_page(record) for record in read(installation, topic)} == {stated}, topic
    installation.run("dead", "replay")
    (back,) = [r for r in read(installation, "raw") if first(r.headers, "dlq_replays") == b"1"]
    assert _page(back) == stated
