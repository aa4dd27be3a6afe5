"""What a source must keep to, as tests to inherit: for the sources here and for those of plugins.

``SourceContract`` is for every source that is asked, ``WebContract`` for those that ask over HTTP,
``PlatformContract`` for those that ask a platform's API: a loopback server answers in the
documented shapes, and in every way that goes wrong. Beside one of these each source that is asked
keeps ``KillContract``, nothing is lost when its process is killed in mid-page, and
``VolumeContract``, a long past is processed as it is read; for both ``Platform.reach_back`` makes a
past of any length. The others are added where a platform has what they are about;
``StreamContract`` is for those that also listen, ``ListenerContract`` for those that are told.
``docs/plugin.md`` shows a source of another package with its tests. Needs pytest.
"""

from agents.testing.host import Host, WebContract, crowded
from agents.testing.killed import KillContract
from agents.testing.listener import Confirming, ListenerContract, Reply, Sender
from agents.testing.loopback import Answer, Cut, Loopback, Request
from agents.testing.platform import (
    BackfillContract,
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
    read,
)
from agents.testing.volume import VolumeContract

__all__ = [
    "Answer",
    "BackfillContract",
    "BudgetContract",
    "ConditionalContract",
    "Confirming",
    "Cut",
    "DeletionContract",
    "EditContract",
    "Host",
    "KillContract",
    "ListenerContract",
    "Loopback",
    "Outside",
    "Platform",
    "PlatformContract",
    "PositionContract",
    "Reply",
    "Request",
    "Said",
    "Sender",
    "SourceContract",
    "StreamContract",
    "StreamDeletionContract",
    "StreamEditContract",
    "StreamPlatform",
    "TokenContract",
    "VolumeContract",
    "WebContract",
    "Wire",
    "crowded",
    "deletions",
    "drain",
    "drain_until_failure",
    "heard",
    "items",
    "listening",
    "mentions",
    "opened",
    "read",
    "until_failure",
]
