"""What all benchmarks share: servers of their own, topics, engines as processes, and what they use.

An engine is started and warmed up before its clock runs, and waits for messages on a topic of its
own. What it has written is looked at afterwards: each mention once, and no other. A rate is
messages by the seconds from the arrival of the first of them at the broker, which stamps it, to
that of the last output: all of them are there long before the engine has read them.
"""

import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

import psutil
from confluent_kafka import Consumer, Producer
from confluent_kafka import TopicPartition as Place
from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition

from benchmarks.corpus import topics_toml
from benchmarks.engines import Task
from pipeline.settings import Settings
from pipeline.stack import Stack, bars, spare
from pipeline.stack.elasticsearch import Elasticsearch
from pipeline.stack.kafka import Kafka
from schemas import encode
from schemas.mention import EnrichedMention, RawMention

PARTITIONS = 4
TOPICS = 10  # in the watchlist
LOOK_EVERY = 0.2  # seconds
PATIENCE = 30.0  # seconds without an output after which an engine is given up
SETTLED = 0.5
"""Seconds after the last expected output in which none may follow."""
LIBRARIES = (
    "aiokafka",
    "bytewax",
    "elasticsearch",
    "faust-streaming",
    "langdetect",
    "quixstreams",
    "textblob",
)
HERE = Path(__file__).parents[1]


@dataclass(frozen=True)
class Run:
    """What one engine did in one round."""

    outputs: int
    """Messages that it wrote."""
    rate: float
    """Messages a second."""
    cpu: float
    """Seconds of processor time of the engine for each message."""
    broker_cpu: float
    """Seconds of processor time of the broker meanwhile."""
    seconds: float
    """From the arrival of the first message to that of the last output."""
    rss: float
    """Most resident memory of its processes together, MiB."""


@dataclass(frozen=True)
class Servers:
    """Where to find them, and how to run things against them."""

    settings: Settings
    folder: Path
    stack: Stack
    client: Any
    """A Kafka consumer of no group, to look what topics hold."""

    @property
    def bootstrap(self) -> str:
        """The broker."""
        return self.settings.kafka.bootstrap

    def environment(self, **more: str) -> dict[str, str]:
        """For commands that use these servers."""
        return {
            **os.environ,
            "PYTHONPATH": str(HERE),
            "MENTIONS_KAFKA__BOOTSTRAP": self.bootstrap,
            "MENTIONS_ELASTICSEARCH__URL": self.settings.elasticsearch.url,
            "BENCH_ELASTICSEARCH": self.settings.elasticsearch.url,
            "BENCH_DATA": tempfile.mkdtemp(dir=self.folder),
            **more,
        }

    def config(self, watched: int = TOPICS) -> Path:
        """A file of settings with a watchlist of so many topics."""
        path = self.folder / f"watching-{watched}.toml"
        path.write_text(topics_toml(watched), encoding="utf-8")
        return path

    def create(self, name: str, partitions: int = PARTITIONS) -> str:
        """Create a topic whose messages carry the time of their arrival."""
        with admin(self) as client:
            client.create_topics(
                {
                    name: {
                        "num_partitions": partitions,
                        "replication_factor": 1,
                        "configs": {"message.timestamp.type": "LogAppendTime"},
                    }
                },
                wait_for_metadata=True,
            )
        return name

    def fill(self, name: str, mentions: Iterable[RawMention | EnrichedMention]) -> list[bytes]:
        """Publish mentions, as fast as can be; returns their keys."""
        made = [(encode(mention), mention.id.encode()) for mention in mentions]
        producer = Producer(
            {
                "bootstrap.servers": self.bootstrap,
                "acks": "all",
                "compression.type": "lz4",
                "partitioner": "murmur2_random",  # as everybody else's
                "queue.buffering.max.messages": len(made) + 1,
                "queue.buffering.max.kbytes": 2_000_000,
            }
        )
        for value, key in made:
            producer.produce(name, value, key)
        producer.flush()
        return [key for _, key in made]

    def keys(self, name: str) -> Counter[bytes | None]:
        """How many messages of each key a topic holds."""
        found: Counter[bytes | None] = Counter()
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": "-"})
        with closing(consumer):
            for place, end in self.ends(name).items():
                consumer.assign([Place(place.topic, place.partition, 0)])
                held = 0
                while held < end:
                    messages = consumer.consume(10_000, timeout=1)
                    held += len(messages)
                    found.update(message.key() for message in messages)
        return found

    def places(self, name: str) -> list[TopicPartition]:
        """The partitions of a topic."""
        return [TopicPartition(name, p) for p in self.client.partitions_for_topic(name) or ()]

    def ends(self, name: str) -> dict[TopicPartition, int]:
        """Where the next message of each partition will stand."""
        return dict(self.client.end_offsets(self.places(name)))

    def stamps(self, offsets: Mapping[TopicPartition, int]) -> list[float]:
        """When the messages at these offsets arrived, seconds since 1970."""
        found: dict[TopicPartition, float] = {}
        self.client.assign(list(offsets))
        for place, offset in offsets.items():
            self.client.seek(place, offset)
        while len(found) < len(offsets):
            for place, records in self.client.poll(timeout_ms=500).items():
                found.setdefault(place, records[0].timestamp / 1_000)
        return list(found.values())

    def cpu(self, name: str) -> float:
        """Seconds of processor time that a server has used: Kafka, or Elasticsearch."""
        process = next(server for server in self.stack.servers if server.name == name).process()
        assert process
        return usage(process)[0]


@contextmanager
def servers() -> Iterator[Servers]:
    """Both servers, fresh, on free ports; ended at SIGTERM, too, with all that was started here."""
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    folder = Path(tempfile.mkdtemp(prefix="mentions-bench-"))
    folder.chmod(0o755)
    settings = spare(folder / "stack", kafka_heap="1g", elasticsearch_heap="2g")
    stack = Stack(settings)
    try:
        with bars() as progress:
            stack.up(progress)
        with closing(KafkaConsumer(bootstrap_servers=settings.kafka.bootstrap)) as client:
            yield Servers(settings, folder, stack, client)
    finally:
        stack.down()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def admin(to: Servers) -> Iterator[Any]:
    """An administrator, closed at the end."""
    client = KafkaAdminClient(bootstrap_servers=to.bootstrap)
    try:
        yield client
    finally:
        client.close()


@contextmanager
def started(
    command: list[str], environment: Mapping[str, str], log: Path, *, gently: bool = True
) -> Iterator[Any]:
    """A process in a group of its own, ended with all its children; at once if not gently."""
    with log.open("ab") as file:
        process = psutil.Popen(
            command, env=dict(environment), stdout=file, stderr=file, start_new_session=True
        )
    try:
        yield process
    finally:
        _end(process, *(signal.SIGTERM,) * gently, signal.SIGKILL)


def _end(process: Any, *signals: signal.Signals) -> None:  # noqa: ANN401 - psutil's Popen
    for signal_ in signals:
        with suppress(ProcessLookupError):  # it may have ended by itself
            os.killpg(process.pid, signal_)
        with suppress(subprocess.TimeoutExpired, psutil.TimeoutExpired):
            process.wait(20)
            return


def usage(process: Any) -> tuple[float, float]:  # noqa: ANN401 - psutil's Popen
    """Seconds of processor time and MiB of resident memory of a process and its children."""
    cpu, rss = 0.0, 0.0
    for each in [process, *process.children(recursive=True)]:
        try:
            times, memory = each.cpu_times(), each.memory_info()
        except psutil.Error:
            continue
        cpu += times.user + times.system
        rss += memory.rss / 1_048_576
    return cpu, rss


def watch(
    process: Any,  # noqa: ANN401 - psutil's Popen
    count: Callable[[], int],
    expected: int,
    limit: float,
    patience: float = PATIENCE,
) -> float:
    """Wait until ``count`` says ``expected``, at most ``limit`` seconds; returns the most MiB.

    Less than that without a new output for ``patience`` seconds, or if the process ends.
    """
    deadline = time.monotonic() + limit
    seen, moved, most = 0, time.monotonic(), 0.0
    while True:
        now = count()
        if process.poll() is None:
            most = max(most, usage(process)[1])
        if now > seen:
            seen, moved = now, time.monotonic()
        if (
            now >= expected
            or time.monotonic() > min(deadline, moved + patience)
            or process.poll() is not None
        ):
            return most
        time.sleep(LOOK_EVERY)


@dataclass
class Engine:
    """One that runs, and reads a topic of its own."""

    to: Servers
    task: Task
    process: Any
    """psutil's ``Popen``."""
    log: Path
    keys: list[bytes] = field(default_factory=list)
    """Of the messages that it has got so far."""

    @property
    def given(self) -> int:
        """How many messages it has got so far."""
        return len(self.keys)

    def give(self, mentions: Iterable[RawMention]) -> None:
        """Messages to work off."""
        self.keys += self.to.fill(self.task.source, mentions)

    def finish(self, limit: float, patience: float = PATIENCE) -> float:
        """Wait until there is an output for all that was given; returns the most MiB."""

        def count() -> int:
            return sum(self.to.ends(self.task.target).values())

        return watch(self.process, count, self.given, limit, patience)

    def check(self) -> None:
        """Look at what it has written: each mention once, and no other.

        Raises:
            SystemExit: it has left one out, or written one twice, or another.
        """
        time.sleep(SETTLED)
        given, written = Counter(self.keys), self.to.keys(self.task.target)
        if written != given:
            print(self.log.read_text()[-3_000:], file=sys.stderr)
            missing, more = given - written, written - given
            msg = (
                f"{self.task.group} left out {missing.total()} of {given.total()} mentions, and "
                f"wrote {more.total()} too many"
            )
            raise SystemExit(msg)

    def run(self, mentions: Iterable[RawMention], limit: float) -> Run:
        """Let it work messages off, and read off what it did."""
        source, target = self.to.ends(self.task.source), self.to.ends(self.task.target)
        before, broker, had = usage(self.process)[0], self.to.cpu("Kafka"), self.given
        self.give(mentions)
        rss = self.finish(limit)
        cpu, broker_after = usage(self.process)[0], self.to.cpu("Kafka")
        count = self.given - had
        last = {p: end - 1 for p, end in self.to.ends(self.task.target).items() if end > target[p]}
        self.check()
        filled = self.to.ends(self.task.source)
        first = {place: at for place, at in source.items() if filled[place] > at}
        seconds = max(self.to.stamps(last)) - min(self.to.stamps(first))
        return Run(
            outputs=count,
            rate=count / seconds,
            cpu=(cpu - before) / count,
            broker_cpu=broker_after - broker,
            seconds=seconds,
            rss=rss,
        )


@contextmanager
def engine(to: Servers, command: list[str], task: Task, **environment: str) -> Iterator[Engine]:
    """A running engine, not yet warm."""
    log = to.folder / f"{task.group}.log"
    env = to.environment(**task.environment(), **environment)
    # Killed, as nobody looks at how it ends.
    with started(command, env, log, gently=False) as process:
        yield Engine(to, task, process, log)


def spread(rates: Iterable[float]) -> dict[str, Any]:
    """Median rate of several rounds, with the least and the greatest, and each."""
    rates = list(rates)
    return {
        "rate": round(median(rates), 1),
        "least": round(min(rates), 1),
        "most": round(max(rates), 1),
        "rounds": [round(rate, 1) for rate in rates],
    }


def middle(runs: Iterable[Run]) -> dict[str, Any]:
    """The spread of several rounds' rates, and what they took."""
    runs = list(runs)
    return {
        **spread(each.rate for each in runs),
        "cpu_ms_each": [round(1_000 * each.cpu, 3) for each in runs],
        "broker_ms_each": round(1_000 * median(each.broker_cpu / each.outputs for each in runs), 3),
        "rss_mib": round(max(each.rss for each in runs)),
        "outputs": runs[0].outputs,
    }


@contextmanager
def noted(found: dict[str, Any], part: str) -> Iterator[None]:
    """Note when a part of a run was measured, beside what load, and of which commit."""
    began, load, ran = datetime.now(UTC), os.getloadavg()[0], commit()
    yield
    found.setdefault("parts", {})[part] = {
        "at": began.isoformat(timespec="seconds"),
        "seconds": round((datetime.now(UTC) - began).total_seconds()),
        "load_before": round(load, 2),
        "commit": ran,
    }


def write(found: Mapping[str, Any], where: Path) -> None:
    """Write a run's figures: whole, or not at all."""
    where.parent.mkdir(parents=True, exist_ok=True)
    draft = where.with_suffix(".new")
    draft.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    draft.replace(where)


def machine() -> dict[str, Any]:
    """What ran, and on what."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
            if line.startswith("model name")
        ),
        platform.processor(),
    )
    return {
        "cpu": model,
        "cores": psutil.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in LIBRARIES},
        "servers": {server.name: server.version for server in (Kafka, Elasticsearch)},
        "load_before": round(os.getloadavg()[0], 2),
    }


@cache
def commit() -> str:
    """The commit that runs, and whether something is changed; asked once, before others follow."""
    command = ["git", "-C", str(HERE), "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        return subprocess.run(command, capture_output=True, check=True, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "not in a repository"
