"""The agent process: takes its share of the sources, reads them on time, gives them up in order.

Unit of parallelism: the source. Any number of processes share the sources on ``mentions.sources``;
when one dies, the others have its sources within the group's session timeout (8 s) and the
rebalance. A process may be killed at any moment: nothing is lost, and what is published twice
has the same id and revision.
"""

import logging
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final

from kafka.errors import KafkaError
from msgspec import Struct
from pydantic import ValidationError

from agents import metrics
from agents.cursors import Cursors, partition_of
from agents.directory import Directory
from agents.errors import SourceConfigError, SourceError, Unconfirmed
from agents.health import Health
from agents.ledger import INTERVAL, Ledger
from agents.listening import Listening
from agents.ownership import Ownership
from agents.publisher import Publisher
from agents.source import Listener, Source, build
from agents.task import Task
from agents.threads import Threads
from agents.turning import Turning, on_signal
from agents.unbuilt import Unbuilt
from schemas import topics
from schemas.cursor import Progress
from schemas.sources import SourceEntry

__all__ = ["GROUP", "Agent", "Places", "run"]

_log = logging.getLogger("agents")

GROUP: Final = "mentions-agents"
"""The consumer group that shares out the sources."""

_TICK: Final = 0.2  # seconds between two looks at what is due
_LOOK_EVERY: Final = 5.0  # seconds between two looks for who is dark
_RELEASE_WITHIN: Final = 4.0  # seconds; well below the session timeout, as no heartbeat is sent
_LAST_WORDS_WITHIN: Final = 1.0  # seconds for the ledger when the process stops
_STOP_WITHIN: Final = 6.0  # seconds for pages in hand when the process is told to stop


class Places(Struct, frozen=True):
    """Where things are on this cluster."""

    raw: str = topics.RAW.name
    dead_letters: str = topics.DEAD_LETTER.name
    cursors: str = topics.CURSORS.name
    sources: str = topics.SOURCES.name
    coverage: str = topics.COVERAGE.name
    group: str = GROUP


def run(
    tables: Sequence[Mapping[str, Any]],
    kafka: Mapping[str, Any],
    *,
    once: bool = False,
    places: Places | None = None,
    pages: tuple[str, int] = ("127.0.0.1", 0),
    salt: bytes | None = None,
    stuck_after: float = 120.0,
) -> int:
    """Read sources until SIGTERM or SIGINT, or each once; returns the exit code.

    From a signal to the end it takes ``agents.turning.STOP_WITHIN`` at most.

    Args:
        tables: the ``[[sources]]`` tables of the configuration.
        kafka: connection options in kafka-python's words.
        once: read every source that can be asked to its end, outside the group, and return 1
            when one of them failed.
        places: topics and group; by default those of an installation without a prefix.
        pages: host and port for health and metrics; they are not served on port 0.
        salt: for pseudonyms in place of authors' names; None leaves the names.
        stuck_after: seconds that its loop may stand still while a broker can be reached; then the
            process ends with code 75.

    Raises:
        AgentError: the port is taken.
    """
    turning = Turning(stuck_after, kafka["bootstrap_servers"])
    agent = Agent(tables, kafka, places or Places(), turning, salt)
    on_signal(agent.stop)
    with turning.watched(*pages, agent.health):
        return agent.once() if once else agent.run()


class Agent:
    """All sources of one process; ``run`` explains the arguments."""

    def __init__(
        self,
        tables: Sequence[Mapping[str, Any]],
        kafka: Mapping[str, Any],
        places: Places,
        turning: Turning,
        salt: bytes | None = None,
    ) -> None:
        self._stopping = threading.Event()
        self._giving_up = threading.Event()
        self._tables = tables
        self._publisher = Publisher(
            kafka,
            raw=places.raw,
            dead_letters=places.dead_letters,
            coverage=places.coverage,
            stopping=self._giving_up,
            salt=salt,
        )
        self._cursors = Cursors(kafka, self._publisher, places.cursors)
        self._directory = Directory(kafka, self._publisher, places.sources)
        self._ownership = Ownership(kafka, places.cursors, places.group, self._release)
        self.ledgers: dict[str, Ledger] = {}
        """By the name of the source; kept over changes of it."""
        self._wanted: dict[str, SourceEntry] = {}
        self._polled: dict[str, Source] = {}
        self._listening: dict[str, Listening] = {}
        self._tasks: dict[str, Task] = {}
        self._closing: list[tuple[Source, Task | None]] = []
        self._threads = Threads()
        self._turning = turning
        self._look_at = 0.0

    def stop(self) -> None:
        """End soon; may be called from a signal handler or another thread."""
        self._stopping.set()

    def health(self) -> Health:
        """How it is now; may be called from another thread."""
        dark = [name for name in list(self._tasks) if self.ledgers[name].dark]
        turning = self._turning.health()
        return Health(
            live=turning.live,
            ready=turning.ready,
            sources=len(self._tasks) + len(self._listening),
            dark=tuple(sorted(dark)),
        )

    def run(self) -> int:
        """Read this process's share until told to stop."""
        try:
            self._begin()
            while not self._stopping.is_set():
                self._turning.turn()
                if self._directory.follow():
                    self._change(self._directory.entries)
                self._adopt(self._ownership.poll(_TICK))
                self._listen()
                self._look()
                self._hand_out()
        except Unconfirmed as error:
            _log.debug("stopped while it waited for Kafka: %s", error)
        finally:
            self._close()
        return 0

    def once(self) -> int:
        """Read every source to its end; returns 1 when one failed."""
        try:
            self._begin()
            known = self._read(self._cursors.read) or {}
            self._publisher.adopt(self._polled)
            self._tasks = {
                name: self._task(name, known.get(name), final=True) for name in self._polled
            }
            for task in self._tasks.values():
                self._submit(task)
            for task in self._tasks.values():
                while not task.wait(_TICK) and not self._stopping.is_set():
                    pass
        except Unconfirmed as error:
            _log.debug("stopped while it waited for Kafka: %s", error)
        finally:
            self._close()
        failed = {task.name for task in self._tasks.values() if task.failed}
        if failed:
            _log.error("failed: %s", ", ".join(sorted(failed)))
        return 1 if failed or self._stopping.is_set() else 0

    def _begin(self) -> None:
        """Read the sources there are, and say what the file has."""
        self._threads.start()
        if self._read(self._directory.read) is None:
            return
        self._directory.apply(self._tables)
        self._change(self._directory.entries)

    def _read(self, read: Callable[[], dict[str, Any]]) -> dict[str, Any] | None:
        """What stands on a topic, however long Kafka is away; None when told to stop."""
        while not self._stopping.is_set():
            try:
                return read()
            except KafkaError as error:
                _log.warning("waiting for Kafka: %s", error)
                self._stopping.wait(5)
        return None

    def _change(self, entries: Mapping[str, SourceEntry]) -> None:
        """Make the sources of this process what the directory says."""
        for name, before in list(self._wanted.items()):
            entry = entries.get(name)
            if entry is None or entry.table != before.table or entry.paused != before.paused:
                self._drop(name)
                del self._wanted[name]
        for name, entry in entries.items():
            if name in self._wanted:
                if task := self._tasks.get(name):
                    task.order(entry.backfill)
            elif not entry.paused:
                self._make(name, entry)
            self._wanted[name] = entry

    def _make(self, name: str, entry: SourceEntry) -> None:
        source = _built({**entry.table, "name": name})
        ledger = self.ledgers.setdefault(name, Ledger(name, source.config.type, INTERVAL))
        ledger.kind = source.config.type
        if isinstance(source, Source):
            self._polled[name] = source
        else:
            self._listening[name] = Listening(source, self._publisher, ledger)

    def _drop(self, name: str) -> None:
        """Stop reading; what is being read is closed when it is at rest."""
        if listening := self._listening.pop(name, None):
            listening.close()
            metrics.let_go(name)
        task = self._tasks.pop(name, None)
        if task:
            task.stop()
        if source := self._polled.pop(name, None):
            self._closing.append((source, task))

    def _listen(self) -> None:
        for listening in self._listening.values():
            listening.start()
            if listening.due:
                listening.reporting()
                self._threads.put(listening.report)
        for source, task in list(self._closing):
            if task is None or task.idle:
                source.close()
                if source.config.name not in self._tasks:  # else a changed one took its place
                    metrics.let_go(source.config.name)
                self._closing.remove((source, task))

    def _adopt(self, owned: Collection[int]) -> None:
        """Make tasks for what is ours and is not being read; drop what is not ours."""
        count = self._ownership.partitions
        ours = {
            name for name in self._polled if count and partition_of(name.encode(), count) in owned
        }
        # The old task of a changed source may still finish its page: its cursor comes first.
        ours -= {source.config.name for source, task in self._closing if task and not task.idle}
        for name, task in list(self._tasks.items()):
            if name not in ours:
                task.stop()
            if task.stopped and task.idle:
                del self._tasks[name]
                metrics.let_go(name)
        self._count()
        missing = ours - set(self._tasks)
        if not missing:
            return
        try:
            known = self._cursors.read({partition_of(name.encode(), count) for name in missing})
        except KafkaError as error:
            _log.warning("waiting for Kafka to read cursors: %s", error)
            return
        self._publisher.adopt(missing)
        for name in missing:
            self._tasks[name] = self._task(name, known.get(name))
        self._count()

    def _look(self) -> None:
        """See, now and then, who is dark without having failed."""
        if time.monotonic() < self._look_at:
            return
        self._look_at = time.monotonic() + _LOOK_EVERY
        for name, task in self._tasks.items():
            self.ledgers[name].look(task.interval)

    def _count(self) -> None:
        metrics.OWNED.set(len(self._tasks) + len(self._listening))

    def _release(self, partitions: Collection[int]) -> None:
        """Stop reading what goes to another process; called between two ``poll`` of the group."""
        count = self._ownership.partitions
        going = [
            task
            for task in list(self._tasks.values())
            if count and partition_of(task.name.encode(), count) in partitions
        ]
        for task in going:
            task.stop()
        deadline = time.monotonic() + _RELEASE_WITHIN
        for task in going:
            task.wait(max(deadline - time.monotonic(), 0))

    def _task(self, name: str, progress: Progress | None, *, final: bool = False) -> Task:
        until = progress.until if progress else None
        self.ledgers[name].adopted(until, self._polled[name].config.every)
        return Task(
            self._polled[name],
            progress,
            self._publisher,
            self._cursors,
            self.ledgers[name],
            again=self._call,
            order=self._wanted[name].backfill,
            final=final,
        )

    def _hand_out(self) -> None:
        """Give what is due to the threads, that which is longest due first."""
        now = time.monotonic()
        due = [task for task in self._tasks.values() if task.due <= now]
        for task in sorted(due, key=lambda task: task.due):
            if task.free:
                self._submit(task)

    def _submit(self, task: Task) -> None:
        task.queue()
        if task.streams:
            # It does not end: none of those that the others share.
            threading.Thread(target=task.run, name=task.name, daemon=True).start()
        else:
            self._threads.put(task.run, doubtful=task.doubtful)

    def _call(self, task: Task) -> None:
        """Before all others: it has its place at a host already, which others wait for."""
        task.queue()
        self._threads.put(task.run, doubtful=task.doubtful, at_once=True)

    def _close(self) -> None:
        for task in self._tasks.values():
            task.stop()
        for listening in self._listening.values():
            listening.close()
        deadline = time.monotonic() + _STOP_WITHIN
        # Pages in hand may still be confirmed; only then do those that wait for Kafka give up.
        for task in self._tasks.values():
            task.wait(max(deadline - time.monotonic(), 0))
        self._last_words()
        self._giving_up.set()
        for name, source in self._polled.items():
            reading = self._tasks.get(name)
            if reading is None or reading.idle:
                source.close()
        self._threads.close()
        self._ownership.close()
        self._directory.close()
        self._publisher.close()
        for name, ledger in self.ledgers.items():
            if ledger.counts.received or ledger.counts.errors:
                _log.info("%s: %s", name, ledger.counts)

    def _last_words(self) -> None:
        """Write the intervals that are not over to the ledger, if Kafka takes them at once."""
        messages = [
            self.ledgers[name].take(task.interval)
            for name, task in self._tasks.items()
            if task.idle
        ]
        try:
            self._publisher.cover([one for one in messages if one.polls], within=_LAST_WORDS_WITHIN)
        except Unconfirmed as error:
            _log.debug("the last intervals are not in the ledger: %s", error)


def _built(table: Mapping[str, Any]) -> Source | Listener:
    """The source of a table, or what stands in for it where that cannot work."""
    try:
        return build(table)
    except ValidationError as error:
        reason: SourceConfigError | SourceError = SourceConfigError(_mistakes(error))
    except (SourceConfigError, SourceError) as error:
        reason = error
    # The others go on; 'mentions check' explains it at length.
    _log.error("%s: cannot be read: %s", table["name"], reason)
    return Unbuilt(table, reason)


def _mistakes(error: ValidationError) -> str:
    """A configuration's mistakes in one line, without the values."""
    mistakes = error.errors(include_url=False, include_input=False)
    return "; ".join(
        f"{'.'.join(str(part) for part in mistake['loc'])}: {mistake['msg']}"
        for mistake in mistakes
    )
