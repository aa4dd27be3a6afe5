"""What a source must keep to, as tests to inherit: for the sources here and for those of plugins.

``SourceContract`` is for every source that is asked, ``PlatformContract`` for those that ask a
platform's API: a loopback server answers in the platform's documented shapes, and in every way that
goes wrong. ``docs/plugin.md`` shows a source of another package with its tests. Needs pytest.
"""

from agents.testing.loopback import Answer, Loopback, Request
from agents.testing.platform import Platform, PlatformContract, Said
from agents.testing.suite import (
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
    "Loopback",
    "Outside",
    "Platform",
    "PlatformContract",
    "Request",
    "Said",
    "SourceContract",
    "deletions",
    "drain",
    "drain_until_failure",
    "items",
    "mentions",
    "opened",
]
