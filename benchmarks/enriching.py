"""The enrich stage beside its peers and its floors, round by round in turn.

* ``bare``: the enrichment function in a loop, in one process, without Kafka.
* ``plain``: an aiokafka loop that copies. ``loop``: the same with our enrichment.
* ``naive``: what one writes on day one from the same packages; it reads fewer messages.
* ``quix``, ``bytewax``: quix-streams and bytewax with our enrichment.
* ``ours``: the enrich stage in its worker. ``whole``: the same, looking for near copies too, which
  is what it does by default; the others cannot.

Each is warmed up with ``WARM`` messages, and gets the same new ones in each round: its start is not
measured, nor its first words. In a full run each starts when it is its turn, alone. Where time is
short all are started ``together`` and wait for their turns, which saves a third of the time. Those
that wait take a tenth of a core, most of that bytewax, and as much again of the broker. After each
round it is looked whether each mention was written, and once.
"""

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from benchmarks.bench import Engine, Run, Servers, engine, middle, spread
from benchmarks.corpus import mentions
from benchmarks.engines import Record, Task
from benchmarks.engines.work import Work
from pipeline import admin
from pipeline.garbage import spare_collector
from schemas import encode

__all__ = ["ENGINES", "LIMIT", "WARM", "bare", "enriching", "started"]

ENGINES = ("naive", "plain", "loop", "quix", "bytewax", "ours", "whole")
PARTS = {"naive": 1 / 4, "plain": 4.0}
"""So many times the messages: it is slower than that, or so fast that nothing could be measured."""
LIMIT = 600.0  # seconds for one engine in one round
WARM = 500


def enriching(
    to: Servers,
    *,
    count: int,
    rounds: int,
    say: Callable[[str], None],
    engines: Sequence[str] = ENGINES,
    together: bool = False,
) -> dict[str, dict[str, Any]]:
    """Rates of engines over the same messages; each round of theirs is kept under ``rounds``."""
    config = to.config()
    found: dict[str, list[Run]] = {name: [] for name in engines}
    loops: list[float] = []
    with ExitStack() as stack:
        waiting: dict[str, Engine] = {}
        if together:
            for name in engines:
                waiting[name] = stack.enter_context(started(to, name, 0, config))
            for each in waiting.values():
                each.finish(LIMIT, patience=LIMIT)
        for number in range(1, rounds + 1):
            loops.append(bare(config, min(count, 10_000), seed=number))
            say(f"round {number}: bare     {loops[-1]:8.0f} a second")
            for name in engines:
                made = mentions(round(count * PARTS.get(name, 1)), seed=number)
                if together:
                    found[name].append(waiting[name].run(made, LIMIT))
                else:
                    with started(to, name, number, config) as alone:
                        alone.finish(LIMIT, patience=LIMIT)
                        found[name].append(alone.run(made, LIMIT))
                say(f"round {number}: {name:8} {found[name][-1].rate:8.0f} a second")
    rates = {name: middle(runs) for name, runs in found.items()}
    rates["bare"] = spread(loops)
    return rates


def bare(config: Path, count: int, length: int | None = None, seed: int = 1) -> float:
    """Messages a second of the enrichment function alone, in this process, on one core."""
    with patch.dict(os.environ, MENTIONS_CONFIG=str(config)):
        work = Work()
    warm, records = (
        [Record(m.id.encode(), encode(m)) for m in mentions(n, seed=each, length=length)]
        for n, each in ((WARM, 0), (count, seed))
    )
    work(warm)
    spare_collector()  # as a worker does
    began = time.perf_counter()
    for start in range(0, len(records), 500):
        work(records[start : start + 500])
    return len(records) / (time.perf_counter() - began)


@contextmanager
def started(to: Servers, name: str, number: int, config: Path) -> Iterator[Engine]:
    """A process that has got what warms it."""
    settings, group = to.settings, f"{name}-{number}"
    if name == "whole":
        # An installation of its own: what it knows of earlier mentions is nothing.
        kafka = settings.kafka.model_copy(update={"prefix": f"{group}."})
        settings = settings.model_copy(update={"kafka": kafka})
    admin.apply(settings)  # ours follows what is in force: who is forgotten, the watchlist
    prefix = settings.kafka.prefix
    source, target = to.create(f"{prefix}bench.{group}.raw"), to.create(f"bench.{group}")
    task = Task(to.bootstrap, source, target, group)
    program = {"plain": "loop", "whole": "ours"}.get(name, name)
    command = [sys.executable, "-m", f"benchmarks.engines.{program}"]
    more = {f"BENCH_{name.upper()}": "1"} if program != name else {}
    more["MENTIONS_KAFKA__PREFIX"] = prefix
    with engine(to, command, task, MENTIONS_CONFIG=str(config), **more) as running:
        running.give(mentions(WARM, seed=0))
        yield running
