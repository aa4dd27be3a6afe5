"""The agent process: takes its share of the sources, reads them on time, gives them up in order.

Unit of parallelism: the source. Any number of processes with the same configuration share the
sources; when one dies, the others have its sources within the group's session timeout (10 s) and
the rebalance. A process may be killed at any moment: nothing is lost, and what is published twice
has the same id and revision.
"""

import logging
import queue
import signal
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from kafka.errors import KafkaError

from agents.cursors import Cursors, partition_of
from agents.listening import Listening
from agents.ownership import Ownership
from agents.publisher import Publisher
from agents.source import Listener, Source, build
from agents.task import Counts, Task
from schemas import topics

__all__ = ["GROUP", "Agent", "run"]

_log = logging.getLogger("agents")

GROUP: Final = "mentions-agents"
"""The consumer group that shares out the sources."""

_THREADS: Final = 16  # sources read at the same time in one process
_TICK: Final = 0.2  # seconds between two looks at what is due
_RELEASE_WITHIN: Final = 4.0  # seconds; well below the session timeout, as no heartbeat is sent
_STOP_WITHIN: Final = 6.0  # seconds for pages in hand when the process is told to stop


def run(
    tables: Sequence[Mapping[str, Any]],
    kafka: Mapping[str, Any],
    *,
    once: bool = False,
    raw: str = topics.RAW.name,
    dead_letters: str = topics.DEAD_LETTER.name,
    cursors: str = topics.CURSORS.name,
    group: str = GROUP,
    salt: bytes | None = None,
) -> int:
    """Read sources until SIGTERM or SIGINT, or each once; returns the exit code.

    Args:
        tables: the ``[[sources]]`` tables of the configuration.
        kafka: connection options in kafka-python's words.
        once: read every source that can be asked to its end, outside the group, and return 1
            when one of them failed.
        raw: topic for mentions.
        dead_letters: topic for what cannot become a mention.
        cursors: compacted topic for cursors.
        group: consumer group that shares out the sources.
        salt: for pseudonyms in place of authors' names; None leaves the names.

    Raises:
        SourceConfigError: a kind of source is unknown.
        pydantic.ValidationError: a source's table is wrong.
    """
    sources = [build(table) for table in tables]
    agent = Agent(
        sources,
        kafka,
        raw=raw,
        dead_letters=dead_letters,
        cursors=cursors,
        group=group,
        salt=salt,
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: agent.stop())
    return agent.once() if once else agent.run()


class Agent:
    """All sources of one process; ``run`` explains the arguments."""

    def __init__(
        self,
        sources: Sequence[Source | Listener],
        kafka: Mapping[str, Any],
        *,
        raw: str,
        dead_letters: str,
        cursors: str,
        group: str,
        salt: bytes | None = None,
    ) -> None:
        self._stopping = threading.Event()
        self._giving_up = threading.Event()
        self._publisher = Publisher(
            kafka, raw=raw, dead_letters=dead_letters, stopping=self._giving_up, salt=salt
        )
        self._cursors = Cursors(kafka, self._publisher, cursors)
        self._ownership = Ownership(kafka, cursors, group, self._release)
        self.counts = {source.config.name: Counts() for source in sources}
        self._polled = {s.config.name: s for s in sources if isinstance(s, Source)}
        self._listening = [
            Listening(source, self._publisher, self.counts[source.config.name])
            for source in sources
            if not isinstance(source, Source)
        ]
        self._tasks: dict[str, Task] = {}
        self._queue: queue.SimpleQueue[Task] = queue.SimpleQueue()

    def stop(self) -> None:
        """End soon; may be called from a signal handler or another thread."""
        self._stopping.set()

    def run(self) -> int:
        """Read this process's share until told to stop."""
        self._start_threads()
        try:
            while not self._stopping.is_set():
                if self._polled:
                    self._adopt(self._ownership.poll(_TICK))
                else:
                    self._stopping.wait(_TICK)
                for listening in self._listening:
                    listening.start()
                now = time.monotonic()
                for task in self._tasks.values():
                    if task.idle and not task.stopped and task.due <= now:
                        self._submit(task)
        finally:
            self._close()
        return 0

    def once(self) -> int:
        """Read every source to its end; returns 1 when one failed."""
        try:
            known = self._read_cursors()
            self._tasks = {
                name: self._task(source, known.get(name)) for name, source in self._polled.items()
            }
            self._start_threads()
            for task in self._tasks.values():
                self._submit(task)
            for task in self._tasks.values():
                while not task.wait(_TICK) and not self._stopping.is_set():
                    pass
        finally:
            self._close()
        failed = sorted(task.name for task in self._tasks.values() if task.failed)
        if failed:
            _log.error("failed: %s", ", ".join(failed))
        return 1 if failed or self._stopping.is_set() else 0

    def _read_cursors(self) -> dict[str, Any]:
        while not self._stopping.is_set():
            try:
                return self._cursors.read()
            except KafkaError as error:
                _log.warning("waiting for Kafka: %s", error)
                self._stopping.wait(5)
        return {}

    def _adopt(self, owned: Collection[int]) -> None:
        """Make tasks for what is ours and is not being read; drop what is not ours."""
        count = self._ownership.partitions
        ours = {name for name in self._polled if count and partition_of(name, count) in owned}
        for name, task in list(self._tasks.items()):
            if name not in ours:
                task.stop()
            if task.stopped and task.idle:
                del self._tasks[name]
        missing = ours - set(self._tasks)
        if not missing:
            return
        try:
            known = self._cursors.read({partition_of(name, count) for name in missing})
        except KafkaError as error:
            _log.warning("waiting for Kafka to read cursors: %s", error)
            return
        for name in missing:
            self._tasks[name] = self._task(self._polled[name], known.get(name))

    def _release(self, partitions: Collection[int]) -> None:
        """Stop reading what goes to another process; called between two ``poll`` of the group."""
        count = self._ownership.partitions
        going = [
            task
            for task in list(self._tasks.values())
            if count and partition_of(task.name, count) in partitions
        ]
        for task in going:
            task.stop()
        deadline = time.monotonic() + _RELEASE_WITHIN
        for task in going:
            task.wait(max(deadline - time.monotonic(), 0))

    def _task(self, source: Source, cursor: dict[str, Any] | None) -> Task:
        counts = self.counts[source.config.name]
        return Task(source, cursor, self._publisher, self._cursors, counts)

    def _submit(self, task: Task) -> None:
        task.queue()
        self._queue.put(task)

    def _start_threads(self) -> None:
        # Daemons: a source that hangs in the network must not hold up the end of the process.
        for number in range(min(_THREADS, len(self._polled))):
            threading.Thread(target=self._work, name=f"source-{number}", daemon=True).start()

    def _work(self) -> None:
        while True:
            self._queue.get().run()

    def _close(self) -> None:
        for task in self._tasks.values():
            task.stop()
        for listening in self._listening:
            listening.close()
        deadline = time.monotonic() + _STOP_WITHIN
        # Pages in hand may still be confirmed; only then do those that wait for Kafka give up.
        for task in self._tasks.values():
            task.wait(max(deadline - time.monotonic(), 0))
        self._giving_up.set()
        for name, source in self._polled.items():
            reading = self._tasks.get(name)
            if reading is None or reading.idle:
                source.close()
        self._ownership.close()
        self._publisher.close()
        for name, counts in self.counts.items():
            if counts.received or counts.errors:
                _log.info("%s: %s", name, counts)
