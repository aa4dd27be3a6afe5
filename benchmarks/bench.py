"""What all benchmarks share: servers of their own, topics, engines as processes, and what they use.

A rate is messages by the seconds from an engine's first message in hand, which it notes in a file,
to the arrival of its last output at the broker, which stamps it: its start does not count.
"""

import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import psutil
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition

from benchmarks.engines import Task
from pipeline.settings import Settings
from pipeline.stack import Stack, bars, spare
from schemas import encode
from schemas.mention import RawMention

PARTITIONS = 4
LOOK_EVERY = 0.2  # seconds
PATIENCE = 30.0  # seconds without an output after which an engine is given up
HERE = Path(__file__).parents[1]


@dataclass(frozen=True)
class Run:
    """What one engine did in one round."""

    outputs: int
    """Messages that it wrote."""
    rate: float
    """Messages a second."""
    cpu: float
    """Seconds of processor time of the engine for each message, its start left out."""
    broker_cpu: float
    """Seconds of processor time of the broker meanwhile."""
    seconds: float
    """From the first message in hand to the arrival of the last output."""
    rss: float
    """Most resident memory of its processes together, MiB."""


@dataclass(frozen=True)
class Servers:
    """Where to find them, and how to run things against them."""

    settings: Settings
    folder: Path
    stack: Stack

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

    def fill(self, name: str, mentions: Iterable[RawMention]) -> int:
        """Publish raw mentions; returns how many."""
        producer = KafkaProducer(
            bootstrap_servers=self.bootstrap, acks="all", compression_type="lz4", linger_ms=20
        )
        count = 0
        for mention in mentions:
            producer.send(name, encode(mention), mention.id.encode())
            count += 1
        producer.flush()
        producer.close()
        return count

    @contextmanager
    def counting(self, name: str) -> Iterator[Callable[[], int]]:
        """Something that says how many messages were ever written to a topic."""
        with consumer(self) as client:
            places = [TopicPartition(name, p) for p in client.partitions_for_topic(name) or ()]
            yield lambda: sum(client.end_offsets(places).values())

    def arrivals(self, name: str) -> list[int]:
        """When each message of a topic arrived, milliseconds since 1970, in order."""
        with consumer(self) as client:
            partitions = [TopicPartition(name, p) for p in client.partitions_for_topic(name) or ()]
            client.assign(partitions)
            client.seek_to_beginning(*partitions)
            ends = client.end_offsets(partitions)
            found: list[int] = []
            while any(client.position(tp) < end for tp, end in ends.items()):
                for records in client.poll(timeout_ms=500, max_records=5_000).values():
                    found += [record.timestamp for record in records]
        return sorted(found)

    def cpu(self, name: str) -> float:
        """Seconds of processor time that a server has used: Kafka, or Elasticsearch."""
        process = next(server for server in self.stack.servers if server.name == name).process()
        assert process
        return usage(process)[0]


@contextmanager
def servers() -> Iterator[Servers]:
    """Both servers, fresh, on free ports."""
    folder = Path(tempfile.mkdtemp(prefix="mentions-bench-"))
    folder.chmod(0o755)
    settings = spare(folder / "stack", kafka_heap="1g", elasticsearch_heap="2g")
    stack = Stack(settings)
    with bars() as progress:
        stack.up(progress)
    try:
        yield Servers(settings, folder, stack)
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
def consumer(to: Servers) -> Iterator[Any]:
    """A consumer of no group, closed at the end."""
    client = KafkaConsumer(bootstrap_servers=to.bootstrap)
    try:
        yield client
    finally:
        client.close()


@contextmanager
def started(command: list[str], environment: Mapping[str, str], log: Path) -> Iterator[Any]:
    """A process in a group of its own, ended with all its children."""
    with log.open("ab") as file:
        process = psutil.Popen(
            command, env=dict(environment), stdout=file, stderr=file, start_new_session=True
        )
    try:
        yield process
    finally:
        _end(process)


def _end(process: Any) -> None:  # noqa: ANN401 - psutil's Popen
    for signal_ in (signal.SIGTERM, signal.SIGKILL):
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
) -> tuple[float, float]:
    """Wait until ``count`` says ``expected``, at most ``limit`` seconds.

    Returns:
        Seconds of processor time a message, from the first look that found some; most MiB.
    """
    deadline = time.monotonic() + limit
    seen, moved, cpu, most = 0, time.monotonic(), 0.0, 0.0
    first: tuple[int, float] | None = None
    while True:
        now = count()
        if process.poll() is None:
            cpu, rss = usage(process)
            most = max(most, rss)
        if now and first is None:
            first = now, cpu
        if now > seen:
            seen, moved = now, time.monotonic()
        if (
            now >= expected
            or time.monotonic() > min(deadline, moved + PATIENCE)
            or process.poll() is not None
        ):
            before, used = first or (0, 0.0)
            if now == before:  # all at once: its start is in it
                before, used = 0, 0.0
            return (cpu - used) / max(now - before, 1), most
        time.sleep(LOOK_EVERY)


def run(
    to: Servers, command: list[str], task: Task, expected: int, limit: float, **environment: str
) -> Run:
    """Let an engine work off its source topic, and read off what it did."""
    before = to.cpu("Kafka")
    log = to.folder / f"{task.group}.log"
    env = to.environment(**task.environment(), **environment)
    with to.counting(task.target) as count, started(command, env, log) as process:
        cpu, rss = watch(process, count, expected, limit)
    broker = to.cpu("Kafka") - before
    found = to.arrivals(task.target)
    if not found:
        print(log.read_text()[-3_000:], file=sys.stderr)
        msg = f"{task.group} wrote nothing"
        raise SystemExit(msg)
    begun = float((Path(env["BENCH_DATA"]) / "begun").read_text())
    seconds = max(found[-1] / 1_000 - begun, 0.001)
    return Run(len(found), len(found) / seconds, cpu, broker, seconds, rss)


def middle(runs: Iterable[Run]) -> dict[str, Any]:
    """Median rate of several rounds, with the least and the greatest, and what it took."""
    runs = list(runs)
    rates = sorted(each.rate for each in runs)
    return {
        "rate": round(median(rates), 1),
        "least": round(rates[0], 1),
        "most": round(rates[-1], 1),
        "cpu_ms_each": [round(1_000 * each.cpu, 3) for each in runs],
        "broker_ms_each": round(1_000 * median(each.broker_cpu / each.outputs for each in runs), 3),
        "rss_mib": round(max(each.rss for each in runs)),
        "outputs": runs[0].outputs,
        "rounds": [round(each.rate, 1) for each in runs],
    }


def machine() -> dict[str, Any]:
    """What it ran on."""
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
        "load_before": round(os.getloadavg()[0], 2),
    }
