"""The counters of an agent process, under Prometheus' own conventions.

They are served where ``agent.port`` is set, see ``agents.health``.
"""

from prometheus_client import Counter, Gauge

__all__ = [
    "COMPLETE",
    "DARK",
    "ERRORS",
    "LIMITED",
    "OWNED",
    "POLLS",
    "PUBLISHED",
    "RECEIVED",
    "REJECTED",
    "UNCHANGED",
    "let_go",
]

POLLS = Counter("mentions_source_polls", "Polls, failed ones included.", ["source"])
RECEIVED = Counter("mentions_source_received", "Items read.", ["source"])
PUBLISHED = Counter(
    "mentions_source_published", "Mentions and deletions confirmed by the broker.", ["source"]
)
UNCHANGED = Counter("mentions_source_unchanged", "Items that were published already.", ["source"])
REJECTED = Counter("mentions_source_rejected", "Items dead-lettered.", ["source"])
ERRORS = Counter("mentions_source_errors", "Failed polls.", ["source", "error"])
LIMITED = Counter("mentions_source_limited_seconds", "Asked to wait by platforms.", ["source"])
COMPLETE = Gauge(
    "mentions_source_complete_timestamp_seconds", "Everything until then is published.", ["source"]
)
DARK = Gauge("mentions_source_dark", "1 when two expected polls were missed.", ["source"])
OWNED = Gauge("mentions_sources_owned", "Sources that this process reads.")


def let_go(source: str) -> None:
    """Say no more how a source is: another process reads it now, and may say otherwise."""
    for gauge in (COMPLETE, DARK):
        gauge.remove(source)
