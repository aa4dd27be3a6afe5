"""Messages are compressed as Java's client does it, and every reader understands them."""

import subprocess
import sys

import pytest

from pipeline import app

PROGRAM = """
import json, sys
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from kafka.codec import lz4_decode
from pipeline.compression import compress_fast

def build():
    builder = DefaultRecordBatchBuilder(2, 3, 0, -1, -1, 0, 1 << 20)
    for number in range(200):
        said = f"Der Zug war um {number * 7919 % 1000} Minuten zu spät, und die App {number}?"
        builder.append(number, number, b"%d" % number, said.encode() * 3, [])
    return bytes(builder.build())

slow = build()
compress_fast()
fast = build()
batch = MemoryRecords(fast).next_batch()
values = [record.value for record in batch]
assert values == [record.value for record in MemoryRecords(slow).next_batch()]
assert lz4_decode(fast[61:])[:60] == lz4_decode(slow[61:])[:60]  # kafka-python's, behind the header
print(len(slow), len(fast), len(values))
"""


def test_is_larger_for_being_faster_and_says_the_same() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, check=True)
    slow, fast, count = map(int, done.stdout.split())
    assert count == 200
    assert slow < fast < 2 * slow, "aiokafka no longer compresses where it is told how"


def test_a_worker_compresses_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[bool] = []
    monkeypatch.setattr(app, "App", lambda *_: None)
    monkeypatch.setattr(app, "spare_collector", lambda: None)
    monkeypatch.setattr(app, "compress_fast", lambda: told.append(True))
    monkeypatch.setattr("mode.loop.use", lambda _: None)

    class Worker:
        def __init__(self, *_: object, **__: object) -> None:
            assert told, "before any producer is made"

        def execute_from_commandline(self) -> None:
            told.append(False)

    monkeypatch.setattr("faust.Worker", Worker)
    app.run(None, None)  # type: ignore[arg-type]
    assert told == [True, False]
