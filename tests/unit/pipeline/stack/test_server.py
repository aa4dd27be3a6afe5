"""A server's process is known for certain, and a dead one's log is understood."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipeline.errors import StackError
from pipeline.stack.kafka import Kafka
from pipeline.stack.server import cause, megabytes

Sleeper = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def sleeper() -> Iterator[Sleeper]:
    """Starts processes that do nothing, with chosen arguments in their command line."""
    started: list[subprocess.Popen[bytes]] = []

    def start(*arguments: str) -> subprocess.Popen[bytes]:
        code = "import time; print(flush=True); time.sleep(60)"
        process = subprocess.Popen([sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE)
        assert process.stdout
        process.stdout.readline()
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def kafka(tmp_path: Path) -> Kafka:
    return Kafka(tmp_path, "127.0.0.1", 1, "512m")


def test_a_process_that_has_the_folder_in_its_command_line_is_the_server(
    kafka: Kafka, sleeper: Sleeper
) -> None:
    process = sleeper(kafka.mark)
    kafka.pid_file.write_text(f"{process.pid}\n")

    found = kafka.process()
    assert found
    assert found.pid == process.pid

    kafka.kill()
    assert process.wait(10) == -9
    assert kafka.process() is None


def test_a_stranger_who_got_the_pid_is_neither_seen_nor_touched(
    kafka: Kafka, sleeper: Sleeper
) -> None:
    stranger = sleeper("-Dmentions.folder=/another/project/kafka")
    kafka.pid_file.write_text(f"{stranger.pid}\n")

    assert kafka.process() is None
    assert not kafka.state().running
    kafka.terminate()
    kafka.kill()
    assert stranger.poll() is None


def test_a_server_that_died_and_was_not_collected_does_not_run(
    kafka: Kafka, sleeper: Sleeper
) -> None:
    process = sleeper(kafka.mark)
    kafka.pid_file.write_text(str(process.pid))
    process.kill()
    assert process.stdout
    process.stdout.read()  # until it is gone; it stays a zombie, as nobody waited for it

    assert kafka.process() is None


@pytest.mark.parametrize("content", [None, "", "12x", "999999999"])
def test_no_pid_file_or_a_broken_one_is_no_server(kafka: Kafka, content: str | None) -> None:
    if content is not None:
        kafka.pid_file.write_text(content)
    assert kafka.process() is None


@pytest.mark.parametrize(
    ("log", "expected"),
    [
        ("", "it left no word"),
        ("starting\nKilled\n\n", "Killed"),
        (
            (
                "[2026-01-01] ERROR Exiting Kafka due to fatal exception (kafka.Kafka$)\n"
                "java.lang.IllegalArgumentException: requirement failed: no listener\n"
                "\tat kafka.Kafka$.main(Kafka.scala:1)\n"
            ),
            "java.lang.IllegalArgumentException: requirement failed: no listener",
        ),
        (
            (
                "fatal exception while booting Elasticsearch\n"
                "org.elasticsearch.ElasticsearchException: cannot start\n"
                "\tat org.elasticsearch.node.Node.<init>(Node.java:1)\n"
                "Caused by: java.nio.file.AccessDeniedException: /data/node.lock\n"
                "\tat java.base/sun.nio.fs.UnixException.rethrow(UnixException.java:1)\n"
            ),
            "java.nio.file.AccessDeniedException: /data/node.lock",
        ),
    ],
)
def test_the_telling_line_of_a_log(log: str, expected: str) -> None:
    assert cause(log) == expected


def test_heap_sizes() -> None:
    assert [megabytes(heap) for heap in ("512m", "1g", "2G")] == [512, 1024, 2048]
    for wrong in ("", "g", "512", "1.5g", "-1g", "1t"):
        with pytest.raises(StackError, match="write it like 512m or 1g"):
            megabytes(wrong)
