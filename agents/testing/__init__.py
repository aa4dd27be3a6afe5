"""What a source must keep to, as tests to inherit: for the sources here and for those of plugins.

``SourceContract`` is for every source that is asked, ``PlatformContract`` for those that ask a
platform's API: a loopback server answers in the platform's documented shapes, and in every way that
goes wrong. The others are added where a platform has what they are about; ``StreamContract`` is for
those that also listen. ``docs/plugin.md`` shows
a source of another package with its tests. Needs pytest.
"""

from agents.testing.loopback import Answer, Cut, Loopback, Request
from agents.testing.platform import (
    BudgetContract,
    DeletionContract,
    Platform,
    PlatformContract,
    PositionContract,
    Said,
    TokenContract,
)
from agents.testing.streams import (
    StreamContract,
    StreamDeletionContract,
    StreamEditContract,
    StreamPlatform,
    Wire,
    heard,
    listening,
    until_failure,
)
from agents.testing.suite import (
    ConditionalContract,
    EditContract,
    Outside,
    SourceContract,
    deletions,
    drain,
    drain_until_failure,
    items,
    mentions,
    opened,
)

__all__ = [
    "Answer",
    "BudgetContract",
    "ConditionalContract",
    "Cut",
    "DeletionContract",
    "EditContract",
    "Loopback",
    "Outside",
    "Platform",
    "PlatformContract",
    "PositionContract",
    "Request",
    "Said",
    "SourceContract",
    "StreamContract",
    "StreamDeletionContract",
    "StreamEditContract",
    "StreamPlatform",
    "TokenContract",
    "Wire",
    "deletions",
    "drain",
    "drain_until_failure",
    "heard",
    "items",
    "listening",
    "mentions",
    "opened",
    "until_failure",
]
