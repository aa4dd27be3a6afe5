"""Spans from the agent to the index, where ``OTEL_EXPORTER_OTLP_ENDPOINT`` names a collector.

Nothing is traced without it. A page that an agent publishes is a trace: its span is ``collect``,
and the header ``traceparent`` (W3C trace context) of each of its messages names it. Stages pass
that header on, into dead letters and back, too; a batch that is settled adds one span to each page
that it has messages of, a child of ``collect``, named after the stage. So what it costs goes by
pages and batches, not by messages. Spans are sent beside the work; what no collector takes is
dropped.

OpenTelemetry's own variables say the rest: which share (``OTEL_TRACES_SAMPLER``), which headers.
"""

import os
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, Final, Protocol

from agents.errors import AgentError
from schemas.headers import Headers, first

__all__ = ["HEADER", "Exported", "Headed", "Traces", "traces"]

HEADER: Final = "traceparent"
_SWITCHES: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_EXPORT_WITHIN: Final = 5.0  # seconds; the end of a process may wait for the last ones


class Headed(Protocol):
    """A message that was read."""

    @property
    def headers(self) -> Headers: ...  # noqa: D102 - Kafka's own word


class Traces:
    """Traces nothing."""

    @contextmanager
    def collecting(self, source: str) -> Iterator[Headers]:  # noqa: ARG002 - said where it is used
        """Publish a page of a source; yields the headers that its messages get besides."""
        yield ()

    def settled(self, stage: str, batch: Sequence[Headed], since: int) -> None:
        """Say that a stage is done with a batch.

        Args:
            stage: which.
            batch: its messages.
            since: nanoseconds since 1970 at its beginning.
        """


class Exported(Traces):
    """Spans for a collector.

    Raises:
        ImportError: OpenTelemetry is not installed.
    """

    def __init__(self) -> None:
        from opentelemetry import trace  # noqa: PLC0415 - an extra
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415
            OTLPSpanExporter,
        )
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
        from opentelemetry.trace.propagation.tracecontext import (  # noqa: PLC0415
            TraceContextTextMapPropagator,
        )

        self._trace = trace
        self._context = TraceContextTextMapPropagator()
        service = os.environ.get("OTEL_SERVICE_NAME", "mentions")
        # It sends what is left when the process ends.
        self.provider = TracerProvider(resource=Resource.create({"service.name": service}))
        exporter = OTLPSpanExporter(timeout=_EXPORT_WITHIN)
        self.provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self.provider.get_tracer("mentions")

    @contextmanager
    def collecting(self, source: str) -> Iterator[Headers]:
        """See ``Traces``; an exception ends the span as failed."""
        kind = self._trace.SpanKind.PRODUCER
        attributes = {"mentions.source": source}
        with self._tracer.start_as_current_span("collect", kind=kind, attributes=attributes):
            carried: dict[str, str] = {}
            self._context.inject(carried)
            yield [(name, value.encode()) for name, value in carried.items()]

    def settled(self, stage: str, batch: Sequence[Headed], since: int) -> None:
        """See ``Traces``; one span a page."""
        pages = Counter(first(message.headers or (), HEADER) for message in batch)
        now = time.time_ns()
        for page, number in pages.items():
            if page is None:
                continue
            context: Any = self._context.extract({HEADER: page.decode(errors="replace")})
            if not self._trace.get_current_span(context).get_span_context().is_valid:
                continue
            span = self._tracer.start_span(
                stage,
                context,
                kind=self._trace.SpanKind.CONSUMER,
                start_time=since,
                attributes={"messaging.batch.message_count": number},
            )
            span.end(now)


@cache
def traces() -> Traces:
    """Those of this process.

    Raises:
        AgentError: a collector is named, and OpenTelemetry is not installed.
    """
    if not any(os.environ.get(name) for name in _SWITCHES):
        return Traces()
    try:
        return Exported()
    except ImportError as error:
        msg = "traces need OpenTelemetry: pip install 'mention-pipeline[traces]'"
        raise AgentError(msg) from error
