"""The one table of topics: name, key, value, partitions, retention and clean-up.

Everything that creates, checks or documents a topic reads it from here.
"""

import re
from typing import Final, Literal

from msgspec import Struct
from msgspec.structs import replace

from schemas.alert import Alert, Notified
from schemas.amendment import Amendment
from schemas.correction import Correction
from schemas.coverage import Coverage
from schemas.cursor import Progress
from schemas.dead import Mark
from schemas.delivery import Delivery
from schemas.figures import Figures
from schemas.fingerprint import Fingerprint
from schemas.forgotten import Forgetting
from schemas.headers import AlertHeaders, DeadLetterHeaders, MentionHeaders
from schemas.leak import DocumentPrint
from schemas.mention import EnrichedMention, RawMention
from schemas.models import InForce
from schemas.sources import SourceEntry
from schemas.watchlist import WatchlistVersion
from schemas.work import Order, Work

__all__ = [
    "ALERTS",
    "AMENDMENTS",
    "CORRECTIONS",
    "COVERAGE",
    "CURSORS",
    "DEAD_LETTER",
    "DEAD_LETTER_MARKS",
    "DELIVERIES",
    "ENRICHED",
    "FIGURES",
    "FINGERPRINTS",
    "FORGOTTEN",
    "LEAKS",
    "MODELS",
    "NOTIFIED",
    "RAW",
    "ROUTED",
    "SOURCES",
    "TABLE",
    "WATCHLIST",
    "WORK",
    "WORK_ORDERS",
    "Topic",
    "routed",
]

_DAY_MS = 86_400_000
_PARTITIONS = 12  # room for growth: a consumer group scales up to this many processes


# What is replaced or deleted is gone from the log within this time and the cleaner's round; a
# tombstone stays a week, so that a consumer that was away for less learns of it.
_ERASED: Final = (
    ("max.compaction.lag.ms", str(_DAY_MS)),
    ("delete.retention.ms", str(7 * _DAY_MS)),
)


class Topic(Struct, frozen=True, kw_only=True):
    """One topic as it should exist."""

    name: str
    key: str
    """What the key is."""
    value: str
    """The type of the value and its encoding."""
    types: tuple[type | None, ...]
    """The value's types, for machines: Structs stand for their JSON, ``bytes`` for any bytes, None
    for a tombstone."""
    headers: type[Struct] | None = None
    """The headers a message has at least; those of a tombstone are ``EventHeaders``."""
    purpose: str
    partitions: int = _PARTITIONS
    cleanup: Literal["delete", "compact", "compact,delete"] = "delete"
    retention_ms: int = -1
    """How long a message is kept; -1 is for ever."""
    max_message_bytes: int = 2_097_152
    """Largest record batch the broker takes."""
    extra: tuple[tuple[str, str], ...] = ()
    """Further broker settings."""

    @property
    def config(self) -> dict[str, str]:
        """The topic's settings under the broker's own names."""
        return {
            "cleanup.policy": self.cleanup,
            "retention.ms": str(self.retention_ms),
            "max.message.bytes": str(self.max_message_bytes),
            # By the broker's clock: a host whose own is wrong would have its messages refused, if
            # it is ahead, or deleted at once as long expired, if it is behind.
            "message.timestamp.type": "LogAppendTime",
            **dict(self.extra),
        }


RAW: Final = Topic(
    name="mentions.raw",
    key="mention id",
    value="RawMention as JSON; null is a tombstone",
    types=(RawMention, None),
    headers=MentionHeaders,
    purpose="What source agents collected.",
    cleanup="compact,delete",
    retention_ms=30 * _DAY_MS,
    extra=_ERASED,
)

ENRICHED: Final = Topic(
    name="mentions.enriched",
    key="mention id",
    value="EnrichedMention as JSON; null is a tombstone",
    types=(EnrichedMention, None),
    headers=MentionHeaders,
    purpose="Mentions with language, sentiment, entities and watchlist matches.",
    cleanup="compact,delete",
    retention_ms=90 * _DAY_MS,
    extra=_ERASED,
)

FINGERPRINTS: Final = Topic(
    name="mentions.fingerprints",
    key="mention id",
    value="Fingerprint as JSON; null forgets the mention",
    types=(Fingerprint, None),
    purpose="What near copies are found by; all enrich workers read all of it, in one order.",
    partitions=1,
    retention_ms=7 * _DAY_MS,
)

DEAD_LETTER: Final = Topic(
    name="mentions.dead-letter",
    key="the key of the refused message",
    value="the refused message's bytes, unchanged; the headers say where, why and when",
    types=(bytes, None),
    headers=DeadLetterHeaders,
    purpose="What could not be processed, whole, with the reason.",
    partitions=3,
    retention_ms=90 * _DAY_MS,
    # The refused message plus the headers that explain it must always fit.
    max_message_bytes=4_194_304,
)

DEAD_LETTER_MARKS: Final = Topic(
    name="mentions.dead-letter-marks",
    key="partition:offset of the dead letter",
    value="what was done about it, and when, as JSON",
    types=(Mark,),
    purpose="Which dead letters were replayed or dropped.",
    partitions=1,
    cleanup="compact,delete",
    retention_ms=90 * _DAY_MS,
)

CURSORS: Final = Topic(
    name="mentions.cursors",
    key="source name",
    value="Progress as JSON; null forgets it",
    types=(Progress, None),
    purpose="How far each source has been read. Owning a partition is owning its sources.",
    cleanup="compact",
)

FORGOTTEN: Final = Topic(
    name="mentions.forgotten",
    key="a keyed hash of a mention's id or an author's name, see schemas.forgotten",
    value="Forgetting as JSON; null lifts it",
    types=(Forgetting, None),
    purpose="Who asked to be forgotten, by hashes: what has such a key is not processed again.",
    partitions=1,
    cleanup="compact",
)

MODELS: Final = Topic(
    name="mentions.models",
    key="model:<language>:<version>, or active:<language>",
    value="a model as MessagePack; InForce as JSON",
    types=(bytes, InForce, None),
    purpose="Sentiment models that were trained here.",
    partitions=1,  # so that a model stands before the message that puts it in force
    cleanup="compact",
)

SOURCES: Final = Topic(
    name="mentions.sources",
    key="source name",
    value="SourceEntry as JSON; null removes it",
    types=(SourceEntry, None),
    purpose="The sources, and what is ordered about them.",
    # One, because agents read all of it, in order.
    partitions=1,
    cleanup="compact",
)

COVERAGE: Final = Topic(
    name="mentions.coverage",
    key="source name",
    value="Coverage as JSON",
    types=(Coverage,),
    purpose="What was collected from each source, when, and what was not.",
    partitions=3,
    retention_ms=90 * _DAY_MS,
)

FIGURES: Final = Topic(
    name="mentions.figures",
    key="stage@host:pid",
    value="Figures as JSON",
    types=(Figures,),
    purpose="What each worker process did, once a minute.",
    partitions=3,
    retention_ms=30 * _DAY_MS,
)

WATCHLIST: Final = Topic(
    name="mentions.watchlist",
    key="number and digest of the version",
    value="WatchlistVersion as JSON",
    types=(WatchlistVersion,),
    purpose="All versions of the watchlist; the last message is in force.",
    partitions=1,  # so that all readers see the same last message
    cleanup="compact",
)

CORRECTIONS: Final = Topic(
    name="mentions.corrections",
    key="mention id and watchlist topic, as a JSON array",
    value="Correction as JSON; null takes it back",
    types=(Correction, None),
    purpose="What analysts say about mentions; the last word counts.",
    partitions=1,  # so that all workers learn from the same
    cleanup="compact",
)

AMENDMENTS: Final = Topic(
    name="mentions.amendments",
    key="mention id, part and name, as a JSON array",
    value="Amendment as JSON; null takes it back",
    types=(Amendment, None),
    purpose="What analysts change of what was found about mentions; the last word counts.",
    partitions=1,  # so that all workers know the same
    cleanup="compact",
)

ALERTS: Final = Topic(
    name="mentions.alerts",
    key="alert id",
    value="Alert as JSON",
    types=(Alert,),
    headers=AlertHeaders,
    purpose="What somebody should look at now, and why.",
    partitions=3,
    cleanup="compact,delete",
    retention_ms=365 * _DAY_MS,
    extra=_ERASED,  # an alert is written again without the mentions of who is forgotten
)

LEAKS: Final = Topic(
    name="mentions.leaks",
    key="the name that the document was given",
    value="DocumentPrint as JSON; null is looked for no more",
    types=(DocumentPrint, None),
    purpose="What confidential documents are recognised by; nothing of them can be read from it.",
    partitions=1,
    cleanup="compact",
    extra=_ERASED,
)

NOTIFIED: Final = Topic(
    name="mentions.notified",
    key="channel and alert id, as a JSON array",
    value="Notified as JSON",
    types=(Notified,),
    purpose="Which alerts and whose work were told to which channels.",
    partitions=1,
    cleanup="compact,delete",
    retention_ms=365 * _DAY_MS,
)

DELIVERIES: Final = Topic(
    name="mentions.deliveries",
    key="channel",
    value="Delivery as JSON",
    types=(Delivery,),
    purpose="What each channel is being told or was told last, and why it does not take it.",
    partitions=1,
    cleanup="compact",
    extra=_ERASED,  # what is sent stands there until it was taken
)

WORK_ORDERS: Final = Topic(
    name="mentions.work-orders",
    key="team and mention id, as a JSON array",
    value="Order as JSON",
    types=(Order,),
    purpose="What is to be done about routed mentions; who stands first is first.",
    partitions=1,  # so that there is one order, and one process that decides
    retention_ms=30 * _DAY_MS,
)

WORK: Final = Topic(
    name="mentions.work",
    key="team and mention id, as a JSON array",
    value="Work as JSON; null where the mention was deleted, or it was done long ago",
    types=(Work, None),
    purpose="Each routed mention as a team's work: new, assigned, answered or dismissed.",
    partitions=1,  # because who decides reads all of it
    cleanup="compact",  # what is open stays, however old; the stage ends what is done
    extra=_ERASED,
)

ROUTED: Final = replace(
    ENRICHED,
    name="mentions.routed.{team}",
    purpose="The mentions that concern the team {team}.",
    partitions=3,
    retention_ms=30 * _DAY_MS,
)
"""The form of every team's topic."""

TABLE: Final[tuple[Topic, ...]] = (
    RAW,
    ENRICHED,
    FINGERPRINTS,
    DEAD_LETTER,
    DEAD_LETTER_MARKS,
    CURSORS,
    FORGOTTEN,
    MODELS,
    SOURCES,
    COVERAGE,
    FIGURES,
    WATCHLIST,
    CORRECTIONS,
    AMENDMENTS,
    WORK_ORDERS,
    WORK,
    ALERTS,
    NOTIFIED,
    DELIVERIES,
    LEAKS,
)
"""Every topic that exists in each installation; teams add one ``routed`` topic each."""

_TEAM = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


def routed(team: str) -> Topic:
    """The topic that hands a team its mentions.

    Args:
        team: lower-case letters, digits, ``-`` and ``_``; 63 at most.

    Raises:
        ValueError: the name cannot be part of a topic name.
    """
    if not _TEAM.fullmatch(team):
        msg = f"team {team!r}: use a-z, 0-9, '-' and '_', 63 characters at most"
        raise ValueError(msg)
    return replace(
        ROUTED, name=ROUTED.name.format(team=team), purpose=ROUTED.purpose.format(team=team)
    )
