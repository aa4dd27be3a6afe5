"""The counters of a worker process, under Prometheus' own conventions.

Every stage counts what it received, sent, rejected and retried, and how long batches took; lag and
the age of the last commit are gauges. They are served where
``worker.port`` is set, see ``pipeline.health``; those of channels by ``mentions alerts notify``,
that of the page by ``mentions page``.
"""

from prometheus_client import Counter, Gauge, Histogram

__all__ = [
    "BATCH_SECONDS",
    "CHANNEL_FAILURES",
    "CHANNEL_LOST",
    "LAG",
    "PAGE_ANSWERS",
    "PROGRESS_AGE",
    "RECEIVED",
    "REJECTED",
    "RETRIED",
    "SENT",
    "TURNED",
]

RECEIVED = Counter("mentions_received", "Messages taken from the source topic.", ["stage"])
SENT = Counter("mentions_sent", "Messages confirmed by the broker.", ["stage", "topic"])
REJECTED = Counter("mentions_rejected", "Messages dead-lettered.", ["stage", "error"])
RETRIED = Counter("mentions_retried", "Times that a message was tried again.", ["stage"])
BATCH_SECONDS = Histogram(
    "mentions_batch_seconds",
    "From taking a batch to acknowledging it.",
    ["stage"],
    buckets=(0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300),
)
LAG = Gauge("mentions_lag", "Messages in owned partitions not yet committed.", ["stage"])
PROGRESS_AGE = Gauge("mentions_progress_age_seconds", "Since lag last shrank or was 0.", ["stage"])
TURNED = Gauge(
    "mentions_turned_timestamp_seconds",
    "When the loop last came round; before it has caught up, when it began.",
    ["loop"],
)
CHANNEL_FAILURES = Gauge(
    "mentions_channel_failures", "Attempts in vain since the channel took something.", ["channel"]
)
CHANNEL_LOST = Gauge("mentions_channel_lost", "Alerts and stories it never took.", ["channel"])
PAGE_ANSWERS = Counter("mentions_page_answers", "Answers of the page for corrections.", ["status"])
