import sys
from collections.abc import Iterator

import pytest
from msgspec import Struct

from agents.errors import AgentError
from agents.traces import HEADER, Exported, Traces, traces
from schemas.headers import Headers
from tests.support.collector import Collector


class Message(Struct):
    headers: Headers


@pytest.fixture(autouse=True)
def anew() -> Iterator[None]:
    traces.cache_clear()
    yield
    traces.cache_clear()


def test_nothing_is_traced_unless_a_collector_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    assert type(traces()) is Traces
    with traces().collecting("press") as given:
        assert list(given) == []


def test_a_batch_adds_a_span_to_each_page_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with Collector() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        made = traces()
        assert isinstance(made, Exported)
        with made.collecting("press") as first:
            pass
        with made.collecting("blogs") as second:
            pass
        foreign: Headers = [(HEADER, b"\xff not one")]
        batch = [Message(headers) for headers in (first, first, second, [], foreign)]
        made.settled("enrich", batch, 1)
        made.provider.shutdown()
    pages = {span.span_id: span for span in collector.spans if span.name == "collect"}
    stages = [span for span in collector.spans if span.name == "enrich"]
    assert len(pages) == len(stages) == 2
    for span in stages:
        page = pages[span.parent_span_id]
        assert span.trace_id == page.trace_id
        number = {each.key: each.value.int_value for each in span.attributes}
        source = {each.key: each.value.string_value for each in page.attributes}["mentions.source"]
        assert number["messaging.batch.message_count"] == {"press": 2, "blogs": 1}[source]


def test_what_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(AgentError, match=r"mention-pipeline\[traces\]"):
        traces()
