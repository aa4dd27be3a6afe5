"""Which sources this process reads: a consumer group shares out the partitions of the cursor topic.

No record is consumed and no offset committed: membership is all that is wanted of the group. The
assignment is cooperative and sticky, so that only what must move does.
"""

import logging
import threading
import time
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

from kafka import ConsumerRebalanceListener, KafkaConsumer, TopicPartition
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.errors import KafkaError

__all__ = ["Ownership"]

_log = logging.getLogger(__name__)

_CLIENT: Final[Mapping[str, Any]] = {
    "enable_auto_commit": False,
    "allow_auto_create_topics": False,
    "partition_assignment_strategy": (CooperativeStickyAssignor,),
    "session_timeout_ms": 8_000,
    "heartbeat_interval_ms": 2_000,
    "bootstrap_timeout_ms": 5_000,
    "metadata_max_age_ms": 30_000,
}
_SAY_AGAIN_AFTER: Final = 60.0  # seconds between two reports of one outage
_CLOSE_WITHIN: Final = 3_000  # milliseconds to say goodbye to the group


class Ownership(ConsumerRebalanceListener):
    """Membership in the group of agents.

    Args:
        options: connection options in kafka-python's words.
        topic: the cursor topic, whose partitions are shared out.
        group: the consumer group.
        release: called with partitions that are about to go elsewhere; must return within a few
            seconds, as no heartbeat is sent meanwhile.
    """

    def __init__(
        self,
        options: Mapping[str, Any],
        topic: str,
        group: str,
        release: Callable[[Collection[int]], None],
    ) -> None:
        self._options = {**options, **_CLIENT, "group_id": group}
        self._topic = topic
        self._release = release
        self._consumer: Any = None
        self._lock = threading.Lock()
        self._owned: set[int] = set()
        self._count = 0
        self._changed = True  # they may be more than when they were counted
        self._said_at = -_SAY_AGAIN_AFTER

    @property
    def partitions(self) -> int:
        """How many partitions there are to share; 0 while that is not known."""
        return self._count

    def poll(self, seconds: float) -> set[int]:
        """Stay a member for a while; returns the partitions that are ours."""
        try:
            if self._consumer is None:
                self._consumer = KafkaConsumer(**self._options)
                self._consumer.subscribe([self._topic], listener=self)
            # A leader that joins before it knows the topic shares out nothing, and does not notice
            # when the answer arrives in that moment: nobody would own anything from then on.
            if self._counted():
                self._consumer.poll(timeout_ms=int(seconds * 1000))
                self._counted()
            else:
                time.sleep(seconds)
        except KafkaError as error:
            if time.monotonic() - self._said_at >= _SAY_AGAIN_AFTER:
                self._said_at = time.monotonic()
                _log.warning("waiting for Kafka to share out %s: %s", self._topic, error)
            time.sleep(seconds)
        with self._lock:
            return set(self._owned)

    def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """Note what is ours; its records are not wanted here."""
        self._changed = True
        self._consumer.pause(*assigned)
        with self._lock:
            self._owned |= {partition.partition for partition in assigned}

    def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        """Let go of what goes elsewhere."""
        gone = {partition.partition for partition in revoked}
        with self._lock:
            self._owned -= gone
        if gone:
            self._release(gone)

    def _counted(self) -> bool:
        """Count the partitions where that is due; returns whether their number is known."""
        # Not in the listener: asking may block, which Kafka's own thread must not.
        if self._changed:
            self._count = len(self._consumer.partitions_for_topic(self._topic))
            self._changed = not self._count
        return not self._changed

    def close(self) -> None:
        """Leave the group, so that others take over at once."""
        if self._consumer is not None:
            self._consumer.close(timeout_ms=_CLOSE_WITHIN)
            self._consumer = None
